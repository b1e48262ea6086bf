"""Training rows resampled to equal classes."""

import importlib.util

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.over_sampling import SMOTE

from tuner.data.moments import column_moments
from tuner.data.resampling import NEIGHBORS, is_available, oversampled, smote_rows


def table(n_negative, n_positive, seed=0, n_features=3):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat([0, 1], [n_negative, n_positive])).astype(np.int32)
    X = rng.normal(size=(len(y), n_features)) * np.array([1.0, 1e3, 1e-3])[:n_features] + y[:, None]
    return X.astype(np.float32), y


def some_rows(y, rng):
    """Return ascending rows of both classes, four fifths of the table."""
    return np.sort(
        np.concatenate([rng.permutation(np.flatnonzero(y == c))[: -(-4 * (y == c).sum() // 5)] for c in (0, 1)])
    )


@st.composite
def training_rows(draw, *, fewest=1):
    seed = draw(st.integers(0, 999))
    X, y = table(draw(st.integers(fewest, 60)), draw(st.integers(fewest, 30)), seed)
    return X, y, some_rows(y, np.random.default_rng(seed)).astype(np.int32), draw(st.integers(0, 2**32 - 1))


@settings(max_examples=40, deadline=None)
@given(training_rows())
def test_oversampling_equalizes_the_classes_and_repeats_training_rows_of_the_rarer_one_only(drawn):
    _, y, rows, seed = drawn
    sampled = oversampled(y, rows, seed=seed)
    counts = np.bincount(y[rows], minlength=2)
    np.testing.assert_array_equal(np.bincount(y[sampled], minlength=2), [counts.max()] * 2)
    np.testing.assert_array_equal(sampled[: len(rows)], rows)
    added = sampled[len(rows) :]
    assert np.isin(added, rows[y[rows] == counts.argmin()]).all()
    assert sampled.dtype == np.int32


def test_oversampling_draws_every_row_of_the_rarer_class_about_as_often():
    _, y = table(9_010, 10)
    rows = np.arange(len(y), dtype=np.int32)
    repeats = np.bincount(oversampled(y, rows, seed=3), minlength=len(y))[y == 1]
    assert repeats.sum() == 9_010
    assert np.abs(repeats - 901).max() < 5 * np.sqrt(900 * 0.9)


def test_draws_follow_from_the_seed():
    X, y = table(50, 9)
    rows = np.arange(len(y), dtype=np.int32)
    first, again, other = (oversampled(y, rows, seed=seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    first, again, other = (smote_rows(X, y, rows, seed=seed)[0] for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def on_a_segment(row, a, b, scale):
    """Return how far a row is from the segment between two others, in units of the columns' spread."""
    a, b, row = a / scale, b / scale, row / scale
    along = np.clip((row - a) @ (b - a) / max((b - a) @ (b - a), 1e-300), 0.0, 1.0)
    return np.abs(a + along * (b - a) - row).max()


@settings(max_examples=25, deadline=None)
@given(training_rows(fewest=3))
def test_smote_rows_lie_between_training_rows_of_the_rarer_class_and_make_up_for_its_lack(drawn):
    X, y, rows, seed = drawn
    counts = np.bincount(y[rows], minlength=2)
    synthetic, classes = smote_rows(X, y, rows, seed=seed)
    label = counts.argmin()
    np.testing.assert_array_equal(classes, np.full(abs(counts[0] - counts[1]), label))
    assert synthetic.shape == (abs(counts[0] - counts[1]), X.shape[1])
    assert synthetic.dtype == np.float32
    own, scale = X[rows[y[rows] == label]].astype(np.float64), column_moments(X, rows).scale
    for row in synthetic.astype(np.float64):
        assert min(on_a_segment(row, a, b, scale) for a in own for b in own) < 1e-5


def test_smote_takes_the_nearest_five_among_standardized_columns():
    rng = np.random.default_rng(1)
    X, y = table(60, 12, seed=1, n_features=2)
    X[:, 0] *= 1e4  # would decide alone who is near, were columns not standardized
    rows = np.arange(len(y), dtype=np.int32)
    own, moments = X[y == 1].astype(np.float64), column_moments(X, rows)
    scaled = (own - moments.mean) / moments.scale
    distance = np.linalg.norm(scaled[:, None] - scaled[None], axis=2)
    near = np.argsort(distance, axis=1)[:, 1 : NEIGHBORS + 1]
    synthetic, _ = smote_rows(X, y, rows, seed=int(rng.integers(1000)))
    for row in synthetic.astype(np.float64):
        offsets = [on_a_segment(row, own[i], own[j], moments.scale) for i in range(12) for j in near[i]]
        assert min(offsets) < 1e-5


def test_smote_reads_no_row_beyond_those_given():
    X, y = table(40, 8)
    rows = np.flatnonzero(np.arange(len(y)) % 4).astype(np.int32)
    before = smote_rows(X, y, rows, seed=0)[0]
    X[::4] += 1e6
    np.testing.assert_array_equal(smote_rows(X, y, rows, seed=0)[0], before)


def test_smote_of_a_single_row_is_none_and_of_two_lies_between_them():
    X, y = table(20, 2)
    rows = np.arange(len(y), dtype=np.int32)
    alone = np.delete(rows, np.flatnonzero(y == 1)[0])
    assert smote_rows(X, y, alone, seed=0) is None
    synthetic, _ = smote_rows(X, y, rows, seed=0)
    a, b = X[y == 1]
    slack = 1e-6 * np.abs(X).max(axis=0)
    assert len(synthetic) == 18
    assert ((synthetic >= np.minimum(a, b) - slack) & (synthetic <= np.maximum(a, b) + slack)).all()


@pytest.mark.parametrize("n", [2, 7])
def test_equal_classes_are_left_as_they_are(n):
    X, y = table(n, n)
    rows = np.arange(2 * n, dtype=np.int32)
    np.testing.assert_array_equal(oversampled(y, rows, seed=0), rows)
    assert smote_rows(X, y, rows, seed=0)[0].shape == (0, 3)


def test_constant_column_stays_constant():
    X, y = table(30, 6)
    X[:, 1] = 7.5
    synthetic, _ = smote_rows(X, y, np.arange(len(y), dtype=np.int32), seed=0)
    assert (synthetic[:, 1] == 7.5).all()


COUNTS = (40, 12, 4, 40)


def table_of_more(seed=0):
    """Four classes, two of them the largest, in three columns of very different spread."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(COUNTS)), COUNTS)).astype(np.int32)
    X = (rng.normal(size=(len(y), 3)) + y[:, None]) * [1.0, 1e3, 1e-3]
    return X.astype(np.float32), y, np.arange(len(y), dtype=np.int32)


def test_oversampling_brings_every_class_up_to_the_largest():
    _, y, rows = table_of_more()
    sampled = oversampled(y, rows, seed=1)
    assert np.bincount(y[sampled]).tolist() == [40, 40, 40, 40]
    np.testing.assert_array_equal(sampled[: len(rows)], rows)
    assert set(y[sampled[len(rows) :]]) == {1, 2}


def test_smote_brings_every_class_up_to_the_largest_between_rows_of_its_own():
    X, y, rows = table_of_more()
    synthetic, classes = smote_rows(X, y, rows, seed=2)
    assert np.bincount(classes).tolist() == [0, 28, 36]
    scale = column_moments(X, rows).scale
    for number in (1, 2):
        own = X[y == number].astype(np.float64)
        for row in synthetic[classes == number].astype(np.float64):
            assert min(on_a_segment(row, a, b, scale) for a in own for b in own) < 1e-5


def test_rarest_class_does_not_decide_how_many_neighbors_the_others_have():
    X, y, rows = table_of_more()
    synthetic, classes = smote_rows(X, y, rows, seed=2)
    scaler = column_moments(X, rows)
    scaled = (X - scaler.mean) / scaler.scale
    sampler = SMOTE(sampling_strategy={1: 40}, k_neighbors=NEIGHBORS, random_state=2)
    expected = sampler.fit_resample(scaled, y)[0][len(rows) :] * scaler.scale + scaler.mean
    np.testing.assert_allclose(synthetic[classes == 1], expected, rtol=1e-6)


def test_smote_of_equally_many_neighbors_is_that_of_imbalanced_learn_for_all_classes_at_once():
    X, y, rows = table_of_more()
    y = np.where(y == 2, 1, np.where(y == 3, 2, y)).astype(np.int32)  # 40, 16 and 40 rows
    synthetic, classes = smote_rows(X, y, rows, seed=4)
    moments = column_moments(X, rows)
    expected, labels = SMOTE(random_state=4).fit_resample((X - moments.mean) / moments.scale, y)
    np.testing.assert_array_equal(classes, labels[len(rows) :])
    np.testing.assert_allclose(synthetic, expected[len(rows) :] * moments.scale + moments.mean, rtol=1e-6)


def test_smote_of_a_class_of_one_row_among_many_classes_is_none():
    X, y, rows = table_of_more()
    single = np.delete(rows, np.flatnonzero(y == 2)[1:])
    assert smote_rows(X, y, single, seed=0) is None


def test_missing_library_is_told(monkeypatch):
    assert is_available()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "imblearn" else object())
    assert not is_available()
