"""One model class by class and label by label: equal to scikit-learn's, None where it has no number."""

import json
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics

from tuner.scoring import per_class, per_label, softmax

few = st.sampled_from([-3.0, -1.0, 0.0, 1.0, 2.0])  # brings ties
values = st.one_of(few, st.floats(-10, 10, width=32))


@st.composite
def classes_and_logits(draw):
    """Some classes may have no row, some may never be called."""
    k, n = draw(st.integers(3, 6)), draw(st.integers(1, 40))
    y = draw(hnp.arrays(np.int32, n, elements=st.integers(0, k - 1)))
    logits = draw(hnp.arrays(np.float32, (n, k), elements=values))
    logits[:, sorted(draw(st.sets(st.integers(0, k - 1), max_size=k - 1)))] -= 16.0
    return y, logits


@st.composite
def labels_and_logits(draw):
    shape = draw(st.integers(1, 40)), draw(st.integers(2, 5))
    y = draw(hnp.arrays(np.int32, shape, elements=st.integers(0, 1)))
    return y, draw(hnp.arrays(np.float32, shape, elements=values))


def column(results, key):
    return [math.nan if result[key] is None else result[key] for result in results]


def auc(own, scores):
    return metrics.roc_auc_score(own, scores) if 0 < own.sum() < len(own) else math.nan


def assert_equals_scikit_learn(results, own, called, scores):
    """Compare with scikit-learn's numbers of each column of booleans; one that does not exist is NaN there."""
    for key, function in (
        ("precision", metrics.precision_score),
        ("recall", metrics.recall_score),
        ("f1", metrics.f1_score),
    ):
        expected = function(own, called, average=None, zero_division=np.nan)
        np.testing.assert_allclose(column(results, key), expected, rtol=1e-12, atol=1e-12, err_msg=key)
    expected = [auc(*pair) for pair in zip(own.T, scores.T, strict=True)]
    np.testing.assert_allclose(column(results, "roc_auc"), expected, rtol=1e-12, atol=1e-12)
    assert column(results, "rows") == own.sum(axis=0).tolist()
    assert column(results, "predicted") == called.sum(axis=0).tolist()


@settings(max_examples=50, deadline=None)
@given(case=classes_and_logits())
def test_every_class_equals_scikit_learn_against_the_rest(case):
    y, logits = case
    classes = np.arange(logits.shape[1])
    own, called = y[:, None] == classes, logits.argmax(axis=1)[:, None] == classes
    assert_equals_scikit_learn(per_class(y, logits)["classes"], own, called, softmax(logits))


@settings(max_examples=50, deadline=None)
@given(case=classes_and_logits())
def test_confusion_matrix_equals_that_of_scikit_learn(case):
    y, logits = case
    expected = metrics.confusion_matrix(y, logits.argmax(axis=1), labels=np.arange(logits.shape[1]))
    assert per_class(y, logits)["confusion"] == expected.tolist()


@settings(max_examples=50, deadline=None)
@given(case=labels_and_logits())
def test_every_label_equals_scikit_learn_at_one_half(case):
    y, logits = case
    assert_equals_scikit_learn(per_label(y, logits), y == 1, logits > 0, logits)


def test_number_that_does_not_exist_is_none_and_the_table_is_json():
    logits = np.array([[2, 0, -1], [0, 1, -1], [1, 0, -1]], np.float32)
    table = per_class(np.array([0, 1, 1], np.int32), logits)
    nothing = {"rows": 0, "predicted": 0, "precision": None, "recall": None, "f1": None, "roc_auc": None}
    assert table == {
        "classes": [
            {"rows": 1, "predicted": 2, "precision": 0.5, "recall": 1.0, "f1": 2 / 3, "roc_auc": 1.0},
            {"rows": 2, "predicted": 1, "precision": 1.0, "recall": 0.5, "f1": 2 / 3, "roc_auc": 1.0},
            nothing,
        ],
        "confusion": [[1, 0, 0], [1, 1, 0], [0, 0, 0]],
    }
    assert json.loads(json.dumps(table)) == table
    assert per_label(np.zeros((2, 1), np.int32), np.full((2, 1), -1.0, np.float32)) == [nothing]
