"""Which rows each fold trains on, step by step, and which it is scored on.

The order of rows is drawn once for each (fold, epoch) and shared by all trials; only row numbers are kept, the rows
themselves lie in one table on the device.

Axes    J' folds trained together      S steps of an epoch      B rows of a batch      V longest validation fold
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.training import seeds, stack
from tuner.training.backend import tf
from tuner.training.trainer import TrainingPlan

Tensor = Any


@dataclass(frozen=True)
class FoldSet:
    """The folds that the trials of a stack train on, ascending."""

    plan: TrainingPlan
    folds: tuple[int, ...]

    @cached_property
    def sizes(self) -> NDArray[np.int32]:
        """Training rows of each fold. Shape `(J',)`."""
        return np.array([len(self.plan.folds.train[fold]) for fold in self.folds], np.int32)

    @property
    def is_of_study(self) -> bool:
        """Whether these are folds of the plan under the study's own seed."""
        return self.folds[-1] < self.plan.folds.plan.n_folds

    @cached_property
    def dropout_keys(self) -> NDArray[np.uint32]:
        """The key of each fold's dropout masks. Shape `(J', 2)`."""
        folds, seed = self.plan.folds, self.plan.seed
        places = [(int(folds.repeat[fold]), int(folds.split[fold])) for fold in self.folds]
        return np.stack([seeds.dropout_key(seed=seed, repeat=repeat, split=split) for repeat, split in places])

    @cached_property
    def valid(self) -> NDArray[np.int32]:
        """Validation rows of each fold, filled up with row 0. Shape `(J', V)`, V the longest of the whole plan."""
        out = np.zeros((len(self.folds), max(map(len, self.plan.folds.valid))), np.int32)
        for j, fold in enumerate(self.folds):
            rows = self.plan.folds.valid[fold]
            out[j, : len(rows)] = rows
        return out

    def n_steps(self, batch_size: int) -> int:
        """Return the steps of the longest fold in one epoch."""
        return -(-int(self.sizes.max()) // batch_size)

    def is_even(self, batch_size: int) -> bool:
        """Return whether all folds make equally many steps."""
        return len(set(-(-self.sizes // batch_size))) == 1

    def draw(self, batch_size: int, epochs: Sequence[int]) -> NDArray[np.int32]:
        """Return the row numbers of E `epochs` (from 0), shape `(E S, J', B)`; row 0 fills what a fold lacks."""
        folds, n_steps = self.plan.folds, self.n_steps(batch_size)
        rows = np.empty((len(epochs), n_steps, len(self.folds), batch_size), np.int32)
        for (e, epoch), (j, fold) in itertools.product(enumerate(epochs), enumerate(self.folds)):
            train, visited = folds.train[fold], np.zeros(n_steps * batch_size, np.int32)
            repeat, split = int(folds.repeat[fold]), int(folds.split[fold])
            order = seeds.batch_order(len(train), seed=self.plan.seed, repeat=repeat, split=split, epoch=epoch)
            visited[: len(train)] = train[order]
            rows[e, :, j] = visited.reshape(n_steps, batch_size)
        return rows.reshape(-1, *rows.shape[2:])


class BatchStreams:
    """Row numbers of every batch, in blocks of epochs that one call trains.

    Blocks are kept for the trials to come as long as they fit `stack.STREAM_BYTES`; not those of other seeds, which two
    trials see. Outer folds of a verdict follow one another, so there the blocks of the earliest folds make room.
    """

    def __init__(self) -> None:
        self._kept: dict[Sequence[int], dict[tuple[int, int], Tensor]] = {}  # by folds, the earliest first
        self._bytes = 0
        self._lock = threading.Lock()

    def at(self, rows: FoldSet, batch_size: int, epoch: int) -> tuple[Tensor, int]:
        """Return the block of epochs that holds `epoch` (from 0), as `FoldSet.draw` has it, and the epoch after it."""
        length = stack.epochs_per_call(rows.n_steps(batch_size) * len(rows.folds) * batch_size)
        first = epoch // length * length
        key = batch_size, first
        block = self._kept.get(rows.folds, {}).get(key)
        if block is None:
            drawn = rows.draw(batch_size, range(first, first + length))
            block = tf.constant(drawn)
            if rows.is_of_study:
                with self._lock:
                    self._keep(rows, key, block, drawn.nbytes)
        return block, first + length

    def _keep(self, rows: FoldSet, key: tuple[int, int], block: Tensor, n_bytes: int) -> None:
        if rows.plan.folds.plan.kind == "nested":
            for folds in [folds for folds in self._kept if folds != rows.folds]:
                if self._bytes + n_bytes <= stack.STREAM_BYTES:
                    break
                self._bytes -= sum(4 * int(np.prod(one.shape)) for one in self._kept.pop(folds).values())
        if self._bytes + n_bytes <= stack.STREAM_BYTES and key not in self._kept.get(rows.folds, {}):
            self._kept.setdefault(rows.folds, {})[key] = block
            self._bytes += n_bytes
