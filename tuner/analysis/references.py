"""Models of scikit-learn beside the arms of a verdict: what a careful person would try first, untuned.

Class weights are "balanced" where the model takes any. They are for perspective: no test compares them with an arm.
Several labels have a model each.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tuner.config.evidence import Reference

LABELS: dict[Reference, str] = {
    "logistic_regression": "logistic regression, balanced weights",
    "gradient_boosting": "gradient boosting, balanced weights",
    "dummy": "the share of the positive class for every row",
}

SMALLEST = 1e-12
"""Probabilities are kept this far from 0 and 1, so that their logits are finite."""


def reference_logits(
    name: Reference,
    X: NDArray[np.float32],
    y: NDArray[np.int32],
    X_test: NDArray[np.float32],
    *,
    seed: int,
) -> NDArray[np.float64]:
    """Return the logits of test rows by a reference model fitted on training rows.

    Args:
        name: which model.
        X, y: training rows `(n, F)` and classes `(n,)`, from 0 and a row of each, or labels `(n, L)`, 0 and 1.
        X_test: test rows `(m, F)`.
        seed: of gradient boosting.

    Returns:
        Finite. Of two classes the logit of class 1, shape `(m,)`; of K more the logarithms of their probabilities,
        `(m, K)`; of labels a logit each, `(m, L)`.
    """
    if y.ndim == 2:
        return np.stack([reference_logits(name, X, own, X_test, seed=seed) for own in y.T], axis=-1)
    model = _model(name, seed=seed).fit(X.astype(np.float64), y)  # in float32, 1 - SMALLEST is 1
    answer: NDArray[np.float64] = model.predict_proba(X_test.astype(np.float64))
    probability = np.clip(answer if answer.shape[1] > 2 else answer[:, 1], SMALLEST, 1.0 - SMALLEST)
    is_of_two = probability.ndim == 1
    return np.log(probability) - np.log1p(-probability) if is_of_two else np.log(probability)


def _model(name: Reference, *, seed: int) -> Any:
    if name == "logistic_regression":
        return make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=10_000))
    if name == "gradient_boosting":
        return HistGradientBoostingClassifier(class_weight="balanced", random_state=seed)
    return DummyClassifier(strategy="prior")
