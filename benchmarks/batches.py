"""Batches of trials trained as `python -m tuner run` trains them: what the benchmarks time.

The one place that knows the trainer: everything else here asks for epochs.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import ceil

import numpy as np
from numpy.typing import NDArray

from tuner.config.schema import Config
from tuner.engine import n_threads, open_engine
from tuner.interruption import StopRequest
from tuner.prepared import Prepared, prepare
from tuner.run import make_objective
from tuner.training.stack import trials_per_stack
from tuner.training.stacked import StackedTrainer
from tuner.training.streams import BatchStreams
from tuner.trial import TrialParams

Train = Callable[[int], object]


def full_batch(config: Config, *, at_least: int) -> int:
    """Return how many trials fill every stack and every thread, `at_least` or more."""
    full = n_threads(config.engine) * trials_per_stack(config.cv.n_splits * config.cv.n_repeats)
    return full * ceil(at_least / full)


def make_batch(config: Config, *, n_trials: int) -> tuple[Train, int]:
    """Return what trains and scores a batch for a number of epochs, and how many models it holds.

    The trials differ in the weight. Each call draws the order of rows anew, which a study does once for all its trials.
    """
    prepared = prepare(config)
    objective = make_objective(prepared)
    weights = trial_weights(prepared, n_trials)

    def train(epochs: int) -> None:
        _forget_orders(objective.trainer)
        with open_engine(config.engine, objective, StopRequest()) as evaluate:
            failures = [score.failure for score in evaluate(_batch(prepared, weights, epochs)) if score.failure]
        if failures:
            raise RuntimeError(failures[0])

    return train, n_trials * prepared.folds.plan.n_folds


def make_training(config: Config, *, n_trials: int) -> Callable[[int], NDArray[np.float32]]:
    """Return what trains a batch for a number of epochs and answers its validation logits, shape `(T, J, V)`.

    Nothing is scored, and the order of rows is drawn by the first call only.
    """
    prepared = prepare(config)
    trainer = make_objective(prepared).trainer
    weights, folds = trial_weights(prepared, n_trials), range(prepared.folds.plan.n_folds)

    def train(epochs: int) -> NDArray[np.float32]:
        stacks = trainer.stacks(_batch(prepared, weights, epochs), n_folds=len(folds))
        with ThreadPoolExecutor(n_threads(config.engine)) as pool:
            answers = pool.map(lambda stack: trainer.train(stack, folds=folds, should_stop=StopRequest()), stacks)
        logits = {
            params.number: predictions.logits[-1]
            for stack, answer in zip(stacks, answers, strict=True)
            for params, predictions in zip(stack, answer or (), strict=True)
        }
        return np.stack([logits[number] for number in range(n_trials)])

    return train


def trial_weights(prepared: Prepared, n_trials: int) -> list[float]:
    """Return the weight of the rare class in every trial: eight from 1 towards the imbalance ratio, in turns."""
    return [prepared.dataset.imbalance_ratio ** (number % 8 / 8) for number in range(n_trials)]


def _batch(prepared: Prepared, weights: list[float], epochs: int) -> list[TrialParams]:
    return [
        prepared.space.resolve(number, {"minority_weight": weight, "epochs": epochs})
        for number, weight in enumerate(weights)
    ]


def _forget_orders(trainer: object) -> None:
    if isinstance(trainer, StackedTrainer):
        trainer.streams = BatchStreams()
