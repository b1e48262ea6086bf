"""How far a study is: which numbers come next, what is the best so far, how long the rest may take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from optuna.trial import TrialState

from tuner.events import BatchFinished, Listener, Notice, StudyOpened
from tuner.intervals import corrected_interval
from tuner.study.lifecycle import OpenStudy
from tuner.study.weighting import trial_values
from tuner.trial import TrialParams, TrialScore

Best = tuple[int, float, float, dict[str, object]]
Evaluated = tuple[TrialParams, TrialScore]


class Progress:
    """What one call of `loop.optimize` knows of how far the study is.

    Attributes:
        is_out_of_time: whether `is_over` found the time over before every batch was begun.
    """

    def __init__(self, study: OpenStudy) -> None:
        self._study = study
        self._section = study.plan.section
        finished = [trial for trial in study.trials if trial.state.is_finished()]
        self._finished = {trial.number for trial in finished}
        self._begun = set(self._finished)
        self._n_failed = sum(trial.state == TrialState.FAIL for trial in finished)
        self._n_pruned = sum(trial.state == TrialState.PRUNED for trial in finished)
        self._means = {trial.number: trial.values[0] for trial in finished if trial.state == TrialState.COMPLETE}
        self._best = self._stored_best()
        self.is_out_of_time = False
        self._n_batches = 0
        self._elapsed = 0.0

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
            if plan.racing.enabled and plan.space.listed:
                notices.append("racing changes nothing here: study.trials are never ruled out")
        for text in notices:
            listen(Notice(text=text))

    def next_batch(self) -> list[int]:
        """Return the numbers to begin next, up to a multiple of the batch size; empty when all are begun."""
        size, target = self._section.batch_size, self._study.target
        first = next((number for number in range(target) if number not in self._begun), None)
        if first is None:
            return []
        end = min((first // size + 1) * size, target)
        return [number for number in range(first, end) if number not in self._begun]

    def begin(self, numbers: Sequence[int]) -> None:
        """Count a batch as begun."""
        self._begun.update(numbers)

    def rivals(self, numbers: Sequence[int]) -> dict[int, NDArray[np.float64]]:
        """Return the scores of the finished trials that a batch races against, by number. Each of shape `(J,)`.

        They are the best trial known when the batch was asked, two batches before it or earlier, and the finished
        trials of the batch itself: a function of trial numbers, not of what happens to be finished.
        """
        size = self._section.batch_size
        batch, by_mean = numbers[0] // size, self._by_mean()
        told = self._with_scores(number for number in by_mean if number // size <= batch - 2)
        mates = self._with_scores(number for number in by_mean if number // size == batch)
        return {**dict(islice(told, 1)), **dict(mates)}

    def is_over(self, elapsed: float) -> bool:
        """Return whether `study.timeout_seconds` have passed in this call."""
        timeout = self._section.timeout_seconds
        self.is_out_of_time = timeout is not None and elapsed >= timeout
        return self.is_out_of_time

    def timeout_text(self) -> str:
        """Return what to say when the time is over."""
        done = f"{len(self._finished)} of {self._study.target} trials are finished"
        return f"study.timeout_seconds={self._section.timeout_seconds:g} is over: {done}, run again to go on"

    def count(self, batch: Sequence[Evaluated], *, elapsed: float) -> BatchFinished:
        """Count a batch in, and return the event that tells of it.

        Args:
            batch: its trials and what they scored.
            elapsed: seconds since the call began.
        """
        for trial, score in batch:
            self._finished.add(trial.number)
            self._n_failed += score.failure is not None
            self._n_pruned += score.pruned is not None
            mean = score.mean
            if mean is None or score.pruned is not None:
                continue
            self._means[trial.number] = mean
            if self._best is None or mean > self._best[1]:
                self._best = self._candidate(trial, score.fold_scores[-1])
        batch_seconds = elapsed - self._elapsed
        self._n_batches += 1
        self._elapsed = elapsed
        return BatchFinished(
            n_finished=len(self._finished),
            n_trials=self._study.target,
            n_failed=self._n_failed,
            n_pruned=self._n_pruned,
            best=self._best,
            batch_seconds=batch_seconds,
            left_seconds=self._left_seconds(),
        )

    def _left_seconds(self) -> float:
        """Return the mean time between batches times the batches left, at most what the timeout leaves."""
        n_left = math.ceil((self._study.target - len(self._finished)) / self._section.batch_size)
        left = n_left * self._elapsed / self._n_batches
        timeout = self._section.timeout_seconds
        return left if timeout is None else min(left, max(0.0, timeout - self._elapsed))

    def _by_mean(self) -> list[int]:
        """Return the complete trials, best first, the lowest number first among equals."""
        return sorted(self._means, key=lambda number: (-self._means[number], number))

    def _stored_best(self) -> Best | None:
        for number, scores in self._with_scores(self._by_mean()):
            trial = self._study.plan.space.resolve(number, self._study.trials[number].params)
            return self._candidate(trial, scores)
        return None

    def _with_scores(self, numbers: Iterable[int]) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Yield trials with their scores after the last epoch, one of each fold; not those another program finished."""
        for number in numbers:
            scores = self._study.last_fold_scores(number)
            if scores.size:
                yield number, scores

    def _candidate(self, trial: TrialParams, scores: NDArray[np.float64]) -> Best:
        interval = corrected_interval(scores, test_over_train=self._study.plan.folds.test_over_train)
        return trial.number, interval.mean, interval.half_width, trial_values(trial)
