"""Focal loss against float64 and against its own numerical derivative."""

import numpy as np
import pytest

from tuner.training.backend import keras, tf
from tuner.training.focal import FocalCrossentropy, focal_slope

GAMMAS = (0.0, 0.5, 1.0, 2.0, 5.0)
HALF = np.array([1e-3, 0.5, 1.0, 5.0, 16.0, 17.0, 40.0, 90.0, 200.0, 1e4])
LOGITS = np.concatenate([-HALF, [0.0], HALF])[:, None]


def loss_in_float64(z, y, gamma):
    """(1 - p_t) ** gamma * -log(p_t), equation 4 of Lin et al."""
    margin = np.where(y > 0, z, -z)
    return np.exp(-gamma * np.logaddexp(0.0, margin)) * np.logaddexp(0.0, -margin)


@pytest.mark.parametrize("y", [0.0, 1.0])
@pytest.mark.parametrize("gamma", GAMMAS)
def test_slope_is_the_derivative_of_the_loss_at_small_and_at_extreme_logits(gamma, y):
    step = 1e-5 * np.maximum(1.0, np.abs(LOGITS))
    above, below = (loss_in_float64(LOGITS + sign * step, y, gamma) for sign in (1, -1))
    labels = tf.fill(LOGITS.shape, y)
    slope = focal_slope(tf.constant(LOGITS, tf.float32), labels, tf.constant(gamma))
    np.testing.assert_allclose(slope, (above - below) / (2 * step), atol=1e-6)


@pytest.mark.parametrize("y", [0.0, 1.0])
@pytest.mark.parametrize("gamma", GAMMAS)
def test_keras_loss_has_the_same_value_and_slope(gamma, y):
    labels, logits = tf.fill(LOGITS.shape, y), tf.Variable(LOGITS.astype(np.float32))
    with tf.GradientTape() as tape:
        rows = FocalCrossentropy(gamma).call(labels, logits)
    np.testing.assert_allclose(rows, loss_in_float64(LOGITS, y, gamma)[:, 0], rtol=1e-5, atol=1e-30)
    np.testing.assert_allclose(tape.gradient(rows, logits), focal_slope(logits, labels, tf.constant(gamma)), atol=1e-6)


def test_loss_is_that_of_keras_where_keras_does_not_round():
    labels, logits = tf.constant([[0.0], [1.0], [1.0], [0.0]]), tf.constant([[0.3], [-2.0], [1.5], [-4.0]])
    of_keras = keras.losses.BinaryFocalCrossentropy(apply_class_balancing=False, gamma=2.0, from_logits=True)
    weights = tf.constant([1.0, 30.0, 30.0, 1.0])
    expected = of_keras(labels, logits, sample_weight=weights)
    for y in (labels, labels[:, 0]):
        np.testing.assert_allclose(FocalCrossentropy(2.0)(y, logits, sample_weight=weights), expected, rtol=1e-5)


def test_gamma_zero_is_cross_entropy():
    labels, logits = tf.constant(np.tile([[0.0], [1.0]], (5, 1)), tf.float32), tf.random.normal((10, 1), seed=1)
    np.testing.assert_allclose(focal_slope(logits, labels, tf.constant(0.0)), tf.sigmoid(logits) - labels, atol=1e-7)
    expected = keras.losses.BinaryCrossentropy(from_logits=True)(labels, logits)
    np.testing.assert_allclose(FocalCrossentropy(0.0)(labels, logits), expected, rtol=1e-6)
