"""Seeds: common random numbers for all trials of a fold."""

import numpy as np
import pytest
from problems import trial

from tuner.training.seeds import batch_order, dropout_key, initial_weights

HERE = {"seed": 3, "repeat": 1, "split": 2}


@pytest.mark.parametrize("change", [{"seed": 4}, {"repeat": 0}, {"split": 0}])
def test_weights_order_and_dropout_follow_from_seed_repeat_and_split(change):
    there = {**HERE, **change}
    assert not np.array_equal(batch_order(50, epoch=0, **HERE), batch_order(50, epoch=0, **there))
    assert not np.array_equal(initial_weights(trial(), 3, **HERE)[0], initial_weights(trial(), 3, **there)[0])
    assert not np.array_equal(dropout_key(**HERE), dropout_key(**there))
    np.testing.assert_array_equal(batch_order(50, epoch=0, **HERE), batch_order(50, epoch=0, **HERE))
    np.testing.assert_array_equal(dropout_key(**HERE), dropout_key(**HERE))


def test_every_epoch_visits_every_row_once_in_an_order_of_its_own():
    first, second = (batch_order(50, epoch=e, **HERE) for e in (0, 1))
    assert sorted(first) == sorted(second) == list(range(50))
    assert not np.array_equal(first, second)


def test_units_keep_their_weights_when_the_layer_grows():
    small, large = (initial_weights(trial(hidden_size=h), 3, **HERE) for h in (4, 9))
    np.testing.assert_array_equal(small[0], large[0][:, :4])


def test_initial_weights_do_not_depend_on_what_is_searched():
    a = initial_weights(trial(), 3, **HERE)
    b = initial_weights(trial(5, minority_weight=99.0, epochs=3, learning_rate=0.5, optimizer="adam"), 3, **HERE)
    for left, right in zip(a, b, strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize(
    ("activation", "limits"),
    [
        ("relu", [(6 / 50) ** 0.5, (6 / 400) ** 0.5, (6 / 401) ** 0.5]),
        ("tanh", [(6 / 450) ** 0.5, (6 / 800) ** 0.5, (6 / 401) ** 0.5]),
    ],
)
def test_limits_are_those_of_the_keras_initializers(activation, limits):
    weights = initial_weights(trial(hidden_size=400, hidden_layers=2, activation=activation), 50, **HERE)
    assert [w.shape for w in weights] == [(50, 400), (400,), (400, 400), (400,), (400, 1), (1,)]
    for kernel, bias, limit in zip(weights[::2], weights[1::2], limits, strict=True):
        assert not bias.any()
        assert 0.98 * limit < np.abs(kernel).max() <= np.float32(limit)
        assert abs(kernel.mean()) < 0.1 * limit


def test_output_layer_has_a_unit_for_each_output_and_the_layers_before_it_keep_their_weights():
    one, five = (initial_weights(trial(), 3, n_outputs=n, **HERE) for n in (1, 5))
    assert [w.shape for w in five] == [(3, 10), (10,), (10, 5), (5,)]
    np.testing.assert_array_equal(one[0], five[0])
    assert 0.9 * (6 / 15) ** 0.5 < np.abs(five[2]).max() <= np.float32((6 / 15) ** 0.5)
