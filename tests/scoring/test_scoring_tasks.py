"""Which metric goes with which task, and what one is told who chose another."""

from typing import get_args

import numpy as np
import pytest

from tuner.config.schema import ScoringSection
from tuner.config.values import ClassesMetric, Metric
from tuner.errors import ConfigError
from tuner.scoring import check_metric, metrics_of, score
from tuner.scoring.classes import CLASS_DECISIONS, CLASS_RANKINGS
from tuner.scoring.tasks import COUNTERPARTS
from tuner.scoring.two_classes import DECISION_METRICS, RANKING_METRICS
from tuner.trial import Task

OF_TWO = (
    "roc_auc, average_precision, neg_log_loss, neg_brier_score, f1, fbeta, precision, recall, balanced_accuracy, "
    "g_mean, accuracy, matthews_corrcoef"
)
OF_MORE = (
    "balanced_accuracy, f1_macro, f1_weighted, precision_macro, precision_weighted, g_mean, accuracy, "
    "matthews_corrcoef, roc_auc_ovr, roc_auc_ovr_weighted, average_precision, neg_log_loss, neg_brier_score"
)
N_CLASSES = {"binary": 2, "multiclass": 3, "multilabel": 4}
SHAPES = {"binary": ((30,), (5, 30)), "multiclass": ((30,), (5, 30, 3)), "multilabel": ((30, 4), (5, 30, 4))}


def refusal(task, n_classes, **section):
    with pytest.raises(ConfigError) as error:
        check_metric(ScoringSection(**section), task, n_classes=n_classes)
    return str(error.value)


@pytest.mark.parametrize(("task", "metric"), [(task, metric) for task in get_args(Task) for metric in metrics_of(task)])
def test_every_metric_of_a_task_is_accepted_and_scores_every_model_of_it(task, metric):
    section = ScoringSection(metric=metric)
    check_metric(section, task, n_classes=N_CLASSES[task])
    labels, logits = SHAPES[task]
    y = np.arange(30, dtype=np.int32) % (3 if task == "multiclass" else 2)
    y = np.broadcast_to(y.reshape(-1, *(1,) * (len(labels) - 1)), labels)
    scores = score(section, y, np.random.default_rng(0).normal(size=logits).astype(np.float32))
    assert scores.shape == (5,)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("task", get_args(Task))
def test_every_metric_of_another_task_is_refused_with_one_of_this(task):
    for metric in set(get_args(Metric)) - set(metrics_of(task)):
        assert COUNTERPARTS[metric] in metrics_of(task)
        assert f"for example {COUNTERPARTS[metric]}." in refusal(task, N_CLASSES[task], metric=metric)


def test_metrics_of_a_task_are_those_that_score_it():
    assert set(metrics_of("binary")) == set(metrics_of("multilabel")) == {*RANKING_METRICS, *DECISION_METRICS}
    assert set(metrics_of("multiclass")) == {*CLASS_DECISIONS, *CLASS_RANKINGS} == set(get_args(ClassesMetric))


def test_metric_of_two_classes_on_more_is_refused_with_those_of_more():
    assert refusal("multiclass", 6, metric="roc_auc") == (
        f"scoring.metric: roc_auc is for two classes, and the target has 6.\n"
        f"Set scoring.metric to one of {OF_MORE}, for example balanced_accuracy."
    )


def test_metric_of_more_classes_on_two_is_refused_with_those_of_two():
    assert refusal("binary", 2, metric="f1_macro") == (
        f"scoring.metric: f1_macro is for more than two classes, and the target has 2.\n"
        f"Set scoring.metric to one of {OF_TWO}, for example f1."
    )


def test_metric_of_more_classes_on_labels_is_refused_with_those_of_two():
    assert refusal("multilabel", 4, metric="roc_auc_ovr") == (
        f"scoring.metric: roc_auc_ovr is for more than two classes, and the target is 4 labels of two classes each.\n"
        f"Set scoring.metric to one of {OF_TWO}, for example roc_auc."
    )


@pytest.mark.parametrize("threshold", [0.3, "best"])
def test_threshold_on_more_than_two_classes_is_refused(threshold):
    assert refusal("multiclass", 6, metric="accuracy", threshold=threshold) == (
        f"scoring.threshold: {threshold} is for two classes, and the target has 6: a row is called the class of "
        "greatest probability.\nRemove scoring.threshold."
    )


def test_metric_beta_and_threshold_on_more_than_two_classes_are_refused_at_once():
    assert refusal("multiclass", 6, metric="fbeta", beta=2.0, threshold=0.3) == (
        f"scoring.metric: fbeta is for two classes, and the target has 6.\n"
        f"Set scoring.metric to one of {OF_MORE}, for example f1_macro, and remove scoring.beta.\n"
        "scoring.threshold: 0.3 is for two classes, and the target has 6: a row is called the class of greatest "
        "probability.\nRemove scoring.threshold."
    )


@pytest.mark.parametrize("task", ["binary", "multilabel"])
@pytest.mark.parametrize("threshold", [0.3, "best"])
def test_threshold_goes_with_two_classes_and_with_labels(task, threshold):
    check_metric(ScoringSection(metric="fbeta", beta=2.0, threshold=threshold), task, n_classes=N_CLASSES[task])
