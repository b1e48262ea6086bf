"""Metrics of several labels: the mean over the labels of the metric of two classes, each at the same threshold.

With `threshold: best`, each label has the threshold that is best for it.

Axes    A models      V rows      L labels
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tuner.config.schema import ScoringSection
from tuner.errors import DataError
from tuner.scoring.two_classes import Floats, Logits, score_two_classes


def score_labels(scoring: ScoringSection, y: NDArray[np.int32], logits: Logits) -> Floats:
    """Return one score per model, the mean over the labels.

    Args:
        scoring: a metric of two classes, and at which threshold.
        y: 1 where a row has a label, else 0. Shape `(V, L)`.
        logits: shape `(A, V, L)`, finite, float32 or float64.

    Returns:
        Shape `(A,)`, float64.

    Raises:
        DataError: a label is on all rows or on none.
    """
    _require_both_classes(scoring.metric, y)
    of_labels = [score_two_classes(scoring, y[:, label], logits[..., label]) for label in range(y.shape[1])]
    return np.asarray(np.mean(of_labels, axis=0))


def _require_both_classes(metric: str, y: NDArray[np.int32]) -> None:
    constant = np.flatnonzero(y.min(axis=0) == y.max(axis=0))
    if constant.size:
        label = int(constant[0])
        raise DataError(
            f"a fold of {len(y)} rows holds only class {int(y[0, label])} of label {label} (labels are numbered from "
            f"0), so {metric} is undefined on it; lower cv.n_splits or hold out more rows"
        )
