"""Metrics of more than two classes: one logit each, softmax. Greater is always better.

Decisions call a row the class of greatest logit, of equal ones the first; all metrics of decisions follow from three
counts of each class. One-vs-rest rankings and losses take softmax probabilities, in float64: a row's place among the
others depends on all of its logits. All equal scikit-learn's on the same probabilities and the same calls to 1e-12
(tests/scoring/test_scoring_classes.py), with `zero_division=0` for a class that is never called.

A mean over the classes needs a row of each, or a class that is not there would count as one always missed. The others,
in which a class counts by its rows, do without some.

Sums over classes are no matrix products, whose last bit would depend on how many models are scored together.

Axes    A models (or checkpoints of models)      V rows      K classes
Source  matthews_corrcoef: Gorodkin 2004, R_K; g_mean: Sun, Kamel & Wang 2006, the geometric mean of the recalls
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuner.config.schema import ScoringSection
from tuner.data.problems import named
from tuner.errors import DataError
from tuner.scoring.two_classes import RANKING_METRICS, Floats, Logits, ratio


def score_classes(scoring: ScoringSection, y: NDArray[np.int32], logits: Logits) -> Floats:
    """Return one score per model.

    Args:
        scoring: a metric of more than two classes.
        y: classes 0 to K - 1, shape `(V,)`.
        logits: shape `(A, V, K)`, finite, float32 or float64.

    Returns:
        Shape `(A,)`, float64.

    Raises:
        DataError: only one class among the rows, or not every class and the metric is a mean over them.
    """
    _require_classes(scoring.metric, np.bincount(y, minlength=logits.shape[-1]))
    if scoring.metric in CLASS_DECISIONS:
        return CLASS_DECISIONS[scoring.metric](_calls(y, logits))
    metric = CLASS_RANKINGS[scoring.metric]
    return np.array([metric(y, model) for model in logits])


def softmax(logits: Logits) -> Floats:
    """Return the probabilities of one model, `(V, K)` float64, each class contiguous, of its logits `(V, K)`."""
    shares = np.exp(_below_greatest(logits))
    return np.asarray((shares / shares.sum(axis=0)).T)


def _below_greatest(logits: Logits) -> Floats:
    """Return the logits of one model less the greatest of the row, `(K, V)`."""
    by_class = np.array(logits.T, np.float64, order="C")
    return np.asarray(by_class - by_class.max(axis=0))


def _require_classes(metric: str, rows: NDArray[np.int64]) -> None:
    """Raise a DataError where the rows of each class, `(K,)`, do not allow for a metric."""
    present, missing = np.flatnonzero(rows), np.flatnonzero(rows == 0)
    where = f"a fold of {rows.sum()} rows holds"
    numbering = f"(the {len(rows)} classes are numbered from 0)"
    if len(present) == 1:
        raise DataError(
            f"{where} only class {present[0]} {numbering}, so {metric} is undefined on it; "
            "lower cv.n_splits or hold out more rows"
        )
    if missing.size and metric not in WITHOUT_SOME_CLASS:
        noun = "class" if len(missing) == 1 else "classes"
        raise DataError(
            f"{where} no row of {noun} {named([str(number) for number in missing])} {numbering}, so {metric} is "
            "undefined on it; lower cv.n_splits or hold out more rows, or set scoring.metric to one that needs no row "
            "of every class, for example f1_weighted"
        )


# --- rankings and losses, of the classes (V,) and the logits (V, K) of one model


def _one_vs_rest(metric: str, y: NDArray[np.int32], logits: Logits) -> Floats:
    """Return a ranking metric of two classes for each class against the others, ranked by its probability. `(K,)`."""
    of_class = RANKING_METRICS[metric]
    return np.concatenate(
        [of_class(p[None, y == number], p[None, y != number]) for number, p in enumerate(softmax(logits).T)]
    )


def _weighted_auc(y: NDArray[np.int32], logits: Logits) -> np.float64:
    rows = np.bincount(y, minlength=logits.shape[-1])
    return np.float64((rows * _one_vs_rest("roc_auc", y, logits)).sum() / len(y))


def _log_losses(y: NDArray[np.int32], logits: Logits) -> Floats:
    """Return -log p of the own class of each row, without the probability: it may be 0 in float64."""
    below = _below_greatest(logits)
    return np.asarray(np.log(np.exp(below).sum(axis=0)) - below[y, np.arange(len(y))])


def _brier_losses(y: NDArray[np.int32], logits: Logits) -> Floats:
    """Return the squared error of each row summed over classes, from 0 to 2, as scikit-learn's."""
    error = softmax(logits)
    error[np.arange(len(y)), y] -= 1.0
    return np.asarray(np.square(error).sum(axis=1))


CLASS_ROW_LOSSES: dict[str, Callable[[NDArray[np.int32], Logits], Floats]] = {
    "neg_log_loss": _log_losses,
    "neg_brier_score": _brier_losses,
}
"""What each row costs, shape `(V,)`; the metric is minus the mean."""


CLASS_RANKINGS: dict[str, Callable[[NDArray[np.int32], Logits], np.float64]] = {
    "roc_auc_ovr": lambda y, logits: _one_vs_rest("roc_auc", y, logits).mean(),
    "roc_auc_ovr_weighted": _weighted_auc,
    "average_precision": lambda y, logits: _one_vs_rest("average_precision", y, logits).mean(),
    "neg_log_loss": lambda y, logits: -np.float64(_log_losses(y, logits).mean()),
    "neg_brier_score": lambda y, logits: -np.float64(_brier_losses(y, logits).mean()),
}
"""Metrics that move little when a logit moves little; the others count the rows that are called each class."""


# --- decisions


@dataclass(frozen=True, slots=True)
class Calls:
    """Rows of each class: in truth `actual`, `(K,)`; called so `predicted`, and rightly so `right`, each `(A, K)`.

    `actual` may differ from count to count: of a shape that broadcasts against the others.
    """

    actual: Floats
    predicted: Floats
    right: Floats

    @property
    def recall(self) -> Floats:
        """Share of the rows of a class that are called so, 0 for a class without rows."""
        return ratio(self.right, np.broadcast_to(self.actual, self.right.shape))

    @property
    def precision(self) -> Floats:
        """Share of the rows called a class that are of it, 0 for a class that is never called."""
        return ratio(self.right, self.predicted)

    @property
    def f1(self) -> Floats:
        """Harmonic mean of both, 0 for a class without rows that is never called."""
        return ratio(2.0 * self.right, self.actual + self.predicted)

    @property
    def accuracy(self) -> Floats:
        """Share of all rows that are called what they are. Shape `(A,)`."""
        return np.asarray(self.right.sum(axis=-1) / self.actual.sum(axis=-1))

    def by_rows(self, values: Floats) -> Floats:
        """Return the mean over classes of `(A, K)`, each counted by its rows. Shape `(A,)`."""
        return np.asarray((values * self.actual).sum(axis=-1) / self.actual.sum(axis=-1))


def _calls(y: NDArray[np.int32], logits: Logits) -> Calls:
    n_models, _, n_classes = logits.shape
    called = logits.argmax(axis=-1)
    places = called + n_classes * np.arange(n_models)[:, None]

    def count(chosen: NDArray[np.int64]) -> Floats:
        return np.bincount(chosen, minlength=n_models * n_classes).reshape(n_models, n_classes).astype(np.float64)

    actual = np.bincount(y, minlength=n_classes).astype(np.float64)
    return Calls(actual, count(places.ravel()), count(places[called == y]))


def _g_mean(calls: Calls) -> Floats:
    """Return the geometric mean of the recalls; roots first, as the product of many recalls may be 0 in float64."""
    recall = calls.recall
    return np.asarray(np.prod(recall ** (1.0 / recall.shape[-1]), axis=-1))


def _matthews(calls: Calls) -> Floats:
    """Return the correlation of what rows are called with what they are, 0 where all are called the same."""
    n_rows = calls.actual.sum(axis=-1)
    over = calls.right.sum(axis=-1) * n_rows - (calls.predicted * calls.actual).sum(axis=-1)
    spread = n_rows**2 - np.square(calls.predicted).sum(axis=-1)
    return ratio(over, np.sqrt(spread) * np.sqrt(n_rows**2 - np.square(calls.actual).sum(axis=-1)))


CLASS_DECISIONS: dict[str, Callable[[Calls], Floats]] = {
    "balanced_accuracy": lambda calls: calls.recall.mean(axis=-1),
    "f1_macro": lambda calls: calls.f1.mean(axis=-1),
    "f1_weighted": lambda calls: calls.by_rows(calls.f1),
    "precision_macro": lambda calls: calls.precision.mean(axis=-1),
    "precision_weighted": lambda calls: calls.by_rows(calls.precision),
    "g_mean": _g_mean,
    "accuracy": lambda calls: calls.accuracy,
    "matthews_corrcoef": _matthews,
}
"""Metrics of decisions, of the rows called each class."""

WITHOUT_SOME_CLASS = frozenset(
    {"f1_weighted", "precision_weighted", "accuracy", "matthews_corrcoef", "neg_log_loss", "neg_brier_score"}
)
"""Metrics in which a class counts by its rows, so that one without rows counts nothing."""
