"""The encoded table: what a fold sees of a row."""

import numpy as np
import pytest
from scipy.stats import yeojohnson

from tuner.data.encoded import Constants, Power, yeo_johnson

NAN, INF = float("nan"), float("inf")


def constants(fill, mean, scale, power=None):
    return Constants(fill=rows(fill), mean=rows(mean), scale=rows(scale), power=power)


def rows(values):
    return np.array(values, np.float32)


def test_missing_cells_are_filled_then_columns_are_shifted_and_scaled():
    own = constants([[5, 7], [0, 0]], [[1, 2], [0, 0]], [[2, 4], [1, 1]])
    X = rows([[3, NAN], [NAN, 10]])
    assert own.transform(X, 0).tolist() == [[1, 1.25], [2, 2]]
    assert own.transform(X, 1).tolist() == [[3, 0], [0, 10]]
    assert own.transform(X, 0).dtype == np.float32


def test_columns_of_infinite_scale_are_not_there():
    own = constants([[0, 0, 0]], [[1, 0, 3]], [[2, INF, 1]])
    assert own.active.tolist() == [[True, False, True]]
    assert own.transform(rows([[3, NAN, 4]]), 0).tolist() == [[1, 1]]


def test_a_power_bends_scaled_columns_and_scales_them_again():
    power = Power(exponent=rows([[0, 9, 1]]), mean=rows([[1, 0, 0]]), scale=rows([[2, 1, 1]]))
    own = constants([[0, 0, 0]], [[1, 0, 0]], [[2, INF, 1]], power)
    x = own.transform(rows([[3, 4, 5]]), 0)
    np.testing.assert_allclose(x, [[(np.log(2) - 1) / 2, 5]], rtol=1e-6)


@pytest.mark.parametrize("exponent", [-3.0, -0.5, 0.0, 1e-8, 0.5, 1.0, 1.999999, 2.0, 2.5, 5.0])
def test_the_power_equals_that_of_scipy(exponent):
    x = np.concatenate([-np.geomspace(1e-6, 1e3, 50), [0.0], np.geomspace(1e-6, 1e3, 50)])
    expected = yeojohnson(x, lmbda=exponent)
    np.testing.assert_allclose(yeo_johnson(x.astype(np.float32), np.float32(exponent)), expected, rtol=3e-5, atol=1e-12)


def test_exponent_1_leaves_a_column_alone():
    x = np.linspace(-5, 5, 101, dtype=np.float32)
    np.testing.assert_allclose(yeo_johnson(x, np.float32(1)), x, rtol=3e-7, atol=1e-7)


@pytest.mark.parametrize("exponent", [-3.0, 0.0, 1.0, 5.0])
def test_a_row_far_beyond_all_others_stays_finite(exponent):
    x = yeo_johnson(rows([-1.7e38, -1e30, 1e30, 1.7e38]), np.float32(exponent))
    assert np.isfinite(x).all()
    assert (np.diff(x) >= 0).all()
