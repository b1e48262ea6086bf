"""Order of time: train on the past, score the future, and no moment on both sides."""

from itertools import pairwise

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import TimeSeriesSplit

from tuner.data.ordered import chain_blocks


@st.composite
def moments(draw):
    """Times of rows that change at least as often as there are folds, in any order, with any ties."""
    n_splits = draw(st.integers(2, 6))
    time = draw(st.lists(st.integers(-20, 20), min_size=n_splits + 1, max_size=80))
    return np.array(time, np.float64) / 4, n_splits


@settings(max_examples=100, deadline=None)
@given(moments())
def test_every_row_trained_on_is_earlier_than_every_row_scored(drawn):
    time, n_splits = drawn
    pairs = chain_blocks(time, n_splits)
    if len(np.unique(time)) <= n_splits:
        assert pairs is None
        return
    assert len(pairs) == n_splits
    for train, valid in pairs:
        assert time[train].max() < time[valid].min()
        assert (np.diff(train) > 0).all()
        assert (np.diff(valid) > 0).all()


@settings(max_examples=100, deadline=None)
@given(moments())
def test_each_fold_trains_on_all_that_came_before_and_no_row_is_scored_twice(drawn):
    time, n_splits = drawn
    pairs = chain_blocks(time, n_splits)
    assume(pairs is not None)
    for (train, valid), (later, _) in pairwise(pairs):
        np.testing.assert_array_equal(np.sort(np.concatenate([train, valid])), later)
    last_train, last_valid = pairs[-1]
    np.testing.assert_array_equal(np.sort(np.concatenate([last_train, last_valid])), np.arange(len(time)))


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 6), st.integers(0, 99), st.integers(7, 80))
def test_rows_of_different_times_are_cut_as_scikit_learn_cuts_them(n_splits, seed, n_rows):
    time = np.random.default_rng(seed).permutation(n_rows).astype(np.float64)
    order = np.argsort(time)
    expected = TimeSeriesSplit(n_splits).split(order)
    for (train, valid), (first, second) in zip(chain_blocks(time, n_splits), expected, strict=True):
        np.testing.assert_array_equal(train, np.sort(order[first]))
        np.testing.assert_array_equal(valid, np.sort(order[second]))


def test_border_between_equal_times_moves_to_the_nearest_change_and_among_equals_to_the_earlier():
    pairs = chain_blocks(np.array([0, 0, 0, 1, 1, 1, 2, 2, 2], np.float64), 2)  # borders at 3 and 6
    assert [valid.tolist() for _, valid in pairs] == [[3, 4, 5], [6, 7, 8]]
    pairs = chain_blocks(np.array([0, 0, 1, 1, 1, 2, 2, 2, 2], np.float64), 2)  # changes at 2 and 5
    assert [valid.tolist() for _, valid in pairs] == [[2, 3, 4], [5, 6, 7, 8]]
    pairs = chain_blocks(np.array([0, 0, 1, 1, 2, 2, 2, 3, 3], np.float64), 2)  # 3 is as near to 2 as to 4
    assert [valid.tolist() for _, valid in pairs] == [[2, 3, 4, 5, 6], [7, 8]]


def test_borders_that_would_fall_together_leave_each_block_a_moment_of_its_own():
    time = np.array([0] + [1] * 50 + [2, 3], np.float64)
    pairs = chain_blocks(time, 3)
    assert [len(valid) for _, valid in pairs] == [50, 1, 1]
    assert [len(train) for train, _ in pairs] == [1, 51, 52]


def test_too_few_different_times_have_no_folds():
    assert chain_blocks(np.array([1.0, 1.0, 2.0, 2.0]), 2) is None
    assert len(chain_blocks(np.array([1.0, 3.0, 2.0, 2.0]), 2)) == 2
