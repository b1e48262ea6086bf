"""Where trials are evaluated: this process, one stack on each core at a time.

XLA runs one program on one core and TensorFlow releases the interpreter while it does, so as many threads as cores,
each with a stack of its own, keep the machine busy. Which thread trains a stack changes nothing in its result.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field

from tuner.config.schema import EngineSection
from tuner.interruption import StopRequest
from tuner.objective import Objective
from tuner.trial import TrialParams, TrialScore


@dataclass(slots=True, kw_only=True)
class LocalEngine:
    """Evaluates batches on the cores of this machine. Make one with `open_engine`.

    `train_seconds` is the wall-clock time so far in which at least one stack was training; `models_trained` counts
    models, one per trial and fold.
    """

    objective: Objective
    pool: ThreadPoolExecutor
    stop: StopRequest
    train_seconds: float = 0.0
    models_trained: int = 0
    _abandon: threading.Event = field(default_factory=threading.Event)

    def __call__(self, batch: Sequence[TrialParams]) -> list[TrialScore]:
        """Evaluate one batch; see `trial.Evaluate`."""
        self._abandon.clear()
        futures = [
            self.pool.submit(self.objective.evaluate, stack, should_stop=self._should_stop)
            for stack in self.objective.stacks(batch)
        ]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            answers = [future.result() for future in done]
        finally:  # after an error the other stacks are of no use
            self._abandon.set()
            wait(futures)
        self.stop.raise_if_set()
        finished = [answer for answer in answers if answer is not None]
        scores = {score.number: score for stack_scores, _ in finished for score in stack_scores}
        self.train_seconds += _covered([span for _, span in finished])
        self.models_trained += len(batch) * self.objective.folds.plan.n_folds
        return [scores[params.number] for params in batch]

    def _should_stop(self) -> bool:
        return self.stop() or self._abandon.is_set()


def n_threads(section: EngineSection) -> int:
    """Return how many stacks train at the same time."""
    return section.threads or len(os.sched_getaffinity(0))


@contextmanager
def open_engine(section: EngineSection, objective: Objective, stop: StopRequest) -> Iterator[LocalEngine]:
    """Yield the engine the config asks for, and let its threads go afterwards."""
    with ThreadPoolExecutor(n_threads(section), thread_name_prefix="stack") as pool:
        yield LocalEngine(objective=objective, pool=pool, stop=stop)


def _covered(spans: Sequence[tuple[float, float]]) -> float:
    """Return the length of the union of intervals."""
    total, reached = 0.0, float("-inf")
    for began, ended in sorted(spans):
        total += max(0.0, ended - max(began, reached))
        reached = max(reached, ended)
    return total
