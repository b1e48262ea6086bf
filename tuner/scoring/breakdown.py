"""One model, class by class or label by label: what a mean over them hides. Records of `evidence.py`.

Unlike a metric of a mean, a number that does not exist is None here and not 0.

Axes    V rows      K classes, or L labels
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tuner.evidence import ClassResult, ClassTable
from tuner.scoring.classes import softmax
from tuner.scoring.two_classes import RANKING_METRICS, Logits


def per_class(y: NDArray[np.int32], logits: Logits) -> ClassTable:
    """Return how one model does on each of more than two classes, and which it takes for which.

    Args:
        y: classes 0 to K - 1, some of which may have no row. Shape `(V,)`.
        logits: shape `(V, K)`, finite. A row is called the class of greatest logit, of equal ones the first.
    """
    n_classes = logits.shape[-1]
    called = logits.argmax(axis=-1)
    confusion = np.bincount(y * n_classes + called, minlength=n_classes**2).reshape(n_classes, n_classes)
    return {
        "classes": [
            _result(y == number, called == number, probability) for number, probability in enumerate(softmax(logits).T)
        ],
        "confusion": confusion.tolist(),
    }


def per_label(y: NDArray[np.int32], logits: Logits) -> list[ClassResult]:
    """Return how one model does on each of several labels, called where its probability is above 0.5.

    Args:
        y: 1 where a row has a label, else 0. Shape `(V, L)`.
        logits: shape `(V, L)`, finite.
    """
    return [_result(own == 1, scores > 0, scores) for own, scores in zip(y.T, logits.T, strict=True)]


def _result(own: NDArray[np.bool_], called: NDArray[np.bool_], scores: Logits) -> ClassResult:
    """Return the record of the rows that are of a class, are called so, and are ranked by a score, each `(V,)`."""
    rows, predicted, right = int(own.sum()), int(called.sum()), int((own & called).sum())
    both = 0 < rows < len(own)
    return {
        "rows": rows,
        "predicted": predicted,
        "precision": right / predicted if predicted else None,
        "recall": right / rows if rows else None,
        "f1": 2 * right / (rows + predicted) if rows + predicted else None,
        "roc_auc": float(RANKING_METRICS["roc_auc"](scores[None, own], scores[None, ~own])[0]) if both else None,
    }
