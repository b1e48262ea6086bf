"""How many bytes the kept predictions of a study take, and whether that is too many."""

from __future__ import annotations

from tuner.config.schema import StudySection
from tuner.errors import ConfigError
from tuner.trial import FoldPlan


def predicted_bytes(folds: FoldPlan, n_trials: int) -> int:
    """Return the bytes that kept predictions of `n_trials` trials take: 4 per repeat, row and trial."""
    return folds.n_repeats * folds.n_scored_rows * 4 * n_trials


def check_predictions(section: StudySection, folds: FoldPlan, n_trials: int) -> None:
    """Refuse predictions that would outgrow their budget.

    Raises:
        ConfigError: they would take more than `study.predictions.max_bytes`.
    """
    needed, limit = predicted_bytes(folds, n_trials), section.predictions.max_bytes
    if section.predictions.keep and needed > limit:
        raise ConfigError(
            f"study.predictions.max_bytes is {limit:,}, but the predictions of {n_trials} trials take {needed:,} bytes"
            f" ({folds.n_repeats} repeats x {folds.n_scored_rows:,} rows x 4 bytes each).\n"
            f"Raise study.predictions.max_bytes to {needed}, or set study.predictions.keep: false."
        )
