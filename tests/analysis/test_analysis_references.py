"""Models of scikit-learn beside the arms of a verdict."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from tuner.analysis.references import LABELS, SMALLEST, reference_logits
from tuner.config.evidence import ALL_REFERENCES


def make_table(n=400, share=0.1, seed=0):
    rng = np.random.default_rng(seed)
    y = (np.arange(n) < share * n).astype(np.int32)
    X = rng.normal(size=(n, 3)) * [1.0, 1e4, 1e-4] + y[:, None] * [1.0, 1e4, 0.0]
    rows = rng.permutation(n)
    return X[rows].astype(np.float32), y[rows]


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def test_every_reference_of_the_config_has_a_label():
    assert list(LABELS) == ALL_REFERENCES
    assert len(set(LABELS.values())) == len(LABELS)


@pytest.mark.parametrize("name", ALL_REFERENCES)
def test_logits_are_finite_one_per_test_row_and_the_same_again(name):
    X, y = make_table()
    X_test, _ = make_table(120, seed=1)
    logits = reference_logits(name, X, y, X_test, seed=3)
    assert logits.shape == (120,)
    assert logits.dtype == np.float64
    assert np.isfinite(logits).all()
    np.testing.assert_array_equal(reference_logits(name, X, y, X_test, seed=3), logits)


@pytest.mark.parametrize("name", ["logistic_regression", "gradient_boosting"])
def test_models_rank_test_rows_about_as_well_as_can_be(name):
    X, y = make_table(2_000)
    X_test, y_test = make_table(2_000, seed=1)
    possible = 0.841  # two columns, each one spread apart: the normal distribution at 1
    auc = roc_auc_score(y_test, reference_logits(name, X, y, X_test, seed=0))
    assert abs(auc - possible) < 0.05


def test_dummy_answers_the_share_of_positive_training_rows_for_every_row():
    X, y = make_table(share=0.05)
    logits = reference_logits("dummy", X, y, X[:7], seed=0)
    np.testing.assert_allclose(sigmoid(logits), 0.05, rtol=1e-12)


def test_logistic_regression_is_balanced_and_standardized_on_training_rows():
    X, y = make_table()
    X_test, _ = make_table(seed=1)
    scaler = StandardScaler().fit(X)
    weights = np.where(y == 1, len(y) / (2 * y.sum()), len(y) / (2 * (len(y) - y.sum())))
    expected = LogisticRegression(max_iter=10_000).fit(scaler.transform(X), y, weights)
    logits = reference_logits("logistic_regression", X, y, X_test, seed=0)
    np.testing.assert_allclose(logits, expected.decision_function(scaler.transform(X_test)), rtol=1e-3, atol=1e-3)
    assert sigmoid(logits).mean() > 0.25  # with no weights it would be 0.1


def test_gradient_boosting_is_balanced_and_takes_the_seed():
    X, y = make_table(12_000)  # above 10,000 rows it holds some out at random
    first, other = (reference_logits("gradient_boosting", X, y, X[:500], seed=seed) for seed in (0, 1))
    assert (first != other).any()
    expected = HistGradientBoostingClassifier(class_weight="balanced", random_state=0).fit(X, y)
    np.testing.assert_allclose(sigmoid(first), expected.predict_proba(X[:500])[:, 1], atol=1e-9)


@pytest.mark.parametrize(("x", "sign"), [(-1e9, -1), (1e9, 1)])
def test_certain_answers_have_finite_logits(x, sign):
    X = np.linspace(-1, 1, 100, dtype=np.float32)[:, None]
    logits = reference_logits("logistic_regression", X, (X[:, 0] > 0).astype(np.int32), np.float32([[x]]), seed=0)
    np.testing.assert_allclose(logits, [sign * -np.log(SMALLEST)], rtol=1e-5)


@pytest.mark.parametrize("name", ALL_REFERENCES)
def test_test_rows_do_not_change_the_model(name):
    X, y = make_table()
    X_test, _ = make_table(50, seed=1)
    together = reference_logits(name, X, y, X_test, seed=0)
    alone = reference_logits(name, X, y, X_test[:1], seed=0)
    np.testing.assert_allclose(alone, together[:1], rtol=1e-12)


def classes_table(n=600, seed=0):
    """Three classes of 70, 20 and 10 percent, each with a column of its own."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat([0, 1, 2], [7 * n // 10, n // 5, n // 10])).astype(np.int32)
    X = rng.normal(size=(n, 3))
    X[np.arange(n), y] += 1.5
    return X.astype(np.float32), y


@pytest.mark.parametrize("name", ALL_REFERENCES)
def test_logits_of_more_classes_are_logarithms_of_their_probabilities(name):
    X, y = classes_table()
    X_test, y_test = classes_table(200, seed=1)
    logits = reference_logits(name, X, y, X_test, seed=3)
    assert (logits.shape, logits.dtype) == ((200, 3), np.float64)
    np.testing.assert_allclose(np.exp(logits).sum(axis=1), 1.0, atol=1e-9)
    np.testing.assert_array_equal(reference_logits(name, X, y, X_test, seed=3), logits)
    if name == "dummy":
        np.testing.assert_allclose(np.exp(logits), np.broadcast_to([0.7, 0.2, 0.1], (200, 3)))
    else:
        assert balanced_accuracy_score(y_test, logits.argmax(axis=1)) > 0.6


def test_models_of_more_classes_are_balanced():
    X, y = classes_table()
    weights = compute_sample_weight("balanced", y)
    scaler = StandardScaler().fit(X)
    expected = LogisticRegression(max_iter=10_000).fit(scaler.transform(X), y, weights)
    logits = reference_logits("logistic_regression", X, y, X, seed=0)
    np.testing.assert_allclose(logits, expected.predict_log_proba(scaler.transform(X)), rtol=1e-3, atol=1e-3)
    trees = HistGradientBoostingClassifier(class_weight="balanced", random_state=0).fit(X, y)
    logits = reference_logits("gradient_boosting", X, y, X, seed=0)
    np.testing.assert_allclose(np.exp(logits), trees.predict_proba(X), atol=1e-9)


def test_certain_answers_of_more_classes_have_finite_logits():
    X = np.linspace(-1, 1, 99, dtype=np.float32)[:, None]
    y = np.repeat([0, 1, 2], 33).astype(np.int32)
    logits = reference_logits("logistic_regression", X, y, np.float32([[1e9]]), seed=0)
    np.testing.assert_allclose(logits, [[np.log(SMALLEST), np.log(SMALLEST), 0.0]], atol=1e-9)


@pytest.mark.parametrize("name", ALL_REFERENCES)
def test_labels_have_a_model_each(name):
    X, y = classes_table()
    labels = np.stack([y == 1, y == 2], axis=1).astype(np.int32)
    logits = reference_logits(name, X, labels, X[:50], seed=3)
    assert logits.shape == (50, 2)
    for number in (0, 1):
        alone = reference_logits(name, X, labels[:, number], X[:50], seed=3)
        np.testing.assert_array_equal(logits[:, number], alone)
