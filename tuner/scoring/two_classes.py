"""Metrics of two classes: one set of labels, any number of score vectors at once. Greater is always better.

Ranking metrics and losses take logits. The others call a row positive when its probability is above a threshold p, that
is, its logit above log(p / (1 - p)), or take the threshold that is best on these very rows. All equal scikit-learn's on
identical scores to 1e-12 (tests/scoring/test_scoring_two_classes.py).

The classes are sorted apart, then each positive row finds its place among the negative ones: no argsort, and ties need
no care. The best threshold is the score of a positive row: any other calls as many positives and no fewer negatives,
which no metric here rewards. Only calling nothing is looked at beside them.

Axes    A models (or checkpoints of models)      V rows, P of them positive, N negative
Source  roc_auc: Mann-Whitney U, a tie counts half; average_precision: sum over distinct thresholds of
        (recall_i - recall_{i-1}) * precision_i, which is the mean over positives of the precision at their score
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tuner.config.schema import ScoringSection
from tuner.errors import DataError

Floats = NDArray[np.float64]
Logits = NDArray[np.floating]


def score_two_classes(scoring: ScoringSection, y: NDArray[np.int32], logits: Logits) -> Floats:
    """Return one score per row of `logits`.

    Args:
        scoring: which metric, and at which threshold.
        y: labels 0 and 1, shape `(V,)`.
        logits: shape `(A, V)`, finite, float32 or float64.

    Returns:
        Shape `(A,)`, float64.

    Raises:
        DataError: only one class among the labels.
    """
    if y.min() == y.max():
        raise DataError(
            f"a fold of {len(y)} rows holds only class {int(y[0])}, so {scoring.metric} is undefined on it; "
            "lower cv.n_splits or hold out more rows"
        )
    positive, negative = _by_class(y, logits)
    if scoring.metric in RANKING_METRICS:
        return RANKING_METRICS[scoring.metric](positive, negative)
    if scoring.threshold == "best":
        return _at_best(_measure(scoring), positive, negative)[0]
    cut = _logit(scoring.threshold)
    return _measure(scoring)(_counts_above(cut, positive, negative))


def score_at(scoring: ScoringSection, y: NDArray[np.int32], logits: Logits, cuts: Floats) -> Floats:
    """Return one score per row of `logits`, rows above its own logit cut called positive.

    Args:
        scoring: a metric of decisions; its threshold plays no part.
        y: labels 0 and 1, both among them. Shape `(V,)`.
        logits: shape `(A, V)`, finite.
        cuts: as from the function of that name, shape `(A,)`; infinite ones call all rows or none.

    Returns:
        Shape `(A,)`, float64.
    """
    positive, negative = _by_class(y, logits)
    return _measure(scoring)(_counts_above(cuts[:, None], positive, negative))


def cuts(scoring: ScoringSection, y: NDArray[np.int32], logits: NDArray[np.float32]) -> Floats:
    """Return the logit above which a row is called positive, one per row of `logits`, as its score calls them.

    Args:
        scoring, y, logits: as for `score_two_classes`.

    Returns:
        Shape `(A,)`; the best ones as from `best_cuts`.
    """
    if scoring.threshold != "best":
        return np.full(len(logits), _logit(scoring.threshold))
    return best_cuts(_measure(scoring), y, logits)


def best_cuts(measure: Measure, y: NDArray[np.int32], logits: Logits) -> Floats:
    """Return the logit cut at which a measure is greatest, one per row of `logits`.

    It lies halfway between the lowest score called and the highest that is not.

    Args:
        measure: of the rows called; never better for calling a further negative row.
        y: labels 0 and 1, both among them. Shape `(V,)`.
        logits: shape `(A, V)`, finite.

    Returns:
        Shape `(A,)`; minus infinity where all rows are called, infinity where none is.
    """
    lowest = _at_best(measure, *_by_class(y, logits))[1]
    below = np.max(logits, axis=1, where=logits < lowest[:, None], initial=-np.inf)
    return np.asarray(lowest / 2 + below.astype(np.float64) / 2)


def _logit(probability: float) -> np.float64:
    """Return a logit that float32 scores are compared with in float64."""
    return np.float64(math.log(probability / (1.0 - probability)))


def _by_class(y: NDArray[np.int32], logits: Logits) -> tuple[Logits, Logits]:
    """Return the logits of positive and of negative rows, `(A, P)` and `(A, N)`."""
    return np.compress(y == 1, logits, axis=1), np.compress(y == 0, logits, axis=1)


def _n_below(scores: Logits, among: Logits, side: Literal["left", "right"] = "left") -> NDArray[np.int64]:
    """Return how many of `among`, sorted, are below each score, `right`: or equal. Shape of `scores`."""
    return np.stack([np.searchsorted(row, own, side) for row, own in zip(among, scores, strict=True)])


# --- ranking metrics and losses, of positive (A, P) and negative (A, N) logits


def _roc_auc(positive: Logits, negative: Logits) -> Floats:
    positive, negative = np.sort(positive, axis=1), np.sort(negative, axis=1)
    twice_won = _n_below(positive, negative) + _n_below(positive, negative, "right")
    return np.asarray(twice_won.sum(axis=1) / (2.0 * positive.shape[1] * negative.shape[1]))


def _average_precision(positive: Logits, negative: Logits) -> Floats:
    counts = _counts_at_positives(np.sort(positive, axis=1), negative)
    return np.asarray((counts.tp / (counts.tp + counts.fp)).mean(axis=1))


def _mean_loss(loss: Callable[[Floats], Floats], positive: Logits, negative: Logits) -> Floats:
    """Return the mean of a loss of the logit of the wrong class, one model at a time: its float64s fit in the cache."""
    wrong = np.concatenate([-positive, negative], axis=1)
    return np.array([loss(row.astype(np.float64)).mean() for row in wrong])


def _softplus(z: Floats) -> Floats:
    return np.maximum(z, 0.0) + np.log1p(np.exp(-np.abs(z)))


def _squared_sigmoid(z: Floats) -> Floats:
    small = np.exp(-np.abs(z))
    return np.square(np.where(z > 0, 1.0, small) / (1.0 + small))


ROW_LOSSES: dict[str, Callable[[Floats], Floats]] = {"neg_log_loss": _softplus, "neg_brier_score": _squared_sigmoid}
"""What a row costs by the logit of its wrong class, in any shape; the metric is minus the mean."""

RANKING_METRICS: dict[str, Callable[[Logits, Logits], Floats]] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "neg_log_loss": lambda positive, negative: -_mean_loss(_softplus, positive, negative),
    "neg_brier_score": lambda positive, negative: -_mean_loss(_squared_sigmoid, positive, negative),
}
"""Metrics that move little when a logit moves little; the others count rows on either side of a threshold."""


# --- threshold metrics, of the rows called positive


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows called positive at some thresholds: `tp` true and `fp` false ones, of equal shape, of P and N rows.

    P and N may differ from count to count: of a shape that broadcasts against the others.
    """

    tp: Floats
    fp: Floats
    n_positive: int | Floats
    n_negative: int | Floats

    @property
    def recall(self) -> Floats:
        """Share of positive rows that are called."""
        return self.tp / self.n_positive

    @property
    def specificity(self) -> Floats:
        """Share of negative rows that are not called."""
        return (self.n_negative - self.fp) / self.n_negative


Measure = Callable[[Counts], Floats]
"""What is to be great about rows called positive; of the shape of the counts."""


def _counts_above(cut: np.float64 | Floats, positive: Logits, negative: Logits) -> Counts:
    """Return the counts at one cut, or at one for each model, `(A, 1)`. Shape `(A,)`."""
    tp, fp = (np.array([np.count_nonzero(row) for row in scores > cut], np.float64) for scores in (positive, negative))
    return Counts(tp, fp, positive.shape[1], negative.shape[1])


def _counts_at_positives(positive: Logits, negative: Logits) -> Counts:
    """Return the counts where rows from the score of each positive row on are called, positives sorted. `(A, P)`."""
    n_positive, n_negative = positive.shape[1], negative.shape[1]
    tp = n_positive - _n_below(positive, positive)
    fp = n_negative - _n_below(positive, np.sort(negative, axis=1))
    return Counts(tp.astype(np.float64), fp.astype(np.float64), n_positive, n_negative)


def _measure(scoring: ScoringSection) -> Measure:
    metric = DECISION_METRICS[scoring.metric]
    return lambda counts: metric(counts, scoring.beta)


def _at_best(measure: Measure, positive: Logits, negative: Logits) -> tuple[Floats, Floats]:
    """Return the best value over all thresholds and the lowest score called there, infinity for none. Each `(A,)`."""
    positive = np.sort(positive, axis=1)
    values = measure(_counts_at_positives(positive, negative))
    best = values.argmax(axis=1)[:, None]
    value, lowest = (np.take_along_axis(table, best, axis=1)[:, 0] for table in (values, positive))
    nobody = measure(_counts_above(np.float64(np.inf), positive, negative))
    return np.maximum(value, nobody), np.where(nobody > value, np.inf, lowest.astype(np.float64))


def ratio(over: Floats, under: Floats) -> Floats:
    """Return over / under, 0 where both are 0, as scikit-learn's `zero_division=0`."""
    return np.divide(over, under, out=np.zeros_like(over), where=under != 0)


def _f_measure(counts: Counts, beta: float) -> Floats:
    """Return (1 + beta^2) precision recall / (beta^2 precision + recall)."""
    return (1 + beta**2) * counts.tp / (beta**2 * counts.n_positive + counts.tp + counts.fp)


def _matthews(counts: Counts) -> Floats:
    """Return the correlation of being called with being positive."""
    n_positive, n_negative = counts.n_positive, counts.n_negative
    called = counts.tp + counts.fp
    over = counts.tp * n_negative - counts.fp * n_positive
    return ratio(over, np.sqrt(called * (n_positive + n_negative - called)) * np.sqrt(n_positive * n_negative))


DECISION_METRICS: dict[str, Callable[[Counts, float], Floats]] = {
    "f1": lambda counts, _: _f_measure(counts, 1.0),
    "fbeta": _f_measure,
    "precision": lambda counts, _: ratio(counts.tp, counts.tp + counts.fp),
    "recall": lambda counts, _: counts.recall,
    "balanced_accuracy": lambda counts, _: (counts.recall + counts.specificity) / 2,
    "g_mean": lambda counts, _: np.sqrt(counts.recall * counts.specificity),
    "accuracy": lambda counts, _: (counts.tp + counts.n_negative - counts.fp) / (counts.n_positive + counts.n_negative),
    "matthews_corrcoef": lambda counts, _: _matthews(counts),
}
"""Metrics of decisions: of counts and of beta, which only F-beta heeds."""
