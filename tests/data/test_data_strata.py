"""Kinds of rows: counted, named, and what stratifies several labels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.data.strata import count_kinds, find_lack, list_kinds, name_kinds, rows_of_kind, strata_of

LABELS = np.array([[1, 0], [1, 1], [0, 0], [1, 0]], np.int32)
CLASSES = np.array([2, 0, 2, 1, 2], np.int32)


def test_kinds_of_rows_are_the_classes_or_rows_with_and_without_each_label():
    assert count_kinds(CLASSES).tolist() == [1, 1, 3]
    assert count_kinds(CLASSES, np.array([0, 1])).tolist() == [1, 0, 1]
    assert count_kinds(LABELS).tolist() == [3, 1, 1, 3]
    assert count_kinds(LABELS, np.array([2])).tolist() == [0, 0, 1, 1]
    assert count_kinds(np.zeros(3, np.int32)).tolist() == [3, 0]


def test_kinds_are_named_in_the_order_in_which_they_are_counted():
    assert name_kinds(CLASSES, ("a", "b", "c")) == ['of class "a"', 'of class "b"', 'of class "c"']
    assert name_kinds(CLASSES, ()) == ["of class 0", "of class 1", "of class 2"]
    assert name_kinds(LABELS, ("x", "y")) == [
        'with label "x"',
        'with label "y"',
        'without label "x"',
        'without label "y"',
    ]


@pytest.mark.parametrize("y", [LABELS, CLASSES], ids=["labels", "classes"])
def test_rows_of_a_kind_are_as_many_as_were_counted(y):
    assert [int(rows_of_kind(y, kind).sum()) for kind in range(len(count_kinds(y)))] == count_kinds(y).tolist()
    assert rows_of_kind(LABELS, 3).tolist() == [True, False, True, True]


def test_long_lists_of_kinds_end_in_a_count():
    assert list_kinds(["of class 0", "of class 1"], [1, 2000]) == "1 row of class 0, 2,000 rows of class 1"
    assert list_kinds(["x"] * 23, [2] * 23) == ", ".join(["2 rows x"] * 20) + " and 3 more"


def test_first_lack_is_told_with_its_side():
    rows = np.arange(5)
    assert find_lack(CLASSES, [(rows, rows)]) is None
    assert find_lack(CLASSES, [(rows, rows), (rows[2:], rows)]) == (1, "training", 0)
    assert find_lack(CLASSES, [(rows, rows[:3])]) == (0, "validation", 1)
    assert find_lack(LABELS, [(np.array([0, 1, 2]), np.array([0, 2, 3]))]) == (0, "validation", 1)


def test_classes_are_their_own_strata():
    assert strata_of(CLASSES, 3) is CLASSES


def test_frequent_combinations_are_strata_of_their_own_and_rare_ones_join_by_their_rarest_label():
    a, b, c = [1, 0, 0], [0, 1, 0], [0, 0, 1]
    rows = [a] * 5 + [b] * 3 + [[1, 0, 1]] * 2 + [[0, 1, 1]] + [[0, 0, 0]] * 4  # c is the rarest: 3 rows
    stratum = strata_of(np.array(rows, np.int32), 3)
    assert len(set(stratum[:5])) == len(set(stratum[5:8])) == len(set(stratum[8:11])) == len(set(stratum[11:])) == 1
    assert len(set(stratum)) == 4
    assert strata_of(np.array([*rows, c], np.int32), 3)[-1] == stratum[8]


def test_what_stays_too_small_joins_the_largest_stratum():
    rows = [[1, 0]] * 6 + [[0, 1]] * 4 + [[1, 1]] + [[0, 0]]
    stratum = strata_of(np.array(rows, np.int32), 3)
    assert stratum.tolist() == [stratum[0]] * 6 + [stratum[6]] * 4 + [stratum[0]] * 2


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 6), st.integers(1, 5), st.integers(0, 2**32 - 1), st.integers(6, 80))
def test_every_stratum_has_a_row_for_every_fold_and_equal_rows_share_one(n_splits, n_labels, seed, n_rows):
    rng = np.random.default_rng(seed)
    y = (rng.random((n_rows, n_labels)) < rng.random(n_labels)).astype(np.int32)
    stratum = strata_of(y, n_splits)
    assert np.bincount(stratum).min() >= n_splits
    for row in np.unique(y, axis=0):
        assert len(np.unique(stratum[(y == row).all(axis=1)])) == 1
