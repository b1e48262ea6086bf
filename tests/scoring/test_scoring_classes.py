"""Metrics of more than two classes: equal to scikit-learn's on the same probabilities and the same calls."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special, stats
from sklearn import metrics

from tuner.config.schema import ScoringSection
from tuner.errors import DataError
from tuner.scoring import Calls, score, softmax
from tuner.scoring.classes import CLASS_DECISIONS, CLASS_RANKINGS, WITHOUT_SOME_CLASS


def averaged(function, average):
    return lambda y, called, k: function(y, called, labels=range(k), average=average, zero_division=0)


DECISIONS = {
    "balanced_accuracy": lambda y, called, k: metrics.balanced_accuracy_score(y, called),
    "f1_macro": averaged(metrics.f1_score, "macro"),
    "f1_weighted": averaged(metrics.f1_score, "weighted"),
    "precision_macro": averaged(metrics.precision_score, "macro"),
    "precision_weighted": averaged(metrics.precision_score, "weighted"),
    "g_mean": lambda y, called, k: stats.gmean(metrics.recall_score(y, called, labels=range(k), average=None)),
    "accuracy": lambda y, called, k: metrics.accuracy_score(y, called),
    "matthews_corrcoef": lambda y, called, k: metrics.matthews_corrcoef(y, called),
}
RANKINGS = {
    "roc_auc_ovr": lambda y, p: metrics.roc_auc_score(y, p, multi_class="ovr", average="macro"),
    "roc_auc_ovr_weighted": lambda y, p: metrics.roc_auc_score(y, p, multi_class="ovr", average="weighted"),
    "average_precision": lambda y, p: metrics.average_precision_score(y, p, average="macro"),
    "neg_log_loss": lambda y, p: -metrics.log_loss(y, p, labels=range(p.shape[1])),
    "neg_brier_score": lambda y, p: -metrics.brier_score_loss(y, p, labels=range(p.shape[1])),
}
ALL = [*DECISIONS, *RANKINGS]


def scoring(metric):
    return ScoringSection(metric=metric)


def expected(metric, y, logits):
    if metric in RANKINGS:
        return [RANKINGS[metric](y, softmax(model)) for model in logits]
    return [DECISIONS[metric](y, model.argmax(axis=-1), logits.shape[-1]) for model in logits]


@st.composite
def classes_and_logits(draw, *, some_missing=False):
    k = draw(st.integers(3, 6))
    present = draw(st.permutations(range(k)))[: draw(st.integers(2, k - 1)) if some_missing else k]
    y = draw(st.permutations([*present, *draw(st.lists(st.sampled_from(present), max_size=40))]))
    few = st.sampled_from([-3.0, -1.0, -0.0, 0.0, 1.0, 2.0])  # brings ties
    values = draw(st.sampled_from([few, st.one_of(few, st.floats(-10, 10, width=32))]))
    logits = draw(hnp.arrays(np.float64, (draw(st.integers(1, 3)), len(y), k), elements=values))
    never_called = draw(st.sets(st.integers(0, k - 1), max_size=k - 1))
    logits[..., sorted(never_called)] -= 16.0  # a probability that scikit-learn's log loss does not clip
    return np.array(y, np.int32), logits


@pytest.mark.parametrize("metric", ALL)
@settings(max_examples=50, deadline=None)
@given(case=classes_and_logits())
def test_metric_of_classes_equals_scikit_learn_for_every_model(metric, case):
    y, logits = case
    np.testing.assert_allclose(score(scoring(metric), y, logits), expected(metric, y, logits), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("metric", sorted(WITHOUT_SOME_CLASS))
@settings(max_examples=50, deadline=None)
@given(case=classes_and_logits(some_missing=True))
def test_metric_that_counts_classes_by_rows_equals_scikit_learn_where_some_are_missing(metric, case):
    y, logits = case
    np.testing.assert_allclose(score(scoring(metric), y, logits), expected(metric, y, logits), rtol=1e-12, atol=1e-12)


def hardest_case(n=10_000, k=5):
    rng = np.random.default_rng(0)
    y = rng.choice(k, n, p=[0.9, 0.06, 0.03, 0.008, 0.002]).astype(np.int32)
    logits = (rng.normal(size=(3, n, k)) + 2 * np.eye(k)[y] - np.arange(k)).astype(np.float32)
    logits[2] = np.round(logits[2], 1)
    return y, logits


@pytest.mark.parametrize("metric", ALL)
def test_metric_of_classes_equals_scikit_learn_on_ten_thousand_rows_of_float32(metric):
    y, logits = hardest_case()
    np.testing.assert_allclose(score(scoring(metric), y, logits), expected(metric, y, logits), rtol=1e-12)


@pytest.mark.parametrize("metric", ALL)
def test_float32_logits_of_classes_are_scored_exactly_as_the_same_numbers_in_float64(metric):
    y, logits = hardest_case(1000)
    np.testing.assert_array_equal(
        score(scoring(metric), y, logits), score(scoring(metric), y, logits.astype(np.float64))
    )


@pytest.mark.parametrize("metric", ALL)
def test_score_of_a_model_of_classes_is_the_same_alone_and_among_others_and_in_any_layout(metric):
    y, logits = hardest_case(1000)
    together = score(scoring(metric), y, logits)
    padded = np.pad(logits, [(0, 0), (0, 7), (0, 0)])[:, :1000]
    np.testing.assert_array_equal(together, [score(scoring(metric), y, model[None])[0] for model in logits])
    np.testing.assert_array_equal(together, score(scoring(metric), y, padded))
    np.testing.assert_array_equal(together, score(scoring(metric), y, np.asfortranarray(logits)))


@given(logits=hnp.arrays(np.float32, (7, 4), elements=st.floats(-700, 700, width=32)))
def test_softmax_equals_that_of_scipy_in_float64(logits):
    np.testing.assert_allclose(softmax(logits), special.softmax(logits.astype(np.float64), axis=1), rtol=1e-13)


def test_of_equal_logits_the_first_class_is_called():
    y, logits = np.array([0, 1, 2, 2], np.int32), np.array([[[1, 1, 1], [0, 1, 1], [1, 0, 1], [0, 0, 2]]], np.float32)
    assert score(scoring("accuracy"), y, logits)[0] == 0.75  # called 0, 1, 0 and 2


@pytest.mark.parametrize("metric", ["roc_auc_ovr", "roc_auc_ovr_weighted", "average_precision"])
def test_classes_are_ranked_by_probability_and_not_by_logit(metric):
    y = np.array([0, 1, 2], np.int32)
    logits = np.array([[[1.0, 0.0, 0.0], [2.0, 3.0, 2.0], [4.0, 4.0, 5.0]]])  # of class 0, the last has the greatest
    assert score(scoring(metric), y, logits)[0] == 1.0


def test_log_loss_of_a_saturated_mistake_among_classes_is_finite_and_exact():
    y, logits = np.array([0, 2, 1], np.int32), np.array([[[900.0, 0.0, 0.0], [900.0, 0.0, 0.0], [0.0, 900.0, 0.0]]])
    assert score(scoring("neg_log_loss"), y, logits)[0] == -300.0


def test_brier_score_of_classes_reaches_from_minus_two_to_zero():
    y, logits = np.array([0, 1, 2], np.int32), np.full((2, 3, 3), -900.0)
    logits[0, np.arange(3), y] = logits[1, np.arange(3), [1, 2, 0]] = 0.0
    assert score(scoring("neg_brier_score"), y, logits).tolist() == [0.0, -2.0]


def test_g_mean_of_many_classes_does_not_vanish_among_small_recalls():
    n_classes, rows = 400, 8
    y = np.repeat(np.arange(n_classes), rows).astype(np.int32)
    called = np.where(np.arange(len(y)) % rows == 0, y, (y + 1) % n_classes)
    logits = np.eye(n_classes, dtype=np.float32)[called][None]
    assert score(scoring("g_mean"), y, logits)[0] == pytest.approx(1 / rows, rel=1e-12)  # 8 ** -400 is 0 in float64


@pytest.mark.parametrize("metric", sorted(set(ALL) - WITHOUT_SOME_CLASS))
@pytest.mark.parametrize(
    ("labels", "missing"), [([0, 1, 3, 1, 1], "class 2"), ([1, 1, 3], "classes 0, 2"), ([0, 2, 2, 3], "class 1")]
)
def test_a_fold_without_some_class_is_an_error_of_a_mean_over_classes(metric, labels, missing):
    with pytest.raises(DataError) as error:
        score(scoring(metric), np.array(labels, np.int32), np.zeros((2, len(labels), 4)))
    assert str(error.value) == (
        f"a fold of {len(labels)} rows holds no row of {missing} (the 4 classes are numbered from 0), so {metric} is "
        "undefined on it; lower cv.n_splits or hold out more rows, or set scoring.metric to one that needs no row of "
        "every class, for example f1_weighted"
    )


@pytest.mark.parametrize("metric", ALL)
def test_a_fold_of_one_of_many_classes_is_an_error_and_never_a_number(metric):
    with pytest.raises(DataError) as error:
        score(scoring(metric), np.full(7, 3, np.int32), np.zeros((1, 7, 4)))
    assert str(error.value) == (
        f"a fold of 7 rows holds only class 3 (the 4 classes are numbered from 0), so {metric} is undefined on it; "
        "lower cv.n_splits or hold out more rows"
    )


def test_every_metric_of_classes_is_tested_here():
    assert set(CLASS_DECISIONS) == set(DECISIONS)
    assert set(CLASS_RANKINGS) == set(RANKINGS)


@pytest.mark.parametrize("metric", DECISIONS)
def test_counts_of_several_sets_of_rows_give_the_score_of_each(metric):
    rng = np.random.default_rng(0)
    right = rng.integers(1, 9, size=(2, 5, 4)).astype(float)
    predicted, actual = right + rng.integers(9, size=right.shape), right.max(axis=0) + rng.integers(9, size=(5, 4))
    together = CLASS_DECISIONS[metric](Calls(actual, predicted, right))
    alone = [CLASS_DECISIONS[metric](Calls(actual[d], predicted[:, d], right[:, d])) for d in range(5)]
    np.testing.assert_allclose(together, np.transpose(alone), rtol=1e-14)
