"""What is handed to JAX is what the stacked trainer trains on."""

import numpy as np
import pytest

from tuner.prepared import prepare
from tuner.training.seeds import batch_order, initial_weights


@pytest.fixture
def problem(tmp_path):
    from shapes import Shape, write_problem

    write_problem(Shape(3, 5), tmp_path / "problem.npz", epochs=2, n_trials=9)
    return np.load(tmp_path / "problem.npz"), prepare(Shape(3, 5).config(2))


def test_operations_are_four_for_a_first_weight_and_six_for_a_later_one_in_each_row():
    from shapes import Shape

    assert Shape(30, 64).operations == 8_000 * (4 * 30 * 64 + 6 * 64)


def test_batches_visit_rows_in_the_order_of_the_trainers(problem):
    written, prepared = problem
    folds = prepared.folds
    assert written["orders"].shape == (2, 15, 250, 32)
    order = batch_order(8_000, seed=0, repeat=1, split=2, epoch=1)
    np.testing.assert_array_equal(written["orders"][1, 7].ravel(), folds.train[7][order])
    np.testing.assert_array_equal(written["valid"][7], folds.valid[7])


def test_rows_constants_and_initial_weights_are_those_of_the_trainers(problem):
    written, prepared = problem
    X, y, scaled = prepared.table.X, prepared.table.y, prepared.table.scaled
    np.testing.assert_array_equal(written["table"], np.column_stack([X, y]))
    np.testing.assert_array_equal(written["mean"], scaled.mean[:15])
    np.testing.assert_array_equal(written["scale"], scaled.scale[:15])
    trial = prepared.space.resolve(0, {"minority_weight": 1.0})
    kernel, bias, output, output_bias = initial_weights(trial, 3, seed=0, repeat=1, split=2)
    np.testing.assert_array_equal(written["hidden_kernel"][7], kernel)
    np.testing.assert_array_equal(written["hidden_bias"][7], bias)
    np.testing.assert_array_equal(written["output_kernel"][7], output[:, 0])
    assert written["output_bias"][7] == output_bias[0]


def test_class_weights_of_a_small_batch_begin_those_of_a_larger_one(problem):
    from batches import trial_weights

    written, prepared = problem
    assert written["class_weights"].tolist() == np.float32(trial_weights(prepared, 9)).tolist()
    assert trial_weights(prepared, 16)[:3] == trial_weights(prepared, 3)
    assert trial_weights(prepared, 9)[0] == trial_weights(prepared, 9)[8] == 1.0
