"""Train every model of a stack at once.

A stack holds M = trials x folds small MLPs that differ in rows, initial weights, class weight, width and number of
epochs, and agree in everything else. They become one Keras model whose kernels carry a leading model axis; XLA
compiles a whole epoch of steps into one program, in which the rows of each model's batch are gathered by index.

The loss of a model on a batch is sum(weight * binary cross-entropy) / rows of the batch, Keras' own, so the gradient
with respect to its logits is weight * (sigmoid(logit) - y) / rows                                             (1)
Models never share a parameter, hence (1) for all of them at once is the gradient of each: nothing mixes.

Equal   to `sequential.py` within float32 rounding: tests/contracts/test_trainers.py
Source  Wang et al. 2021, Horizontally Fused Training Arrays, arXiv:2102.02344
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.data.preprocessing import fit_scaler
from tuner.errors import EngineError
from tuner.training import seeds, stack
from tuner.training.backend import keras, tf
from tuner.training.layers import NARROW, stacked_mlp, stacked_optimizer
from tuner.training.trainer import Predictions, TrainingPlan
from tuner.trial import TrialParams

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


class StackedTrainer:
    """The fast trainer. One compiled program per `stack.Program`, shared by all threads."""

    def __init__(self, plan: TrainingPlan) -> None:
        self.plan = plan
        self.n_folds = plan.folds.plan.n_folds
        self.slots = stack.trials_per_stack(self.n_folds)
        self.sizes = np.array([len(rows) for rows in plan.folds.train])
        table = np.column_stack([plan.dataset.X, plan.dataset.y.astype(np.float32)])
        self.table = tf.constant(table)
        self.valid = _padded(plan.folds.valid)
        self._programs: dict[stack.Program, _Compiled] = {}
        self._lock = threading.Lock()
        self.streams = _BatchStreams(plan, self.sizes)

    def stacks(self, batch: Sequence[TrialParams]) -> list[tuple[TrialParams, ...]]:
        """Return the batch as stacks of one program each, longest first."""
        return stack.make_stacks(batch, n_folds=self.n_folds, n_rows=int(self.sizes.max()))

    def train(self, trials: Sequence[TrialParams], *, should_stop: Callable[[], bool]) -> list[Predictions] | None:
        """Train all folds of `trials`, which must share one `stack.Program`; see `trainer.Trainer`.

        Raises:
            EngineError: the stack does not fit into memory.
        """
        try:
            return self._train(trials, should_stop)
        except (tf.errors.ResourceExhaustedError, MemoryError) as error:
            raise EngineError(
                f"not enough memory to train {len(trials)} trial{'s' * (len(trials) > 1)} x {self.n_folds} folds at "
                "once; lower training.batch_size, search_space.hidden_size or cv.n_repeats, or set engine.threads=1"
            ) from error

    def _train(self, trials: Sequence[TrialParams], should_stop: Callable[[], bool]) -> list[Predictions] | None:
        program = self._compiled(stack.program_of(trials[0], n_rows=int(self.sizes.max())))
        filled = [*trials, *[trials[0]] * (self.slots - len(trials))]
        per_model = self._per_model(filled)
        state = self._initial_state(filled, program)
        due = [self._checkpoints(params) for params in trials]
        logits = [np.full((len(epochs), self.n_folds, self.valid.shape[1]), np.nan, np.float32) for epochs in due]
        last = np.array([params.epochs for params in trials] + [0] * (self.slots - len(trials)))
        for epoch in range(1, int(last.max()) + 1):
            if should_stop():
                return None
            order = self.streams.at(program.key.batch_size, epoch - 1)
            state = program.train_epoch(state, per_model, order, epoch - 1, np.repeat(epoch <= last, self.n_folds))
            if any(epoch in epochs for epochs in due):
                block = self._predict(program, state)
                for slot, epochs in enumerate(due):
                    if epoch in epochs:
                        logits[slot][epochs.index(epoch)] = block[slot]
        return [
            Predictions(checkpoint_epochs=e, logits=self._mask(array)) for e, array in zip(due, logits, strict=True)
        ]

    def _checkpoints(self, params: TrialParams) -> tuple[int, ...]:
        return stack.checkpoint_epochs(params.epochs, longest=self.plan.longest, n_checkpoints=self.plan.n_checkpoints)

    def _compiled(self, key: stack.Program) -> _Compiled:
        with self._lock:
            if key not in self._programs:
                self._programs[key] = _Compiled(key, self.plan, self.table, n_models=self.slots * self.n_folds)
            return self._programs[key]

    def _per_model(self, filled: Sequence[TrialParams]) -> PerModel:
        columns = {
            field.name: np.repeat([getattr(params, field.name) for params in filled], self.n_folds)
            for field in fields(PerModel)
        }
        return PerModel(**{name: tf.constant(column[:, None, None], tf.float32) for name, column in columns.items()})

    def _initial_state(self, filled: Sequence[TrialParams], program: _Compiled) -> State:
        """Return initial weights, padded with zeros, and empty optimizer slots."""
        padded = [np.zeros(variable.shape, np.float32) for variable in program.weights]
        folds = self.plan.folds
        for model in range(len(filled) * self.n_folds):
            params, fold = filled[model // self.n_folds], model % self.n_folds
            own = seeds.initial_weights(
                params,
                self.plan.dataset.X.shape[1],
                seed=self.plan.seed,
                repeat=int(folds.repeat[fold]),
                split=int(folds.split[fold]),
            )
            for array, weights in zip(padded, own, strict=True):
                rows = weights if weights.ndim == 2 else weights[None]
                array[model, : rows.shape[0], : rows.shape[1]] = rows
        slots = [tf.zeros(variable.shape) for variable in program.slots]
        return (*(tf.constant(array) for array in padded), *slots)

    def _predict(self, program: _Compiled, state: State) -> NDArray[np.float32]:
        """Return logits of all validation rows. Shape `(T, J, V)`."""
        v = self.valid.shape[1]
        rows = stack.block_rows(self.slots * self.n_folds, program.key.width, self.plan.dataset.X.shape[1], v)
        blocks = []
        for start in range(0, v, rows):
            block = self.valid[:, start : start + rows]
            short = rows - block.shape[1]
            padded = tf.constant(np.pad(block, ((0, 0), (0, short))).T)
            values = program.predict(state[: len(program.weights)], padded)
            blocks.append(values.numpy()[:, : rows - short])
        return np.concatenate(blocks, axis=1).reshape(self.slots, self.n_folds, v)

    def _mask(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        for fold, rows in enumerate(self.plan.folds.valid):
            logits[:, fold, len(rows) :] = np.nan
        return logits


class _Compiled:
    """One program: a Keras model and optimizer with a model axis, and an epoch of them compiled by XLA.

    The model and the optimizer only describe the arithmetic; weights and slots travel through as plain tensors, so
    that any number of threads may run the same program.
    """

    def __init__(self, key: stack.Program, plan: TrainingPlan, table: Tensor, *, n_models: int) -> None:
        self.key = key
        self.n_folds = plan.folds.plan.n_folds
        self.slots_in_stack = n_models // self.n_folds
        n_features = plan.dataset.X.shape[1]
        self.model = stacked_mlp(
            n_models=n_models,
            n_features=n_features,
            width=key.width,
            hidden_layers=key.hidden_layers,
            activation=key.activation,
            batch_size=key.batch_size,
        )
        self.optimizer = stacked_optimizer(key.optimizer, momentum=key.momentum)
        self.weights = self.model.trainable_variables
        self.optimizer.build(self.weights)
        self.slots = self.optimizer.variables[2:]  # after the scalar count of steps and the scalar learning rate
        self.table = table
        scaler = fit_scaler(plan.dataset.X, plan.folds, standardize=key.standardize)
        self.mean = tf.constant(scaler.mean)
        self.scale = tf.constant(scaler.scale)
        sizes = np.array([len(rows) for rows in plan.folds.train], np.int32)
        self.steps = np.ceil(sizes / key.batch_size).astype(np.int32)
        self.sizes = tf.constant(sizes[:, None])
        self._epoch = _Traced(self._epoch_of_steps)
        self._logits = _Traced(self._logits_of_rows)

    def train_epoch(
        self, state: State, per_model: PerModel, order: Tensor, epoch: int, active: NDArray[np.bool_]
    ) -> State:
        """Return the state after one more epoch; models that are not `active` keep theirs.

        Args:
            state: weights, then optimizer slots.
            order: row numbers of every batch, shape `(S, B, J)`, int32.
            epoch: epochs already made.
            active: shape `(M,)`.
        """
        hyper = tuple(getattr(per_model, field.name) for field in fields(PerModel))
        return tuple(self._epoch(state, hyper, order, tf.constant(float(epoch)), tf.constant(active[:, None, None])))

    def predict(self, weights: State, rows: Tensor) -> Tensor:
        """Return logits `(M, rows)` of the row numbers `(rows, J)`."""
        return self._logits(weights, rows)

    def _rows(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return standardized features `(n, M, F)` and labels `(n, M, 1)` of the row numbers `(n, J)`."""
        gathered = tf.gather(self.table, rows)
        centered, y = gathered[..., :-1] - self.mean, gathered[..., -1:]
        # XLA computes a division once, but a product again for each use; before a matrix product that is once, too.
        x = centered / self.scale if centered.shape[-1] <= NARROW else centered * (1.0 / self.scale)
        repeats = (1, self.slots_in_stack, 1)
        return (tf.tile(x, repeats), tf.tile(y, repeats)) if self.slots_in_stack > 1 else (x, y)

    def _forward(self, weights: State, x: Tensor) -> Tensor:
        return self.model.stateless_call(list(weights), [], x)[0]

    def _logits_of_rows(self, weights: State, rows: Tensor) -> Tensor:
        return tf.transpose(self._forward(weights, self._rows(rows)[0])[..., 0])

    def _epoch_of_steps(
        self, state: State, per_model: tuple[Tensor, ...], order: Tensor, epoch: Tensor, active: Tensor
    ) -> State:
        hyper = PerModel(*per_model)

        def step(s: Tensor, *now: Tensor) -> tuple[Tensor, ...]:
            return (s + 1, *self._step(s, now, hyper, order, epoch))

        after = tf.while_loop(lambda s, *_: s < order.shape[0], step, (tf.constant(0), *state))[1:]
        if self.slots_in_stack == 1:
            return tuple(after)
        return tuple(tf.where(active, new, old) for new, old in zip(after, state, strict=True))

    def _step(self, s: Tensor, state: State, hyper: PerModel, order: Tensor, epoch: Tensor) -> list[Tensor]:
        n_weights, batch = len(self.weights), self.key.batch_size
        weights, slots = state[:n_weights], state[n_weights:]
        x, y = self._rows(order[s])
        left = tf.tile(self.sizes - s * batch, (self.slots_in_stack, 1))  # training rows not yet visited, (M, 1)
        row_weight = tf.where(y > 0, hyper.minority_weight[..., 0], hyper.majority_weight[..., 0])
        row_weight = tf.where(tf.range(batch)[:, None, None] < left, row_weight, 0.0)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            logits = self._forward(weights, x)
        n_rows = tf.cast(tf.clip_by_value(left, 1, batch), tf.float32)
        slope = row_weight * (tf.sigmoid(logits) - y) / n_rows  # equation (1)
        gradients = tape.gradient(logits, weights, output_gradients=slope)
        if self.key.l2:
            kernels = [
                gradient + 2.0 * hyper.l2 * weight
                for gradient, weight in zip(gradients[::2], weights[::2], strict=True)
            ]
            gradients = [value for pair in zip(kernels, gradients[1::2], strict=True) for value in pair]
        new = self._update(weights, slots, gradients, hyper, steps=self._steps_made(s, epoch))
        if self.steps.min() == self.steps.max():
            return new
        return [tf.where(left[..., None] > 0, value, old) for value, old in zip(new, state, strict=True)]

    def _steps_made(self, s: Tensor, epoch: Tensor) -> Tensor:
        """Return the steps each model has made before this one, shape `(M, 1, 1)`."""
        per_epoch = np.tile(self.steps[:, None, None], (self.slots_in_stack, 1, 1)).astype(np.float32)
        return epoch * per_epoch + tf.cast(s, tf.float32)

    def _update(
        self, weights: State, slots: State, gradients: Sequence[Tensor], hyper: PerModel, *, steps: Tensor
    ) -> list[Tensor]:
        """Return weights and slots after one step of the Keras optimizer."""
        mapping = [*zip(self.weights, weights, strict=True), *zip(self.slots, slots, strict=True)]
        self.optimizer.momentums_per_model, self.optimizer.steps_per_model = hyper.momentum, steps
        with keras.StatelessScope(state_mapping=mapping) as scope:
            for gradient, variable in zip(gradients, self.weights, strict=True):
                self.optimizer.update_step(gradient, variable, hyper.learning_rate)
        return [scope.get_current_value(variable) for variable in (*self.weights, *self.slots)]


class _Traced:
    """A function compiled by XLA for the shapes of its first call, which must be those of all calls.

    Traced under a lock: the model of a program is shared by all threads, and tracing puts tensors into it.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = tf.function(function, jit_compile=True, autograph=False)
        self._concrete: Any = None
        self._lock = threading.Lock()

    def __call__(self, *arguments: Any) -> Any:
        with self._lock:
            if self._concrete is None:
                self._concrete = self._function.get_concrete_function(*arguments)
        return self._concrete(*arguments)


class _BatchStreams:
    """Row numbers of every batch of an epoch, common to all trials; kept as long as they fit `stack.STREAM_BYTES`."""

    def __init__(self, plan: TrainingPlan, sizes: NDArray[np.int64]) -> None:
        self.plan = plan
        self.sizes = sizes
        self._kept: dict[tuple[int, int], Tensor] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def at(self, batch_size: int, epoch: int) -> Tensor:
        """Return row numbers of `epoch` (from 0), shape `(S, B, J)`, int32; row 0 fills what a fold lacks."""
        stream = self._kept.get((batch_size, epoch))
        if stream is None:
            rows = self._draw(batch_size, epoch)
            stream = tf.constant(rows)
            with self._lock:
                if (batch_size, epoch) not in self._kept and self._bytes + rows.nbytes <= stack.STREAM_BYTES:
                    self._kept[batch_size, epoch] = stream
                    self._bytes += rows.nbytes
        return stream

    def _draw(self, batch_size: int, epoch: int) -> NDArray[np.int32]:
        folds = self.plan.folds
        n_steps = -(-int(self.sizes.max()) // batch_size)
        rows = np.zeros((len(self.sizes), n_steps * batch_size), np.int32)
        for fold, train in enumerate(folds.train):
            order = seeds.batch_order(
                len(train),
                seed=self.plan.seed,
                repeat=int(folds.repeat[fold]),
                split=int(folds.split[fold]),
                epoch=epoch,
            )
            rows[fold, : len(train)] = train[order]
        return np.ascontiguousarray(rows.T.reshape(n_steps, batch_size, len(self.sizes)))


def _padded(rows: Sequence[NDArray[np.int64]]) -> NDArray[np.int32]:
    """Return index arrays side by side, filled up with row 0. Shape `(J, longest)`."""
    out = np.zeros((len(rows), max(map(len, rows))), np.int32)
    for fold, indices in enumerate(rows):
        out[fold, : len(indices)] = indices
    return out
