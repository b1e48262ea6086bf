"""Train every model of a stack at once.

A stack holds M = trials x folds small MLPs that differ in rows, initial weights, class weight, width and number of
epochs, and agree in everything else. They become one Keras model whose kernels carry a leading model axis; XLA
compiles a whole epoch of steps into one program, in which the rows of each model's batch are gathered by index.

The loss of a model on a batch is sum(weight * binary cross-entropy) / rows of the batch, Keras' own, so the gradient
with respect to its logits is weight * (sigmoid(logit) - y) / rows                                             (1)
where focal loss puts its own slope in the place of sigmoid(logit) - y: `focal.py`.
Models never share a parameter, hence (1) for all of them at once is the gradient of each: nothing mixes.

Equal   to `sequential.py` within float32 rounding: tests/contracts/test_trainers.py
Source  Wang et al. 2021, Horizontally Fused Training Arrays, arXiv:2102.02344
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.data.preprocessing import Scaler, fit_scaler
from tuner.errors import EngineError
from tuner.training import seeds, stack
from tuner.training.backend import dynamic_update_slice, keras, tf
from tuner.training.dropout import keep_factors
from tuner.training.first_epoch import class_sums, shares
from tuner.training.focal import focal_slope
from tuner.training.layers import NARROW, stacked_mlp, stacked_optimizer
from tuner.training.streams import BatchStreams, FoldSet
from tuner.training.traced import Traced
from tuner.training.trainer import Predictions, TrainingPlan
from tuner.trial import FirstEpoch, TrialParams

Tensor = Any
State = tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class PerModel:
    """What differs between the models of a stack, each of shape `(M, 1, 1)`, float32."""

    majority_weight: Tensor
    minority_weight: Tensor
    learning_rate: Tensor
    momentum: Tensor
    l2: Tensor
    dropout: Tensor
    focal_gamma: Tensor


@dataclass(frozen=True, slots=True)
class PerFold:
    """What differs between the folds.

    Attributes:
        mean, scale: of each column, shape `(J', 1, F)`.
        n_rows: training rows, shape `(J', 1, 1)`.
        dropout_key: shape `(J', 1, 2)`, uint32.
    """

    mean: Tensor
    scale: Tensor
    n_rows: Tensor
    dropout_key: Tensor


class StackedTrainer:
    """The fast trainer. One compiled program per `stack.Program` and shape of folds, shared by all threads."""

    def __init__(self, plan: TrainingPlan) -> None:
        self.plan = plan
        self.n_rows = max(map(len, plan.folds.train))
        self.labels = plan.dataset.y.astype(np.float32)
        self.table = tf.constant(np.column_stack([plan.dataset.X, self.labels]))
        self.streams = BatchStreams()
        self._programs: dict[tuple[Any, ...], _Compiled] = {}
        self._scalers: dict[bool, Scaler] = {}
        self._lock = threading.Lock()

    def stacks(self, batch: Sequence[TrialParams], *, n_folds: int) -> list[tuple[TrialParams, ...]]:
        """Return the batch as stacks of one program each, longest first."""
        return stack.make_stacks(batch, n_folds=n_folds, n_rows=self.n_rows)

    def train(
        self, trials: Sequence[TrialParams], *, folds: Sequence[int], should_stop: Callable[[], bool]
    ) -> list[Predictions] | None:
        """Train some folds of `trials`, which must share one `stack.Program`; see `trainer.Trainer`.

        Raises:
            EngineError: the stack does not fit into memory.
        """
        try:
            return self._train(trials, FoldSet(self.plan, tuple(folds)), should_stop)
        except (tf.errors.ResourceExhaustedError, MemoryError) as error:
            raise EngineError(
                f"not enough memory to train {len(trials)} trial{'s' * (len(trials) > 1)} x {len(folds)} folds at "
                "once; lower training.batch_size, search_space.hidden_size or cv.n_repeats, or set engine.threads=1"
            ) from error

    def _train(
        self, trials: Sequence[TrialParams], rows: FoldSet, should_stop: Callable[[], bool]
    ) -> list[Predictions] | None:
        n_folds, n_slots = len(rows.folds), stack.trials_per_stack(len(rows.folds))
        program = self._compiled(stack.program_of(trials[0], n_rows=self.n_rows), rows)
        filled = [*trials, *[trials[0]] * (n_slots - len(trials))]
        per_fold, per_model = self._per_fold(program.key, rows), _per_model(filled, n_folds)
        state = self._initial_state(filled, program, rows)
        due = [self._checkpoints(params) for params in trials]
        logits = [np.full((len(epochs), *rows.valid.shape), np.nan, np.float32) for epochs in due]
        last = np.array([params.epochs for params in trials] + [0] * (n_slots - len(trials)))
        lasts = tf.constant(np.repeat(last, n_folds)[:, None, None], tf.int32)
        epoch, stops, first_epochs = 0, sorted(set().union(*due)), list[FirstEpoch]()
        while epoch < stops[-1]:
            if should_stop():
                return None
            orders, end_of_block = self.streams.at(rows, program.key.batch_size, epoch)
            begin, epoch = epoch, min(end_of_block, next(stop for stop in stops if stop > epoch))
            state, record = program.train(state, per_model, per_fold, orders=orders, epochs=(begin, epoch), lasts=lasts)
            if begin == 0:
                first_epochs = self._first_epochs(record, program, per_model, rows=rows, orders=orders)
            if epoch in stops:
                block = program.predict_all(state, per_fold, rows.valid)
                for slot, epochs in enumerate(due):
                    if epoch in epochs:
                        logits[slot][epochs.index(epoch)] = block[slot]
        for j, fold in enumerate(rows.folds):
            for array in logits:
                array[:, j, len(self.plan.folds.valid[fold]) :] = np.nan
        return [
            Predictions(checkpoint_epochs=e, logits=array, first_epoch=first_epoch)
            for e, array, first_epoch in zip(due, logits, first_epochs[: len(trials)], strict=True)
        ]

    def _first_epochs(
        self, record: Tensor, program: _Compiled, per_model: PerModel, *, rows: FoldSet, orders: Tensor
    ) -> list[FirstEpoch]:
        """Return what the weights did, of every slot of a stack, from what its first call recorded."""
        sums = class_sums(
            np.asarray(record),
            rows=np.asarray(orders)[: program.n_steps],
            labels=self.labels,
            sizes=rows.sizes,
            gammas=per_model.focal_gamma[..., 0].numpy() if program.key.focal else None,
        )
        return [shares(of_trial) for of_trial in np.split(sums, program.n_slots)]

    def _checkpoints(self, params: TrialParams) -> tuple[int, ...]:
        return stack.checkpoint_epochs(params.epochs, longest=self.plan.longest, n_checkpoints=self.plan.n_checkpoints)

    def _compiled(self, key: stack.Program, rows: FoldSet) -> _Compiled:
        shape = key, len(rows.folds), rows.n_steps(key.batch_size), rows.is_even(key.batch_size)
        with self._lock:
            if shape not in self._programs:
                self._programs[shape] = _Compiled(key, rows, self.table)
            return self._programs[shape]

    def _per_fold(self, key: stack.Program, rows: FoldSet) -> PerFold:
        with self._lock:
            if key.standardize not in self._scalers:
                self._scalers[key.standardize] = fit_scaler(
                    self.plan.dataset.X, self.plan.folds, standardize=key.standardize
                )
            scaler = self._scalers[key.standardize]
        folds = list(rows.folds)
        return PerFold(
            mean=tf.constant(scaler.mean[folds, None]),
            scale=tf.constant(scaler.scale[folds, None]),
            n_rows=tf.constant(rows.sizes[:, None, None]),
            dropout_key=tf.constant(rows.dropout_keys[:, None]),
        )

    def _initial_state(self, filled: Sequence[TrialParams], program: _Compiled, rows: FoldSet) -> State:
        """Return initial weights, padded with zeros, and empty optimizer slots."""
        padded = [np.zeros(variable.shape, np.float32) for variable in program.weights]
        folds = self.plan.folds
        for model, (params, fold) in enumerate(itertools.product(filled, rows.folds)):
            own = seeds.initial_weights(
                params,
                self.plan.dataset.X.shape[1],
                seed=self.plan.seed,
                repeat=int(folds.repeat[fold]),
                split=int(folds.split[fold]),
            )
            for array, weights in zip(padded, own, strict=True):
                block = weights if weights.ndim == 2 else weights[None]
                array[model, : block.shape[0], : block.shape[1]] = block
        slots = [tf.zeros(variable.shape) for variable in program.slots]
        return (*(tf.constant(array) for array in padded), *slots)


def _tensors(record: PerModel | PerFold) -> tuple[Tensor, ...]:
    return tuple(getattr(record, field.name) for field in fields(record))


def _per_model(filled: Sequence[TrialParams], n_folds: int) -> PerModel:
    columns = {
        field.name: np.repeat([getattr(params, field.name) for params in filled], n_folds) for field in fields(PerModel)
    }
    return PerModel(**{name: tf.constant(column[:, None, None], tf.float32) for name, column in columns.items()})


class _Compiled:
    """One program: a Keras model and optimizer with a model axis, and epochs of them compiled by XLA.

    The model and the optimizer only describe the arithmetic; weights and slots travel through as plain tensors, so
    that any number of threads may run the same program.
    """

    def __init__(self, key: stack.Program, rows: FoldSet, table: Tensor) -> None:
        self.key = key
        self.table = table
        self.n_folds = len(rows.folds)
        self.n_slots = stack.trials_per_stack(self.n_folds)
        self.n_steps = rows.n_steps(key.batch_size)
        self.is_even = rows.is_even(key.batch_size)
        self.model = stacked_mlp(
            n_models=self.n_slots * self.n_folds,
            n_features=table.shape[1] - 1,
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
            The state, and for `first_epoch.class_sums` a record of shape `(S + 1, 3, M, B)`, the last step scratch.
        """
        settings = _tensors(per_model), _tensors(per_fold)
        *after, record = self._epochs(state, settings, orders, tf.constant(epochs), lasts)
        return tuple(after), record

    def predict_all(self, state: State, per_fold: PerFold, rows: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return logits of the row numbers `(J', V)`, in blocks that bound the memory. Shape `(T, J', V)`."""
        n_features, v = self.table.shape[1] - 1, rows.shape[1]
        size = stack.block_rows(self.n_slots * self.n_folds, self.key.width, n_features, v)
        weights, blocks = state[: len(self.weights)], []
        for start in range(0, v, size):
            block = rows[:, start : start + size]
            padded = np.pad(block, ((0, 0), (0, size - block.shape[1])))
            values = self._logits(weights, _tensors(per_fold), tf.constant(padded))
            blocks.append(values.numpy()[:, : block.shape[1]])
        return np.concatenate(blocks, axis=1).reshape(self.n_slots, self.n_folds, v)

    def _rows(self, rows: Tensor, fold: PerFold) -> tuple[Tensor, Tensor]:
        """Return standardized features `(M, n, F)` and labels `(M, n, 1)` of the row numbers `(J', n)`."""
        gathered = tf.gather(self.table, rows)
        centered, y = gathered[..., :-1] - fold.mean, gathered[..., -1:]
        # XLA computes a division once, but a product again for each use; before a matrix product that is once, too.
        x = centered / fold.scale if centered.shape[-1] <= NARROW else centered * (1.0 / fold.scale)
        return self._for_all_slots(x), self._for_all_slots(y)

    def _for_all_slots(self, values: Tensor) -> Tensor:
        return tf.tile(values, (self.n_slots, 1, 1)) if self.n_slots > 1 else values

    def _forward(self, weights: State, x: Tensor) -> Tensor:
        return self.model.stateless_call(list(weights), [], x)[0]

    def _forward_with_dropout(self, weights: State, x: Tensor, keep_factors: State) -> Tensor:
        """Return logits `(M, B, 1)`, the activations of each hidden layer multiplied by its `(M, B, H)` factors."""
        *hidden, output = zip(self.model.layers, weights[::2], weights[1::2], strict=True)
        for (layer, *own), factors in zip(hidden, keep_factors, strict=True):
            x = layer.stateless_call(own, [], x)[0] * factors
        layer, *own = output
        return layer.stateless_call(own, [], x)[0]

    def _logits_of_rows(self, weights: State, per_fold: tuple[Tensor, ...], rows: Tensor) -> Tensor:
        return self._forward(weights, self._rows(rows, PerFold(*per_fold))[0])[..., 0]

    def _all_epochs(
        self,
        state: State,
        settings: tuple[tuple[Tensor, ...], tuple[Tensor, ...]],
        orders: Tensor,
        epochs: Tensor,
        lasts: Tensor,
    ) -> State:
        model, fold = PerModel(*settings[0]), PerFold(*settings[1])
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

        record_shape = self.n_steps + 1, 3, self.n_slots * self.n_folds, self.key.batch_size
        begin = epochs[0], tf.zeros(record_shape), *state
        _, record, *after = tf.while_loop(lambda epoch, *_: epoch < epochs[1], one_epoch, begin)
        return (*after, record)

    def _step(
        self, s: Tensor, state: State, rows: Tensor, *, model: PerModel, fold: PerFold, epoch: Tensor, made: Tensor
    ) -> tuple[Sequence[Tensor], Tensor]:
        """Return the state after step `s`, on `rows` `(J', B)`; each model has `made` `(M, 1, 1)` steps before.

        Beside it, of every row: its logit, and its slope before and after the weight. Shape `(3, M, B)`.
        """
        n_weights, batch = len(self.weights), self.key.batch_size
        weights, slots = state[:n_weights], state[n_weights:]
        x, y = self._rows(rows, fold)
        left = self._for_all_slots(fold.n_rows - s * batch)  # training rows not yet visited, (M, 1, 1)
        row_weight = tf.where(y > 0, model.minority_weight, model.majority_weight)
        row_weight = tf.where(tf.range(batch)[:, None] < left, row_weight, 0.0)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            if self.key.dropout:
                logits = self._forward_with_dropout(weights, x, self._keep_factors(model, fold, epoch=epoch, s=s))
            else:
                logits = self._forward(weights, x)
        n_rows = tf.cast(tf.clip_by_value(left, 1, batch), tf.float32)
        residual = focal_slope(logits, y, model.focal_gamma) if self.key.focal else tf.sigmoid(logits) - y
        slope = row_weight * residual / n_rows  # equation (1)
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
        return new, tf.stack([logits, residual, slope])[..., 0]

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
