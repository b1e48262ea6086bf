"""Keras layers and optimizers with a model axis.

Activations have shape `(M, B, units)`. Every weight has three dimensions, models first, too, so that a value per model
of shape `(M, 1, 1)` - learning rate, momentum, L2, count of steps - broadcasts against all of them.

Source  Wang et al. 2021, Horizontally Fused Training Arrays, arXiv:2102.02344
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tuner.training.backend import keras, optimization_barrier, tf

Tensor = Any

NARROW = 2
"""Layers of at most so many inputs multiply column by column: a batched matrix product of that size takes half as long
again, of 3 inputs it is faster (docs/decisions/0002)."""


class StackedDense(keras.layers.Layer):  # type: ignore[misc]
    """M dense layers side by side: `(M, B, inputs) -> (M, B, units)` with kernels `(M, inputs, units)`."""

    def __init__(self, n_models: int, units: int, activation: str | None = None) -> None:
        super().__init__()
        self.n_models, self.units = n_models, units
        self.activation = keras.activations.get(activation)

    def build(self, input_shape: tuple[int, ...]) -> None:
        """Create kernels and biases, all zero: initial weights are drawn per model for its true fan."""
        self.kernel = self.add_weight(shape=(self.n_models, input_shape[-1], self.units), initializer="zeros")
        self.bias = self.add_weight(shape=(self.n_models, 1, self.units), initializer="zeros")

    def call(self, x: Tensor) -> Tensor:
        """Return the activations of all models."""
        return self.activation(_product(x, self.kernel) + self.bias)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _product(x: Tensor, kernel: Tensor) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor, Tensor]]]:
    """Return `(M, B, inputs) x (M, inputs, units) -> (M, B, units)` and its gradient.

    Written out, because what XLA's own choices cost is a third of a step: see docs/decisions/0002.
    """
    n_inputs, units = kernel.shape[1:]
    if n_inputs <= NARROW:
        product = sum(x[..., i, None] * kernel[:, i, None] for i in range(n_inputs))
    else:
        product = tf.einsum("mbi,mio->mbo", x, kernel)

    def gradient(slope: Tensor) -> tuple[Tensor, Tensor]:
        x_slope = slope * kernel[:, None, :, 0] if units == 1 else tf.einsum("mbo,mio->mbi", slope, kernel)
        if units == 1:
            kernel_slope = tf.einsum("mbi,mbo->mio", x, slope)
        elif n_inputs <= NARROW:
            kernel_slope = tf.stack([tf.reduce_sum(x[..., i, None] * slope, 1) for i in range(n_inputs)], 1)
        else:  # behind a barrier XLA writes the transposed rows out, for which its matrix product is faster
            rows = tf.ensure_shape(
                optimization_barrier(tf.transpose(x, (0, 2, 1)))[0], (*x.shape[:1], n_inputs, x.shape[1])
            )
            kernel_slope = tf.einsum("mib,mbo->mio", rows, slope)
        return x_slope, kernel_slope

    return product, gradient


def stacked_mlp(
    *, n_models: int, n_features: int, n_outputs: int, width: int, hidden_layers: int, activation: str, batch_size: int
) -> keras.Model:
    """Return M perceptrons as one Keras model from `(M, B, F)` to logits `(M, B, n_outputs)`."""
    layers = [StackedDense(n_models, width, activation) for _ in range(hidden_layers)]
    model = keras.Sequential([*layers, StackedDense(n_models, n_outputs)])
    model.build((n_models, batch_size, n_features))
    return model


class _Stateless:
    """Assign to Keras variables and tell them apart as such, so that updates stay inside a `keras.StatelessScope`.

    The TensorFlow backend's optimizers reach for the raw `tf.Variable`, which does not exist in a stateless scope.
    """

    def _var_key(self, variable: Any) -> int:
        return id(variable)

    def assign(self, variable: Any, value: Tensor) -> None:
        variable.assign(value)

    def assign_add(self, variable: Any, value: Tensor) -> None:
        variable.assign(keras.ops.add(variable, value))

    def assign_sub(self, variable: Any, value: Tensor) -> None:
        variable.assign(keras.ops.subtract(variable, value))


class StackedSGD(_Stateless, keras.optimizers.SGD):  # type: ignore[misc]
    """`keras.optimizers.SGD` with learning rate and momentum per model.

    `momentums_per_model` has shape `(M, 1, 1)`; None trains without momentum and keeps no slots.
    """

    def __init__(self, *, momentum: bool) -> None:
        super().__init__(momentum=0.5 if momentum else 0.0)
        self.momentums_per_model: Tensor = None

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Assign one step of Keras' SGD, `learning_rate` of shape `(M, 1, 1)`."""
        if not self.momentums:
            super().update_step(gradient, variable, learning_rate)
            return
        velocity = self.momentums[self._get_variable_index(variable)]
        self.assign(velocity, velocity * self.momentums_per_model - gradient * learning_rate)
        self.assign_add(variable, velocity)


class StackedAdam(_Stateless, keras.optimizers.Adam):  # type: ignore[misc]
    """`keras.optimizers.Adam` with learning rate and count of steps per model."""

    def __init__(self) -> None:
        super().__init__()
        self.steps_per_model: Tensor = None

    @property
    def iterations(self) -> Tensor:
        """Steps each model has made, shape `(M, 1, 1)`: a shorter fold makes fewer."""
        return self.steps_per_model


def stacked_optimizer(name: str, *, momentum: bool) -> StackedSGD | StackedAdam:
    """Return the optimizer called `name` in the config."""
    return StackedAdam() if name == "adam" else StackedSGD(momentum=momentum)
