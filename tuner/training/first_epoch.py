"""What the class weights did in the first epoch: sums of loss and slope over all of its rows, class by class.

Both trainers measure what their own training steps used. The stacked one keeps, of every row, its logit and its slope
at the logit before and after the weight, which is what its tape is handed; so the weight of a row is measured, too:
slope after / slope before. The sequential one has a Keras metric twice, once with the row weights that `fit` derives
from its `class_weight`.

Axes    K = 4 sums: weighted loss, weighted |slope|, loss, |slope|; others as in `tuner.training`
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.training.backend import keras, tf
from tuner.trial import FirstEpoch

Tensor = Any
Numbers = NDArray[np.float32]

BLOCK = 1 << 14
"""Rows of all models that are summed at once: what they take stays near the processor."""


def class_sums(
    record: Numbers, *, rows: NDArray[np.int32], labels: Numbers, sizes: NDArray[np.int32], gammas: Numbers | None
) -> NDArray[np.float64]:
    """Return the sums of the first epoch of a stack.

    Args:
        record: logit, slope before the weight and slope as applied, of every row. Shape `(S or more, 3, M, B)`; only
            the first S steps count.
        rows: their numbers in the table, shape `(S, J', B)`; models are trials x folds.
        labels: of the table, 0.0 or 1.0, shape `(rows,)`.
        sizes: training rows of each fold, shape `(J',)`. A place beyond them holds no row.
        gammas: of focal loss, shape `(M, 1)`; None where the loss is cross-entropy.

    Returns:
        Shape `(M, 2, K)`, class 0 first.
    """
    n_steps, n_folds, batch = rows.shape
    n_models = record.shape[2]
    copies = 1, n_models // n_folds, 1
    sums, size = np.zeros((n_models, 2, 4)), max(1, BLOCK // (n_models * batch))
    for start in range(0, n_steps, size):
        steps = np.arange(start, min(start + size, n_steps))
        y = np.tile(labels[rows[steps]], copies)
        left = np.tile(sizes[:, None] - steps[:, None, None] * batch, copies)
        of_rows = _of_rows(record[steps[0] : steps[-1] + 1], y, n_rows=np.clip(left, 1, batch), gammas=gammas)
        is_row = np.asarray(np.arange(batch) < left, np.float32)
        for label, counts in enumerate((is_row * (1 - y), is_row * y)):
            for k, values in enumerate(of_rows):  # over steps first: whole rows of numbers are added at once
                sums[:, label, k] += np.einsum("smb,smb->mb", values, counts).sum(axis=1, dtype=np.float64)
    return sums


def _of_rows(record: Numbers, y: Numbers, *, n_rows: NDArray[np.int64], gammas: Numbers | None) -> tuple[Numbers, ...]:
    """Return weighted loss, weighted |slope|, loss and |slope| of every row, each `(S, M, B)`.

    A row whose slope was rounded to 0 has no weight to measure; its loss, below 1e-7, counts as 0.
    """
    logits, bare, slope = (np.ascontiguousarray(record[:, i]) for i in range(3))
    has_slope = bare != 0
    with np.errstate(over="ignore", invalid="ignore"):  # of a model that diverges
        margin = (2 * y - 1) * logits
        loss = _softplus(-margin)
        if gammas is not None:
            loss *= np.exp(-gammas * _softplus(margin))
        loss *= has_slope
        slope = slope * n_rows.astype(np.float32)
        weight = np.divide(slope, bare, out=np.zeros_like(bare), where=has_slope)
        return weight * loss, np.abs(slope), loss, np.abs(bare)


def _softplus(x: Numbers) -> Numbers:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def shares(sums: NDArray[np.float64]) -> FirstEpoch:
    """Return the shares of class 1 from the sums of one trial, shape `(J', 2, K)`."""
    with np.errstate(invalid="ignore", over="ignore"):
        of_both = sums[:, 1] / sums.sum(axis=1)
    names = "loss_share", "gradient_share", "unweighted_loss_share", "unweighted_gradient_share"
    return FirstEpoch(**dict(zip(names, of_both.T, strict=True)))


class ClassSums(keras.metrics.Metric):  # type: ignore[misc]
    """Sums of loss and |slope| of each class over an epoch, each row times the weight that Keras hands to the metric.

    The slope is the tape's, so it owes nothing to the formulas of the stacked trainer.
    """

    def __init__(self, name: str, loss: keras.losses.Loss) -> None:
        super().__init__(name=name)
        self.loss = loss
        self.sums = self.add_variable(shape=(2, 2), initializer="zeros", dtype="float64", name="sums")

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor = None) -> None:
        """Add one batch: labels `(B,)`, logits `(B, 1)`, weights `(B,)`; no weights are weights of 1."""
        logits, y = tf.convert_to_tensor(y_pred), tf.cast(tf.reshape(y_true, (-1, 1)), tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = self.loss.call(y, logits)
        of_rows = tf.stack([loss, tf.abs(tape.gradient(loss, logits)[:, 0])])
        if sample_weight is not None:
            of_rows *= tf.reshape(sample_weight, (-1,))
        parts = [tf.where(y[:, 0] == label, of_rows, 0.0) for label in (0.0, 1.0)]
        self.sums.assign_add(tf.cast(tf.reduce_sum(tf.stack(parts), -1), tf.float64))

    def result(self) -> Tensor:
        """Return the share of class 1 in the loss."""
        return tf.math.divide_no_nan(self.sums[1, 0], self.sums[0, 0] + self.sums[1, 0])
