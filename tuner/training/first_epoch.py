"""What the class weights did in the first epoch: sums of loss and slope over all of its rows, class by class.

Both trainers measure what their own training steps used. The stacked one keeps, of every row, its logit and its slope
at the logit before and after the weight, which is what its tape is handed; so the weight of a row is measured, too:
slope after / slope before. The sequential one has a Keras metric twice, once with the row weights that `fit` derives
from its `class_weight`.

Of more than two classes a row is what it is to its own class: the log odds of that class take the place of the logit,
and the slopes are those at its logit, half of the sum over all (`losses.py`). Of several labels each has sums of its
own, as of two classes. Sample weights belong to the rows, not to
what the class weights did, so sums with and without class weights both hold them.

Axes    K classes; Q = 4 sums: weighted loss, weighted |slope|, loss, |slope|; others as in `tuner.training`
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.training.backend import keras, tf
from tuner.training.losses import LabelCrossentropy
from tuner.trial import FirstEpoch

Tensor = Any
Numbers = NDArray[np.float32]

BLOCK = 1 << 14
"""Rows of all models that are summed at once: what they take stays near the processor."""


def class_sums(
    record: Numbers,
    *,
    rows: NDArray[np.int32],
    labels: Numbers,
    n_classes: int,
    sample_weight: Numbers | None,
    sizes: NDArray[np.int32],
    gammas: Numbers | None,
) -> NDArray[np.float64]:
    """Return the sums of the first epoch of a stack.

    Args:
        record: logit, slope before the weight and slope as applied, of every row. Shape `(S or more, 3, M, B)`; only
            the first S steps count.
        rows: their numbers in the table, shape `(S, J', B)`; models are trials x folds.
        labels: of the table, the number of each row's class, shape `(rows,)`.
        n_classes: K.
        sample_weight: of the table, shape `(rows,)`; None where all rows count alike.
        sizes: training rows of each fold, shape `(J',)`. A place beyond them holds no row.
        gammas: of focal loss, shape `(M, 1)`; None where the loss is cross-entropy.

    Returns:
        Shape `(M, K, Q)`, class 0 first.
    """
    n_steps, n_folds, batch = rows.shape
    n_models = record.shape[2]
    copies = 1, n_models // n_folds, 1
    sums, size = np.zeros((n_models, n_classes, 4)), max(1, BLOCK // (n_models * batch))
    for start in range(0, n_steps, size):
        steps = np.arange(start, min(start + size, n_steps))
        y = np.tile(labels[rows[steps]], copies)
        left = np.tile(sizes[:, None] - steps[:, None, None] * batch, copies)
        of_rows = _of_rows(
            record[steps[0] : steps[-1] + 1],
            2 * y - 1 if n_classes == 2 else np.ones_like(y),
            n_rows=np.clip(left, 1, batch),
            gammas=gammas,
            factors=None if sample_weight is None else np.tile(sample_weight[rows[steps]], copies),
        )
        is_row = np.asarray(np.arange(batch) < left, np.float32)
        for label in range(n_classes):
            counts = is_row * (y == label)
            for q, values in enumerate(of_rows):  # over steps first: whole rows of numbers are added at once
                sums[:, label, q] += np.einsum("smb,smb->mb", values, counts).sum(axis=1, dtype=np.float64)
    return sums


def _of_rows(
    record: Numbers, sign: Numbers, *, n_rows: NDArray[np.int64], gammas: Numbers | None, factors: Numbers | None
) -> tuple[Numbers, ...]:
    """Return weighted loss, weighted |slope|, loss and |slope| of every row, each `(S, M, B)`.

    The logit times `sign` is that of the row's own class; `factors` are sample weights. A row whose slope was rounded
    to 0 has no weight to measure; its loss, below 1e-7, counts as 0.
    """
    logits, bare, slope = (np.ascontiguousarray(record[:, i]) for i in range(3))
    has_slope = bare != 0
    with np.errstate(over="ignore", invalid="ignore"):  # of a model that diverges
        margin = sign * logits
        loss = _softplus(-margin)
        if gammas is not None:
            loss *= np.exp(-gammas * _softplus(margin))
        loss *= has_slope
        slope = slope * n_rows.astype(np.float32)
        weight = np.divide(slope, bare, out=np.zeros_like(bare), where=has_slope)
        before = (loss, np.abs(bare)) if factors is None else (factors * loss, factors * np.abs(bare))
        return weight * loss, np.abs(slope), *before


def _softplus(x: Numbers) -> Numbers:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def shares(sums: NDArray[np.float64]) -> FirstEpoch:
    """Return the shares from the sums of one trial: of class 1 of two, of each of more classes, or of each label.

    Args:
        sums: shape `(J', K, Q)`; of labels, each with two classes, `(J', L, 2, Q)`.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        of_all = sums / sums.sum(axis=-2, keepdims=True)
    own = of_all[..., 1, :] if of_all.shape[-2] == 2 else of_all
    names = "loss_share", "gradient_share", "unweighted_loss_share", "unweighted_gradient_share"
    return FirstEpoch(**dict(zip(names, np.moveaxis(own, -1, 0), strict=True)))


class ClassSums(keras.metrics.Metric):  # type: ignore[misc]
    """Sums of loss and |slope| of each class over an epoch, each row times the weight that Keras hands to the metric.

    The slope is the tape's, so it owes nothing to the formulas of the stacked trainer. `factors` multiply the rows in
    the order in which they come: the sample weights, which Keras hands to no metric without the class weights.
    """

    def __init__(
        self, name: str, loss: keras.losses.Loss, *, n_classes: int, factors: tf.Variable | None, n_labels: int = 1
    ) -> None:
        super().__init__(name=name)
        self.loss, self.factors = loss, factors
        self.sums = self.add_variable((n_classes, 2, n_labels), initializer="zeros", dtype="float64", name="sums")
        self.n_seen = self.add_variable((), initializer="zeros", dtype="int32", name="n_seen")

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor = None) -> None:
        """Add one batch: labels `(B,)` or `(B, L)`, logits `(B, O)`, weights `(B,)`; no weights are weights of 1."""
        logits = tf.convert_to_tensor(y_pred)
        y = tf.cast(tf.reshape(y_true, (tf.shape(logits)[0], self.sums.shape[2])), tf.float32)
        of_rows = self._of_rows(y, logits)
        if sample_weight is not None:
            of_rows *= tf.reshape(sample_weight, (-1,))
        if self.factors is not None:
            end = self.n_seen.value + tf.shape(y)[0]
            of_rows *= self.factors[self.n_seen.value : end]
            self.n_seen.assign(end)
        parts = [tf.where(tf.transpose(y) == label, of_rows, 0.0) for label in range(self.sums.shape[0])]
        self.sums.assign_add(tf.cast(tf.reduce_sum(tf.stack(parts), -1), tf.float64))

    def _of_rows(self, y: Tensor, logits: Tensor) -> Tensor:
        """Return loss and |slope| of every row, `(2, 1, B)`."""
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = self.loss.call(y, logits)
        return tf.stack([loss, tf.reduce_sum(tf.abs(tape.gradient(loss, logits)), axis=-1)])[:, None]

    def result(self) -> Tensor:
        """Return the share of class 1, or of the rows with a label, in the loss."""
        return tf.math.divide_no_nan(tf.reduce_sum(self.sums[1, 0]), tf.reduce_sum(self.sums[:, 0]))


class LabelSums(ClassSums):
    """The same of each of several labels, whose weights are part of the loss."""

    def __init__(self, name: str, loss: LabelCrossentropy, *, n_labels: int, factors: tf.Variable | None) -> None:
        super().__init__(name, loss, n_classes=2, factors=factors, n_labels=n_labels)

    def _of_rows(self, y: Tensor, logits: Tensor) -> Tensor:
        """Return loss and |slope| of every label of every row, `(2, L, B)`."""
        with tf.GradientTape() as tape:
            tape.watch(logits)
            losses = self.loss.of_labels(y, logits)
        return tf.transpose(tf.stack([losses, tf.abs(tape.gradient(losses, logits))]), (0, 2, 1))
