"""Focal loss: rows that are predicted well already count less.

With the margin t = logit of class 1 rows, -logit of class 0 rows, p = sigmoid(t) is the probability of a row's own
class, q = sigmoid(-t) = 1 - p and

    loss     q ** gamma * -log(p)                                                                            (1)
    slope    d loss / d t = -q ** gamma * (q + gamma * p * -log(p))                                          (2)

since dq/dt = -q p and d(-log p)/dt = -q. Both are taken from softplus(t) = log(1 + exp(t)), which is -log(q) at t and
-log(p) at -t, so nothing is rounded to 0 or 1 before its logarithm or power. At gamma 0, (2) is sigmoid(logit) - y in
the direction of the logit. The authors' alpha is the class weight, which multiplies outside.

Source  Lin et al. 2017, Focal loss for dense object detection, arXiv:1708.02002, equation 4
"""

from __future__ import annotations

from typing import Any

from tuner.training.backend import keras, tf

Tensor = Any


def focal_slope(logits: Tensor, y: Tensor, gamma: Tensor) -> Tensor:
    """Return the derivative of (1) with respect to the logits.

    Args:
        logits: any shape, float32.
        y: labels 0.0 and 1.0, same shape.
        gamma: at least 0; broadcasts against the logits.

    Returns:
        The shape of `logits`.
    """
    sign = 2.0 * y - 1.0
    margin = sign * logits
    loss = tf.math.softplus(-margin)
    missing = tf.sigmoid(-margin)
    return -sign * tf.exp(-gamma * tf.math.softplus(margin)) * (missing + gamma * tf.sigmoid(margin) * loss)


class FocalCrossentropy(keras.losses.Loss):  # type: ignore[misc]
    """Equation (1) of logits as a Keras loss.

    `keras.losses.BinaryFocalCrossentropy` is the same for small logits, but takes powers and logarithms of rounded
    probabilities: beyond a logit of 17 its slope is clipped to 0 or, at a gamma below 1, not a number.
    """

    def __init__(self, gamma: float) -> None:
        super().__init__(name="focal_crossentropy")
        self.gamma = gamma

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each row, `(B,)`, of labels `(B,)` or `(B, 1)` and logits `(B, 1)`."""
        margin = (2.0 * tf.reshape(y_true, tf.shape(y_pred)) - 1.0) * y_pred
        loss = tf.exp(-self.gamma * tf.math.softplus(margin)) * tf.math.softplus(-margin)
        return loss[:, 0]
