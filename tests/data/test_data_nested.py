"""Nested folds: what is scored is never trained on, however training rows are resampled."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from tuner.config.cv import KFold
from tuner.config.dataset import EncodingSection
from tuner.data import moments, preprocessing
from tuner.data.dataset import Column, make_dataset
from tuner.data.folds import make_folds
from tuner.data.nested import nest_folds, require_rows
from tuner.data.strata import count_kinds
from tuner.errors import DataError

WAYS = ("none", "oversampling", "smote")


def make_table(n_negative=60, n_positive=18, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat([0, 1], [n_negative, n_positive])).astype(np.int32)
    X = (rng.normal(size=(len(y), 2)) + y[:, None]).astype(np.float32)
    return make_dataset(
        X, y, feature_names=("a", "b"), target="y", classes=("0", "1"), label_type="int", source="a table"
    )


def outer_of(dataset, *, n_splits=3, n_repeats=2, seed=0):
    folds = make_folds(dataset.y, KFold(n_splits=n_splits, n_repeats=n_repeats, seed=seed))
    return list(zip(folds.train, folds.valid, strict=True))


def make_nested(dataset=None, *, ways=WAYS, inner_splits=3, seed=0, **outer):
    dataset = dataset or make_table()
    return nest_folds(dataset, outer_of(dataset, **outer), inner_splits=inner_splits, seed=seed, ways=ways)


@st.composite
def nestings(draw):
    dataset = make_table(draw(st.integers(24, 50)), draw(st.integers(16, 24)), draw(st.integers(0, 99)))
    n_splits, inner_splits = draw(st.integers(2, 4)), draw(st.integers(2, 4))
    outer = outer_of(dataset, n_splits=n_splits, n_repeats=draw(st.integers(1, 2)))
    ways = tuple(draw(st.permutations(WAYS))[: draw(st.integers(1, 3))])
    seed = draw(st.integers(0, 2**32 - 1))
    return dataset, outer, nest_folds(dataset, outer, inner_splits=inner_splits, seed=seed, ways=ways)


@settings(max_examples=25, deadline=None)
@given(nestings())
def test_test_rows_of_an_outer_fold_take_no_part_in_its_search(nesting):
    dataset, outer, nested = nesting
    folds, n_rows = nested.folds, len(dataset.y)
    for way in nested.ways:
        for number, (_, test) in enumerate(outer):
            group = [*nested.inner(way, number), nested.outer(way, number)]
            for j in group:
                assert not np.isin(folds.train[j], test).any()
                assert not np.isin(folds.fitted[j], test).any()
                assert (folds.valid[j] < n_rows).all()
            for j in group[:-1]:
                assert not np.isin(folds.valid[j], test).any()
            np.testing.assert_array_equal(folds.valid[group[-1]], test)


@settings(max_examples=25, deadline=None)
@given(nestings())
def test_inner_folds_score_every_training_row_of_their_outer_fold_once_and_never_train_on_it(nesting):
    dataset, outer, nested = nesting
    for way in nested.ways:
        for number, (train, _) in enumerate(outer):
            inner = nested.inner(way, number)
            scored = np.concatenate([nested.folds.valid[j] for j in inner])
            np.testing.assert_array_equal(np.sort(scored), train)
            for j in inner:
                real = nested.folds.fitted[j]
                np.testing.assert_array_equal(np.sort(np.concatenate([real, nested.folds.valid[j]])), train)
                assert not np.isin(nested.folds.train[j], nested.folds.valid[j]).any()
                assert set(dataset.y[nested.folds.valid[j]]) == {0, 1}


@settings(max_examples=25, deadline=None)
@given(nestings())
def test_resampled_training_rows_are_of_equal_classes_and_begin_with_the_real_ones(nesting):
    dataset, outer, nested = nesting
    folds, y = nested.folds, nested.table.y
    for way in nested.ways:
        for number in range(len(outer)):
            for j in (*nested.inner(way, number), nested.outer(way, number)):
                real = folds.fitted[j]
                np.testing.assert_array_equal(folds.train[j][: len(real)], real)
                counts = np.bincount(y[folds.train[j]], minlength=2)
                if way == "none":
                    assert len(folds.train[j]) == len(real)
                else:
                    assert counts[0] == counts[1] == np.bincount(dataset.y[real]).max()


def test_groups_of_every_way_stand_one_after_another_inner_folds_first():
    nested = make_nested()
    numbers = [
        j
        for way in WAYS
        for outer in range(nested.n_outer)
        for j in (*nested.inner(way, outer), nested.outer(way, outer))
    ]
    assert numbers == list(range(3 * 6 * 4)) == list(range(len(nested.folds.train)))
    plan = nested.folds.plan
    assert (plan.kind, plan.n_splits, plan.n_repeats, plan.n_folds) == ("nested", 4, 18, 72)
    assert plan.n_scored_rows == 78
    np.testing.assert_array_equal(nested.folds.scored_rows, np.arange(78))


def between(rows, own):
    """Return how far each row is from the nearest segment between two of `own`."""
    a, b = own[:, None, None], own[None, :, None]
    length = np.maximum(((b - a) ** 2).sum(axis=-1), 1e-300)
    along = np.clip(((rows - a) * (b - a)).sum(axis=-1) / length, 0.0, 1.0)
    return np.abs(a + along[..., None] * (b - a) - rows).max(axis=-1).min(axis=(0, 1))


def test_smote_rows_belong_to_one_fold_and_mix_only_its_own_training_rows():
    dataset = make_table()
    nested = make_nested(dataset)
    n_rows, folds = len(dataset.y), nested.folds
    np.testing.assert_array_equal(nested.table.X[:n_rows], dataset.X)
    np.testing.assert_array_equal(nested.table.y[:n_rows], dataset.y)
    seen = []
    for outer in range(nested.n_outer):
        for j in (*nested.inner("smote", outer), nested.outer("smote", outer)):
            synthetic = folds.train[j][folds.train[j] >= n_rows]
            seen.append(synthetic)
            assert (nested.table.y[synthetic] == 1).all()
            own = folds.fitted[j][dataset.y[folds.fitted[j]] == 1]
            assert between(nested.table.X[synthetic].astype(np.float64), dataset.X[own].astype(np.float64)).max() < 1e-5
    np.testing.assert_array_equal(np.concatenate(seen), np.arange(n_rows, len(nested.table.y)))
    others = (
        nested.folds.train[j]
        for way in WAYS[:2]
        for o in range(6)
        for j in (*nested.inner(way, o), nested.outer(way, o))
    )
    assert all((rows < n_rows).all() for rows in others)
    assert all((rows < n_rows).all() for rows in folds.valid)


def test_seeds_of_a_fold_do_not_depend_on_how_its_rows_are_resampled():
    nested = make_nested()
    places = {
        way: [
            (int(nested.folds.repeat[j]), int(nested.folds.split[j]))
            for outer in range(nested.n_outer)
            for j in (*nested.inner(way, outer), nested.outer(way, outer))
        ]
        for way in WAYS
    }
    assert places["none"] == [(outer, split) for outer in range(6) for split in range(4)]
    assert places["oversampling"] == places["smote"] == places["none"]


def test_folds_and_draws_of_a_way_do_not_depend_on_the_other_ways():
    together = make_nested()
    for way in WAYS:
        alone = make_nested(ways=(way,))
        for outer in range(alone.n_outer):
            pairs = zip(
                (*alone.inner(way, outer), alone.outer(way, outer)),
                (*together.inner(way, outer), together.outer(way, outer)),
                strict=True,
            )
            for a, b in pairs:
                np.testing.assert_array_equal(alone.folds.valid[a], together.folds.valid[b])
                np.testing.assert_array_equal(alone.folds.train[a], together.folds.train[b])
                np.testing.assert_array_equal(
                    alone.table.X[alone.folds.train[a]], together.table.X[together.folds.train[b]]
                )


def test_same_seed_gives_the_same_folds_and_another_one_other_folds():
    first, again, other = (make_nested(seed=seed) for seed in (1, 1, 2))
    assert first.folds.plan.sha256 == again.folds.plan.sha256 != other.folds.plan.sha256
    np.testing.assert_array_equal(first.table.X, again.table.X)
    j = first.inner("none", 0)[0]
    assert not np.array_equal(first.folds.valid[j], other.folds.valid[j])


def test_outer_folds_that_train_on_the_same_rows_cut_them_differently():
    dataset = make_table()
    pair = outer_of(dataset)[0]
    nested = nest_folds(dataset, [pair, pair], inner_splits=3, seed=0, ways=("oversampling",))
    a, b = nested.inner("oversampling", 0)[0], nested.inner("oversampling", 1)[0]
    assert not np.array_equal(nested.folds.valid[a], nested.folds.valid[b])
    a, b = nested.outer("oversampling", 0), nested.outer("oversampling", 1)
    np.testing.assert_array_equal(nested.folds.valid[a], nested.folds.valid[b])
    assert not np.array_equal(nested.folds.train[a], nested.folds.train[b])


def test_nothing_of_it_can_be_written():
    nested = make_nested()
    folds = nested.folds
    arrays = (*folds.train, *folds.valid, *folds.fitted, folds.repeat, folds.split, folds.scored_rows)
    assert all(rows.dtype == np.int32 for rows in arrays)
    for array in (*arrays, nested.table.X, nested.table.y):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_preprocessing_is_fitted_on_real_rows_only():
    nested = make_nested()
    constants = nested.table.scaled
    assert constants.mean.shape == (72, 2)
    for j, rows in enumerate(nested.folds.fitted):
        reference = StandardScaler().fit(nested.table.X[rows].astype(np.float64))
        np.testing.assert_allclose(constants.mean[j], reference.mean_, rtol=1e-6)
        np.testing.assert_allclose(constants.scale[j], reference.scale_, rtol=1e-6)


def test_preprocessing_passes_once_over_the_rows_of_each_fold_however_many_ways_share_it(monkeypatch):
    passes = []
    monkeypatch.setattr(
        preprocessing, "column_moments", lambda X, rows: passes.append(rows) or moments.column_moments(X, rows)
    )
    make_nested()
    assert len(passes) == 6 * 4


def mixed_table():
    """A number with missing cells and a category, one level of which some folds must not know."""
    table = make_table()
    X = np.stack([table.X[:, 0], np.random.default_rng(3).choice(3, 78, p=[0.6, 0.32, 0.08])], axis=1)
    X[::9, 0] = np.nan
    columns = (Column(name="n"), Column(name="c", kind="categorical", levels=("u", "v", "w")))
    return make_dataset(
        X, table.y, columns=columns, target="y", classes=("0", "1"), label_type="int", source="a table",
        sample_weight=np.linspace(0.5, 2, 78),
    )  # fmt: skip


def test_smote_rows_hold_numbers_alone_and_nothing_a_fold_must_not_know():
    nested = make_nested(mixed_table(), ways=("smote",))
    assert np.isnan(nested.table.X[:78]).any()
    blind = ~nested.table.scaled.active
    assert blind.any()
    for j, rows in enumerate(nested.folds.train):
        made = nested.table.X[rows[rows >= 78]]
        assert np.isfinite(made).all()
        assert (made[:, blind[j]] == 0).all()
        own = nested.table.X[nested.folds.fitted[j]][:, ~blind[j]]
        complete = np.where(np.isnan(own), nested.table.unscaled.fill[j, ~blind[j]], own).astype(np.float64)
        rare = complete[nested.table.y[nested.folds.fitted[j]] == 1]
        assert between(made[:, ~blind[j]].astype(np.float64), rare).max() < 1e-5


def test_smote_rows_weigh_as_their_class_does_on_average():
    nested = make_nested(mixed_table(), ways=("none", "smote"))
    table = nested.table
    assert len(table.sample_weight) == len(table.y) == len(table.X)
    for outer in range(nested.n_outer):
        j = nested.outer("smote", outer)
        real, made = nested.folds.fitted[j], nested.folds.train[j][nested.folds.train[j] >= 78]
        expected = table.sample_weight[real][table.y[real] == 1].mean()
        np.testing.assert_allclose(table.sample_weight[made], expected, rtol=1e-6)


def test_columns_become_numbers_as_the_config_says():
    dataset = mixed_table()
    encoding = EncodingSection(scaling="power", min_category_rows=1)
    nested = nest_folds(dataset, outer_of(dataset), inner_splits=3, seed=0, encoding=encoding)
    assert nested.table.scaled.power is not None
    assert nested.table.names == ("n", "n is missing", "c = u", "c = v", "c = w")


@pytest.mark.parametrize(("n_positive", "rows"), [(4, "2 minority rows"), (2, "1 minority row")])
@pytest.mark.parametrize("flip", [False, True])
def test_too_few_rows_for_the_inner_folds_are_refused(n_positive, rows, flip):
    y = np.repeat([0, 1], [30, n_positive]).astype(np.int32)
    dataset = make_dataset(
        np.arange(2 * len(y), dtype=np.float32).reshape(-1, 2),
        1 - y if flip else y,
        feature_names=("a", "b"),
        target="y",
        classes=("0", "1"),
        label_type="int",
        source="a table",
    )
    with pytest.raises(DataError) as caught:
        make_nested(dataset, n_splits=2, n_repeats=1)
    assert str(caught.value) == (
        f"outer fold 0 of the verdict trains on {rows}, too few for verdict.inner_splits=3: each inner fold needs at "
        "least one.\nLower verdict.inner_splits, or add rows."
    )


def test_smote_of_a_single_minority_row_is_refused_and_other_ways_are_not():
    dataset = make_table(30, 4)
    outer = {"n_splits": 2, "n_repeats": 1, "inner_splits": 2}
    make_nested(dataset, ways=("none", "oversampling"), **outer)
    with pytest.raises(DataError) as caught:
        make_nested(dataset, ways=("smote",), **outer)
    assert str(caught.value) == (
        "outer fold 0 of the verdict trains on 2 minority rows, and SMOTE needs two of them or more in every inner "
        "training set.\nTake smote out of verdict.arms, or add rows."
    )


def test_way_that_was_not_asked_for_has_no_folds():
    with pytest.raises(ValueError, match="not in tuple"):
        make_nested(ways=("none",)).inner("smote", 0)


def cut_nested(dataset, section, *, inner_splits=2):
    folds = make_folds(dataset.y, section, group=dataset.group, time=dataset.time, fold=dataset.fold)
    outer = list(zip(folds.train, folds.valid, strict=True))
    return outer, nest_folds(dataset, outer, inner_splits=inner_splits, seed=0)


def test_inner_folds_keep_groups_together():
    dataset = replace(make_table(), group=np.arange(78) // 3)
    outer, nested = cut_nested(dataset, KFold(n_splits=3, n_repeats=2, group="who"))
    for number, (train, _) in enumerate(outer):
        for j in nested.inner("none", number):
            own, valid = nested.folds.train[j], nested.folds.valid[j]
            assert not np.isin(dataset.group[own], dataset.group[valid]).any()
            np.testing.assert_array_equal(np.sort(np.concatenate([own, valid])), train)


def test_inner_folds_train_on_what_came_before():
    time = np.random.default_rng(1).permutation(78) // 2 * 1.0
    dataset = replace(make_table(40, 38), time=time)
    outer, nested = cut_nested(dataset, KFold(n_splits=3, time="when"))
    for number, (train, test) in enumerate(outer):
        for j in nested.inner("none", number):
            own, valid = nested.folds.train[j], nested.folds.valid[j]
            assert time[own].max() < time[valid].min() <= time[valid].max() < time[test].min()
            assert np.isin(np.concatenate([own, valid]), train).all()


def test_folds_of_a_column_have_stratified_inner_folds():
    dataset = replace(make_table(), fold=np.arange(78) % 3)
    outer, nested = cut_nested(dataset, KFold(fold="part"))
    for number, (train, test) in enumerate(outer):
        np.testing.assert_array_equal(np.unique(dataset.fold[test]), [number])
        scored = np.concatenate([nested.folds.valid[j] for j in nested.inner("none", number)])
        np.testing.assert_array_equal(np.sort(scored), train)


@pytest.mark.parametrize("shape", ["classes", "labels"])
def test_inner_folds_of_classes_and_labels_hold_every_one_of_them(shape):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 90) if shape == "classes" else (rng.random((90, 2)) < 0.4).astype(int)
    classes, task = (("a", "b", "c"), "multiclass") if shape == "classes" else (("a", "b"), "multilabel")
    X = rng.normal(size=(90, 2))
    names = ("u", "v")
    dataset = make_dataset(
        X, y, feature_names=names, target="y", classes=classes, label_type="str", source="a table", task=task
    )
    _, nested = cut_nested(dataset, KFold(n_splits=3, n_repeats=1), inner_splits=3)
    for rows in (*nested.folds.train, *nested.folds.valid):
        assert count_kinds(dataset.y, rows).all()


def test_inner_folds_that_cannot_hold_every_class_are_refused():
    dataset = replace(make_table(30, 9), group=np.arange(39))
    alone = replace(dataset, group=np.where(dataset.y == 1, 100 + np.cumsum(dataset.y) % 3, dataset.group))
    with pytest.raises(DataError) as caught:
        cut_nested(alone, KFold(n_splits=3, n_repeats=1, group="who"), inner_splits=3)
    assert str(caught.value) == (
        'outer fold 0 of the verdict: its inner fold 2, cut by groups, has no validation row of class "1".\n'
        "Lower verdict.inner_splits, or cv.n_splits, or add rows."
    )
    rare = replace(make_table(), time=np.random.default_rng(1).permutation(78) // 2 * 1.0)
    with pytest.raises(DataError) as caught:
        cut_nested(rare, KFold(n_splits=3, time="when"))
    assert str(caught.value) == (
        'outer fold 0 of the verdict: its inner fold 0, cut in order of time, has no validation row of class "1".\n'
        "Lower verdict.inner_splits, or cv.n_splits, or add rows."
    )
    late = replace(make_table(30, 9), time=np.arange(39) // 13 * 1.0)
    with pytest.raises(DataError) as caught:
        cut_nested(late, KFold(n_splits=2, time="when"))
    assert str(caught.value) == (
        "outer fold 0 of the verdict trains on too few different times for verdict.inner_splits=2: that takes 3 or more."
        "\nLower verdict.inner_splits, or cv.n_splits."
    )


def test_too_few_rows_of_one_of_many_classes_are_refused():
    y = np.repeat([0, 1, 2], [30, 30, 3]).astype(np.int32)
    with pytest.raises(DataError) as caught:
        require_rows(y, np.arange(61, dtype=np.int32), inner_splits=2, number=4)
    assert str(caught.value) == (
        "outer fold 4 of the verdict trains on 1 row of class 2, too few for verdict.inner_splits=2: each inner fold "
        "needs at least one.\nLower verdict.inner_splits, or add rows."
    )
