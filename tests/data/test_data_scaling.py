"""Median and quartiles, and the power that makes a column bell-shaped."""

import numpy as np
import pytest
from scipy.stats import yeojohnson, yeojohnson_llf
from sklearn.preprocessing import PowerTransformer, RobustScaler

from tuner.data.encoded import Constants
from tuner.data.scaling import EXPONENTS, MAX_ROWS, best_exponent, fit_power, median_and_spread

NAN = float("nan")


def skewed(n_rows=400, seed=0):
    """Columns of several shapes, the last with missing cells."""
    rng = np.random.default_rng(seed)
    gaps = rng.gamma(2, size=n_rows)
    gaps[rng.random(n_rows) < 0.2] = NAN
    columns = [rng.lognormal(size=n_rows), -rng.gamma(1.5, size=n_rows), rng.normal(5, 3, n_rows), gaps]
    return np.stack(columns, axis=1).astype(np.float32)


def spread_of(X, row_sets, chosen=None):
    chosen = np.ones(X.shape[1], np.bool_) if chosen is None else chosen
    shape = (len(row_sets), X.shape[1])
    return median_and_spread(X, chosen, row_sets, np.full(shape, 7.0), np.full(shape, 9.0))


def test_median_and_spread_equal_those_of_robust_scaler():
    X = skewed()
    row_sets = [np.arange(0, 400, 2), np.arange(100)]
    center, spread = spread_of(X, row_sets)
    for j, rows in enumerate(row_sets):
        for place in range(X.shape[1]):
            cells = X[rows, place : place + 1].astype(np.float64)
            reference = RobustScaler(unit_variance=True).fit(cells[~np.isnan(cells[:, 0])])
            np.testing.assert_allclose(center[j, place], reference.center_[0], rtol=1e-12)
            np.testing.assert_allclose(spread[j, place], reference.scale_[0], rtol=1e-12)


@pytest.mark.parametrize("tiny", [0.0, 1e-42])
def test_the_standard_deviation_stands_in_for_quartiles_that_are_equal_or_nearly(tiny):
    X = np.array([[tiny * row] if row < 9 else [100] for row in range(10)], np.float32)
    center, spread = spread_of(X, [np.arange(10)])
    assert spread.tolist() == [[9.0]]
    np.testing.assert_allclose(center, tiny * 4.5, rtol=0.1)


def test_columns_without_a_cell_and_columns_not_chosen_are_left_alone():
    X = np.full((4, 2), NAN, np.float32)
    X[:, 1] = 1
    center, spread = spread_of(X, [np.arange(4)], np.array([True, False]))
    assert (center.tolist(), spread.tolist()) == ([[7.0]], [[9.0]])


def standard_constants(X, row_sets):
    mean = np.stack([np.nanmean(X[rows], axis=0, dtype=np.float64) for rows in row_sets]).astype(np.float32)
    scale = np.stack([np.nanstd(X[rows], axis=0, dtype=np.float64) for rows in row_sets]).astype(np.float32)
    return Constants(fill=mean, mean=mean, scale=scale)


def test_the_power_is_at_least_as_likely_as_that_of_power_transformer_and_as_bell_shaped():
    X = skewed()
    rows = np.arange(0, 400, 2)
    own = standard_constants(X, [rows])
    power = fit_power(X, np.ones(4, np.bool_), [rows], own)
    for place in range(4):
        x = own.transform(X[rows], 0)[:, place].astype(np.float64)
        reference = PowerTransformer().fit(x[:, None])
        ours, theirs = (yeojohnson_llf(exponent, x) for exponent in (power.exponent[0, place], reference.lambdas_[0]))
        assert ours >= theirs - 1e-4
        assert abs(power.exponent[0, place] - reference.lambdas_[0]) < 2e-3
        bent = yeojohnson(x, lmbda=float(power.exponent[0, place]))
        np.testing.assert_allclose(power.mean[0, place], bent.mean(), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(power.scale[0, place], bent.std(), rtol=1e-4)


def test_bent_training_rows_have_mean_0_and_deviation_1():
    X = skewed()
    rows = np.arange(300)
    own = standard_constants(X, [rows])
    scaled = Constants(
        fill=own.fill, mean=own.mean, scale=own.scale, power=fit_power(X, np.ones(4, np.bool_), [rows], own)
    ).transform(X[rows], 0)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-4)


def test_columns_not_chosen_and_columns_a_fold_does_not_know_keep_exponent_1():
    X = skewed()
    rows = np.arange(400)
    own = standard_constants(X, [rows])
    own.scale[0, 1] = np.inf
    power = fit_power(X, np.array([False, True, True, True]), [rows], own)
    assert power.exponent[0, :2].tolist() == [1, 1]
    assert power.mean[0, :2].tolist() == [0, 0]
    assert power.scale[0, :2].tolist() == [1, 1]
    assert (power.exponent[0, 2:] != 1).all()


def test_folds_that_share_rows_share_the_power():
    X = skewed()
    first, second = np.arange(200), np.arange(200, 400)
    row_sets = [first, second, first]
    power = fit_power(X, np.ones(4, np.bool_), row_sets, standard_constants(X, row_sets))
    for values in (power.exponent, power.mean, power.scale):
        np.testing.assert_array_equal(values[0], values[2])
        assert not np.array_equal(values[0], values[1])


def test_a_constant_keeps_exponent_1_and_two_values_stay_within_bounds():
    assert best_exponent(np.full(5, 0.3, np.float32)) == 1
    for share in (0.5, 0.1, 0.001):
        flags = (np.arange(2000) < 2000 * share).astype(np.float32)
        flags = (flags - flags.mean()) / flags.std()
        assert EXPONENTS[0] <= best_exponent(flags) <= EXPONENTS[1]


def test_a_long_column_is_fitted_on_a_part_of_its_rows_and_scaled_on_all():
    x = np.random.default_rng(0).lognormal(size=(4 * MAX_ROWS, 1)).astype(np.float32)
    rows = np.arange(len(x))
    own = standard_constants(x, [rows])
    power = fit_power(x, np.ones(1, np.bool_), [rows], own)
    assert abs(power.exponent[0, 0] - PowerTransformer().fit(own.transform(x, 0).astype(np.float64)).lambdas_[0]) < 0.05
    bent = Constants(fill=own.fill, mean=own.mean, scale=own.scale, power=power).transform(x, 0)
    np.testing.assert_allclose([bent.mean(dtype=np.float64), bent.std(dtype=np.float64)], [0, 1], atol=1e-4)
