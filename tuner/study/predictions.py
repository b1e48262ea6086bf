"""How many bytes the kept predictions of a study take, and whether that is too many."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.config.schema import StudySection
from tuner.errors import ConfigError
from tuner.trial import FoldPlan, Task


def n_outputs(task: Task, classes: Sequence[str]) -> int:
    """Return the predictions of one row: 1 for two classes, else one for each class or label."""
    return 1 if task == "binary" else len(classes)


def predicted_bytes(folds: FoldPlan, n_trials: int, n_outputs: int = 1) -> int:
    """Return the bytes that kept predictions of `n_trials` trials take: 4 per repeat, row, output and trial."""
    return folds.n_repeats * folds.n_scored_rows * n_outputs * 4 * n_trials


def check_predictions(section: StudySection, folds: FoldPlan, n_trials: int, n_outputs: int = 1) -> None:
    """Refuse predictions that would outgrow their budget.

    Raises:
        ConfigError: they would take more than `study.predictions.max_bytes`.
    """
    needed, limit = predicted_bytes(folds, n_trials, n_outputs), section.predictions.max_bytes
    if section.predictions.keep and needed > limit:
        outputs = f" x {n_outputs} classes or labels" if n_outputs > 1 else ""
        raise ConfigError(
            f"study.predictions.max_bytes is {limit:,}, but the predictions of {n_trials} trials take {needed:,} bytes"
            f" ({folds.n_repeats} repeats x {folds.n_scored_rows:,} rows{outputs} x 4 bytes each).\n"
            f"Raise study.predictions.max_bytes to {needed}, or set study.predictions.keep: false."
        )
