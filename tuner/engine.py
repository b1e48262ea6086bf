"""Where trials are evaluated: this process, one stack on each core at a time.

XLA runs one program on one core and TensorFlow releases the interpreter while it does, so as many threads as cores,
each with a stack of its own, keep the machine busy. Which thread trains a stack changes nothing in its result. Batches
share the threads: the stacks of a second batch follow those of the first without a gap.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import NoReturn

from tuner.config.schema import EngineSection
from tuner.errors import EngineError
from tuner.interruption import StopRequest
from tuner.objective import Objective
from tuner.trial import TrialParams, TrialScore

Span = tuple[float, float]


@dataclass(slots=True, kw_only=True)
class LocalEngine:
    """Evaluates batches on the cores of this machine. Make one with `open_engine`.

    May be called from several threads at once. An error is final: it ends what else is training, and every call under
    way or to come raises it.
    """

    objective: Objective
    pool: ThreadPoolExecutor
    stop: StopRequest
    _error: Exception | None = None
    _is_closed: bool = False
    _trained: list[tuple[int, list[Span]]] = field(default_factory=list)  # models and spans of every finished call

    def __call__(self, batch: Sequence[TrialParams], folds: Sequence[int] | None = None) -> list[TrialScore]:
        """Evaluate one batch; see `trial.Evaluate`."""
        folds = range(self.objective.folds.plan.n_folds) if folds is None else folds
        stacks = self.objective.stacks(batch, n_folds=len(folds))
        futures = [self.pool.submit(self._evaluate, stack, folds) for stack in stacks]
        answers = [future.result() for future in futures]
        finished = [answer for answer in answers if answer is not None]
        if len(finished) < len(stacks):
            self._raise_reason()
        scores = {score.number: score for stack_scores, _ in finished for score in stack_scores}
        self._trained.append((len(batch) * len(folds), [span for _, span in finished]))
        return [scores[params.number] for params in batch]

    def close(self) -> None:
        """End whatever is training; its calls have no answer."""
        self._is_closed = True

    @property
    def train_seconds(self) -> float:
        """Wall-clock time so far in which at least one stack was training."""
        return _covered([span for _, spans in self._trained for span in spans])

    @property
    def models_trained(self) -> int:
        """Models trained so far, one per trial and fold."""
        return sum(n_models for n_models, _ in self._trained)

    def _raise_reason(self) -> NoReturn:
        """Raise why a stack was not trained to its end."""
        if self._error is not None:
            raise self._error
        self.stop.raise_if_set()
        raise EngineError("the run ended while this batch was training; the next run trains it again")

    def _evaluate(self, stack: Sequence[TrialParams], folds: Sequence[int]) -> tuple[list[TrialScore], Span] | None:
        """Evaluate one stack; None where a signal, an error beside it or the end of the run came first."""
        if self._should_stop():
            return None
        try:
            return self.objective.evaluate(stack, folds=folds, should_stop=self._should_stop)
        except Exception as error:
            self._error = self._error or error
            raise

    def _should_stop(self) -> bool:
        return self._is_closed or self._error is not None or self.stop()


def n_threads(section: EngineSection) -> int:
    """Return how many stacks train at the same time."""
    return section.threads or len(os.sched_getaffinity(0))


@contextmanager
def open_engine(section: EngineSection, objective: Objective, stop: StopRequest) -> Iterator[LocalEngine]:
    """Yield the engine the config asks for, and let its threads go afterwards."""
    with ThreadPoolExecutor(n_threads(section), thread_name_prefix="stack") as pool:
        engine = LocalEngine(objective=objective, pool=pool, stop=stop)
        try:
            yield engine
        finally:
            engine.close()


@dataclass(slots=True)
class OnDemand:
    """The engine, made when the first batch arrives: a study that is done never loads TensorFlow."""

    make: Callable[[], Objective]
    section: EngineSection
    stop: StopRequest
    _engine: LocalEngine | None = None
    _resources: ExitStack = field(default_factory=ExitStack)
    _is_closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> OnDemand:
        """Make nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the engine, if there is one, for good."""
        with self._lock:
            self._is_closed = True
            self._resources.close()

    def __call__(self, batch: Sequence[TrialParams], folds: Sequence[int] | None = None) -> list[TrialScore]:
        """Evaluate one batch; see `trial.Evaluate`."""
        return self._opened()(batch, folds)

    def _opened(self) -> LocalEngine:
        with self._lock:
            if self._is_closed:
                raise EngineError("the run ended before this batch began; the next run trains it")
            if self._engine is None:
                engine = open_engine(self.section, self.make(), self.stop)
                self._engine = self._resources.enter_context(engine)
            return self._engine

    @property
    def train_seconds(self) -> float:
        """As of `LocalEngine`; 0 where none was made."""
        return self._engine.train_seconds if self._engine else 0.0

    @property
    def models_trained(self) -> int:
        """As of `LocalEngine`; 0 where none was made."""
        return self._engine.models_trained if self._engine else 0


def _covered(spans: Sequence[Span]) -> float:
    """Return the length of the union of intervals."""
    total, reached = 0.0, float("-inf")
    for began, ended in sorted(spans):
        total += max(0.0, ended - max(began, reached))
        reached = max(reached, ended)
    return total
