"""The score of a whole search, partly corrected for having chosen the best of many noisy trials.

Bootstrap bias-corrected cross-validation: from the stored out-of-fold predictions of all trials, rows are drawn with
replacement, as many of each class as there are, the same rows for all trials and repeats; the trial that is best on the
rows drawn is scored on the rows left out. The mean over many such samples stands beside the best trial's own score. It
removes only part of the curse: it neither repeats an adaptive search nor separates training from scored rows.

A sample with which some repeat has no pair of a positive and a negative row in one fold, among the rows drawn or those
left out, is drawn again, whatever the metric: every metric sees the same samples. Of more classes each must have such a
pair with the others, unless the metric counts classes by their rows. Rows of several labels are drawn from all alike,
not by their combination of labels: few rows may share one, and a row that is alone in it would never be left out.

Axes    T trials, R repeats, N scored rows, D samples of rows at once
Source  Tsamardinos, Greasidou & Borboudakis 2018, Bootstrapping the out-of-sample predictions for efficient and
        accurate cross-validation, Machine Learning 107
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuner.analysis.counted_rows import MOST, Floats, Logits, Tally
from tuner.analysis.counted_views import Samples, Scores, Views, scores_of
from tuner.config.schema import ScoringSection
from tuner.evidence import BiasCorrected

TALLY_BYTES = 2**25
"""What the counts of the samples that are looked at in one pass over the trials may take."""

FRUITLESS = 100
"""Samples drawn for each one asked for before there is no answer: so few of them are of use."""

Indices = NDArray[np.intp]


def bias_corrected(
    y: NDArray[np.int32],
    logits: Sequence[Logits],
    *,
    split_of: NDArray[np.integer],
    scoring: ScoringSection,
    n_bootstraps: int,
    seed: int,
    n_classes: int = 2,
    threads: int = 1,
    should_stop: Callable[[], bool] = lambda: False,
) -> BiasCorrected | None:
    """Return the bootstrap bias-corrected score of a search.

    Args:
        y: classes of the scored rows, from 0. Shape `(N,)`; of several labels 1 where a row has one, shape `(N, L)`.
        logits: of each complete trial, in the order of their numbers: `(R, N)`, of more than two classes or several
            labels `(R, N, K)`, finite. T of them; each is taken in the calling thread, once for all samples that fit
            `TALLY_BYTES` and once more where it is best in some. Of equally good trials the first is best.
        split_of: the fold, from 0, that scored each row in each repeat. Shape `(R, N)`.
        scoring: the metric.
        n_bootstraps: samples of rows, at least 1.
        seed: of the samples.
        n_classes: of the table, K; it plays no part with labels.
        threads: trials at work at the same time; the answer is the same to the last bit.
        should_stop: asked when a trial is scored, not while samples are drawn.

    Returns:
        The record; None where nothing can be computed - no trial, or rows too few to leave any of each class out
        - and where `should_stop` answered true.
    """
    views = Views(y, split_of, scoring, n_classes=n_classes)
    if len(logits) == 0 or not views.can_leave_out():
        return None
    draws = _Draws(views, seed, at_most=FRUITLESS * n_bootstraps)
    width = _samples_at_once(views)
    in_a_pass = max(1, TALLY_BYTES // (views.bytes_of_sample * width)) * width
    left_out: list[Floats] = []
    with ThreadPoolExecutor(threads, thread_name_prefix="bootstrap") as pool:
        trials = _Trials(logits, views, pool, 2 * threads)
        for n in _parts(n_bootstraps, in_a_pass):
            samples = [views.sample(np.ones((len(y), 1), np.uint16))]
            for d in _parts(n, width):
                if (sample := draws.take(d)) is None:
                    return None
                samples.append(sample)
            if (found := _best_trials(trials, samples, should_stop)) is None:
                return None
            chosen, raw = found
            if (scores := _scores_left_out(trials, samples[1:], chosen[1:], should_stop)) is None:
                return None
            left_out.append(scores)
    corrected = np.concatenate(left_out)
    return BiasCorrected(
        mean=float(corrected.mean()),
        ci95=np.quantile(corrected, (0.025, 0.975)).tolist(),
        raw=raw,
        n_trials=len(logits),
        n_bootstraps=n_bootstraps,
        n_redrawn=draws.n_redrawn,
    )


def _parts(n: int, at_most: int) -> list[int]:
    """Return whole numbers up to `at_most` that add up to n."""
    return [min(at_most, n - done) for done in range(0, n, at_most)]


def _samples_at_once(views: Views) -> int:
    """Return D such that what is held per positive row of a fold, 8 bytes a sample, stays in the cache."""
    return max(16, min(256, 2**14 // views.most_ranked, 2**24 // len(views.y)))


class _Draws:
    """Samples of rows, one stream of them, whatever the portions they are taken in."""

    def __init__(self, views: Views, seed: int, *, at_most: int) -> None:
        self._views = views
        self._rng = np.random.default_rng(seed)
        self._strata = views.strata
        self._left = at_most
        self.n_redrawn = 0

    def take(self, n: int) -> Samples | None:
        """Return the next n samples that can be used; None where too many cannot."""
        kept: list[Tally] = []
        missing = n
        while missing:
            if self._left < missing:
                return None
            tally = self._draw(missing)
            is_usable = self._is_usable(tally)
            kept.append(tally if is_usable.all() else tally[:, is_usable])
            self._left -= missing
            missing -= int(is_usable.sum())
            self.n_redrawn += missing
        return self._views.sample(np.concatenate(kept, axis=1))

    def _draw(self, n: int) -> Tally:
        tally = np.empty((n, len(self._views.y)), np.uint16)
        for own in tally:
            for rows in self._strata:
                own[rows] = np.bincount(self._rng.integers(len(rows), size=len(rows)), minlength=len(rows))
        return np.ascontiguousarray(tally.T)

    def _is_usable(self, tally: Tally) -> NDArray[np.bool_]:
        samples = self._views.sample(tally)
        both = self._views.has_pairs(samples) & self._views.has_pairs(self._views.left_out(samples))
        return np.asarray(both & (tally.max(axis=0) <= MOST))


@dataclass(frozen=True, slots=True)
class _Trials:
    """All trials, and the threads that score them."""

    logits: Sequence[Logits]
    views: Views
    pool: ThreadPoolExecutor
    ahead: int

    def __len__(self) -> int:
        return len(self.logits)

    def each(self, numbers: Iterable[int], work: Callable[[int, Scores], Floats]) -> Iterator[tuple[int, Floats]]:
        """Yield trial and result one by one in order, a few of them ahead at work."""
        waiting: deque[tuple[int, Future[Floats]]] = deque()
        for number in numbers:
            waiting.append((number, self.pool.submit(self._one, number, self.logits[number], work)))
            if len(waiting) > self.ahead:
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()

    def _one(self, number: int, logits: Logits, work: Callable[[int, Scores], Floats]) -> Floats:
        return work(number, scores_of(self.views, logits))


def _best_trials(
    trials: _Trials, samples: Sequence[Samples], should_stop: Callable[[], bool]
) -> tuple[Indices, float] | None:
    """Return the best trial of every sample, one after the other, and its score on the very first."""
    n = sum(sample.tally.shape[1] for sample in samples)
    chosen, best = np.zeros(n, np.intp), np.full(n, -np.inf)
    for number, scores in trials.each(range(len(trials)), lambda _, own: np.concatenate([*map(own.scores, samples)])):
        if should_stop():
            return None
        is_better = scores > best
        chosen[is_better], best[is_better] = number, scores[is_better]
    return chosen, float(best[0])


def _scores_left_out(
    trials: _Trials, samples: Sequence[Samples], chosen: Indices, should_stop: Callable[[], bool]
) -> Floats | None:
    """Return the score of every sample's chosen trial on the rows left out of it. Shape `(len(chosen),)`."""
    of_sample = np.split(chosen, np.cumsum([sample.tally.shape[1] for sample in samples])[:-1])

    def work(number: int, own: Scores) -> Floats:
        mine = [(sample, np.flatnonzero(of == number)) for sample, of in zip(samples, of_sample, strict=True)]
        return np.concatenate([own.scores_left_out(sample.take(at)) for sample, at in mine if len(at)])

    scores = np.empty(len(chosen))
    for number, own in trials.each(np.unique(chosen).tolist(), work):
        if should_stop():
            return None
        scores[chosen == number] = own
    return scores
