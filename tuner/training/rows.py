"""Rows on the device, and their columns as each fold sees them.

One tensor holds of every row its columns, its labels and, where there is one, its sample weight. The constants of
`data/encoded.py` are applied to the rows of a batch after these are gathered; what no table needs is not compiled:
fill values where no cell is missing, a power where columns are not scaled by one.

Axes    as in `tuner.training`
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.data.encoded import FLAT, LARGEST, Constants, EncodedTable
from tuner.training.backend import tf
from tuner.training.layers import NARROW

Tensor = Any


class FoldConstants(NamedTuple):
    """What the folds of a stack have learned of the columns, each tensor of shape `(J', 1, F)`, float32.

    `scale` is infinite where a fold is blind. `power` holds exponent, mean and scale; it is empty where columns are not
    scaled by power.
    """

    fill: Tensor
    mean: Tensor
    scale: Tensor
    power: tuple[Tensor, ...]


class DeviceTable:
    """The table of a trainer as one tensor.

    Attributes:
        table: whose rows these are.
        tensor: columns, labels, sample weight; shape `(rows, F + n_labels)`, or one more column with weights.
        n_features: F.
        n_labels: numbers that are the label of a row: one for each of several labels, else one.
        has_missing: whether any cell is missing.
    """

    def __init__(self, table: EncodedTable) -> None:
        labels = table.y.reshape(len(table.y), -1).astype(np.float32)
        weights = () if table.sample_weight is None else (table.sample_weight,)
        self.table = table
        self.tensor = tf.constant(np.column_stack([table.X, labels, *weights]))
        self.n_features, self.n_labels = table.X.shape[1], labels.shape[1]
        self.has_missing = bool(np.isnan(table.X.min()))

    def gather(self, rows: Tensor, constants: FoldConstants) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return what row numbers `(J', n)` stand for.

        Returns:
            Columns as the folds see them, `(J', n, F)`; labels, `(J', n, n_labels)`; sample weights, `(J', n, 1)`, or
            None where all rows count alike.
        """
        gathered, end = tf.gather(self.tensor, rows), self.n_features + self.n_labels
        x, y = gathered[..., : self.n_features], gathered[..., self.n_features : end]
        return self._as_seen(x, constants), y, None if self.table.sample_weight is None else gathered[..., end:]

    def _as_seen(self, x: Tensor, constants: FoldConstants) -> Tensor:
        if self.has_missing:
            x = tf.where(tf.math.is_nan(x), constants.fill, x)
        x = _scaled(x - constants.mean, constants.scale)
        if constants.power:
            exponent, mean, scale = constants.power
            x = _scaled(_yeo_johnson(x, exponent) - mean, scale)
        return x


def _scaled(centered: Tensor, scale: Tensor) -> Tensor:
    # XLA computes a division once, but a product again for each use; before a matrix product that is once, too.
    return centered / scale if centered.shape[-1] <= NARROW else centered * (1.0 / scale)


def _yeo_johnson(x: Tensor, exponent: Tensor) -> Tensor:
    """Return what `encoded.yeo_johnson` does."""
    size = tf.math.log1p(tf.abs(x))
    own = tf.where(x < 0.0, 2.0 - exponent, exponent)
    is_flat = tf.abs(own) < FLAT
    bent = tf.where(is_flat, size, tf.math.expm1(tf.minimum(own * size, LARGEST)) / tf.where(is_flat, 1.0, own))
    return tf.where(x < 0.0, -bent, bent)


def fold_constants(constants: Constants, folds: list[int]) -> FoldConstants:
    """Return the constants of some folds; where a fold is blind, whatever stands there becomes 0 in all rows."""
    active = constants.active[folds, None]

    def of_folds(values: NDArray[np.float32], blind: float) -> Tensor:
        return tf.constant(np.where(active, values[folds, None], np.float32(blind)))

    power = constants.power
    return FoldConstants(
        fill=of_folds(constants.fill, 0.0),
        mean=of_folds(constants.mean, 0.0),
        scale=of_folds(constants.scale, np.inf),
        power=()
        if power is None
        else (of_folds(power.exponent, 1.0), of_folds(power.mean, 0.0), of_folds(power.scale, np.inf)),
    )
