"""Moments of the training rows of each fold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.preprocessing import StandardScaler

from tuner.config.cv import Holdout, KFold
from tuner.data import moments, preprocessing
from tuner.data.folds import folds_of_seed, make_folds, with_seeds
from tuner.data.moments import column_moments
from tuner.data.preprocessing import training_moments

SECTIONS = [KFold(n_splits=2, n_repeats=2), KFold(n_splits=5, n_repeats=2), Holdout(kind="holdout", n_train=20)]


def fit(X, folds):
    """Return mean and scale of every fold, each of shape `(J, W)`."""
    moments = training_moments(X, folds)
    return np.stack([fold.mean for fold in moments]), np.stack([fold.scale for fold in moments])


def assert_equals_standard_scaler(X, section):
    y = np.tile([0, 1], len(X) // 2).astype(np.int32)
    folds = make_folds(y, section)
    mean, scale = fit(X, folds)
    for fold, rows in enumerate(folds.train):
        reference = StandardScaler().fit(X[rows].astype(np.float64))
        size = np.abs(X[rows]).max(axis=0)
        np.testing.assert_array_less(np.abs(mean[fold] - reference.mean_), 1e-7 * size + 1e-30)
        np.testing.assert_allclose(scale[fold], reference.scale_, rtol=1e-6)


@pytest.mark.parametrize("section", SECTIONS)
def test_constants_equal_those_of_standard_scaler_on_training_rows(section):
    rng = np.random.default_rng(0)
    columns = [
        rng.normal(size=60),
        rng.normal(1e6, 1.0, size=60),
        np.full(60, 0.1),
        np.zeros(60),
        rng.integers(0, 2, 60),
        rng.normal(size=60) * 1e-20,
        rng.normal(size=60) * 1e30,
    ]
    assert_equals_standard_scaler(np.stack(columns, axis=1).astype(np.float32), section)


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(np.float32, (24, 2), elements=st.integers(-1000, 1000).map(float)), st.sampled_from(SECTIONS[:2]))
def test_constants_equal_those_of_standard_scaler_on_any_table(X, section):
    assert_equals_standard_scaler(X, section)


@pytest.mark.parametrize("section", SECTIONS[:2])
@pytest.mark.parametrize("extreme", [1e30, np.nan])
def test_extreme_row_changes_only_the_folds_that_train_on_it(section, extreme):
    X = np.random.default_rng(1).normal(size=(60, 1)).astype(np.float32)
    folds = make_folds(np.tile([0, 1], 30).astype(np.int32), section)
    calm = fit(X, folds)
    X[7] = extreme
    shaken = fit(X, folds)
    for fold, rows in enumerate(folds.train):
        same = calm[0][fold] == shaken[0][fold] and calm[1][fold] == shaken[1][fold]
        assert same == (7 not in rows)


def test_validation_rows_do_not_move_the_moments_of_a_holdout():
    X = np.random.default_rng(1).normal(size=(60, 2)).astype(np.float32)
    folds = make_folds(np.tile([0, 1], 30).astype(np.int32), SECTIONS[2])
    before = fit(X, folds)
    X[20:] += 100
    np.testing.assert_array_equal(before, fit(X, folds))


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(np.float32, (24, 2), elements=st.one_of(st.just(float("nan")), st.integers(-1000, 1000).map(float))),
    st.sampled_from([*SECTIONS[:2], Holdout(kind="holdout", n_train=16)]),
)
def test_missing_cells_of_training_rows_do_not_count(X, section):
    folds = make_folds(np.tile([0, 1], 12).astype(np.int32), section)
    for rows, moments_of_fold in zip(folds.train, training_moments(X, folds), strict=True):
        for column in range(2):
            cells = X[rows, column].astype(np.float64)
            cells = cells[~np.isnan(cells)]
            assert np.broadcast_to(moments_of_fold.n, 2)[column] == len(cells)
            if len(cells):
                np.testing.assert_allclose(moments_of_fold.mean[column], cells.mean(), rtol=1e-12, atol=1e-10)
                expected = StandardScaler().fit(cells[:, None]).scale_[0]
                np.testing.assert_allclose(moments_of_fold.scale[column], expected, rtol=1e-9)
            else:
                assert moments_of_fold.scale[column] == 1


def test_deviation_too_small_to_divide_by_counts_as_constant():
    X = np.tile([0, 1e-40], 30).astype(np.float32)[:, None]
    folds = make_folds(np.tile([0, 1], 30).astype(np.int32), KFold())
    assert (fit(X, folds)[1] == 1).all()


def test_moments_do_not_depend_on_the_size_of_blocks(monkeypatch):
    X = np.random.default_rng(3).normal(5, 3, size=(100, 3)).astype(np.float32)
    whole = column_moments(X)
    monkeypatch.setattr(moments, "BLOCK_ROWS", 7)
    blocks = column_moments(X)
    assert blocks.n == whole.n == 100
    np.testing.assert_allclose(blocks.mean, whole.mean, rtol=1e-13)
    np.testing.assert_allclose(blocks.m2, whole.m2, rtol=1e-13)


@pytest.mark.parametrize("value", [0.1, -1e30, 1 / 3, 16_777_215.0])
def test_constant_column_has_no_deviation_at_all(value):
    X = np.full((40_001, 1), value, np.float32)
    constant = column_moments(X)
    assert constant.m2[0] == 0
    assert constant.mean[0] == np.float32(value)
    assert constant.scale[0] == 1


@pytest.mark.parametrize("section", SECTIONS)
def test_other_seeds_of_a_fold_have_its_moments(section):
    X = np.random.default_rng(4).normal(3, 2, size=(60, 2)).astype(np.float32)
    folds = make_folds(np.tile([0, 1], 30).astype(np.int32), section)
    own, more = fit(X, folds), fit(X, with_seeds(folds, 3))
    for seed in range(3):
        these = folds_of_seed(folds.plan, seed)
        np.testing.assert_array_equal(more[0][these], own[0])
        np.testing.assert_array_equal(more[1][these], own[1])


@pytest.mark.parametrize(("section", "n_passes"), list(zip(SECTIONS, (4, 10, 1), strict=True)))
def test_other_seeds_cost_no_further_pass_over_the_table(monkeypatch, section, n_passes):
    X = np.ones((60, 2), np.float32)
    folds = with_seeds(make_folds(np.tile([0, 1], 30).astype(np.int32), section), 5)
    passes = []
    monkeypatch.setattr(preprocessing, "column_moments", lambda X, rows: passes.append(1) or column_moments(X, rows))
    training_moments(X, folds)
    assert len(passes) == n_passes
