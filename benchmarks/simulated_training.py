"""Training on blocks of simulated tables: one thread in each process, as many processes as cores, one block at a time.

Every block is a function of its study and its number alone, so results do not depend on how many cores there are. With
`TUNER_BENCH_PARTIAL` naming a folder, finished blocks are kept there, and a later run of the same studies takes them
from it: for runs that may be cut short, not across changes of the code.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.config.dataset import EncodingSection
from tuner.config.schema import Config, ScoringSection
from tuner.data.dataset import Dataset
from tuner.data.encoding import encode
from tuner.data.folds import Folds
from tuner.objective import Objective
from tuner.study.space import ResolvedSpace, resolve_space
from tuner.training.trainer import Trainer, TrainingPlan
from tuner.trial import TrialParams, TrialScore

Logits = NDArray[np.float32]
Figures = dict[str, Any]
Work = Callable[[Any, int], list[Figures]]


def space_of(config: Config, *, imbalance_ratio: float) -> ResolvedSpace:
    """Return what a config searches on tables of an imbalance ratio."""
    return resolve_space(config.search_space, config.training, config.study, imbalance_ratio=imbalance_ratio)


@dataclass(frozen=True, slots=True)
class Evaluator:
    """`trial.Evaluate` in the calling thread."""

    objective: Objective

    def __call__(self, batch: Sequence[TrialParams], folds: Sequence[int] | None = None) -> list[TrialScore]:
        """Return one score per trial, in the same order."""
        objective = self.objective
        folds = range(objective.folds.plan.n_folds) if folds is None else folds
        scores = {}
        for stack in objective.stacks(batch, n_folds=len(folds)):
            answer = objective.evaluate(stack, folds=folds, should_stop=lambda: False)
            scores |= {one.number: one for one in answer[0]} if answer else {}
        return [scores[trial.number] for trial in batch]


def evaluator(dataset: Dataset, folds: Folds, *, scoring: ScoringSection, seed: int, longest: int) -> Evaluator:
    """Return what trains on folds of a dataset. Loads TensorFlow.

    Args:
        dataset, folds: rows.
        scoring: the metric.
        seed: of initial weights and batch orders.
        longest: the greatest number of epochs.
    """
    trainer = _trainer(dataset, folds, seed=seed, longest=longest)
    return Evaluator(Objective(y=dataset.y, folds=folds, trainer=trainer, scoring=scoring))


def _trainer(dataset: Dataset, folds: Folds, *, seed: int, longest: int) -> Trainer:
    from tuner.training.stacked import StackedTrainer

    table = encode(dataset, folds, EncodingSection())
    return StackedTrainer(TrainingPlan(table=table, folds=folds, seed=seed, longest=longest, n_checkpoints=1))


def forget_batches(trainer: Trainer) -> None:
    """Let the batch orders of earlier tables go: no later table sees them again."""
    from tuner.training.streams import BatchStreams

    trainer.streams = BatchStreams()


@dataclass(frozen=True, slots=True)
class WithTestSet:
    """A trainer whose models answer for a test set, too. Make one with `with_test_set`.

    Attributes:
        trainer: of folds that score the test set's rows behind their own.
        valid: the own rows of each fold.
        test: rows of the test set.
    """

    trainer: Trainer
    valid: tuple[NDArray[np.int32], ...]
    test: NDArray[np.int32]

    def logits(self, batch: Sequence[TrialParams], folds: Sequence[int]) -> list[list[tuple[Logits, Logits]]]:
        """Return, for each trial and fold, the logits of the fold's own rows and of the test set."""
        found = {}
        for stack in self.trainer.stacks(batch, n_folds=len(folds)):
            answer = self.trainer.train(stack, folds=folds, should_stop=lambda: False)
            found |= {params.number: one.logits[-1] for params, one in zip(stack, answer or (), strict=True)}
        lengths = [len(self.valid[j]) for j in folds]
        return [
            [
                (row[:length], row[length : length + len(self.test)])
                for row, length in zip(found[trial.number], lengths, strict=True)
            ]
            for trial in batch
        ]


def with_test_set(dataset: Dataset, folds: Folds, test: NDArray[np.int32], *, seed: int, longest: int) -> WithTestSet:
    """Return a trainer that answers for the rows `test`, too; other arguments as for `evaluator`."""
    wide = replace(folds, valid=tuple(np.concatenate([valid, test]) for valid in folds.valid))
    return WithTestSet(_trainer(dataset, wide, seed=seed, longest=longest), folds.valid, test)


def in_blocks(work: Work, studies: Sequence[tuple[Any, int]]) -> list[list[Figures]]:
    """Return, for each study, what `work(study, number)` says of every table of every block, in order.

    Args:
        work: a function of a module; called in processes of their own.
        studies: frozen dataclasses whose `repr` says all, and how many blocks of each.
    """
    folders = [_partial(work, study) for study, _ in studies]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=context) as pool:
        waiting = [
            [pool.submit(_worked, work, study, number, folder) for number in range(n_blocks)]
            for (study, n_blocks), folder in zip(studies, folders, strict=True)
        ]
        return [[figures for future in blocks for figures in future.result()] for blocks in waiting]


def _worked(work: Work, study: Any, number: int, folder: Path | None) -> list[Figures]:
    if folder is not None and (path := folder / f"{number}.json").exists():
        kept: list[Figures] = json.loads(path.read_text())
        return kept
    answer = work(study, number)
    if folder is not None:
        written = folder / f"{number}.part"
        written.write_text(json.dumps(answer))
        written.rename(folder / f"{number}.json")
    return answer


def _partial(work: Work, study: Any) -> Path | None:
    root = os.environ.get("TUNER_BENCH_PARTIAL")
    if not root:
        return None
    key = hashlib.sha256(repr((work.__qualname__, study)).encode()).hexdigest()[:16]
    folder = Path(root) / f"{work.__qualname__}_{key}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
