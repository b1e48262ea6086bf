"""The score of one trial where every row counts several times or not at all, for many such counts at once.

A row's count is its integer weight. Within a repeat, what the folds hold is added up before anything is divided; the
score is the mean over the repeats:

roc_auc             pairs of a positive and a negative row of the same fold that are in order, a tie half, over all such
average_precision   mean over positive rows of the precision, within their fold, of calling from their score on
losses              mean over rows
decisions           of the rows called in all folds together
threshold: best     each fold calls at the cut that is best on its rows in the sample, halfway between the lowest score
                    called and the highest that is not. Rows left out of the sample are called at these very cuts: a
                    threshold is chosen, as a trial is. A fold without a positive row in the sample calls none.

Rows are sorted once. How many counted rows lie above each positive one is a running sum along that order, of which only
the values at positive rows matter: sums of the runs between them are a sparse product of 16-bit integers. All sums of
counts are exact, so they do not depend on how the work is cut.

Axes    R repeats, F folds of each, N scored rows, P positive ones, D samples of rows
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from tuner.config.schema import ScoringSection
from tuner.scoring import DECISION_METRICS, ROW_LOSSES, Counts, Measure, cuts

Floats = NDArray[np.float64]
Logits = NDArray[np.floating]
Rows = NDArray[np.int32]
Places = NDArray[np.int64]
Tally = NDArray[np.uint16]
"""How often each row counts in each sample, shape `(N, D)`."""

MOST = 64
"""The greatest count of a row: what 16 bits hold is MOST times the rows of a run."""

_RUN = 2**16 // MOST - 1

_BELOW = 32
"""How many rows below all cuts are looked at first for one that is in the sample."""


@dataclass(frozen=True, slots=True)
class Sample:
    """D samples of rows: how often each row counts, and all positive and negative rows of a fold together.

    Attributes:
        tally: none above MOST. Shape `(N, D)`.
        positive, negative: sums over the rows of each fold, shape `(R, F, D)`.
    """

    tally: Tally
    positive: Floats
    negative: Floats

    @property
    def pairs(self) -> Floats:
        """Pairs of a positive and a negative row of the same fold. Shape `(R, D)`."""
        return np.asarray((self.positive * self.negative).sum(axis=1))

    def take(self, columns: NDArray[np.intp]) -> Sample:
        """Return some of the samples."""
        return Sample(self.tally[:, columns], self.positive[..., columns], self.negative[..., columns])


class Layout:
    """Which row is scored in which fold of every repeat."""

    def __init__(self, y: NDArray[np.int32], split_of: NDArray[np.integer]) -> None:
        """Sort the rows by class, repeat and fold.

        Args:
            y: labels 0 and 1, both among them. Shape `(N,)`.
            split_of: the fold, from 0, that scores each row in each repeat. Shape `(R, N)`.
        """
        self.y = y
        self.n_repeats, self.n_folds = len(split_of), int(split_of.max()) + 1
        self.positive, self.negative = (self._by_fold(np.flatnonzero(y == label), split_of) for label in (1, 0))
        cells = [*self.positive, *self.negative]
        self._cells = RunningSums(cells, [np.array([len(rows)]) for rows in cells], n_rows=len(y))

    def _by_fold(self, rows: NDArray[np.intp], split_of: NDArray[np.integer]) -> list[Rows]:
        """Return the rows of every fold, repeat-major."""
        of_class = split_of[:, rows]
        return [rows[own == fold].astype(np.int32) for own in of_class for fold in range(self.n_folds)]

    def sample(self, tally: Tally) -> Sample:
        """Return the samples with their sums."""
        sums = self._cells.totals(tally).reshape(2, self.n_repeats, self.n_folds, -1)
        return Sample(tally, *sums)

    def left_out(self, sample: Sample) -> Sample:
        """Return the rows that count nowhere, each once."""
        return self.sample((sample.tally == 0).astype(np.uint16))


class RunningSums:
    """Sums of counts along an order of rows that begins anew in every segment, at the ends of runs of rows."""

    def __init__(self, segments: Sequence[Rows], places: Sequence[Places], *, n_rows: int) -> None:
        """Cut the order into runs.

        Args:
            segments: row numbers in order, S arrays.
            places: after how many rows of its segment a run ends, S arrays; long runs are cut further, and rows behind
                the last of these places play no part.
            n_rows: N.
        """
        ends = [int(own.max(initial=0)) for own in places]
        self._edges = [
            np.unique(np.concatenate([[0], own, np.arange(0, end, _RUN)]))
            for own, end in zip(places, ends, strict=True)
        ]
        begins = np.cumsum([0, *ends])
        order = np.concatenate([rows[:end] for rows, end in zip(segments, ends, strict=True)])
        runs = [own[:-1] + begin for own, begin in zip(self._edges, begins[:-1], strict=True)]
        starts = np.concatenate([*runs, begins[-1:]]).astype(np.int32)
        ones = np.ones(len(order), np.uint16)
        self._runs = csr_array((ones, order, starts), shape=(len(starts) - 1, n_rows))

    def index(self, places: Sequence[Places]) -> list[Places]:
        """Return where, in the sums of each segment, those at some of the places are."""
        return [np.searchsorted(edges, own) for edges, own in zip(self._edges, places, strict=True)]

    def __call__(self, tally: Tally) -> Iterator[Floats]:
        """Yield the sums of each segment at no row, at every end of a run, and so at last at all; `(ends, D)`."""
        runs, first = self._runs @ tally, 0
        for edges in self._edges:
            end = first + len(edges) - 1
            sums = np.zeros((len(edges), tally.shape[1]))
            np.cumsum(runs[first:end], axis=0, out=sums[1:])
            first = end
            yield sums

    def totals(self, tally: Tally) -> Floats:
        """Return the sum of each segment, shape `(S, D)`."""
        return np.array([sums[-1] for sums in self(tally)])


class CountedScores(ABC):
    """The scores of one trial on samples of the rows."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    @abstractmethod
    def scores(self, sample: Sample) -> Floats:
        """Return the scores on the rows of each sample, shape `(D,)`."""

    def scores_left_out(self, sample: Sample) -> Floats:
        """Return the scores on the rows that are not in the sample, each counted once, shape `(D,)`."""
        return self.scores(self.layout.left_out(sample))


def counted_scores(scoring: ScoringSection, layout: Layout, logits: Logits) -> CountedScores:
    """Prepare the scores of one trial.

    Args:
        scoring: metric and threshold.
        layout: the folds.
        logits: of every row in every repeat, finite. Shape `(R, N)`.
    """
    if scoring.metric == "roc_auc":
        return _RocAuc(layout, logits)
    if scoring.metric == "average_precision":
        return _AveragePrecision(layout, logits)
    if scoring.metric in ROW_LOSSES:
        return _Loss(layout, logits, scoring.metric)
    if scoring.threshold == "best":
        return _AtBest(layout, logits, _measure(scoring))
    return _AtThreshold(layout, logits, scoring)


def _measure(scoring: ScoringSection) -> Measure:
    metric = DECISION_METRICS[scoring.metric]
    return lambda counts: metric(counts, scoring.beta)


class _Ranked(CountedScores):
    """Positive rows of every fold from the highest score down, and where they stand among the others; lists of folds.

    Attributes:
        positive: numbers of the positive rows.
        above, reached: where in the sums of `negatives` is how many negative rows are above each, and above or equal.
        called: where in the sums of `positives` is how many positive rows are above or equal.
    """

    def __init__(self, layout: Layout, logits: Logits) -> None:
        super().__init__(layout)
        self.positive: list[Rows] = []
        negatives, above, reached, called = [], [], [], []
        for cell, (positive, negative) in enumerate(zip(layout.positive, layout.negative, strict=True)):
            falling = -logits[cell // layout.n_folds]
            rows, among = positive[np.argsort(falling[positive])], negative[np.argsort(falling[negative])]
            own, theirs = falling[rows], falling[among]
            self.positive.append(rows)
            negatives.append(among)
            above.append(np.searchsorted(theirs, own, "left"))
            reached.append(np.searchsorted(theirs, own, "right"))
            called.append(np.searchsorted(own, own, "right"))
        places = [np.concatenate(pair) for pair in zip(above, reached, strict=True)]
        self.negatives = RunningSums(negatives, places, n_rows=len(layout.y))
        self.above, self.reached = self.negatives.index(above), self.negatives.index(reached)
        self.positives = RunningSums(self.positive, called, n_rows=len(layout.y))
        self.called = self.positives.index(called)

    def over_positives(self, values: Iterator[Floats], sample: Sample) -> Floats:
        """Return sums over the positive rows of a repeat of what each fold's have, `(rows, D)`. Shape `(R, D)`."""
        total = np.zeros((self.layout.n_repeats, sample.tally.shape[1]))
        for cell, (rows, own) in enumerate(zip(self.positive, values, strict=True)):
            total[cell // self.layout.n_folds] += np.einsum("pd,pd->d", sample.tally[rows].astype(np.float64), own)
        return total


class _RocAuc(_Ranked):
    def scores(self, sample: Sample) -> Floats:
        sums = zip(self.negatives(sample.tally), self.above, self.reached, strict=True)
        twice_lost = self.over_positives((own[above] + own[reached] for own, above, reached in sums), sample)
        return np.asarray(((2.0 * sample.pairs - twice_lost) / (2.0 * sample.pairs)).mean(axis=0))


class _AveragePrecision(_Ranked):
    def scores(self, sample: Sample) -> Floats:
        sums = zip(self.positives(sample.tally), self.called, self.negatives(sample.tally), self.reached, strict=True)
        precisions = (_precision(tp[called], fp[reached]) for tp, called, fp, reached in sums)
        return np.asarray((self.over_positives(precisions, sample) / sample.positive.sum(axis=1)).mean(axis=0))


def _precision(tp: Floats, fp: Floats) -> Floats:
    """Return the precision; 0 where none is called, which is at rows that do not count."""
    return np.asarray(tp / np.maximum(tp + fp, 1.0))


class _Loss(CountedScores):
    def __init__(self, layout: Layout, logits: Logits, metric: str) -> None:
        super().__init__(layout)
        wrong = np.where(layout.y == 1, -logits, logits).astype(np.float64)
        self._losses = ROW_LOSSES[metric](wrong).mean(axis=0)

    def scores(self, sample: Sample) -> Floats:
        # not a BLAS product, whose last bit may follow the number of its threads
        total = np.einsum("n,nd->d", self._losses, sample.tally)
        return np.asarray(-total / (sample.positive[0] + sample.negative[0]).sum(axis=0))


class _AtThreshold(CountedScores):
    def __init__(self, layout: Layout, logits: Logits, scoring: ScoringSection) -> None:
        super().__init__(layout)
        called = logits > cuts(scoring, layout.y, logits)[:, None]
        rows = [np.flatnonzero(own & (layout.y == label)).astype(np.int32) for label in (1, 0) for own in called]
        self._called = RunningSums(rows, [np.array([len(own)]) for own in rows], n_rows=len(layout.y))
        self._measure = _measure(scoring)

    def scores(self, sample: Sample) -> Floats:
        tp, fp = self._called.totals(sample.tally).reshape(2, self.layout.n_repeats, -1)
        counts = Counts(tp, fp, sample.positive.sum(axis=1), sample.negative.sum(axis=1))
        return np.asarray(self._measure(counts).mean(axis=0))


class _AtBest(_Ranked):
    """Every fold calls at its own best cut."""

    def __init__(self, layout: Layout, logits: Logits, measure: Measure) -> None:
        super().__init__(layout, logits)
        self._logits = logits
        self._measure = measure

    def scores(self, sample: Sample) -> Floats:
        tp, fp, _ = self._best(sample)
        return self._score(tp, fp, sample)

    def scores_left_out(self, sample: Sample) -> Floats:
        lowest = self._best(sample)[2]
        tp, fp = np.zeros_like(lowest), np.zeros_like(lowest)
        for cell, (positive, negative) in enumerate(zip(self.layout.positive, self.layout.negative, strict=True)):
            at = divmod(cell, self.layout.n_folds)
            rows, called = self._called_left_out(at[0], np.concatenate([positive, negative]), sample, lowest[at])
            is_positive = self.layout.y[rows] == 1
            tp[at], fp[at] = called[is_positive].sum(axis=0), called[~is_positive].sum(axis=0)
        return self._score(tp, fp, self.layout.left_out(sample))

    def _called_left_out(
        self, repeat: int, rows: Rows, sample: Sample, lowest: Floats
    ) -> tuple[Rows, NDArray[np.bool_]]:
        """Return the top rows of a fold and which of them are left out and called, `(rows, D)`; no other row is."""
        logits = self._logits[repeat, rows]
        falling = rows[np.argsort(-logits)]
        n_reached = np.count_nonzero(logits >= lowest.min())
        for top in (falling[: n_reached + _BELOW], falling):
            logits, is_drawn = self._logits[repeat, top][:, None], sample.tally[top] > 0
            below = np.where(is_drawn & (logits < lowest), logits, np.float32(-np.inf)).max(axis=0, initial=-np.inf)
            if (below > -np.inf).all():
                break
        return top, ~is_drawn & (logits > _halfway(lowest, below.astype(np.float64)))

    def _score(self, tp: Floats, fp: Floats, sample: Sample) -> Floats:
        counts = Counts(tp.sum(axis=1), fp.sum(axis=1), sample.positive.sum(axis=1), sample.negative.sum(axis=1))
        return np.asarray(self._measure(counts).mean(axis=0))

    def _best(self, sample: Sample) -> tuple[Floats, Floats, Floats]:
        """Return true and false positives of each fold at its best cut, and the lowest score called there.

        Each `(R, F, D)`; infinity where no row is called.
        """
        tp, fp = np.zeros_like(sample.positive), np.zeros_like(sample.positive)
        lowest = np.full_like(sample.positive, np.inf)
        sums = zip(self.positives(sample.tally), self.called, self.negatives(sample.tally), self.reached, strict=True)
        for cell, (all_tp, called, all_fp, reached) in enumerate(sums):
            at, rows = divmod(cell, self.layout.n_folds), self.positive[cell]
            if len(rows) == 0:
                continue
            # a class that the sample lacks here: any number but 0 will do, for nothing of it is called
            of_fold = np.maximum(sample.positive[at], 1.0), np.maximum(sample.negative[at], 1.0)
            counts = Counts(all_tp[called], all_fp[reached], *of_fold)
            values = self._measure(counts)
            values[sample.tally[rows] == 0] = -np.inf
            best = len(rows) - 1 - values[::-1].argmax(axis=0)  # of equal cuts the lowest, as in two_classes.py
            nobody = self._measure(Counts(np.zeros_like(of_fold[0]), np.zeros_like(of_fold[0]), *of_fold))
            is_called = _at(best, values) >= nobody
            tp[at], fp[at] = np.where(is_called, [_at(best, counts.tp), _at(best, counts.fp)], 0.0)
            lowest[at] = np.where(is_called, self._logits[at[0], rows][best], np.inf)
        return tp, fp, lowest


def _at(best: NDArray[np.intp], among: Floats) -> Floats:
    """Return one of `among`, `(rows, D)`, for each sample."""
    return np.asarray(np.take_along_axis(among, best[None], axis=0)[0])


def _halfway(lowest: Floats, below: Floats) -> Floats:
    """Return the cuts between the lowest score called, infinity where none is, and the highest that is not, `(D,)`."""
    return np.where(lowest == np.inf, np.inf, lowest / 2 + np.where(lowest == np.inf, 0.0, below / 2))
