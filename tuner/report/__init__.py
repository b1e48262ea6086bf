"""Reports and exports, made from a `StudySummary` alone: no database, no training, no TensorFlow.

export.py, weights.py   best_weights.json, written and read back
tables.py               trials.csv, folds.csv
comparison.py           the best trial beside the baselines
numbers.py              numbers as people read them
runs.py                 where the time of each run went
plots.py, html.py       pictures, and the page that shows them
"""

from __future__ import annotations

from pathlib import Path

from tuner.files import make_folder, remove, write_atomically
from tuner.study.summary import StudySummary


def write_report(summary: StudySummary, folder: Path) -> dict[str, str]:
    """Write `report.html`, `trials.csv`, `folds.csv` and `plots/*.png` into `folder`, each whole or not at all.

    A study without a scored trial gets a report that says so. Pictures of an earlier report that this study cannot
    fill any more are removed; other files are left alone.

    Returns:
        The path of each output by its kind: "report", "trials", "folds", "plots" (a folder).

    Raises:
        StudyError: an output is a symbolic link or cannot be written or removed.
    """
    # Pandas and Matplotlib take a second to import; reading weights back must not wait for them.
    from tuner.report import html, plots, tables  # noqa: PLC0415

    pictures = {name: plots.png_bytes(figure) for name, figure in plots.draw_all(summary).items()}
    report, trials, folds, plots_folder = (
        folder / name for name in ("report.html", "trials.csv", "folds.csv", "plots")
    )
    make_folder(plots_folder)
    for name in plots.NAMES:
        if name in pictures:
            write_atomically(plots_folder / f"{name}.png", pictures[name])
        else:
            remove(plots_folder / f"{name}.png")
    write_atomically(trials, tables.csv_bytes(tables.trials_table(summary)))
    write_atomically(folds, tables.csv_bytes(tables.folds_table(summary)))
    write_atomically(report, html.render_report(summary, pictures).encode("utf-8"))
    return {"report": str(report), "trials": str(trials), "folds": str(folds), "plots": str(plots_folder)}
