"""A table with categories: one trial's cross-validation, stacked and as a loop of `keras.Sequential.fit`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from recording import Measurement, range_text, seconds_text
from turns import process

from tuner.config.cv import KFold
from tuner.config.dataset import TableDataset
from tuner.config.load import dump_config
from tuner.config.schema import Config, EngineSection, SearchSpace, TrainingSection
from tuner.prepared import prepare

EPOCHS = 20
"""Epochs of a trial."""
KERAS_EPOCHS = 2
"""Epochs that Keras trains; it is extrapolated to those of the trial."""
CV = KFold(n_splits=5, n_repeats=3)
MODELS = CV.n_splits * CV.n_repeats
ASKED = 50
"""Times as fast as the loop."""

LABELS = {
    "stacked": "stacked, all cores",
    "stacked_one_thread": "stacked, one thread",
    "keras": "`keras.Sequential.fit`",
}

METHOD = """\
adult: {rows:,} rows, {columns} columns, {categorical} of them categorical, which become {encoded} numbers. 5 folds x 3
repeats, {hidden} hidden units, batches of {batch} for both, SGD at 0.01, {epochs} epochs. Seconds are those of one
trial, all of its {models} models. *Stacked* is a batch of trials as `run` trains it from the columns of the file, its
seconds divided by its trials; drawing the order of rows, predictions at 8 checkpoints and the metrics are in them.
Keras trains one model on the matrix that our encoding makes of the training rows of one fold, for {keras_epochs} warm
epochs, times {times:g} and times {models} models; nothing is encoded, predicted or scored. Each has a process of its
own, and they take turns; compilation is left out of both. {turns} Asked: {asked} times as fast."""


def test_categories_train_stacked_beside_a_keras_loop_on_the_encoded_matrix(
    tables: Mapping[str, dict[str, Any]], keep: Callable[[Measurement], None], quick: bool, tmp_path: Path
) -> None:
    n_turns, stacked_epochs, keras_epochs = (1, 1, 1) if quick else (5, EPOCHS, KERAS_EPOCHS)
    epochs = {"stacked": stacked_epochs, "stacked_one_thread": stacked_epochs, "keras": keras_epochs}
    config = _config(tables["adult"], threads=None)
    with ExitStack() as stack:
        ask = {
            name: stack.enter_context(
                process(
                    "keras_fold.py" if name == "keras" else "stacked_trials.py",
                    str(_written(tables["adult"], tmp_path / f"{name}.yaml", one_thread=name == "stacked_one_thread")),
                    tmp_path / f"{name}.log",
                )
            )
            for name in LABELS
        }
        models = {name: ask[name](1)["models"] for name in ask}
        rounds = [{name: ask[name](epochs[name])["seconds"] for name in ask} for _ in range(n_turns)]
    trial = {name: [each[name] * EPOCHS / epochs[name] * MODELS / models[name] for each in rounds] for name in LABELS}
    ratios = {
        base: [keras / own for keras, own in zip(trial["keras"], trial[base], strict=True)]
        for base in ("stacked", "stacked_one_thread")
    }
    keep(_measurement(config, trial, ratios, n_turns=n_turns, keras_epochs=keras_epochs))
    assert quick or median(ratios["stacked"]) >= ASKED


def _config(table: Mapping[str, Any], *, threads: int | None) -> Config:
    return Config(
        dataset=TableDataset(**table),
        cv=CV,
        search_space=SearchSpace(hidden_size=32, epochs=EPOCHS),
        training=TrainingSection(batch_size=32, learning_rate=0.01),
        engine=EngineSection(threads=threads),
    )


def _written(table: Mapping[str, Any], path: Path, *, one_thread: bool) -> Path:
    path.write_text(dump_config(_config(table, threads=1 if one_thread else None)))
    return path


def _measurement(
    config: Config,
    trial: Mapping[str, list[float]],
    ratios: Mapping[str, list[float]],
    *,
    n_turns: int,
    keras_epochs: int,
) -> Measurement:
    prepared = prepare(config)
    kinds = [column.kind for column in prepared.dataset.columns]
    n_encoded = len(prepared.table.names)
    method = METHOD.format(
        rows=len(prepared.dataset.y),
        columns=len(kinds),
        categorical=kinds.count("categorical"),
        encoded=n_encoded,
        hidden=config.search_space.hidden_size,
        batch=config.training.batch_size,
        epochs=EPOCHS,
        models=MODELS,
        keras_epochs=keras_epochs,
        times=EPOCHS / keras_epochs,
        turns="One turn." if n_turns == 1 else f"Medians of {n_turns} turns.",
        asked=ASKED,
    )
    rows = [
        (
            label,
            "" if name == "keras" else f"{median(ratios[name]):,.3g}",
            "" if name == "keras" else range_text(ratios[name]),
            seconds_text(median(trial[name])),
            range_text(trial[name]),
        )
        for name, label in LABELS.items()
    ]
    return Measurement(
        name="adult",
        title="A trial on a table with categories",
        method=method,
        columns=("how", "Keras / stacked", "range", "seconds", "range of seconds"),
        rows=rows,
        figures={"trial_seconds": trial, "ratios": ratios, "encoded": n_encoded},
    )
