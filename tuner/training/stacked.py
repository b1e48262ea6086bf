"""Train every model of a stack at once.

A stack holds M = trials x folds small MLPs that differ in rows, initial weights, class weights, width and number of
epochs, and agree in everything else. They become one Keras model whose kernels carry a leading model axis; XLA
compiles a whole epoch of steps into one program: `compiled.py`.

Equal   to `sequential.py` within float32 rounding: tests/contracts/test_trainers.py
Source  Wang et al. 2021, Horizontally Fused Training Arrays, arXiv:2102.02344
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.data.encoded import EncodedTable
from tuner.errors import EngineError
from tuner.training import seeds, stack
from tuner.training.backend import tf
from tuner.training.compiled import Compiled, PerFold, PerModel, State
from tuner.training.first_epoch import class_sums, shares
from tuner.training.rows import DeviceTable, fold_constants
from tuner.training.streams import BatchStreams, FoldSet
from tuner.training.trainer import Predictions, TrainingPlan, class_weights_of
from tuner.trial import FirstEpoch, TrialParams

Tensor = Any


class StackedTrainer:
    """The fast trainer. One compiled program per `stack.Program` and shape of folds, shared by all threads."""

    def __init__(self, plan: TrainingPlan) -> None:
        self.plan = plan
        self.n_rows = max(map(len, plan.folds.train))
        self.labels = plan.table.y.reshape(len(plan.table.y), -1).astype(np.float32)
        self.table = DeviceTable(plan.table)
        self.streams = BatchStreams()
        self._programs: dict[tuple[Any, ...], Compiled] = {}
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
        per_fold, per_model = self._per_fold(program.key, rows), _per_model(filled, self.plan.table, n_folds=n_folds)
        state = self._initial_state(filled, program, rows)
        due = [self._checkpoints(params) for params in trials]
        outputs = () if self.plan.table.n_outputs == 1 else (self.plan.table.n_outputs,)
        logits = [np.full((len(epochs), *rows.valid.shape, *outputs), np.nan, np.float32) for epochs in due]
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
        self, record: Tensor, program: Compiled, per_model: PerModel, *, rows: FoldSet, orders: Tensor
    ) -> list[FirstEpoch]:
        """Return what the weights did, of every slot of a stack, from what its first call recorded."""
        table, is_multilabel = self.plan.table, self.plan.table.task == "multilabel"
        numbers = np.asarray(record)
        of_labels = [
            class_sums(
                own,
                rows=np.asarray(orders)[: program.n_steps],
                labels=labels,
                n_classes=2 if is_multilabel else max(2, table.n_outputs),
                sample_weight=table.sample_weight,
                sizes=rows.sizes,
                gammas=per_model.focal_gamma[..., 0].numpy() if program.key.focal else None,
            )
            for own, labels in zip(self._of_labels(numbers), self.labels.T, strict=True)
        ]
        sums = np.stack(of_labels, axis=1) if is_multilabel else of_labels[0]
        return [shares(of_trial) for of_trial in np.split(sums, program.n_slots)]

    def _of_labels(self, record: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return the record of each label, `(S + 1, 3, M, B)`; of classes there is one."""
        n_labels = self.labels.shape[1]
        return [record[:, label::n_labels] for label in range(n_labels)]

    def _checkpoints(self, params: TrialParams) -> tuple[int, ...]:
        return stack.checkpoint_epochs(params.epochs, longest=self.plan.longest, n_checkpoints=self.plan.n_checkpoints)

    def _compiled(self, key: stack.Program, rows: FoldSet) -> Compiled:
        shape = key, len(rows.folds), rows.n_steps(key.batch_size), rows.is_even(key.batch_size)
        with self._lock:
            if shape not in self._programs:
                self._programs[shape] = Compiled(key, rows, self.table)
            return self._programs[shape]

    def _per_fold(self, key: stack.Program, rows: FoldSet) -> PerFold:
        constants = self.plan.table.constants(standardize=key.standardize)
        return PerFold(
            constants=fold_constants(constants, list(rows.folds)),
            n_rows=tf.constant(rows.sizes[:, None, None]),
            dropout_key=tf.constant(rows.dropout_keys[:, None]),
        )

    def _initial_state(self, filled: Sequence[TrialParams], program: Compiled, rows: FoldSet) -> State:
        """Return initial weights, zero for padded units and columns that a fold is blind to, and empty slots."""
        padded = [np.zeros(variable.shape, np.float32) for variable in program.weights]
        folds, table = self.plan.folds, self.plan.table
        active = table.constants(standardize=program.key.standardize).active
        for model, (params, fold) in enumerate(itertools.product(filled, rows.folds)):
            columns = np.flatnonzero(active[fold])
            kernel, *later = seeds.initial_weights(
                params,
                len(columns),
                n_outputs=table.n_outputs,
                seed=self.plan.seed,
                repeat=int(folds.repeat[fold]),
                split=int(folds.split[fold]),
            )
            padded[0][model, columns, : kernel.shape[1]] = kernel
            for array, weights in zip(padded[1:], later, strict=True):
                block = weights if weights.ndim == 2 else weights[None]
                array[model, : block.shape[0], : block.shape[1]] = block
        slots = [tf.zeros(variable.shape) for variable in program.slots]
        return (*(tf.constant(array) for array in padded), *slots)


def _per_model(filled: Sequence[TrialParams], table: EncodedTable, *, n_folds: int) -> PerModel:
    def of_models(values: Sequence[object]) -> Tensor:
        return tf.constant(np.repeat(np.reshape(np.array(values, np.float32), (len(filled), 1, -1)), n_folds, axis=0))

    scalars = (name for name in PerModel._fields if name != "class_weights")
    return PerModel(
        class_weights=of_models([class_weights_of(params, table) for params in filled]),
        **{name: of_models([getattr(params, name) for params in filled]) for name in scalars},
    )
