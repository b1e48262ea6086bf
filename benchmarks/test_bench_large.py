"""Large tables: seconds and memory of `run`, beside a plain Keras loop with the same batches."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pytest
from commands import Run, import_bytes, planned_bytes, run
from pictures import Line, Panel
from recording import ROOT, Measurement, range_text, seconds_text
from turns import process

from tuner.config.cv import KFold
from tuner.config.dataset import SyntheticDataset, TableDataset
from tuner.config.load import dump_config
from tuner.config.schema import Config, SearchSpace, StudySection, TrainingSection

CREDIT = Path(os.environ.get("TUNER_SHARED_DATA", ROOT.parent / "shared" / "data")) / "give_me_some_credit.csv.gz"
CV = KFold(n_splits=5, n_repeats=3)
HIDDEN_SIZE = 32
PEAK_BYTES = 4e9
"""The most memory the real table may take."""
ROWS = (125_000, 250_000, 500_000, 1_000_000)

METHOD = """\
The whole `run` command, from the start of its process to its end - table, folds, search, database, report -
with {trials} trials x 15 models (5 folds x 3 repeats), {hidden} hidden units, {epochs} epochs, batches of {batch}.
*Keras* is `keras.Sequential.fit` with the same batches on one fold, two warm epochs, times epochs, models and trials;
it predicts and scores nothing. Its ratio to the whole command comes first, then that to the training in it, which holds
compilation. Memory is the most the process held; *own* leaves out the {imports:,.0f} MB that imports hold, and is what
`check` foretells. {repeats}"""

COLUMNS = (
    "rows",
    "Keras / run",
    "Keras / training",
    "run, seconds",
    "range",
    "Keras, seconds",
    "peak, MB",
    "own, MB",
    "foretold, MB",
    "foretold / own",
)


class Finding(NamedTuple):
    """What one table took."""

    n_rows: int
    runs: list[Run]
    keras_seconds: list[float]
    foretold_bytes: int


def test_real_table_of_150000_rows_runs_in_bounded_memory(
    keep: Callable[[Measurement], None], quick: bool, tmp_path: Path
) -> None:
    if not CREDIT.exists():
        pytest.skip(f"the real table is not at {CREDIT}; set TUNER_SHARED_DATA to its folder")
    table = tmp_path / "credit.csv"
    n_rows = _fill(CREDIT, table)
    dataset = TableDataset(kind="table", path=table, target="SeriousDlqin2yrs")
    config = _config(dataset, n_trials=2 if quick else 20, epochs=1 if quick else 10, batch_size=512)
    finding = _measure(config, n_rows, n_rounds=1 if quick else 3, folder=tmp_path)
    title = "A real table: 150,000 rows, 10 features"
    notes = "\nGive Me Some Credit, medians in missing cells. Asked: 50 times as fast as Keras, under 4,000 MB."
    keep(_measurement("credit", title, config, [finding], notes=notes))
    assert max(each.peak_bytes for each in finding.runs) < PEAK_BYTES


def test_memory_and_seconds_up_to_a_million_rows(
    keep: Callable[[Measurement], None], quick: bool, tmp_path: Path
) -> None:
    findings = []
    for n_rows in [n // 10 for n in ROWS[:2]] if quick else ROWS:
        dataset = SyntheticDataset(n_samples=n_rows, n_features=30, n_informative=10)
        config = _config(dataset, n_trials=4, epochs=3, batch_size=2048)
        folder = tmp_path / str(n_rows)
        folder.mkdir()
        findings.append(_measure(config, n_rows, n_rounds=1, folder=folder))
    keep(_measurement("million", "Up to a million rows, 30 features", config, findings, panels=_panels(findings)))


def _config(dataset: SyntheticDataset | TableDataset, *, n_trials: int, epochs: int, batch_size: int) -> Config:
    return Config(
        dataset=dataset,
        cv=CV,
        search_space=SearchSpace(hidden_size=HIDDEN_SIZE, epochs=epochs),
        training=TrainingSection(batch_size=batch_size),
        study=StudySection(n_trials=n_trials),
    )


def _measure(config: Config, n_rows: int, *, n_rounds: int, folder: Path) -> Finding:
    path = folder / "config.yaml"
    path.write_text(dump_config(config))
    loop = config.search_space.epochs * CV.n_splits * CV.n_repeats * config.study.n_trials
    runs, keras_seconds = [], []
    with process("keras_fold.py", str(path), folder / "keras.log") as ask:
        ask(1)
        for number in range(n_rounds):
            runs.append(run(path, folder / str(number)))
            keras_seconds.append(ask(2)["seconds"] / 2 * loop)
    return Finding(n_rows, runs, keras_seconds, planned_bytes(path))


def _measurement(
    name: str,
    title: str,
    config: Config,
    findings: Sequence[Finding],
    *,
    notes: str = "",
    panels: tuple[Panel, ...] = (),
) -> Measurement:
    imports = import_bytes()
    method = METHOD.format(
        trials=config.study.n_trials,
        hidden=HIDDEN_SIZE,
        epochs=config.search_space.epochs,
        batch=f"{config.training.batch_size:,}",
        imports=imports / 1e6,
        repeats="Medians of three, in turns." if len(findings[0].runs) == 3 else "One run of each.",
    )
    return Measurement(
        name=name,
        title=title,
        method=method + notes,
        columns=COLUMNS,
        rows=[_row(finding, imports) for finding in findings],
        figures={
            "import_bytes": imports,
            "tables": [
                {
                    "rows": finding.n_rows,
                    "run_seconds": [each.seconds for each in finding.runs],
                    "train_seconds": [each.answer["train_seconds"] for each in finding.runs],
                    "keras_seconds": finding.keras_seconds,
                    "peak_bytes": [each.peak_bytes for each in finding.runs],
                    "foretold_bytes": finding.foretold_bytes,
                }
                for finding in findings
            ],
        },
        panels=panels,
    )


def _row(finding: Finding, imports: int) -> tuple[str, ...]:
    walls = [each.seconds for each in finding.runs]
    trainings = [each.answer["train_seconds"] for each in finding.runs]
    peak = median(each.peak_bytes for each in finding.runs)
    ratios = [
        median(keras / own for keras, own in zip(finding.keras_seconds, seconds, strict=True))
        for seconds in (walls, trainings)
    ]
    return (
        f"{finding.n_rows:,}",
        *(f"{ratio:,.3g}" for ratio in ratios),
        seconds_text(median(walls)),
        range_text(walls),
        seconds_text(median(finding.keras_seconds)),
        *(f"{size / 1e6:,.0f}" for size in (peak, peak - imports, finding.foretold_bytes)),
        f"{finding.foretold_bytes / (peak - imports):.2f}",
    )


def _panels(findings: Sequence[Finding]) -> tuple[Panel, ...]:
    rows = [finding.n_rows for finding in findings]
    seconds = {
        "run": [median(each.seconds for each in finding.runs) for finding in findings],
        "training": [median(each.answer["train_seconds"] for each in finding.runs) for finding in findings],
        "Keras": [median(finding.keras_seconds) for finding in findings],
    }
    peak = [median(each.peak_bytes for each in finding.runs) / 1e6 for finding in findings]
    return (
        Panel(x_label="rows", y_label="seconds", lines=[Line(label=k, x=rows, y=v) for k, v in seconds.items()]),
        Panel(x_label="rows", y_label="peak, MB", lines=[Line(label="run", x=rows, y=peak)], log_y=False),
    )


def _fill(source: Path, table: Path) -> int:
    """Write the table without its row numbers and with medians in missing cells; return how many rows it has."""
    import pandas as pd

    frame = pd.read_csv(source).drop(columns="row_id")
    frame.fillna(frame.median()).to_csv(table, index=False)
    return len(frame)
