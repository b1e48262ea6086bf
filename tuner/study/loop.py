"""Ask a batch, evaluate it, store and tell it; until the study holds as many finished trials as it shall.

Batches begin at multiples of the batch size in trial number and are stored as running before they are evaluated. A run
that dies leaves at most one such batch: the next run evaluates the same trials again, under the same numbers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from optuna.trial import TrialState

from tuner.errors import EngineError
from tuner.events import BatchFinished, Listener, Notice, StudyOpened
from tuner.intervals import corrected_interval
from tuner.study.lifecycle import OpenStudy
from tuner.study.sampling import Asker
from tuner.study.space import trial_values
from tuner.trial import Evaluate, FoldPlan, TrialParams, TrialScore

Best = tuple[int, float, float, dict[str, object]]
Evaluated = tuple[TrialParams, TrialScore]


def optimize(
    study: OpenStudy, evaluate: Evaluate, *, listen: Listener, should_stop: Callable[[], bool] = lambda: False
) -> None:
    """Evaluate trials until the study holds `study.target` finished ones.

    Args:
        study: open, its lock held.
        evaluate: the seam to the numerics.
        listen: hears `StudyOpened`, one `BatchFinished` per batch, and `Notice`.
        should_stop: asked between batches; where it answers true, the rest is left for the next run.

    Raises:
        Stopped, EngineError: from `evaluate`; the batch stays running, and the next run evaluates it.
        StudyError: the database cannot be written.
    """
    started = time.monotonic()
    progress = _Progress(study)
    progress.announce(listen)
    asker = Asker(study.plan.space, study.trials)
    for text in asker.notices:
        listen(Notice(text=text))
    while numbers := progress.next_batch():
        if should_stop():
            return
        if progress.is_over(time.monotonic() - started):
            listen(Notice(text=progress.timeout_text()))
            return
        begun = time.monotonic()
        batch = _evaluate_batch(study, evaluate, asker, numbers)
        now = time.monotonic()
        listen(progress.count(batch, batch_seconds=now - begun, elapsed=now - started))


def _evaluate_batch(study: OpenStudy, evaluate: Evaluate, asker: Asker, numbers: Sequence[int]) -> list[Evaluated]:
    """Ask, evaluate, store and tell one batch."""
    space = study.plan.space
    params = [asker.params(number) for number in numbers]
    batch = [space.resolve(number, searched) for number, searched in zip(numbers, params, strict=True)]
    study.begin(batch, params)
    answer = evaluate(batch)
    if [score.number for score in answer] != list(numbers):
        raise EngineError(f"trials {list(numbers)} were asked for, but {[s.number for s in answer]} were scored")
    scores = [_judge(score, study.plan.folds) for score in answer]
    study.finish(scores)
    for score in scores:
        asker.tell(score.number, _mean(score))
    return list(zip(batch, scores, strict=True))


def _judge(score: TrialScore, folds: FoldPlan) -> TrialScore:
    """Return the score, or the failure it amounts to: nothing that is not finite is stored or told.

    Raises:
        EngineError: the arrays do not have the shapes of the seam.
    """
    if score.failure is not None:
        return score
    expected = (len(score.checkpoint_epochs), folds.n_folds), (folds.n_repeats, folds.n_scored_rows)
    shapes = score.fold_scores.shape, score.logits.shape
    if shapes != expected or not len(score.checkpoint_epochs):
        raise EngineError(f"trial {score.number}: arrays of shapes {expected} were expected, {shapes} were scored")
    for epoch, scores in zip(score.checkpoint_epochs, score.fold_scores, strict=True):
        bad = np.flatnonzero(~np.isfinite(scores))
        if bad.size:
            reason = f"fold {bad[0]} scored {scores[bad[0]]} after {epoch} epochs ({bad.size} of {folds.n_folds} folds)"
            return TrialScore.failed(score.number, reason, seconds=score.seconds)
    if not np.isfinite(score.logits).all():
        return TrialScore.failed(score.number, "predictions are not finite", seconds=score.seconds)
    return score


def _mean(score: TrialScore) -> float | None:
    return None if score.failure is not None else float(score.fold_scores[-1].mean())


class _Progress:
    """What one call of `optimize` knows of how far the study is."""

    def __init__(self, study: OpenStudy) -> None:
        self._study = study
        self._section = study.plan.section
        finished = [trial for trial in study.trials if trial.state.is_finished()]
        self._finished = {trial.number for trial in finished}
        self._n_failed = sum(trial.state == TrialState.FAIL for trial in finished)
        self._best = self._stored_best()
        self._n_batches = 0
        self._batch_seconds = 0.0

    def announce(self, listen: Listener) -> None:
        """Say what was opened, and what is worth knowing about it."""
        study, plan, n_finished = self._study, self._study.plan, len(self._finished)
        listen(
            StudyOpened(
                study=self._section.name,
                metric=plan.metric,
                n_trials=study.target,
                n_finished=n_finished,
                n_adopted=len(study.trials) - n_finished,
                n_folds=plan.folds.n_folds,
                seed=self._section.seed,
            )
        )
        notices = list(study.notices)
        if plan.n_trials < study.target:
            notices.append(f"study.n_trials={plan.n_trials} changes nothing: {study.target} trials were begun before")
        if n_finished == study.target:
            notices.append(f"the study is done: it holds {n_finished} finished trials, so nothing is trained")
        else:
            notices += plan.space.notices
        for text in notices:
            listen(Notice(text=text))

    def next_batch(self) -> list[int]:
        """Return the numbers to evaluate next, up to a multiple of the batch size; empty when the study is done."""
        size, target = self._section.batch_size, self._study.target
        first = next((number for number in range(target) if number not in self._finished), None)
        if first is None:
            return []
        end = min((first // size + 1) * size, target)
        return [number for number in range(first, end) if number not in self._finished]

    def is_over(self, elapsed: float) -> bool:
        """Return whether `study.timeout_seconds` have passed in this call."""
        timeout = self._section.timeout_seconds
        return timeout is not None and elapsed >= timeout

    def timeout_text(self) -> str:
        """Return what to say when the time is over."""
        done = f"{len(self._finished)} of {self._study.target} trials are finished"
        return f"study.timeout_seconds={self._section.timeout_seconds:g} is over: {done}, run again to go on"

    def count(self, batch: Sequence[Evaluated], *, batch_seconds: float, elapsed: float) -> BatchFinished:
        """Count a batch in, and return the event that tells of it."""
        for trial, score in batch:
            self._finished.add(trial.number)
            self._n_failed += score.failure is not None
            mean = _mean(score)
            if mean is not None and (self._best is None or mean > self._best[1]):
                self._best = self._candidate(trial, score.fold_scores[-1])
        self._n_batches += 1
        self._batch_seconds += batch_seconds
        return BatchFinished(
            n_finished=len(self._finished),
            n_trials=self._study.target,
            n_failed=self._n_failed,
            best=self._best,
            batch_seconds=batch_seconds,
            left_seconds=self._left_seconds(elapsed),
        )

    def _left_seconds(self, elapsed: float) -> float:
        """Return the mean batch time times the batches left, at most what the timeout leaves."""
        n_left = math.ceil((self._study.target - len(self._finished)) / self._section.batch_size)
        left = n_left * self._batch_seconds / self._n_batches
        timeout = self._section.timeout_seconds
        return left if timeout is None else min(left, max(0.0, timeout - elapsed))

    def _stored_best(self) -> Best | None:
        complete = [trial for trial in self._study.trials if trial.state == TrialState.COMPLETE]
        for trial in sorted(complete, key=lambda trial: trial.values[0], reverse=True):
            scores = self._study.last_fold_scores(trial.number)
            if scores.size:
                return self._candidate(self._study.plan.space.resolve(trial.number, trial.params), scores)
        return None

    def _candidate(self, trial: TrialParams, scores: NDArray[np.float64]) -> Best:
        interval = corrected_interval(scores, test_over_train=self._study.plan.folds.test_over_train)
        return trial.number, interval.mean, interval.half_width, trial_values(trial)
