"""Where randomness comes from: pure functions of (study seed, repeat, split), never of a trial, a place or a process.

All trials of a study share initial weights and the order of batches on a fold, so that they are compared on common
random numbers. Units of the first hidden layer keep their weights when the layer grows.

Source  initializers as in Keras: he_uniform (He et al. 2015), glorot_uniform (Glorot & Bengio 2010)
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tuner.trial import TrialParams

_WEIGHTS, _ORDER, _DROPOUT = 1, 2, 3


def _generator(seed: int, repeat: int, split: int, *stream: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence((seed, repeat, split, *stream)))


def layer_sizes(params: TrialParams, n_features: int, n_outputs: int = 1) -> list[tuple[int, int]]:
    """Return (inputs, units) of every dense layer, the output layer last."""
    widths = [n_features, *[params.hidden_size] * params.hidden_layers, n_outputs]
    return list(pairwise(widths))


def initial_weights(
    params: TrialParams, n_features: int, *, seed: int, repeat: int, split: int, n_outputs: int = 1
) -> list[NDArray[np.float32]]:
    """Return kernel and bias of every layer in turn, as `keras.Model.set_weights` takes them.

    Hidden kernels are he_uniform under relu and glorot_uniform under tanh, the output kernel glorot_uniform, biases 0.
    `n_features` counts the columns that the fold knows.

    Returns:
        `[kernel (inputs, units), bias (units,), ...]`, float32.
    """
    weights: list[NDArray[np.float32]] = []
    sizes = layer_sizes(params, n_features, n_outputs)
    for layer, (fan_in, fan_out) in enumerate(sizes):
        he = layer < len(sizes) - 1 and params.activation == "relu"
        limit = np.sqrt(6.0 / fan_in) if he else np.sqrt(6.0 / (fan_in + fan_out))
        draws = _generator(seed, repeat, split, _WEIGHTS, layer).uniform(-1.0, 1.0, (fan_out, fan_in))
        weights += [np.ascontiguousarray((limit * draws).T, np.float32), np.zeros(fan_out, np.float32)]
    return weights


def batch_order(n_rows: int, *, seed: int, repeat: int, split: int, epoch: int) -> NDArray[np.int64]:
    """Return the order in which the training rows of a fold are visited in `epoch` (from 0). Shape `(n_rows,)`."""
    return _generator(seed, repeat, split, _ORDER, epoch).permutation(n_rows)


def dropout_key(*, seed: int, repeat: int, split: int) -> NDArray[np.uint32]:
    """Return the key into which `dropout.py` hashes its counters. Shape `(2,)`."""
    return _generator(seed, repeat, split, _DROPOUT).integers(1 << 32, size=2, dtype=np.uint32)
