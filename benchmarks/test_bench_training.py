"""One trial's cross-validation: stacked, and as other ways of training the same fifteen models do it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from contenders import CONTENDERS, EPOCHS, MODELS
from recording import Measurement, range_text, seconds_text
from turns import process

LABELS = {
    "stacked": "stacked, all cores",
    "stacked_one_thread": "stacked, one thread",
    "keras": "`keras.Sequential.fit`, defaults",
    "keras_tuned": "`keras.Sequential.fit`, `jit_compile=True, steps_per_execution=250`",
    "sklearn": "scikit-learn `MLPClassifier.fit(sample_weight=...)`",
}

METHOD = """\
The tutorial's problem: 10,000 rows, 2 columns, 1 % of them rare; 5 folds x 3 repeats, 10 hidden units, batches of 32,
SGD at 0.01, 100 epochs. Seconds are those of one trial, all of its 15 models. *Stacked* is a batch of trials as `run`
trains it, its seconds divided by its trials; drawing the order of rows, predictions at 8 checkpoints and the metrics
are in them. The others train one model on one fold for 5 warm epochs, times 20 epochs, times 15 models; nothing is
predicted or scored. Each has a process of its own with its library's own choice of threads, and they take turns.
*Start* is what the first epoch in a new process took beyond a warm one, mostly compilation. It is in no other figure;
stacked it comes once for all trials of a width, in a plain Keras loop it comes again with each of the 15 models."""


def test_stacked_training_is_timed_against_training_one_model_at_a_time(
    keep: Callable[[Measurement], None], quick: bool, tmp_path: Path
) -> None:
    epochs = {name: 2 if quick else EPOCHS if name.startswith("stacked") else 5 for name in CONTENDERS}
    with ExitStack() as stack:
        ask = {
            name: stack.enter_context(process("contenders.py", name, tmp_path / f"{name}.log")) for name in CONTENDERS
        }
        answers = {name: ask[name](1) for name in ask}
        first, models = ({name: answer[key] for name, answer in answers.items()} for key in ("seconds", "models"))
        rounds = [{name: ask[name](epochs[name])["seconds"] for name in ask} for _ in range(1 if quick else 5)]
    trial = {name: [each[name] * EPOCHS / epochs[name] * MODELS / models[name] for each in rounds] for name in ask}
    start = {name: first[name] - median(each[name] for each in rounds) / epochs[name] for name in ask}
    assert all(seconds > 0 for timings in trial.values() for seconds in timings)
    keep(_measurement(trial, start, models))


def _measurement(
    trial: Mapping[str, list[float]], start: Mapping[str, float], models: Mapping[str, int]
) -> Measurement:
    ratios = {
        base: {name: [a / b for a, b in zip(trial[name], trial[base], strict=True)] for name in trial}
        for base in ("stacked", "stacked_one_thread")
    }
    rows = [
        (
            LABELS[name],
            *(f"{median(ratios[base][name]):,.3g}" for base in ratios),
            seconds_text(median(trial[name])),
            range_text(trial[name]),
            seconds_text(max(0.0, start[name])),
        )
        for name in trial
    ]
    return Measurement(
        name="training",
        title="One trial: fifteen models, a hundred epochs",
        method=METHOD,
        columns=("how", "times stacked", "times stacked on one thread", "seconds", "range", "start, seconds"),
        rows=rows,
        figures={"trial_seconds": trial, "ratios": ratios, "start_seconds": start, "models_together": models},
    )
