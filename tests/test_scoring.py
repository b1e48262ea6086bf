"""Metrics: equal to scikit-learn's on identical scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import expit
from sklearn import metrics

from tuner.config.schema import ScoringSection
from tuner.errors import DataError
from tuner.scoring import METRICS, RANKING, score


def _at_half(function, **options):
    return lambda y, z: function(y, z > 0, **options)


REFERENCE = {
    "roc_auc": metrics.roc_auc_score,
    "average_precision": metrics.average_precision_score,
    "f1": _at_half(metrics.f1_score, zero_division=0),
    "precision": _at_half(metrics.precision_score, zero_division=0),
    "recall": _at_half(metrics.recall_score, zero_division=0),
    "balanced_accuracy": _at_half(metrics.balanced_accuracy_score),
    "accuracy": _at_half(metrics.accuracy_score),
    "matthews_corrcoef": _at_half(metrics.matthews_corrcoef),
    # both columns: from the positive one alone scikit-learn must form 1 - p, which cancels
    "neg_log_loss": lambda y, z: -metrics.log_loss(y, np.column_stack([expit(-z), expit(z)])),
    "neg_brier_score": lambda y, z: -metrics.brier_score_loss(y, expit(z)),
}


@st.composite
def labels_and_logits(draw):
    n = draw(st.integers(2, 60))
    y = draw(hnp.arrays(np.int32, n, elements=st.integers(0, 1)).filter(lambda y: y.min() != y.max()))
    values = st.one_of(st.integers(-3, 3).map(float), st.floats(-20, 20, width=32))  # integers bring ties
    return y, draw(hnp.arrays(np.float64, (draw(st.integers(1, 4)), n), elements=values))


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=60, deadline=None)
@given(case=labels_and_logits())
def test_metric_equals_scikit_learn_for_every_model(metric, case):
    y, logits = case
    expected = [REFERENCE[metric](y, row) for row in logits]
    np.testing.assert_allclose(score(metric, y, logits), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_metric_equals_scikit_learn_on_ten_thousand_rows_of_float32(metric):
    rng = np.random.default_rng(0)
    y = (rng.random(10_000) < 0.01).astype(np.int32)
    logits = (rng.normal(size=(3, 10_000)) + 2 * y - 3).astype(np.float32)
    logits[2] = np.round(logits[2], 1)
    expected = [REFERENCE[metric](y, row.astype(np.float64)) for row in logits]
    np.testing.assert_allclose(score(metric, y, logits), expected, rtol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_constant_scores_are_scored_as_scikit_learn_does(metric):
    y = np.array([0, 0, 1, 0, 1], np.int32)
    for value in (-1.0, 0.0, 2.0):
        z = np.full(5, value)
        assert score(metric, y, z[None])[0] == pytest.approx(REFERENCE[metric](y, z), abs=1e-12)


@pytest.mark.parametrize("metric", sorted(RANKING - {"neg_log_loss", "neg_brier_score"}))
def test_ranking_survives_probabilities_that_saturate(metric):
    y = np.array([0, 1, 0, 1], np.int32)
    assert score(metric, y, np.array([[40.0, 60.0, 50.0, 70.0]]))[0] == 1.0  # all four probabilities round to 1


def test_log_loss_of_a_saturated_mistake_is_finite_and_exact():
    assert score("neg_log_loss", np.array([0, 1], np.int32), np.array([[800.0, 0.0]]))[0] == -(800 + np.log(2)) / 2


@pytest.mark.parametrize("label", [0, 1])
def test_a_fold_of_one_class_is_an_error_and_never_a_number(label):
    with pytest.raises(DataError) as error:
        score("roc_auc", np.full(7, label, np.int32), np.zeros((1, 7)))
    assert str(error.value) == (
        f"a fold of 7 rows holds only class {label}, so roc_auc is undefined on it; "
        "lower cv.n_splits or hold out more rows"
    )


def test_every_metric_of_the_config_is_here_and_no_other():
    from typing import get_args

    assert set(get_args(ScoringSection.model_fields["metric"].annotation)) == set(METRICS)
