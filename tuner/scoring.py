"""Metrics with a model axis: one set of labels, any number of score vectors at once. Greater is always better.

Ranking metrics and losses take logits; threshold metrics call a row positive when its logit is above 0, that is, its
probability above 0.5. All equal scikit-learn's on identical scores to 1e-12 (tests/test_scoring.py); a fold with
one class only has no ranking metric, so it is an error here rather than a silent 0.

Axes    A models (or checkpoints of models)      V rows
Source  roc_auc: Mann-Whitney U with average ranks; average_precision: sum over distinct thresholds of
        (recall_i - recall_{i-1}) * precision_i, as `sklearn.metrics.average_precision_score`
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tuner.errors import DataError

Floats = NDArray[np.float64]
MetricFunction = Callable[[NDArray[np.int32], Floats], Floats]


def score(metric: str, y: NDArray[np.int32], logits: NDArray[np.floating]) -> Floats:
    """Return one score per row of `logits`.

    Args:
        metric: a name of `METRICS`.
        y: labels 0 and 1, shape `(V,)`.
        logits: shape `(A, V)`, finite.

    Returns:
        Shape `(A,)`, float64.

    Raises:
        DataError: only one class among the labels.
    """
    if y.min() == y.max():
        raise DataError(
            f"a fold of {len(y)} rows holds only class {int(y[0])}, so {metric} is undefined on it; "
            "lower cv.n_splits or hold out more rows"
        )
    return METRICS[metric](y, np.asarray(logits, np.float64))


def _distinct_thresholds(y: NDArray[np.int32], logits: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return cumulated true and false positives by falling score, and where runs of equal scores end. Each `(A, V)`."""
    order = np.argsort(-logits, axis=1, kind="stable")
    hits = y[order].astype(np.float64)
    ordered = np.take_along_axis(logits, order, axis=1)
    last = np.ones(ordered.shape, bool)
    last[:, :-1] = ordered[:, :-1] != ordered[:, 1:]
    true_positives = np.cumsum(hits, axis=1)
    false_positives = np.arange(1, logits.shape[1] + 1) - true_positives
    return true_positives, false_positives, last


def _at_run_start(values: Floats, last: NDArray[np.bool_]) -> Floats:
    """Return, at the end of each run of equal scores, the value at the end of the run before it (0 for the first)."""
    ends = np.where(last, values, 0.0)
    before = np.zeros_like(values)
    before[:, 1:] = np.maximum.accumulate(ends, axis=1)[:, :-1]  # cumulated counts never fall
    return before


def _roc_auc(y: NDArray[np.int32], logits: Floats) -> Floats:
    tp, fp, last = _distinct_thresholds(y, logits)
    area = np.where(last, (fp - _at_run_start(fp, last)) * (tp + _at_run_start(tp, last)) / 2.0, 0.0).sum(axis=1)
    return np.asarray(area / (tp[:, -1] * fp[:, -1]))


def _average_precision(y: NDArray[np.int32], logits: Floats) -> Floats:
    tp, fp, last = _distinct_thresholds(y, logits)
    gained = np.where(last, tp - _at_run_start(tp, last), 0.0) / tp[:, -1:]
    return np.asarray((gained * tp / (tp + fp)).sum(axis=1))


def _log_loss(y: NDArray[np.int32], logits: Floats) -> Floats:
    return np.asarray(np.logaddexp(0.0, np.where(y == 1, -logits, logits)).mean(axis=1))


def _brier(y: NDArray[np.int32], logits: Floats) -> Floats:
    return np.asarray(((_sigmoid(logits) - y) ** 2).mean(axis=1))


def _sigmoid(logits: Floats) -> Floats:
    return np.exp(-np.logaddexp(0.0, -logits))


def _counts(y: NDArray[np.int32], logits: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return true positives, false positives, false negatives, true negatives at probability 0.5. Each `(A,)`."""
    called = logits > 0
    tp = (called & (y == 1)).sum(axis=1).astype(np.float64)
    fp = called.sum(axis=1) - tp
    n_positive = float(y.sum())
    return tp, fp, n_positive - tp, len(y) - n_positive - fp


def _ratio(over: Floats, under: Floats) -> Floats:
    """Return over / under, 0 where both are 0, as scikit-learn's `zero_division=0`."""
    return np.divide(over, under, out=np.zeros_like(over), where=under != 0)


def _f1(y: NDArray[np.int32], logits: Floats) -> Floats:
    tp, fp, fn, _ = _counts(y, logits)
    return _ratio(2 * tp, 2 * tp + fp + fn)


def _precision(y: NDArray[np.int32], logits: Floats) -> Floats:
    tp, fp, _, _ = _counts(y, logits)
    return _ratio(tp, tp + fp)


def _recall(y: NDArray[np.int32], logits: Floats) -> Floats:
    tp, _, fn, _ = _counts(y, logits)
    return _ratio(tp, tp + fn)


def _balanced_accuracy(y: NDArray[np.int32], logits: Floats) -> Floats:
    tp, fp, fn, tn = _counts(y, logits)
    return (tp / (tp + fn) + tn / (tn + fp)) / 2


def _accuracy(y: NDArray[np.int32], logits: Floats) -> Floats:
    tp, _, _, tn = _counts(y, logits)
    return (tp + tn) / len(y)


def _matthews(y: NDArray[np.int32], logits: Floats) -> Floats:
    tp, fp, fn, tn = _counts(y, logits)
    return _ratio(tp * tn - fp * fn, np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)))


METRICS: dict[str, MetricFunction] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "f1": _f1,
    "precision": _precision,
    "recall": _recall,
    "balanced_accuracy": _balanced_accuracy,
    "accuracy": _accuracy,
    "matthews_corrcoef": _matthews,
    "neg_log_loss": lambda y, logits: -_log_loss(y, logits),
    "neg_brier_score": lambda y, logits: -_brier(y, logits),
}

RANKING = frozenset({"roc_auc", "average_precision", "neg_log_loss", "neg_brier_score"})
"""Metrics that move little when a logit moves little; the others count rows on either side of a threshold."""
