"""Rows on the device: what `Constants.transform` makes of them, whatever a fold knows."""

from dataclasses import replace

import numpy as np
import pytest
from problems import blind, dataset, many_classes, many_labels, plan, sample_weights, with_gaps

from tuner.training.backend import tf
from tuner.training.rows import DeviceTable, fold_constants

PLANS = {
    "numbers": plan,
    "two columns": lambda: plan(dataset(n_features=2)),
    "missing cells": lambda: plan(with_gaps(dataset())),
    "power": lambda: plan(scaling="power"),
    "power, missing cells": lambda: plan(with_gaps(dataset()), scaling="power"),
    "unknown columns": lambda: blind(plan(dataset(n_features=4)), [1, 2], [0]),
    "power, missing cells, unknown columns": lambda: blind(plan(with_gaps(dataset()), scaling="power"), [1], [0]),
}


def gathered(the_plan, rows, *, standardize=True):
    """Return what rows stand for in a compiled program, as arrays or None."""
    device = DeviceTable(the_plan.table)
    constants = fold_constants(the_plan.table.constants(standardize=standardize), [0, 1])
    compiled = tf.function(device.gather, jit_compile=True, autograph=False)
    return [None if part is None else part.numpy() for part in compiled(tf.constant(rows), constants)]


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("name", PLANS)
def test_columns_are_what_each_fold_sees_and_0_where_it_sees_none(name, standardize):
    the_plan = PLANS[name]()
    rows = np.random.default_rng(0).integers(0, 101, (2, 40)).astype(np.int32)
    x, *_ = gathered(the_plan, rows, standardize=standardize)
    constants = the_plan.table.constants(standardize=standardize)
    for fold in range(2):
        active = constants.active[fold]
        expected = constants.transform(the_plan.table.X[rows[fold]], fold)
        np.testing.assert_allclose(x[fold][:, active], expected, rtol=1e-5, atol=1e-6)
        assert (x[fold][:, ~active] == 0).all()


def test_whatever_stands_in_the_constants_of_an_unknown_column_is_not_used():
    the_plan = blind(plan(with_gaps(dataset()), scaling="power"), [1], [0])
    scaled = the_plan.table.scaled
    spoiled = {name: np.where(scaled.active, getattr(scaled, name), np.nan) for name in ("fill", "mean")}
    power = replace(
        scaled.power,
        **{
            name: np.where(scaled.active, getattr(scaled.power, name), np.nan) for name in ("exponent", "mean", "scale")
        },
    )
    other = replace(the_plan, table=replace(the_plan.table, scaled=replace(scaled, **spoiled, power=power)))
    rows = np.arange(101, dtype=np.int32)[None].repeat(2, axis=0)
    assert np.isfinite(gathered(the_plan, rows)[0]).all()
    assert gathered(other, rows)[0].tobytes() == gathered(the_plan, rows)[0].tobytes()


@pytest.mark.parametrize("table", [dataset(), many_classes(5), many_labels()], ids=["two", "five", "labels"])
@pytest.mark.parametrize("is_weighted", [False, True])
def test_labels_and_sample_weights_are_those_of_the_rows(table, is_weighted):
    weights = sample_weights() if is_weighted else None
    rows = np.array([[3, 3, 100], [0, 50, 7]], np.int32)
    _, y, sample_weight = gathered(plan(replace(table, sample_weight=weights)), rows)
    np.testing.assert_array_equal(y, table.y[rows].reshape(2, 3, -1))
    if is_weighted:
        np.testing.assert_array_equal(sample_weight, weights[rows][..., None])
    else:
        assert sample_weight is None
