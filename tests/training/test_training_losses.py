"""Slopes against numerical derivatives in float64, the loss of labels against that of Keras."""

import numpy as np
import pytest
from problems import trial
from scipy.special import expit, logsumexp

from tuner.training.backend import keras, tf
from tuner.training.focal import FocalCrossentropy
from tuner.training.losses import LabelCrossentropy, StackedLoss, keras_loss

N_MODELS, BATCH = 2, 6
LOSSES = {
    "two classes": StackedLoss("binary", 1, focal=False),
    "three classes": StackedLoss("multiclass", 3, focal=False),
    "three labels": StackedLoss("multilabel", 3, focal=False),
}
WEIGHTS = {
    "two classes": [[[1.0, 9.0]], [[0.5, 2.0]]],
    "three classes": [[[1.0, 9.0, 0.1]], [[1.0, 1.0, 2.0]]],
    "three labels": [[[5.0, 9.0, 0.1]], [[1.0, 1.0, 2.0]]],
}


def problem(name, scale=3.0):
    """Return logits `(M, B, O)` and labels `(M, B, 1 or L)` as the table has them."""
    rng, loss = np.random.default_rng(0), LOSSES[name]
    logits = rng.normal(0, scale, (N_MODELS, BATCH, loss.n_outputs))
    n_labels, most = (loss.n_outputs, 2) if name == "three labels" else (1, max(2, loss.n_outputs))
    return logits.astype(np.float32), rng.integers(0, most, (N_MODELS, BATCH, n_labels)).astype(np.float32)


def losses_in_float64(name, z, y):
    """Cross-entropies of every row and model, `(M, B)`."""
    if name == "three classes":
        return logsumexp(z, axis=-1) - np.take_along_axis(z, y.astype(int), axis=-1)[..., 0]
    return np.logaddexp(0, np.where(y > 0, -z, z)).mean(axis=-1)


@pytest.mark.parametrize("name", LOSSES)
def test_slope_is_the_derivative_of_the_loss_of_a_row(name):
    z, y = problem(name)
    loss, expected, step = LOSSES[name], np.empty(z.shape), 1e-5
    for output in range(z.shape[-1]):
        nudge = step * np.eye(z.shape[-1])[output]
        both = (losses_in_float64(name, z.astype(np.float64) + sign * nudge, y) for sign in (1, -1))
        expected[..., output] = np.subtract(*both) / (2 * step)
    slope = loss.slope(tf.constant(z), loss.targets(tf.constant(y)), tf.zeros((N_MODELS, 1, 1)))
    np.testing.assert_allclose(slope, expected, atol=1e-6)


def test_row_has_the_weight_of_its_class_and_a_label_that_is_there_its_own():
    for name, weigh in {
        "two classes": lambda weights, y: weights[int(y[0])],
        "three classes": lambda weights, y: weights[int(y[0])],
        "three labels": lambda weights, y: np.where(y > 0, weights, 1.0),
    }.items():
        _, y = problem(name)
        loss, weights = LOSSES[name], np.array(WEIGHTS[name], np.float32)
        actual = loss.row_weights(loss.targets(tf.constant(y)), tf.constant(weights)).numpy()
        for m, b in np.ndindex(y.shape[:2]):
            np.testing.assert_array_equal(actual[m, b], weigh(weights[m, 0], y[m, b]))


def test_record_of_many_classes_is_what_a_row_is_to_its_own_class():
    z, y = problem("three classes", scale=30.0)
    loss = LOSSES["three classes"]
    targets = loss.targets(tf.constant(y))
    bare = loss.slope(tf.constant(z), targets, tf.zeros((N_MODELS, 1, 1)))
    margin, own, applied = loss.record(tf.constant(z), targets, bare=bare, applied=7.0 * bare).numpy()
    np.testing.assert_allclose(
        np.logaddexp(0, -margin.astype(np.float64)), losses_in_float64("three classes", z.astype(np.float64), y), 1e-4
    )
    np.testing.assert_allclose(own, -expit(-margin), atol=1e-6)
    np.testing.assert_allclose(2 * np.abs(own), np.abs(bare).sum(axis=-1), atol=1e-6)
    np.testing.assert_allclose(applied, 7 * own, rtol=1e-6)


def test_record_of_labels_is_that_of_two_classes_for_each():
    z, y = problem("three labels")
    loss, two = LOSSES["three labels"], LOSSES["two classes"]
    bare = loss.slope(tf.constant(z), tf.constant(y), tf.zeros((N_MODELS, 1, 1)))
    record = loss.record(tf.constant(z), tf.constant(y), bare=bare, applied=7.0 * bare).numpy()
    assert record.shape == (loss.n_recorded, N_MODELS, BATCH)
    for label in range(3):
        own, targets = (tf.constant(values[..., label, None]) for values in (z, y))
        own_bare = bare[..., label, None]
        expected = two.record(own, targets, bare=own_bare, applied=7.0 * own_bare)
        np.testing.assert_array_equal(record[label::3], expected)


def test_loss_of_labels_without_weights_is_that_of_keras():
    z, y = problem("three labels")
    expected = keras.losses.BinaryCrossentropy(from_logits=True)(y[0], z[0])
    np.testing.assert_allclose(LabelCrossentropy((1.0, 1.0, 1.0))(y[0], z[0]), expected, rtol=1e-6)


def test_weight_of_a_label_multiplies_its_loss_in_the_rows_that_have_it():
    z, y = problem("three labels")
    weights = np.array([30.0, 1.0, 0.2])
    losses = np.where(y[0] > 0, weights, 1.0) * np.logaddexp(0, np.where(y[0] > 0, -z[0], z[0]))
    rows = LabelCrossentropy(tuple(weights)).call(y[0].astype(np.int32), z[0])
    np.testing.assert_allclose(rows, losses.mean(axis=1), rtol=1e-5)


@pytest.mark.parametrize(
    ("task", "changes", "kind"),
    [
        ("binary", {}, keras.losses.BinaryCrossentropy),
        ("binary", {"focal_gamma": 1.0}, FocalCrossentropy),
        ("multiclass", {"class_weights": (1.0, 1.0, 2.0)}, keras.losses.SparseCategoricalCrossentropy),
        ("multilabel", {"class_weights": (1.0, 2.0)}, LabelCrossentropy),
    ],
)
def test_every_task_has_its_loss(task, changes, kind):
    assert type(keras_loss(trial(**changes), task)) is kind
