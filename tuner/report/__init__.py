"""Reports and exports, made from a `StudySummary` alone: no database, no training, no TensorFlow.

export.py, weights.py   best_weights.json, written and read back
contract.py             what it must hold
tables.py               trials.csv, folds.csv
comparison.py           the best trial beside the baselines
scores.py               the honest, the partly corrected and the optimistic score
evidence.py, verdict.py evidence as rows and words for the page
words.py, numbers.py    rules in words, numbers as people read them
runs.py                 where the time of each run went
classes.py              many classes and labels: weights, scores of each, kinds of columns
canvas.py, layers.py, plots.py, evidence_plots.py
                        pictures: their one style, what is drawn of a table, those of the study, those of the evidence
html.py, *.j2           the page that shows all of it
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
    from tuner.report import canvas, html, plots, tables  # noqa: PLC0415

    pictures = {name: canvas.png_bytes(figure) for name, figure in plots.draw_all(summary).items()}
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
