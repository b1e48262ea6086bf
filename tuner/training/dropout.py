"""Which units drop out: a pure function of where a unit stands, the same bits in both trainers.

The counters - hidden layer, epoch, step of the epoch, row of the batch, unit - are hashed one after the other into the
64-bit key of a fold, which follows from (study seed, repeat, split). A unit is dropped where the hash, read as a number
in [0, 1), is below the rate. So all trials of a study share masks, on a fold, at equal counters; no padding, neighbor
or place in a stack changes a mask, and the first units keep theirs when a layer grows.

Source  dropout, with the units kept scaled up: Srivastava et al. 2014, JMLR 15, 1929, and Keras' `Dropout`
        counters instead of a state: Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3
        the mixer, lowbias32: Wellons 2018, https://nullprogram.com/blog/2018/07/31/
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.training.backend import keras, tf

Tensor = Any


def keep_factors(
    rate: Tensor, key: Tensor, *, layer: int, epoch: Tensor, step: Tensor, n_rows: Tensor, n_units: int
) -> Tensor:
    """Return what dropout multiplies the activations of a layer by: 0 where dropped, 1 / (1 - rate) elsewhere.

    The division is by element on purpose: XLA repeats cheap work in every use of its result, a division it does once.

    Args:
        rate: share of the units dropped, at least 0 and below 1, float32; broadcasts against the shape returned.
        key: from `seeds.dropout_key`, shape `(..., 1, 2)`, uint32.
        layer, epoch, step: counted from 0.
        n_rows, n_units: rows of the batch and units of the layer.

    Returns:
        Shape `(..., n_rows, n_units)`, float32.
    """
    uniforms = uniform_numbers(key, layer=layer, epoch=epoch, step=step, n_rows=n_rows, n_units=n_units)
    share_kept = tf.maximum(1.0 - rate, 2.0**-24)  # a rate that float32 rounds to 1 drops all units
    return tf.where(uniforms < rate, 0.0, 1.0) / share_kept


def uniform_numbers(key: Tensor, *, layer: int, epoch: Tensor, step: Tensor, n_rows: Tensor, n_units: int) -> Tensor:
    """Return a multiple of 2 ** -24 in [0, 1) for every unit of every row; arguments as in `keep_factors`."""
    first, second = key[..., :1], key[..., 1:]
    for counter in (layer, epoch, step, tf.range(n_rows)[:, None], tf.range(n_units)):
        first = _mixed(first ^ tf.cast(counter, tf.uint32))
        second = _mixed(second ^ first)
    return tf.cast(_shifted(second, 8), tf.float32) * 2.0**-24


def _mixed(x: Tensor) -> Tensor:
    """Return a permutation of the 32-bit words in which each bit of `x` turns about half of all bits."""
    x = (x ^ _shifted(x, 16)) * tf.constant(0x7FEB352D, tf.uint32)
    x = (x ^ _shifted(x, 15)) * tf.constant(0x846CA68B, tf.uint32)
    return x ^ _shifted(x, 16)


def _shifted(x: Tensor, n_bits: int) -> Tensor:
    return tf.bitwise.right_shift(x, tf.constant(n_bits, tf.uint32))


class CountedDropout(keras.layers.Layer):  # type: ignore[misc]
    """`keras.layers.Dropout` of one model with the masks of `keep_factors`: counts the steps of `fit` itself."""

    def __init__(self, rate: float, key: NDArray[np.uint32], *, layer: int) -> None:
        super().__init__()
        self.rate, self.key, self.layer = rate, key, layer
        self.epoch, self.step = (
            self.add_weight(shape=(), initializer="zeros", dtype="int32", trainable=False) for _ in range(2)
        )

    def begin_epoch(self, epoch: int) -> None:
        """Count the steps of `epoch` (from 0) from now on."""
        self.epoch.assign(epoch)
        self.step.assign(0)

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """Return the activations, in training without those that drop out."""
        if not training:
            return x
        kept = keep_factors(
            tf.constant(self.rate, tf.float32),
            tf.constant(self.key[None]),
            layer=self.layer,
            epoch=self.epoch.value,
            step=self.step.value,
            n_rows=tf.shape(x)[0],
            n_units=x.shape[1],
        )
        self.step.assign(self.step + 1)
        return x * kept
