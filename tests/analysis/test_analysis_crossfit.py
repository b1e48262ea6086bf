"""Who judges and who chooses: folds, or parts drawn where a repeat has one fold."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tuner.analysis.crossfit import N_PARTS, judging_parts, turns


def labels(n_positive, n_negative, seed=0):
    y = np.repeat(np.array([1, 0], np.int32), [n_positive, n_negative])
    return np.random.default_rng(seed).permutation(y)


def test_folds_of_cross_validation_are_the_parts():
    split_of = np.array([[0, 1, 2, 0], [2, 0, 1, 1]])
    assert judging_parts(labels(2, 2), split_of, seed=0).tolist() == split_of.tolist()


@given(st.integers(1, 30), st.integers(1, 60), st.integers(0, 3))
def test_a_single_split_is_cut_into_parts_that_share_each_class_evenly(n_positive, n_negative, seed):
    y = labels(n_positive, n_negative)
    parts = judging_parts(y, np.zeros((2, len(y)), int), seed=seed)
    for row in parts:
        for rows in (row, row[y == 0], row[y == 1]):
            sizes = np.bincount(rows, minlength=N_PARTS)
            assert len(sizes) == N_PARTS
            assert sizes.max() - sizes.min() <= 1


def test_parts_follow_from_the_seed_and_differ_between_repeats():
    y = labels(20, 80)
    split_of = np.zeros((2, 100), int)
    first = judging_parts(y, split_of, seed=1)
    assert (first == judging_parts(y, split_of, seed=1)).all()
    assert (first != judging_parts(y, split_of, seed=2)).any()
    assert (first[0] != first[1]).any()


def test_every_row_judges_once_in_each_repeat_and_never_what_it_chose():
    parts = np.array([[0, 1, 2, 0], [4, 4, 1, 1]])
    judged = np.zeros((2, 4), int)
    for turn in turns(parts):
        assert not (turn.own & turn.others).any()
        assert (turn.own | turn.others).all()
        judged[turn.repeat] += turn.own
    assert (judged == 1).all()
