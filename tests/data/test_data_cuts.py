"""Folds of any classes and labels, by groups, by time, by a column: what holds of each, and how each refuses."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tuner.config.cv import Holdout, KFold
from tuner.data.folds import make_folds, with_seeds
from tuner.data.strata import count_kinds
from tuner.errors import ConfigError, DataError


def shuffled(*counts, seed=0):
    """Labels with as many rows of each class."""
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts)).astype(np.int32)


def refusal(y, section, **columns):
    with pytest.raises((DataError, ConfigError)) as caught:
        make_folds(np.asarray(y, np.int32), section, source="t.csv", **columns)
    return str(caught.value)


@st.composite
def tables(draw):
    """Labels of classes or several labels, a group, a time and a fold of each row, and one of the ways to cut them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_rows = draw(st.integers(40, 120))
    if draw(st.booleans()):
        y = rng.integers(0, draw(st.integers(2, 4)), n_rows)
    else:
        y = rng.random((n_rows, draw(st.integers(1, 3)))) < 0.4
    columns = {
        "group": rng.integers(0, draw(st.integers(5, 60)), n_rows),
        "time": rng.integers(0, draw(st.integers(4, 60)), n_rows).astype(np.float64),
        "fold": np.unique(rng.integers(0, draw(st.integers(2, 4)), n_rows), return_inverse=True)[1],
    }
    way = draw(st.sampled_from(["none", "group", "time", "fold"]))
    section = {} if way == "none" else {way: "column"}
    section |= {} if way in ("time", "fold") else {"n_repeats": draw(st.integers(1, 2))}
    section |= {} if way == "fold" else {"n_splits": draw(st.integers(2, 5))}
    return y.astype(np.int32), KFold(**section, seed=draw(st.integers(0, 99))), columns


def cut(table):
    """Folds, or None where they are refused."""
    y, section, columns = table
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return make_folds(y, section, **columns)
        except DataError:
            return None


@settings(max_examples=150, deadline=None)
@given(tables())
def test_no_row_is_both_trained_on_and_scored_and_both_sides_have_every_class(table):
    folds = cut(table)
    assume(folds is not None)
    for train, valid in zip(folds.train, folds.valid, strict=True):
        assert not np.isin(train, valid).any()
        for rows in (train, valid):
            assert count_kinds(table[0], rows).all()
            assert (np.diff(rows) > 0).all()
            assert rows.dtype == np.int32
            assert not rows.flags.writeable


@settings(max_examples=150, deadline=None)
@given(tables())
def test_each_scored_row_is_scored_once_in_every_repeat(table):
    folds = cut(table)
    assume(folds is not None)
    plan = folds.plan
    assert len(folds.valid) == plan.n_folds == plan.n_splits * plan.n_repeats
    assert len(folds.scored_rows) == plan.n_scored_rows
    for repeat in range(plan.n_repeats):
        scored = np.concatenate([folds.valid[j] for j in np.flatnonzero(folds.repeat == repeat)])
        np.testing.assert_array_equal(np.sort(scored), folds.scored_rows)
    if plan.kind == "stratified_kfold":
        np.testing.assert_array_equal(folds.scored_rows, np.arange(len(table[0])))
        for train, valid in zip(folds.train, folds.valid, strict=True):
            assert len(train) + len(valid) == len(table[0])


@settings(max_examples=150, deadline=None)
@given(tables())
def test_groups_are_never_split_and_time_never_runs_back(table):
    folds = cut(table)
    assume(folds is not None)
    _, section, columns = table
    for train, valid in zip(folds.train, folds.valid, strict=True):
        if section.group is not None:
            assert not np.isin(columns["group"][train], columns["group"][valid]).any()
        if section.time is not None:
            assert columns["time"][train].max() < columns["time"][valid].min()
        if section.fold is not None:
            assert len(np.unique(columns["fold"][valid])) == 1


def test_plan_says_how_rows_were_cut():
    rng = np.random.default_rng(1)
    y = shuffled(60, 30)
    columns = {"group": rng.integers(0, 30, 90), "time": np.arange(90.0), "fold": np.arange(90) % 3}
    plans = {way: make_folds(y, KFold(n_splits=3, **{way: "c"}), **columns).plan for way in ("group", "time", "fold")}
    assert [plan.kind for plan in plans.values()] == ["stratified_kfold", "time", "stratified_kfold"]
    assert [plan.splitter for plan in plans.values()] == ["grouped", "time", "predefined"]
    assert [plan.n_splits for plan in plans.values()] == [3, 3, 3]
    assert [plan.n_repeats for plan in plans.values()] == [3, 1, 1]
    assert plans["time"].n_scored_rows == 66  # blocks of 22 rows, the first of 24 is not scored
    assert plans["time"].test_over_train == pytest.approx((22 / 24 + 22 / 46 + 22 / 68) / 3)
    assert plans["fold"].test_over_train == pytest.approx(1 / 2)
    assert make_folds(y, KFold()).plan.splitter == "stratified"


def test_grouped_folds_follow_the_seed_and_differ_between_repeats():
    y, group = shuffled(60, 30), np.arange(90) // 2
    section = KFold(group="g", n_splits=3, n_repeats=2, seed=1)
    folds = make_folds(y, section, group=group)
    assert make_folds(y, section, group=group).plan.sha256 == folds.plan.sha256
    assert make_folds(y, section.model_copy(update={"seed": 2}), group=group).plan.sha256 != folds.plan.sha256
    assert not np.array_equal(folds.valid[0], folds.valid[3])


def test_column_decides_how_many_folds_there_are():
    y, fold = shuffled(60, 30), np.arange(90) % 4
    for section in (KFold(fold="part"), KFold(fold="part", n_splits=4)):
        folds = make_folds(y, section, fold=fold)
        assert folds.plan.n_splits == 4
        for j, valid in enumerate(folds.valid):
            np.testing.assert_array_equal(valid, np.flatnonzero(fold == j))
    assert refusal(y, KFold(fold="part", n_splits=3), fold=fold) == (
        "cv.n_splits=3, but the column cv.fold=part of t.csv holds 4 folds.\nRemove cv.n_splits, or set it to 4."
    )
    assert refusal(y, KFold(fold="part"), fold=np.zeros(90, int)) == (
        "the column cv.fold=part of t.csv holds 1 fold; two or more are expected.\nChoose another cv.fold, or remove it."
    )


def test_columns_that_the_section_does_not_name_have_no_effect():
    y = shuffled(60, 30)
    plain = make_folds(y, KFold())
    assert make_folds(y, KFold(), group=np.arange(90), time=np.arange(90.0), fold=np.arange(90)).plan == plain.plan


@pytest.mark.parametrize("key", ["group", "time", "fold"])
def test_column_that_the_table_does_not_have_is_refused(key):
    assert refusal(shuffled(30, 30), KFold(**{key: "day"})) == (
        f"cv.{key}=day needs a column of a table, and t.csv has none.\nRemove cv.{key}."
    )


def test_every_class_with_too_few_rows_is_named():
    y = shuffled(30, 4, 2, 20)
    assert refusal(y, KFold(), classes=("a", "b", "c", "d")) == (
        't.csv has 4 rows of class "b", 2 rows of class "c": too few for cv.n_splits=5, since each fold needs at least '
        "one.\nSet dataset.small_classes to merge or drop, lower cv.n_splits to 2 or less, or add rows."
    )
    assert refusal(shuffled(30, 1, 20), KFold(group="g"), group=np.arange(51)) == (
        "t.csv has 1 row of class 1: too few for cv.n_splits=5, since each fold needs at least one.\n"
        "Set dataset.small_classes to merge or drop, or add rows."
    )


def test_every_label_with_too_few_rows_is_named():
    y = np.zeros((40, 2), np.int32)
    y[:3, 0] = y[:38, 1] = 1
    assert refusal(y, KFold(), classes=("x", "y")) == (
        't.csv has 3 rows with label "x", 2 rows without label "y": too few for cv.n_splits=5, since each fold needs '
        "at least one.\nTake such labels out of dataset.target, lower cv.n_splits to 2 or less, or add rows."
    )


def test_label_that_rare_combinations_keep_out_of_a_fold_is_named():
    rows = [[1, 1, 0]] * 3 + [[0, 1, 0]] * 2 + [[1, 0, 1]] * 3 + [[0, 0, 0]] * 40 + [[0, 0, 1]] * 40
    message = refusal(rows, KFold(n_repeats=20), classes=("a", "b", "c"))
    assert message.endswith(
        ' validation row with label "a", which 6 rows of the table have in rare combinations with other labels.\n'
        "Lower cv.n_splits, take another cv.seed, or take this label out of dataset.target."
    )
    assert message.startswith("t.csv: fold ")


def test_fewer_groups_than_folds_are_refused():
    y = shuffled(30, 30)
    assert refusal(y, KFold(group="who"), group=np.arange(60) % 3) == (
        "t.csv has 3 groups in cv.group=who, too few for cv.n_splits=5: each fold needs at least one.\n"
        "Lower cv.n_splits to 3 or less, or remove cv.group."
    )
    assert refusal(y, KFold(group="who"), group=np.zeros(60, int)) == (
        "t.csv has 1 group in cv.group=who, too few for cv.n_splits=5: each fold needs at least one.\n"
        "Choose another cv.group, or remove cv.group."
    )


@pytest.mark.parametrize(
    ("n_holding", "fold", "side", "holding", "advice"),
    [
        (1, 0, "training", "1 group of cv.group=who holds", "Add rows of other groups, or choose another cv.group."),
        (
            2,
            2,
            "validation",
            "2 groups of cv.group=who hold",
            "Lower cv.n_splits to 2 or less, or add rows of other groups.",
        ),
    ],
)
def test_class_that_too_few_groups_hold_is_named_with_its_fold(n_holding, fold, side, holding, advice):
    y = np.repeat([0, 1], [60, 12]).astype(np.int32)
    group = np.concatenate([np.arange(60), 100 + np.arange(12) % n_holding])
    message = refusal(y, KFold(n_splits=3, n_repeats=1, group="who"), classes=("no", "yes"), group=group)
    assert message == (
        f't.csv: fold {fold} has no {side} row of class "yes": {holding} such rows, and every fold needs some on both '
        f"sides.\n{advice}"
    )


def test_as_many_folds_as_groups_that_hold_a_class_are_cut():
    y = np.repeat([0, 1], [60, 12]).astype(np.int32)
    group = np.concatenate([np.arange(60), 100 + np.arange(12) % 2])
    assert make_folds(y, KFold(n_splits=2, group="who"), group=group).plan.n_splits == 2


def test_class_that_uneven_groups_keep_out_of_a_fold_asks_for_another_seed():
    sizes = [(1, 30), (30, 1), (1, 1), (40, 0), (40, 0), (0, 0)]
    y = np.concatenate([np.repeat([0, 1], size) for size in sizes]).astype(np.int32)
    group = np.repeat(np.arange(len(sizes)), [sum(size) for size in sizes])
    message = refusal(y, KFold(n_splits=3, n_repeats=2, group="who"), group=group)
    assert message.startswith("t.csv: fold ")
    assert message.endswith(
        " of repeat 0 has no validation row of class 1: 3 groups of cv.group=who hold such rows, and every fold needs "
        "some on both sides.\nLower cv.n_splits, or take another cv.seed."
    )


def test_too_few_times_are_refused():
    y = shuffled(30, 30)
    assert refusal(y, KFold(time="day"), time=np.arange(60) % 4 * 1.0) == (
        "t.csv has 4 different times in cv.time=day, too few for cv.n_splits=5: that takes 6 or more.\n"
        "Lower cv.n_splits to 3 or less, or remove cv.time."
    )
    assert refusal(y, KFold(time="day"), time=np.zeros(60)) == (
        "t.csv has 1 different time in cv.time=day, too few for cv.n_splits=5: that takes 6 or more.\n"
        "Choose another cv.time, or remove cv.time."
    )


def test_class_that_comes_late_is_named_with_the_fold_that_cannot_learn_it():
    y = np.repeat([0, 1], [30, 30]).astype(np.int32)
    y[:3] = [1, 0, 1]
    assert refusal(y, KFold(n_splits=3, time="day"), classes=("no", "yes"), time=np.arange(60.0)) == (
        't.csv: fold 0 has no validation row of class "yes": in order of cv.time=day it trains on the first 15 rows and '
        "scores the next 15.\nLower cv.n_splits for longer blocks, add rows, or remove cv.time."
    )


def test_two_blocks_of_time_are_not_told_to_be_fewer():
    y = np.repeat([0, 1], [30, 30]).astype(np.int32)
    assert refusal(y, KFold(n_splits=2, time="day"), time=np.arange(60.0)).endswith(
        "scores the next 20.\nAdd rows, or remove cv.time."
    )


def test_predefined_fold_without_a_class_is_named():
    y = np.array([0, 1] * 20 + [0] * 10, np.int32)
    fold = np.repeat([0, 1, 2], [20, 20, 10])
    assert refusal(y, KFold(fold="part"), classes=("no", "yes"), fold=fold) == (
        't.csv: fold 2 of cv.fold=part, 10 rows, has no validation row of class "yes"; every fold needs some on both '
        "sides.\nJoin folds of that column, choose another cv.fold, or remove it."
    )


def test_holdout_takes_classes_and_labels():
    y = np.tile([0, 1, 2], 10).astype(np.int32)
    folds = make_folds(y, Holdout(kind="holdout", n_train=20, n_repeats=2))
    assert folds.plan.kind == "holdout"
    assert folds.valid[0].tolist() == list(range(20, 30))
    labels = np.stack([np.arange(30) % 2, np.arange(30) % 3 == 0], axis=1).astype(np.int32)
    assert make_folds(labels, Holdout(kind="holdout", n_train=20)).plan.n_scored_rows == 10
    assert refusal(np.sort(y), Holdout(kind="holdout", n_train=15), classes=("a", "b", "c")) == (
        'cv.n_train=15: none of the 15 training rows of t.csv is of class "c"; both sides need all (the first n_train '
        "rows train, the rest test).\n"
        "Choose another cv.n_train, shuffle the rows of the table, or use cv.kind: stratified_kfold."
    )


@pytest.mark.parametrize("key", ["group", "time", "fold"])
def test_folds_of_every_way_repeat_under_further_seeds(key):
    columns = {"group": np.arange(90) // 2, "time": np.arange(90.0), "fold": np.arange(90) % 3}
    folds = make_folds(shuffled(60, 30), KFold(n_splits=3, **{key: "c"}), **columns)
    more = with_seeds(folds, 2)
    assert more.train[folds.plan.n_folds] is folds.train[0]
    assert more.repeat.tolist() == sorted(more.repeat.tolist())


def test_large_tables_of_many_groups_are_cut_in_seconds():
    y = (np.random.default_rng(0).random(30_000) < 0.05).astype(np.int32)
    folds = make_folds(y, KFold(n_repeats=1, group="duplicates"), group=np.arange(30_000))
    assert [int(y[valid].sum()) for valid in folds.valid] == pytest.approx([y.sum() / 5] * 5, abs=1)
