"""Mean and spread of columns with missing cells."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tuner.data import moments
from tuner.data.moments import Moments, column_moments, merged, no_rows

CELLS = st.one_of(st.just(float("nan")), st.integers(-1000, 1000).map(float))


def assert_equals_numpy(found, X):
    X = X.astype(np.float64)
    counts = (~np.isnan(X)).sum(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy warns of columns without a value
        mean, deviation = np.nanmean(X, axis=0), np.nanstd(X, axis=0)
    some = counts > 0
    np.testing.assert_array_equal(np.broadcast_to(found.n, counts.shape), counts)
    np.testing.assert_allclose(found.mean[some], mean[some], rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(np.sqrt(found.m2 / np.maximum(found.n, 1))[some], deviation[some], rtol=1e-9, atol=1e-7)
    assert (found.mean[~some] == 0).all()
    assert (found.scale[~some] == 1).all()


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.float32, st.tuples(st.integers(1, 30), st.integers(1, 4)), elements=CELLS), st.integers(1, 9))
def test_moments_are_those_of_the_cells_that_are_there(X, block):
    assert_equals_numpy(column_moments(X), X)
    before, moments.BLOCK_ROWS = moments.BLOCK_ROWS, block
    try:
        assert_equals_numpy(column_moments(X), X)
    finally:
        moments.BLOCK_ROWS = before


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.float32, (20, 2), elements=CELLS), st.integers(0, 20), st.integers(0, 20))
def test_merged_moments_are_those_of_all_rows_together(X, first, second):
    low, high = sorted((first, second))
    parts = [column_moments(part) for part in (X[:low], X[low:high], X[high:])]
    assert_equals_numpy(merged(merged(parts[0], parts[1]), parts[2]), X)


def test_rows_may_be_chosen():
    X = np.array([[1, np.nan], [5, 2], [9, 4]], np.float32)
    chosen = column_moments(X, np.array([0, 2], np.int32))
    assert (chosen.n.tolist(), chosen.mean.tolist(), chosen.m2.tolist()) == ([2, 1], [5, 4], [32, 0])


def test_counts_stay_one_number_where_no_cell_is_missing():
    assert column_moments(np.ones((5, 2), np.float32)).n == 5


def test_no_row_has_deviation_1():
    assert no_rows(2).scale.tolist() == [1, 1]


@pytest.mark.parametrize("m2", [0.0, 1e-90])
def test_a_deviation_too_small_for_a_normal_float32_counts_as_none(m2):
    assert Moments(3, np.zeros(1), np.array([m2])).scale.tolist() == [1]
