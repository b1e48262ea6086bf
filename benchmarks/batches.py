"""A batch of trials trained as `python -m tuner run` trains it, for `contenders.py` and `growth.py`."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

import numpy as np

from tuner.config.schema import Config
from tuner.engine import n_threads, open_engine
from tuner.interruption import StopRequest
from tuner.objective import Objective
from tuner.run import prepare
from tuner.training.stack import trials_per_stack
from tuner.training.stacked import StackedTrainer, _BatchStreams


def make_batch(config: Config, *, at_least: int) -> tuple[Callable[[int], None], int]:
    """Return what trains a batch for a number of epochs, and how many models it holds.

    The batch holds `at_least` trials or as many more as fill every stack and every thread; they differ in the weight.
    Each call draws the order of rows anew, which a study does once for all its trials, and scores what it trained.
    """
    prepared = prepare(config)
    trainer = StackedTrainer(prepared.training_plan)
    objective = Objective(dataset=prepared.dataset, folds=prepared.folds, trainer=trainer, metric=config.scoring.metric)
    n_folds = prepared.folds.plan.n_folds
    full = n_threads(config.engine) * trials_per_stack(n_folds)
    weights = np.geomspace(1.0, 10 * prepared.dataset.imbalance_ratio, full * ceil(at_least / full)).tolist()

    def train(epochs: int) -> None:
        trainer.streams = _BatchStreams(trainer.plan, trainer.sizes)
        batch = [
            prepared.space.resolve(number, {"minority_weight": weight, "epochs": epochs})
            for number, weight in enumerate(weights)
        ]
        with open_engine(config.engine, objective, StopRequest()) as evaluate:
            failures = [score.failure for score in evaluate(batch) if score.failure]
        if failures:
            raise RuntimeError(failures[0])

    return train, len(weights) * n_folds
