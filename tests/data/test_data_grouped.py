"""Dealing groups: whole groups, even classes, the rule of scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from tuner.data.grouped import deal_groups


@st.composite
def grouped_rows(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_rows = draw(st.integers(1, 120))
    group = rng.integers(0, draw(st.integers(1, 40)), n_rows) * 7 - 3  # any whole numbers
    strata = np.unique(rng.integers(0, draw(st.integers(1, 4)), n_rows), return_inverse=True)[1]
    return strata, group, draw(st.integers(2, 6)), draw(st.integers(0, 2**32 - 1))


@settings(max_examples=60, deadline=None)
@given(grouped_rows())
def test_every_row_has_a_fold_and_no_group_has_two(rows):
    strata, group, n_splits, seed = rows
    fold = deal_groups(strata, group, n_splits, seed=(seed,))
    assert fold.shape == group.shape
    assert fold.min() >= 0
    assert fold.max() < n_splits
    for number in np.unique(group):
        assert len(np.unique(fold[group == number])) == 1


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 6), st.integers(0, 99), st.lists(st.integers(6, 40), min_size=2, max_size=4))
def test_groups_of_one_row_are_dealt_as_evenly_as_rows_can_be(n_splits, seed, sizes):
    strata = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    fold = deal_groups(strata, np.arange(len(strata)), n_splits, seed=(seed,))
    for k in range(len(sizes)):
        counts = np.bincount(fold[strata == k], minlength=n_splits)
        assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("seed", range(20))
def test_groups_that_all_differ_are_dealt_as_scikit_learn_deals_them(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.choice(np.arange(1, 400), (25, 3), replace=False) + rng.permutation(75).reshape(25, 3)
    variances = sizes.var(axis=1)
    assert len(np.unique(variances)) == 25  # so that nothing is drawn
    group = np.repeat(np.arange(25), sizes.sum(axis=1))
    strata = np.concatenate([np.repeat(np.arange(3), row) for row in sizes])
    splitter = StratifiedGroupKFold(4, shuffle=True, random_state=seed)
    expected = {tuple(valid) for _, valid in splitter.split(strata, strata, group)}  # rounding may swap equal folds
    fold = deal_groups(strata, group, 4, seed=(seed,))
    assert {tuple(np.flatnonzero(fold == number)) for number in range(4)} == expected


def test_same_seed_deals_the_same_and_another_one_otherwise():
    strata, group = np.arange(60) % 2, np.arange(60) // 2
    first, again, other = (deal_groups(strata, group, 3, seed=seed) for seed in ((5, 0), (5, 0), (5, 1)))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_large_group_gets_a_fold_to_itself_where_the_others_even_it_out():
    strata = np.repeat([0, 1], [40, 40])
    group = np.concatenate([np.zeros(20, int), np.arange(1, 61)])
    fold = deal_groups(strata, group, 2, seed=(0,))
    assert len(np.unique(fold[:20])) == 1
    assert set(fold[20:40]) == {1 - fold[0]}
    assert np.bincount(fold[40:]).tolist() == [20, 20]
