"""Folds: who trains on what, who is scored when."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import RepeatedStratifiedKFold

from tuner.config.cv import Holdout, KFold
from tuner.data.folds import folds_of_seed, make_folds, with_seeds
from tuner.errors import ConfigError, DataError
from tuner.training.seeds import batch_order


def labels(n_negative, n_positive, seed=0):
    y = np.repeat([0, 1], [n_negative, n_positive]).astype(np.int32)
    return np.random.default_rng(seed).permutation(y)


@st.composite
def tables(draw):
    n_splits = draw(st.integers(2, 6))
    y = labels(draw(st.integers(n_splits, 60)), draw(st.integers(n_splits, 20)), draw(st.integers(0, 9)))
    return y, KFold(n_splits=n_splits, n_repeats=draw(st.integers(1, 3)), seed=draw(st.integers(0, 2**32 - 1)))


@settings(max_examples=40, deadline=None)
@given(tables())
def test_row_is_never_both_trained_on_and_scored(table):
    y, section = table
    folds = make_folds(y, section)
    for train, valid in zip(folds.train, folds.valid, strict=True):
        np.testing.assert_array_equal(np.sort(np.concatenate([train, valid])), np.arange(len(y)))
        assert (np.diff(train) > 0).all()
        assert (np.diff(valid) > 0).all()


@settings(max_examples=40, deadline=None)
@given(tables())
def test_every_row_is_scored_exactly_once_in_every_repeat(table):
    y, section = table
    folds = make_folds(y, section)
    for repeat in range(section.n_repeats):
        scored = np.concatenate([folds.valid[fold] for fold in np.flatnonzero(folds.repeat == repeat)])
        np.testing.assert_array_equal(np.sort(scored), folds.scored_rows)
    np.testing.assert_array_equal(folds.scored_rows, np.arange(len(y)))


@settings(max_examples=40, deadline=None)
@given(tables())
def test_every_fold_has_both_classes_on_both_sides(table):
    y, section = table
    folds = make_folds(y, section)
    for rows in (*folds.train, *folds.valid):
        assert set(y[rows]) == {0, 1}


def test_folds_are_those_of_scikit_learn_in_its_order():
    y, section = labels(80, 20), KFold(n_splits=4, n_repeats=2, seed=3)
    folds = make_folds(y, section)
    expected = RepeatedStratifiedKFold(n_splits=4, n_repeats=2, random_state=3).split(np.zeros(100), y)
    for fold, (train, valid) in enumerate(expected):
        np.testing.assert_array_equal(folds.train[fold], train)
        np.testing.assert_array_equal(folds.valid[fold], valid)
    assert folds.repeat.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert folds.split.tolist() == [0, 1, 2, 3, 0, 1, 2, 3]


def test_plan_of_kfold_describes_it():
    plan = make_folds(labels(80, 20), KFold(n_splits=4, n_repeats=2)).plan
    assert (plan.kind, plan.n_splits, plan.n_repeats, plan.n_folds) == ("stratified_kfold", 4, 2, 8)
    assert plan.test_over_train == pytest.approx(1 / 3)
    assert plan.n_scored_rows == 100


def test_index_arrays_cannot_be_written():
    folds = make_folds(labels(8, 4), KFold(n_splits=2, n_repeats=1))
    for indices in (*folds.train, *folds.valid, folds.repeat, folds.split, folds.scored_rows):
        assert indices.dtype == np.int32
        with pytest.raises(ValueError, match="read-only"):
            indices[0] = 1


def test_fingerprint_follows_the_folds():
    y = labels(80, 20)
    first = make_folds(y, KFold(seed=1)).plan.sha256
    assert make_folds(y, KFold(seed=1)).plan.sha256 == first
    others = {
        make_folds(y, KFold(seed=2)).plan.sha256,
        make_folds(y, KFold(seed=1, n_repeats=2)).plan.sha256,
        make_folds(labels(80, 20, seed=1), KFold(seed=1)).plan.sha256,
        make_folds(y, Holdout(kind="holdout", n_train=50)).plan.sha256,
    }
    assert len(others | {first}) == 5


@pytest.mark.parametrize(
    ("n_minority", "text"),
    [
        (
            3,
            "3 minority rows, too few for cv.n_splits=5: each fold needs at least one.\nLower cv.n_splits to 3 or less",
        ),
        (
            1,
            "1 minority row, too few for cv.n_splits=5: each fold needs at least one.\n"
            "Add rows: cross-validation needs",
        ),
    ],
)
@pytest.mark.parametrize("flip", [False, True])
def test_fewer_minority_rows_than_splits_are_refused(n_minority, text, flip):
    y = labels(40, n_minority)
    with pytest.raises(DataError) as caught:
        make_folds(1 - y if flip else y, KFold(), source="data/fraud.csv")
    end = ", or add rows." if n_minority > 1 else " at least two of each class."
    assert str(caught.value) == f"data/fraud.csv has {text}{end}"


def test_as_many_minority_rows_as_splits_are_enough():
    folds = make_folds(labels(40, 5), KFold())
    assert all((labels(40, 5)[valid] == 1).sum() == 1 for valid in folds.valid)


def test_holdout_trains_on_the_first_rows_and_repeats_one_split():
    y = np.tile([0, 0, 0, 1], 5).astype(np.int32)
    folds = make_folds(y, Holdout(kind="holdout", n_train=12, n_repeats=3))
    for fold in range(3):
        assert folds.train[fold].tolist() == list(range(12))
        assert folds.valid[fold].tolist() == list(range(12, 20))
    assert folds.repeat.tolist() == [0, 1, 2]
    assert folds.split.tolist() == [0, 0, 0]
    assert folds.scored_rows.tolist() == list(range(12, 20))
    plan = folds.plan
    assert (plan.kind, plan.n_splits, plan.n_repeats, plan.n_scored_rows) == ("holdout", 1, 3, 8)
    assert plan.test_over_train == 0.0  # intervals over seeds: no rows are resampled


def test_holdout_without_a_test_row_is_refused():
    with pytest.raises(ConfigError) as caught:
        make_folds(labels(8, 2), Holdout(kind="holdout", n_train=10), source="t.csv")
    assert str(caught.value) == (
        "cv.n_train=10 leaves no row to test: t.csv has 10 rows.\n"
        "Lower cv.n_train below 10, or use cv.kind: stratified_kfold."
    )


@pytest.mark.parametrize(("y", "side", "count"), [([0, 0, 0, 1, 0], "training", 3), ([0, 1, 0, 0, 0], "test", 2)])
def test_holdout_with_one_class_on_a_side_is_refused(y, side, count):
    with pytest.raises(DataError) as caught:
        make_folds(np.array(y, np.int32), Holdout(kind="holdout", n_train=3))
    assert str(caught.value) == (
        f"cv.n_train=3: all {count} {side} rows of the table are of one class; "
        "both sides need both (the first n_train rows train, the rest test).\n"
        "Choose another cv.n_train, shuffle the rows of the table, or use cv.kind: stratified_kfold."
    )


@settings(max_examples=40, deadline=None)
@given(tables(), st.integers(1, 4))
def test_folds_under_further_seeds_are_the_same_rows_behind_the_first(table, n_seeds):
    y, section = table
    folds = make_folds(y, section)
    more = with_seeds(folds, n_seeds)
    assert len(more.train) == len(more.valid) == len(more.repeat) == len(more.split) == n_seeds * folds.plan.n_folds
    assert more.plan == folds.plan
    np.testing.assert_array_equal(more.scored_rows, folds.scored_rows)
    for seed in range(n_seeds):
        for own, j in enumerate(folds_of_seed(folds.plan, seed)):
            assert more.train[j] is folds.train[own]
            assert more.valid[j] is folds.valid[own]
            assert more.split[j] == folds.split[own]


@settings(max_examples=40, deadline=None)
@given(tables(), st.integers(1, 4))
def test_no_two_folds_of_all_seeds_share_a_seed_and_the_first_keep_theirs(table, n_seeds):
    y, section = table
    folds = make_folds(y, section)
    more = with_seeds(folds, n_seeds)
    places = list(zip(more.repeat.tolist(), more.split.tolist(), strict=True))
    assert len(set(places)) == len(places)
    first = folds_of_seed(folds.plan, 0)
    np.testing.assert_array_equal(more.repeat[first], folds.repeat)
    np.testing.assert_array_equal(more.split[first], folds.split)


def test_further_seeds_visit_the_rows_of_a_fold_in_another_order():
    more = with_seeds(make_folds(labels(40, 10), KFold(n_splits=2, n_repeats=2)), 3)
    orders = {
        tuple(batch_order(25, seed=0, repeat=int(more.repeat[j]), split=int(more.split[j]), epoch=0))
        for j in (1, 5, 9)  # the same fold
    }
    assert len(orders) == 3


def test_numbers_of_all_seeds_together_are_every_fold_once():
    plan = make_folds(labels(40, 10), KFold(n_splits=2, n_repeats=2)).plan
    assert [list(folds_of_seed(plan, seed)) for seed in range(3)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]


def test_index_arrays_of_further_seeds_cannot_be_written():
    more = with_seeds(make_folds(labels(8, 4), KFold(n_splits=2, n_repeats=1)), 2)
    for indices in (*more.train, *more.valid, more.repeat, more.split):
        assert indices.dtype == np.int32
        with pytest.raises(ValueError, match="read-only"):
            indices[0] = 1


def test_holdout_under_further_seeds_repeats_its_one_split():
    more = with_seeds(
        make_folds(np.tile([0, 1], 8).astype(np.int32), Holdout(kind="holdout", n_train=8, n_repeats=2)), 3
    )
    assert more.repeat.tolist() == [0, 1, 2, 3, 4, 5]
    assert more.split.tolist() == [0] * 6
    assert all(train is more.train[0] for train in more.train)
