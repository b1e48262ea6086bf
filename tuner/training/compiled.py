"""One program: a Keras model and optimizer with a model axis, and epochs of them compiled by XLA.

A whole epoch of steps is one `tf.while_loop`, in which the rows of each model's batch are gathered by index. The
gradient with respect to the logits is written out, `losses.py`, and the tape does the rest. Models never share a
parameter, hence the gradient of all of them at once is the gradient of each: nothing mixes.

Axes    as in `tuner.training`
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tuner.training import stack
from tuner.training.backend import dynamic_update_slice, keras, tf
from tuner.training.dropout import keep_factors
from tuner.training.layers import stacked_mlp, stacked_optimizer
from tuner.training.losses import StackedLoss
from tuner.training.rows import DeviceTable, FoldConstants
from tuner.training.streams import FoldSet
from tuner.training.traced import Traced

Tensor = Any
State = tuple[Tensor, ...]


class PerModel(NamedTuple):
    """What differs between the models of a stack, each of shape `(M, 1, 1)`, float32.

    `class_weights` are `(M, 1, 2)` for two classes, else `(M, 1, O)`.
    """

    class_weights: Tensor
    learning_rate: Tensor
    momentum: Tensor
    l2: Tensor
    dropout: Tensor
    focal_gamma: Tensor


class PerFold(NamedTuple):
    """What differs between the folds.

    Attributes:
        constants: of each column.
        n_rows: training rows, shape `(J', 1, 1)`.
        dropout_key: shape `(J', 1, 2)`, uint32.
    """

    constants: FoldConstants
    n_rows: Tensor
    dropout_key: Tensor


class Compiled:
    """The program of a `stack.Program`, a table and a shape of folds.

    The model and the optimizer only describe the arithmetic; weights and slots travel through as plain tensors, so
    that any number of threads may run the same program.
    """

    def __init__(self, key: stack.Program, rows: FoldSet, table: DeviceTable) -> None:
        self.key = key
        self.table = table
        self.n_folds = len(rows.folds)
        self.n_slots = stack.trials_per_stack(self.n_folds)
        self.n_steps = rows.n_steps(key.batch_size)
        self.is_even = rows.is_even(key.batch_size)
        self.loss = StackedLoss(table.table.task, table.table.n_outputs, focal=key.focal)
        self.model = stacked_mlp(
            n_models=self.n_slots * self.n_folds,
            n_features=table.n_features,
            n_outputs=table.table.n_outputs,
            width=key.width,
            hidden_layers=key.hidden_layers,
            activation=key.activation,
            batch_size=key.batch_size,
        )
        self.optimizer = stacked_optimizer(key.optimizer, momentum=key.momentum)
        self.weights = self.model.trainable_variables
        self.optimizer.build(self.weights)
        self.slots = self.optimizer.variables[2:]  # after the scalar count of steps and the scalar learning rate
        self._epochs = Traced(self._all_epochs, rows.plan.clock)
        self._logits = Traced(self._logits_of_rows, rows.plan.clock)

    def train(
        self,
        state: State,
        per_model: PerModel,
        per_fold: PerFold,
        *,
        orders: Tensor,
        epochs: tuple[int, int],
        lasts: Tensor,
    ) -> tuple[State, Tensor]:
        """Return the state after some more epochs, and what the first epoch recorded, where it is among them.

        Args:
            state: weights, then optimizer slots.
            per_model: settings of every model.
            per_fold: constants of every fold.
            orders: row numbers of every batch of a block of epochs, from `BatchStreams`.
            epochs: epochs made so far, and epochs made then, within the block.
            lasts: epochs after which each model stays as it is, shape `(M, 1, 1)`, int32.

        Returns:
            The state, and of every step what `losses.StackedLoss.record` returns, the last step scratch. Shape
            `(S + 1, 3, M, B)`, of labels `(S + 1, 3 L, M, B)`.
        """
        *after, record = self._epochs(state, (per_model, per_fold), orders, tf.constant(epochs), lasts)
        return tuple(after), record

    def predict_all(self, state: State, per_fold: PerFold, rows: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return logits of the row numbers `(J', V)`, in blocks that bound the memory.

        Returns:
            Shape `(T, J', V)`, of several outputs `(T, J', V, O)`.
        """
        v = rows.shape[1]
        n_features, n_outputs = self.table.n_features, self.table.table.n_outputs
        size = stack.block_rows(self.n_slots * self.n_folds, self.key.width, n_features, v, n_outputs=n_outputs)
        weights, blocks = state[: len(self.weights)], []
        for start in range(0, v, size):
            block = rows[:, start : start + size]
            padded = np.pad(block, ((0, 0), (0, size - block.shape[1])))
            values = self._logits(weights, per_fold, tf.constant(padded))
            blocks.append(values.numpy()[:, : block.shape[1]])
        logits = np.concatenate(blocks, axis=1)
        return logits.reshape(self.n_slots, self.n_folds, *logits.shape[1:])

    def _for_all_slots(self, values: Tensor) -> Tensor:
        return tf.tile(values, (self.n_slots, 1, 1)) if self.n_slots > 1 else values

    def _forward(self, weights: State, x: Tensor) -> Tensor:
        return self.model.stateless_call(list(weights), [], x)[0]

    def _forward_with_dropout(self, weights: State, x: Tensor, keep_factors: State) -> Tensor:
        """Return logits `(M, B, O)`, the activations of each hidden layer multiplied by its `(M, B, H)` factors."""
        *hidden, output = zip(self.model.layers, weights[::2], weights[1::2], strict=True)
        for (layer, *own), factors in zip(hidden, keep_factors, strict=True):
            x = layer.stateless_call(own, [], x)[0] * factors
        layer, *own = output
        return layer.stateless_call(own, [], x)[0]

    def _logits_of_rows(self, weights: State, fold: PerFold, rows: Tensor) -> Tensor:
        x, *_ = self.table.gather(rows, fold.constants)
        logits = self._forward(weights, self._for_all_slots(x))
        return logits[..., 0] if logits.shape[-1] == 1 else logits

    def _all_epochs(
        self, state: State, settings: tuple[PerModel, PerFold], orders: Tensor, epochs: Tensor, lasts: Tensor
    ) -> State:
        model, fold = settings
        per_epoch = tf.cast(self._for_all_slots(-(-fold.n_rows // self.key.batch_size)), tf.float32)
        per_block = orders.shape[0] // self.n_steps

        def one_epoch(epoch: Tensor, *before: Tensor) -> tuple[Tensor, ...]:
            def step(s: Tensor, record: Tensor, *now: Tensor) -> tuple[Tensor, ...]:
                rows = orders[epoch % per_block * self.n_steps + s]
                made = tf.cast(epoch, tf.float32) * per_epoch + tf.cast(s, tf.float32)
                after, measured = self._step(s, now, rows, model=model, fold=fold, epoch=epoch, made=made)
                place = tf.where(epoch == 0, s, self.n_steps)
                record = dynamic_update_slice(record, measured[None], [place, 0, 0, 0])
                return (s + 1, tf.ensure_shape(record, record_shape), *after)

            record, *after = tf.while_loop(lambda s, *_: s < self.n_steps, step, (tf.constant(0), *before))[1:]
            if self.n_slots > 1:
                after = [tf.where(epoch < lasts, new, old) for new, old in zip(after, before[1:], strict=True)]
            return (epoch + 1, record, *after)

        record_shape = self.n_steps + 1, self.loss.n_recorded, self.n_slots * self.n_folds, self.key.batch_size
        begin = epochs[0], tf.zeros(record_shape), *state
        _, record, *after = tf.while_loop(lambda epoch, *_: epoch < epochs[1], one_epoch, begin)
        return (*after, record)

    def _step(
        self, s: Tensor, state: State, rows: Tensor, *, model: PerModel, fold: PerFold, epoch: Tensor, made: Tensor
    ) -> tuple[Sequence[Tensor], Tensor]:
        """Return the state after step `s`, on `rows` `(J', B)`; each model has `made` `(M, 1, 1)` steps before.

        Beside it, what `losses.StackedLoss.record` returns.
        """
        n_weights, batch = len(self.weights), self.key.batch_size
        weights, slots = state[:n_weights], state[n_weights:]
        x, y, sample_weight = self.table.gather(rows, fold.constants)
        x, targets = self._for_all_slots(x), self.loss.targets(self._for_all_slots(y))
        left = self._for_all_slots(fold.n_rows - s * batch)  # training rows not yet visited, (M, 1, 1)
        row_weight = self.loss.row_weights(targets, model.class_weights)
        if sample_weight is not None:
            row_weight *= self._for_all_slots(sample_weight)
        row_weight = tf.where(tf.range(batch)[:, None] < left, row_weight, 0.0)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            if self.key.dropout:
                logits = self._forward_with_dropout(weights, x, self._keep_factors(model, fold, epoch=epoch, s=s))
            else:
                logits = self._forward(weights, x)
        n_rows = tf.cast(tf.clip_by_value(left, 1, batch), tf.float32)
        bare = self.loss.slope(logits, targets, model.focal_gamma)
        slope = row_weight * bare / n_rows
        gradients = tape.gradient(logits, weights, output_gradients=slope)
        if self.key.l2:
            kernels = [
                gradient + 2.0 * model.l2 * weight
                for gradient, weight in zip(gradients[::2], weights[::2], strict=True)
            ]
            gradients = [value for pair in zip(kernels, gradients[1::2], strict=True) for value in pair]
        new = self._update(weights, slots, gradients, model, steps=made)
        if not self.is_even:
            new = [tf.where(left > 0, value, old) for value, old in zip(new, state, strict=True)]
        return new, self.loss.record(logits, targets, bare=bare, applied=slope)

    def _keep_factors(self, model: PerModel, fold: PerFold, *, epoch: Tensor, s: Tensor) -> State:
        return tuple(
            keep_factors(
                model.dropout,
                self._for_all_slots(fold.dropout_key),
                layer=layer,
                epoch=epoch,
                step=s,
                n_rows=self.key.batch_size,
                n_units=self.key.width,
            )
            for layer in range(self.key.hidden_layers)
        )

    def _update(
        self, weights: State, slots: State, gradients: Sequence[Tensor], model: PerModel, *, steps: Tensor
    ) -> list[Tensor]:
        """Return weights and slots after one step of the Keras optimizer."""
        mapping = [*zip(self.weights, weights, strict=True), *zip(self.slots, slots, strict=True)]
        self.optimizer.momentums_per_model, self.optimizer.steps_per_model = model.momentum, steps
        with keras.StatelessScope(state_mapping=mapping) as scope:
            for gradient, variable in zip(gradients, self.weights, strict=True):
                self.optimizer.update_step(gradient, variable, model.learning_rate)
        return [scope.get_current_value(variable) for variable in (*self.weights, *self.slots)]
