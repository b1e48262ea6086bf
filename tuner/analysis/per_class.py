"""How well each class, or each label, is told from the rest: the out-of-fold predictions of one trial.

Axes    R repeats, N scored rows, K classes or labels
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tuner.evidence import ClassResult, ClassScores, PerClass
from tuner.scoring import per_class, per_label


def class_scores(
    y: NDArray[np.int32],
    logits: NDArray[np.float32],
    *,
    labels: Sequence[str],
    weights: Sequence[float],
    trial: int,
) -> PerClass:
    """Return precision, recall, F1 and ROC AUC of every class, each the mean over repeats.

    Args:
        y: classes of the scored rows, shape `(N,)`, or labels, shape `(N, K)`.
        logits: shape `(R, N, K)`.
        labels, weights: of the K classes or labels.
        trial: whose predictions these are.
    """
    confusion = None
    if y.ndim == 1:
        tables = [per_class(y, own) for own in logits]
        repeats = [table["classes"] for table in tables]
        confusion = np.mean([table["confusion"] for table in tables], axis=0).tolist()
    else:
        repeats = [per_label(y, own) for own in logits]
    of_classes = zip(labels, weights, zip(*repeats, strict=True), strict=True)
    rows = [_scores(label, weight, results) for label, weight, results in of_classes]
    return PerClass(trial=trial, rows=rows, confusion=confusion)


def _scores(label: str, weight: float, results: Sequence[ClassResult]) -> ClassScores:
    return ClassScores(
        label=label,
        n_rows=results[0]["rows"],
        weight=weight,
        precision=_mean([result["precision"] for result in results]),
        recall=_mean([result["recall"] for result in results]) or 0.0,
        f1=_mean([result["f1"] for result in results]) or 0.0,
        roc_auc=_mean([result["roc_auc"] for result in results]),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    """Return the mean of the values that exist; None where none does."""
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there else None
