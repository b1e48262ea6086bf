"""The best trial beside the baselines, paired fold by fold.

Every trial is scored on the same folds, so the difference of two trials is one number per fold, and its corrected
interval (`tuner.intervals`) says how far it may be noise. The best of many trials was chosen for its greatest value:
its lead is optimistic (winner's curse), which no interval here undoes.
"""

from __future__ import annotations

from dataclasses import dataclass

from tuner.intervals import Interval, corrected_interval
from tuner.study.summary import Origin, StudySummary, TrialRecord, is_weight_parameter

BASELINES: dict[Origin, str] = {
    "none": "no weights",
    "sqrt": "square root of the imbalance ratio",
    "balanced": "imbalance ratio",
}
"""What each baseline is, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One baseline against the best trial.

    Attributes:
        trial: the baseline.
        difference: score of the best trial minus that of the baseline, over folds; None where the baseline has no score
            or is itself the best.
        differing: parameters, other than the weights and what they come from, in which the two differ: what else may
            explain the difference.
    """

    trial: TrialRecord
    difference: Interval | None
    differing: tuple[str, ...]


def baselines(summary: StudySummary) -> tuple[TrialRecord, ...]:
    """Return the baselines the study holds, in the order none, sqrt, balanced."""
    by_origin = {trial.origin: trial for trial in summary.trials}
    return tuple(by_origin[origin] for origin in BASELINES if origin in by_origin)


def compare_baselines(summary: StudySummary) -> tuple[Comparison, ...]:
    """Return every baseline of the study against its best trial; empty where no trial was scored."""
    best = summary.best
    if best is None:
        return ()
    return tuple(_compare(best, trial, summary.folds.test_over_train) for trial in baselines(summary))


def _compare(best: TrialRecord, baseline: TrialRecord, test_over_train: float) -> Comparison:
    difference = None
    if baseline.interval is not None and baseline.number != best.number:
        pairs = best.fold_scores[-1] - baseline.fold_scores[-1]
        difference = corrected_interval(pairs, test_over_train=test_over_train)
    differing = tuple(
        name
        for name, value in best.resolved.items()
        if not _is_about_weights(name) and baseline.resolved.get(name, value) != value
    )
    return Comparison(trial=baseline, difference=difference, differing=differing)


def _is_about_weights(name: str) -> bool:
    return name in ("minority_weight", "majority_weight", "class_weights") or is_weight_parameter(name)
