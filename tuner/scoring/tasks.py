"""Which metric goes with which task: two classes, more than two, or several labels of two classes each.

Axes    A models (or checkpoints of models)      V rows      K classes, or L labels
"""

from __future__ import annotations

from typing import get_args

import numpy as np
from numpy.typing import NDArray

from tuner.config.schema import ScoringSection
from tuner.config.values import ClassesMetric, DecisionMetric, Metric, RankingMetric
from tuner.errors import ConfigError
from tuner.scoring.classes import score_classes
from tuner.scoring.labels import score_labels
from tuner.scoring.two_classes import Floats, Logits, score_two_classes
from tuner.trial import Task

OF_TWO_CLASSES: tuple[Metric, ...] = (*get_args(RankingMetric), *get_args(DecisionMetric))
OF_CLASSES: tuple[Metric, ...] = get_args(ClassesMetric)

COUNTERPARTS: dict[Metric, Metric] = {
    # roc_auc is the default: who meets it here has most likely chosen nothing
    "roc_auc": "balanced_accuracy",
    "f1": "f1_macro",
    "fbeta": "f1_macro",
    "precision": "precision_macro",
    "recall": "balanced_accuracy",
    "f1_macro": "f1",
    "f1_weighted": "f1",
    "precision_macro": "precision",
    "precision_weighted": "precision",
    "roc_auc_ovr": "roc_auc",
    "roc_auc_ovr_weighted": "roc_auc",
}
"""What to try instead of a metric that goes with two classes only, or with more only."""


def score(scoring: ScoringSection, y: NDArray[np.int32], logits: Logits) -> Floats:
    """Return one score per model, of two classes, more, or several labels, as the shapes say.

    Args:
        scoring: which metric of the task, and at which threshold.
        y: labels 0 and 1, or classes 0 to K - 1, shape `(V,)`; of several labels, shape `(V, L)`.
        logits: finite, float32 or float64. Two classes: shape `(A, V)`; more: `(A, V, K)`; several labels: `(A, V, L)`.

    Returns:
        Shape `(A,)`, float64.

    Raises:
        DataError: the metric is undefined for want of a class among the rows.
    """
    if y.ndim == 2:
        return score_labels(scoring, y, logits)
    return score_classes(scoring, y, logits) if logits.ndim == 3 else score_two_classes(scoring, y, logits)


def metrics_of(task: Task) -> tuple[Metric, ...]:
    """Return the metrics that go with a task, in the order of `config/values.py`."""
    return OF_CLASSES if task == "multiclass" else OF_TWO_CLASSES


def check_metric(scoring: ScoringSection, task: Task, *, n_classes: int) -> None:
    """Refuse a section that does not go with the target.

    Args:
        scoring: metric and threshold as configured; beta goes with fbeta alone already.
        task: of the table.
        n_classes: classes of the table, or labels.

    Raises:
        ConfigError: the metric is of another task, or there is no threshold in this one.
    """
    problems = []
    if scoring.metric not in metrics_of(task):
        problems.append(_wrong_metric(scoring, task, n_classes))
    if task == "multiclass" and scoring.threshold != 0.5:
        problems.append(
            f"scoring.threshold: {scoring.threshold} is for two classes, and the target has {n_classes}: a row is "
            "called the class of greatest probability.\nRemove scoring.threshold."
        )
    if problems:
        raise ConfigError("\n".join(problems))


def _wrong_metric(scoring: ScoringSection, task: Task, n_classes: int) -> str:
    kind = "two classes" if task == "multiclass" else "more than two classes"
    target = f"is {n_classes} labels of two classes each" if task == "multilabel" else f"has {n_classes}"
    also = ", and remove scoring.beta" if scoring.beta != 1.0 else ""
    return (
        f"scoring.metric: {scoring.metric} is for {kind}, and the target {target}.\n"
        f"Set scoring.metric to one of {', '.join(metrics_of(task))}, for example {COUNTERPARTS[scoring.metric]}{also}."
    )
