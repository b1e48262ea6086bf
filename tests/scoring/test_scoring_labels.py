"""Metrics of several labels: the mean over the labels of the metric of two classes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics

from tuner.config.schema import ScoringSection
from tuner.errors import DataError
from tuner.scoring import DECISION_METRICS, RANKING_METRICS, score

RANKINGS = {"roc_auc": metrics.roc_auc_score, "average_precision": metrics.average_precision_score}
DECISIONS = {"f1": metrics.f1_score, "precision": metrics.precision_score, "recall": metrics.recall_score}
ALL = [*RANKING_METRICS, *DECISION_METRICS]


@st.composite
def labels_and_logits(draw):
    n, n_labels = draw(st.integers(2, 40)), draw(st.integers(2, 5))
    y = draw(hnp.arrays(np.int32, (n, n_labels), elements=st.integers(0, 1)))
    y[1] = 1 - y[0]  # every label is on some row and off another
    few = st.sampled_from([-3.0, -1.0, -0.0, 0.0, 1.0, 2.0])  # brings ties
    values = st.one_of(few, st.floats(-20, 20, width=32))
    return y, draw(hnp.arrays(np.float32, (draw(st.integers(1, 3)), n, n_labels), elements=values))


@pytest.mark.parametrize("metric", RANKINGS)
@settings(max_examples=40, deadline=None)
@given(case=labels_and_logits())
def test_ranking_of_labels_equals_the_macro_average_of_scikit_learn(metric, case):
    y, logits = case
    expected = [RANKINGS[metric](y, model, average="macro") for model in logits]
    np.testing.assert_allclose(score(ScoringSection(metric=metric), y, logits), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("metric", DECISIONS)
@settings(max_examples=40, deadline=None)
@given(case=labels_and_logits(), threshold=st.sampled_from([0.5, 0.01, 0.3, 0.999]))
def test_decisions_on_labels_equal_the_macro_average_of_scikit_learn_at_any_threshold(metric, case, threshold):
    y, logits = case
    called = (logits > np.float64(math.log(threshold / (1 - threshold)))).astype(int)
    expected = [DECISIONS[metric](y, model, average="macro", zero_division=0) for model in called]
    actual = score(ScoringSection(metric=metric, threshold=threshold), y, logits)
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)


THRESHOLDS = [
    *((metric, 0.5) for metric in ALL),
    *((metric, threshold) for metric in DECISION_METRICS if metric != "recall" for threshold in (0.3, "best")),
]


@pytest.mark.parametrize(("metric", "threshold"), THRESHOLDS)
@settings(max_examples=20, deadline=None)
@given(case=labels_and_logits())
def test_score_of_labels_is_the_mean_of_the_score_of_each(metric, threshold, case):
    y, logits = case
    how = ScoringSection(metric=metric, threshold=threshold)
    of_each = [score(how, y[:, label].copy(), logits[:, :, label].copy()) for label in range(y.shape[1])]
    np.testing.assert_array_equal(score(how, y, logits), np.mean(of_each, axis=0))


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize("value", [0, 1])
def test_a_label_on_all_rows_or_on_none_is_an_error_that_names_it(metric, value):
    y = np.array([[0, 1, value, 0], [1, 0, value, 0], [1, 1, value, 0]], np.int32)
    with pytest.raises(DataError) as error:
        score(ScoringSection(metric=metric), y, np.zeros((2, 3, 4)))
    assert str(error.value) == (
        f"a fold of 3 rows holds only class {value} of label 2 (labels are numbered from 0), so {metric} is undefined "
        "on it; lower cv.n_splits or hold out more rows"
    )
