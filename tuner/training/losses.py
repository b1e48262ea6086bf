"""The loss of each task as what training needs of it: its slope at the logits, and the weight of every row.

The loss of a model on a batch is sum(weight * cross-entropy) / rows of the batch, Keras' own. Its slope at the logits
of a row, which the tape carries through the layers, is weight / rows times

    two classes      sigmoid(logit) - y,  or that of focal loss: `focal.py`                                  (1)
    K classes        softmax(logits) - (1 at the class of the row, else 0)                                   (2)
    L labels         (sigmoid(logits) - y) / L: Keras averages the losses of the labels of a row             (3)

A row has the weight of its class; of labels, each has its own where the row has the label, and 1 where it has not.

Axes    as in `tuner.training`
"""

from __future__ import annotations

from typing import Any

from tuner.training.backend import keras, tf
from tuner.training.focal import FocalCrossentropy, focal_slope
from tuner.trial import Task, TrialParams

Tensor = Any


class StackedLoss:
    """The loss of M models; every tensor has the models first, `(M, B, ...)`."""

    def __init__(self, task: Task, n_outputs: int, *, focal: bool) -> None:
        self.task, self.n_outputs, self.focal = task, n_outputs, focal
        self.n_recorded = 3 * n_outputs if task == "multilabel" else 3

    def targets(self, y: Tensor) -> Tensor:
        """Return what (1) to (3) compare with the outputs, `(M, B, O)`, of labels as the table has them."""
        return tf.cast(y == tf.range(self.n_outputs, dtype=tf.float32), tf.float32) if self._has_classes else y

    def row_weights(self, targets: Tensor, class_weights: Tensor) -> Tensor:
        """Return the weight of every row, `(M, B, 1)`, or of every label of it, `(M, B, L)`.

        Args:
            targets: from `targets`.
            class_weights: of two classes those of 0 and 1, else of every class or label. Shape `(M, 1, 2 or O)`.
        """
        if self._has_classes:
            return tf.reduce_sum(targets * class_weights, axis=-1, keepdims=True)
        if self.task == "multilabel":
            return tf.where(targets > 0, class_weights, 1.0)
        return tf.where(targets > 0, class_weights[..., 1:], class_weights[..., :1])

    def slope(self, logits: Tensor, targets: Tensor, focal_gamma: Tensor) -> Tensor:
        """Return (1), (2) or (3) of every row, `(M, B, O)`."""
        if self._has_classes:
            return tf.nn.softmax(logits) - targets
        if self.task == "multilabel":
            return (tf.sigmoid(logits) - targets) / self.n_outputs
        return focal_slope(logits, targets, focal_gamma) if self.focal else tf.sigmoid(logits) - targets

    def record(self, logits: Tensor, targets: Tensor, *, bare: Tensor, applied: Tensor) -> Tensor:
        """Return what `first_epoch.class_sums` takes of every row, `(3, M, B)`; of labels `(3 L, M, B)`.

        Of two classes, and of each label, that is the logit, and its slope before and after the weight. Of K classes it
        is the log odds of the row's own class, and the slopes at the logit of that class: |slope| over all logits is
        twice theirs.
        """
        if self.task == "multilabel":
            of_labels = tf.transpose(tf.stack([logits, bare, applied]), (0, 3, 1, 2))
            return tf.reshape(of_labels, (self.n_recorded, *logits.shape[:2]))
        if not self._has_classes:
            return tf.stack([logits, bare, applied])[..., 0]
        others = tf.reduce_logsumexp(tf.where(targets > 0, float("-inf"), logits), axis=-1)
        own, own_bare, own_applied = (tf.reduce_sum(targets * x, axis=-1) for x in (logits, bare, applied))
        return tf.stack([own - others, own_bare, own_applied])

    @property
    def _has_classes(self) -> bool:
        return self.task == "multiclass"


def keras_loss(params: TrialParams, task: Task) -> keras.losses.Loss:
    """Return the loss of one model for `fit`, which multiplies it by the weights of rows."""
    if task == "multiclass":
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    if task == "multilabel":
        return LabelCrossentropy(params.class_weights)
    if params.focal_gamma:
        return FocalCrossentropy(params.focal_gamma)
    return keras.losses.BinaryCrossentropy(from_logits=True)


class LabelCrossentropy(keras.losses.Loss):  # type: ignore[misc]
    """`keras.losses.BinaryCrossentropy` of logits, in which the loss of a label that a row has counts by its weight."""

    def __init__(self, weights: tuple[float, ...]) -> None:
        super().__init__(name="label_crossentropy")
        self.weights = weights

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each row, `(B,)`, of labels and logits `(B, L)`."""
        return keras.ops.mean(self.of_labels(y_true, y_pred), axis=-1)

    def of_labels(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each label of each row, `(B, L)`."""
        y = keras.ops.cast(y_true, "float32")
        weights = keras.ops.where(y > 0, keras.ops.convert_to_tensor(self.weights, "float32"), 1.0)
        return weights * keras.ops.binary_crossentropy(y, y_pred, from_logits=True)
