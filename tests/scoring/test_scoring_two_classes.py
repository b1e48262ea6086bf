"""Metrics: equal to scikit-learn's on identical scores, at a threshold and at the best one."""

import itertools
import math
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import expit
from sklearn import metrics

from tuner.config.schema import ScoringSection
from tuner.config.values import DecisionMetric, RankingMetric
from tuner.errors import DataError
from tuner.scoring import DECISION_METRICS, RANKING_METRICS, best_cuts, cuts, score, score_at


def g_mean(y, called):
    return math.sqrt(metrics.recall_score(y, called) * metrics.recall_score(y, called, pos_label=0))


RANKING = {
    "roc_auc": metrics.roc_auc_score,
    "average_precision": metrics.average_precision_score,
    # both columns: from the positive one alone scikit-learn must form 1 - p, which cancels
    "neg_log_loss": lambda y, z: -metrics.log_loss(y, np.column_stack([expit(-z), expit(z)])),
    "neg_brier_score": lambda y, z: -metrics.brier_score_loss(y, expit(z)),
}
DECISIONS = {
    "f1": lambda y, called, beta: metrics.f1_score(y, called, zero_division=0),
    "fbeta": lambda y, called, beta: metrics.fbeta_score(y, called, beta=beta, zero_division=0),
    "precision": lambda y, called, beta: metrics.precision_score(y, called, zero_division=0),
    "recall": lambda y, called, beta: metrics.recall_score(y, called),
    "balanced_accuracy": lambda y, called, beta: metrics.balanced_accuracy_score(y, called),
    "g_mean": lambda y, called, beta: g_mean(y, called),
    "accuracy": lambda y, called, beta: metrics.accuracy_score(y, called),
    "matthews_corrcoef": lambda y, called, beta: metrics.matthews_corrcoef(y, called),
}
BEST = sorted(DECISIONS.keys() - {"recall"})  # which is 1 whatever the scores are


def scoring(metric, *, threshold=0.5, beta=1.0):
    return ScoringSection(metric=metric, threshold=threshold, beta=beta if metric == "fbeta" else 1.0)


def brute_force(metric, y, z, beta):
    """The greatest value over all ways to cut the scores: nothing called, then from each distinct score on."""
    return max(DECISIONS[metric](y, z >= lowest, beta) for lowest in [np.inf, *np.unique(z)])


@st.composite
def labels_and_logits(draw):
    n = draw(st.integers(2, 60))
    y = draw(hnp.arrays(np.int32, n, elements=st.integers(0, 1)).filter(lambda y: y.min() != y.max()))
    few = st.sampled_from([-3.0, -1.0, -0.0, 0.0, 1.0, 2.0])  # brings ties
    values = draw(st.sampled_from([few, st.one_of(few, st.floats(-20, 20, width=32))]))
    return y, draw(hnp.arrays(np.float64, (draw(st.integers(1, 4)), n), elements=values))


probabilities = st.sampled_from([0.5, 0.01, 0.3, 0.999]) | st.floats(0.001, 0.999)
betas = st.sampled_from([0.5, 1.0, 2.0]) | st.floats(0.01, 100)


@pytest.mark.parametrize("metric", RANKING)
@settings(max_examples=60, deadline=None)
@given(case=labels_and_logits())
def test_ranking_metric_equals_scikit_learn_for_every_model(metric, case):
    y, logits = case
    expected = [RANKING[metric](y, row) for row in logits]
    np.testing.assert_allclose(score(scoring(metric), y, logits), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("metric", DECISIONS)
@settings(max_examples=60, deadline=None)
@given(case=labels_and_logits(), threshold=probabilities, beta=betas)
def test_decision_metric_equals_scikit_learn_at_any_threshold(metric, case, threshold, beta):
    y, logits = case
    called = logits > math.log(threshold / (1 - threshold))
    expected = [DECISIONS[metric](y, row, beta) for row in called]
    actual = score(scoring(metric, threshold=threshold, beta=beta), y, logits)
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("metric", BEST)
@settings(max_examples=40, deadline=None)
@given(case=labels_and_logits(), beta=betas)
def test_best_threshold_equals_scikit_learn_tried_at_every_threshold(metric, case, beta):
    y, logits = case
    expected = [brute_force(metric, y, row, beta) for row in logits]
    actual = score(scoring(metric, threshold="best", beta=beta), y, logits)
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("metric", BEST)
@settings(max_examples=40, deadline=None)
@given(case=labels_and_logits(), threshold=probabilities | st.just("best"), beta=betas)
def test_rows_above_the_cut_have_the_score(metric, case, threshold, beta):
    y, logits = case
    logits = logits.astype(np.float32)
    how = scoring(metric, threshold=threshold, beta=beta)
    called = logits > cuts(how, y, logits)[:, None]
    expected = [DECISIONS[metric](y, row, beta) for row in called]
    np.testing.assert_allclose(score(how, y, logits), expected, rtol=1e-12, atol=1e-12)


def test_best_cut_lies_halfway_to_the_next_row():
    y = np.array([0, 0, 1, 1], np.int32)
    logits = np.array([[-1, 1, 2, 3], [3, 2, 1, 0], [1, 1, 1, 1]], np.float32)
    assert cuts(scoring("f1", threshold="best"), y, logits).tolist() == [1.5, -np.inf, -np.inf]
    assert cuts(scoring("accuracy", threshold="best"), y[[0, 1, 3]], logits[1:2, :3]).tolist() == [np.inf]


@pytest.mark.parametrize("metric", DECISIONS)
@settings(max_examples=40, deadline=None)
@given(case=labels_and_logits(), data=st.data(), beta=betas)
def test_every_model_is_scored_at_its_own_cut(metric, case, data, beta):
    y, logits = case
    own = st.sampled_from([-np.inf, np.inf, *logits.ravel()]) | st.floats(-20, 20)
    at = np.array(data.draw(st.lists(own, min_size=len(logits), max_size=len(logits))))
    expected = [DECISIONS[metric](y, row > cut, beta) for row, cut in zip(logits, at, strict=True)]
    actual = score_at(scoring(metric, beta=beta), y, logits, at)
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)


def test_best_cut_parts_neighbors_among_the_float32s():
    one = np.float32(1.0)
    above = [one := np.nextafter(one, np.float32(2.0)) for _ in range(4)]
    for low, high in itertools.pairwise(above):
        (cut,) = cuts(scoring("f1", threshold="best"), np.array([0, 1], np.int32), np.array([[low, high]]))
        assert low < cut < high


def test_best_cut_of_any_measure_is_where_that_measure_is_greatest():
    y = np.array([0, 1, 0, 0, 1, 1], np.int32)
    logits = np.array([[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]])
    for cost, expected in ((0.4, 0.5), (0.6, 3.5)):  # of a row called by mistake; one called rightly earns 1
        assert best_cuts(lambda counts, cost=cost: counts.tp - cost * counts.fp, y, logits).tolist() == [expected]
    assert best_cuts(lambda counts: -counts.tp - counts.fp, y, logits).tolist() == [np.inf]
    assert best_cuts(lambda counts: counts.recall, y, logits).tolist() == [0.5]
    assert best_cuts(lambda counts: counts.recall, y[1:], logits[:, 1:]).tolist() == [-np.inf]


def hardest_case(n=10_000):
    rng = np.random.default_rng(0)
    y = (rng.random(n) < 0.01).astype(np.int32)
    logits = (rng.normal(size=(3, n)) + 2 * y - 3).astype(np.float32)
    logits[2] = np.round(logits[2], 1)
    return y, logits


@pytest.mark.parametrize("metric", [*RANKING, *DECISIONS])
def test_metric_equals_scikit_learn_on_ten_thousand_rows_of_float32(metric):
    y, logits = hardest_case()
    if metric in RANKING:
        expected = [RANKING[metric](y, row.astype(np.float64)) for row in logits]
    else:
        expected = [DECISIONS[metric](y, row > 0, 2.0) for row in logits]
    np.testing.assert_allclose(score(scoring(metric, beta=2.0), y, logits), expected, rtol=1e-12)


@pytest.mark.parametrize("metric", BEST)
def test_best_threshold_equals_brute_force_on_a_thousand_rows_of_float32(metric):
    y, logits = hardest_case(1000)
    expected = [brute_force(metric, y, row, 2.0) for row in logits[2:]]
    actual = score(scoring(metric, threshold="best", beta=2.0), y, logits[2:])
    np.testing.assert_allclose(actual, expected, rtol=1e-12)


THRESHOLDS = [*((metric, 0.5) for metric in RANKING), *((metric, t) for metric in BEST for t in (0.5, 0.3, "best"))]


@pytest.mark.parametrize(("metric", "threshold"), THRESHOLDS)
def test_float32_scores_are_scored_exactly_as_the_same_numbers_in_float64(metric, threshold):
    y, logits = hardest_case()
    logits[0, :100] = math.log(0.3 / 0.7)  # in float32 above the threshold, in float64 on it
    how = scoring(metric, threshold=threshold)
    np.testing.assert_array_equal(score(how, y, logits), score(how, y, logits.astype(np.float64)))


@pytest.mark.parametrize("metric", [*RANKING, *DECISIONS])
def test_constant_scores_are_scored_as_scikit_learn_does(metric):
    y = np.array([0, 0, 1, 0, 1], np.int32)
    for value in (-1.0, 0.0, 2.0):
        z = np.full(5, value)
        expected = RANKING[metric](y, z) if metric in RANKING else DECISIONS[metric](y, z > 0, 1.0)
        assert score(scoring(metric), y, z[None])[0] == pytest.approx(expected, abs=1e-12)


def test_negative_zero_ties_with_zero():
    y = np.array([0, 1, 0, 1], np.int32)
    z = np.array([[0.0, -0.0, -0.0, 0.0]])
    assert score(scoring("roc_auc"), y, z)[0] == score(scoring("average_precision"), y, z)[0] == 0.5


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision"])
def test_ranking_survives_probabilities_that_saturate(metric):
    y = np.array([0, 1, 0, 1], np.int32)
    logits = np.array([[40.0, 60.0, 50.0, 70.0]])  # all four probabilities round to 1
    assert score(scoring(metric), y, logits)[0] == 1.0


def test_log_loss_of_a_saturated_mistake_is_finite_and_exact():
    y, logits = np.array([0, 1], np.int32), np.array([[800.0, 0.0]])
    assert score(scoring("neg_log_loss"), y, logits)[0] == -(800 + np.log(2)) / 2


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("metric", [*RANKING, *DECISIONS])
def test_a_fold_of_one_class_is_an_error_and_never_a_number(metric, label):
    with pytest.raises(DataError) as error:
        score(scoring(metric), np.full(7, label, np.int32), np.zeros((1, 7)))
    assert str(error.value) == (
        f"a fold of 7 rows holds only class {label}, so {metric} is undefined on it; "
        "lower cv.n_splits or hold out more rows"
    )


def test_every_metric_of_the_config_is_here_and_no_other():
    assert set(get_args(RankingMetric)) == set(RANKING_METRICS) == set(RANKING)
    assert set(get_args(DecisionMetric)) == set(DECISION_METRICS) == set(DECISIONS)
