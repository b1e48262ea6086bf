"""Metrics with a model axis: one set of labels, any number of models at once. Greater is always better.

tasks         which metric goes with which task, and `score`, which serves them all
two_classes   of one logit a row, at a threshold of its own for each model if need be
classes       of more than two classes: one logit each, softmax
labels        of several labels of two classes each: the mean over the labels
breakdown     one model, class by class or label by label, for people
"""

from tuner.scoring.breakdown import per_class, per_label
from tuner.scoring.classes import (
    CLASS_DECISIONS,
    CLASS_RANKINGS,
    CLASS_ROW_LOSSES,
    WITHOUT_SOME_CLASS,
    Calls,
    softmax,
)
from tuner.scoring.tasks import check_metric, metrics_of, score
from tuner.scoring.two_classes import (
    DECISION_METRICS,
    RANKING_METRICS,
    ROW_LOSSES,
    Counts,
    Floats,
    Logits,
    Measure,
    best_cuts,
    cuts,
    score_at,
)

__all__ = [
    "CLASS_DECISIONS",
    "CLASS_RANKINGS",
    "CLASS_ROW_LOSSES",
    "DECISION_METRICS",
    "RANKING_METRICS",
    "ROW_LOSSES",
    "WITHOUT_SOME_CLASS",
    "Calls",
    "Counts",
    "Floats",
    "Logits",
    "Measure",
    "best_cuts",
    "check_metric",
    "cuts",
    "metrics_of",
    "per_class",
    "per_label",
    "score",
    "score_at",
    "softmax",
]
