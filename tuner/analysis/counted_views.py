"""The scores of `counted_rows.py` for every task: a table of many classes, or of labels, as views of two classes each.

A table of two classes is its own view, one of more classes has a view of each class against all others, and one of
several labels a view of each label. The score is the mean over the views of the score of two classes; of more classes
only where rows are ranked, each view by the softmax probability of its class, in float64:

roc_auc_ovr, average_precision   mean over the classes; `roc_auc_ovr_weighted` counts each class by its rows
losses                           mean over rows, of softmax, then over repeats
decisions                        of the rows called each class in all folds together, then mean over repeats

In one fold, with every row counted once, each is `tuner.scoring.score`.

Axes    V views (K classes, L labels, or 1), R repeats, N scored rows, D samples of rows
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuner.analysis.counted_rows import (
    CountedScores,
    Floats,
    Layout,
    Logits,
    Rows,
    RunningSums,
    Sample,
    Tally,
    counted_scores,
)
from tuner.config.schema import ScoringSection
from tuner.config.values import Metric
from tuner.scoring import CLASS_DECISIONS, CLASS_ROW_LOSSES, WITHOUT_SOME_CLASS, Calls, softmax

OVER_VIEWS: Mapping[str, Metric] = {
    "roc_auc_ovr": "roc_auc",
    "roc_auc_ovr_weighted": "roc_auc",
    "average_precision": "average_precision",
}
"""Metrics of more than two classes that rank, and the metric of two classes that each view has."""


@dataclass(frozen=True, slots=True)
class Samples:
    """D samples of rows: how often each row counts, and the same as every view has it."""

    tally: Tally
    views: tuple[Sample, ...]

    def take(self, columns: NDArray[np.intp]) -> Samples:
        """Return some of the samples; the views share one tally."""
        tally = self.tally[:, columns]
        views = (Sample(tally, view.positive[..., columns], view.negative[..., columns]) for view in self.views)
        return Samples(tally, tuple(views))


class Views:
    """A table as tables of two classes, and which row is scored in which fold of every repeat."""

    def __init__(
        self, y: NDArray[np.int32], split_of: NDArray[np.integer], scoring: ScoringSection, *, n_classes: int = 2
    ) -> None:
        """Make a layout of every view.

        Args:
            y: classes 0 to K - 1, shape `(N,)`; of several labels 1 where a row has one, else 0, shape `(N, L)`.
            split_of: the fold, from 0, that scores each row in each repeat. Shape `(R, N)`.
            scoring: the metric, one of the task.
            n_classes: K; it plays no part with labels.
        """
        self.y, self.scoring = y, scoring
        self.is_multiclass = y.ndim == 1 and n_classes > 2
        in_view = y == np.arange(n_classes)[:, None] if self.is_multiclass else np.atleast_2d(y.T)
        self.layouts = tuple(Layout(own.astype(np.int32), split_of) for own in in_view)
        self.n_classes = n_classes

    @property
    def strata(self) -> list[NDArray[np.intp]]:
        """Rows that are drawn among themselves: each class; of several labels all rows, as few share all labels."""
        if self.y.ndim == 2:
            return [np.arange(len(self.y))]
        classes = (np.flatnonzero(self.y == number) for number in range(self.n_classes)[::-1])
        return [rows for rows in classes if len(rows)]

    @property
    def most_ranked(self) -> int:
        """The most rows of one fold that are looked at one by one: those of the class of a view, where they rank."""
        if self.is_multiclass and self.scoring.metric not in OVER_VIEWS:
            return 1
        return max(len(rows) for layout in self.layouts for rows in layout.positive)

    @property
    def bytes_of_sample(self) -> int:
        """What one sample takes."""
        sums = sum(len(layout.positive) + len(layout.negative) for layout in self.layouts)
        return 2 * len(self.y) + 8 * sums

    def can_leave_out(self) -> bool:
        """Return whether rows of the classes that the metric needs can be both drawn and left out."""
        two_of_both = [min(own.sum(), (1 - own).sum()) >= 2 for own in (layout.y for layout in self.layouts)]
        return bool(self._where_needed(np.array(two_of_both)))

    def sample(self, tally: Tally) -> Samples:
        """Return the samples with the sums of every view."""
        return Samples(tally, tuple(layout.sample(tally) for layout in self.layouts))

    def left_out(self, samples: Samples) -> Samples:
        """Return the rows that count nowhere, each once."""
        return self.sample(_left_out(samples.tally))

    def has_pairs(self, samples: Samples) -> NDArray[np.bool_]:
        """Return where each repeat has a pair of rows, in one fold, that a view tells apart. Shape `(D,)`.

        In every view; in any, where the metric counts a class by its rows and so does without some.
        """
        return self._where_needed(np.array([(view.pairs > 0).all(axis=0) for view in samples.views]))

    def _where_needed(self, of_views: NDArray[np.bool_]) -> NDArray[np.bool_]:
        does_without = self.is_multiclass and self.scoring.metric in WITHOUT_SOME_CLASS
        return np.asarray(of_views.any(axis=0) if does_without else of_views.all(axis=0))


class Scores(ABC):
    """The scores of one trial on samples of the rows."""

    @abstractmethod
    def scores(self, samples: Samples) -> Floats:
        """Return the scores on the rows of each sample, shape `(D,)`."""

    @abstractmethod
    def scores_left_out(self, samples: Samples) -> Floats:
        """Return the scores on the rows that are not in the sample, each counted once, shape `(D,)`."""


def scores_of(views: Views, logits: Logits) -> Scores:
    """Prepare the scores of one trial.

    Args:
        views: of the table.
        logits: of every row in every repeat, finite. Shape `(R, N)` for two classes, else `(R, N, V)`.
    """
    scoring = views.scoring
    if views.is_multiclass:
        if scoring.metric in CLASS_DECISIONS:
            return _Decisions(views, logits)
        if scoring.metric in CLASS_ROW_LOSSES:
            return _Losses(views, logits)
        ranked = ScoringSection(metric=OVER_VIEWS[scoring.metric])
        by_class = np.stack([softmax(own).T for own in logits], axis=1)
        return _OverViews(views, ranked, by_class, by_rows=scoring.metric == "roc_auc_ovr_weighted")
    by_label = np.moveaxis(logits, -1, 0) if views.y.ndim == 2 else logits[None]
    return _OverViews(views, scoring, by_label, by_rows=False)


class _OverViews(Scores):
    """The mean over the views, ranked by `(V, R, N)`."""

    def __init__(self, views: Views, scoring: ScoringSection, ranked: Logits, *, by_rows: bool) -> None:
        self._views, self._by_rows = views, by_rows
        self._own: list[CountedScores] = [
            counted_scores(scoring, layout, own) for layout, own in zip(views.layouts, ranked, strict=True)
        ]

    def scores(self, samples: Samples) -> Floats:
        found = [own.scores(view) for own, view in zip(self._own, samples.views, strict=True)]
        return self._mean(found, samples)

    def scores_left_out(self, samples: Samples) -> Floats:
        found = [own.scores_left_out(view) for own, view in zip(self._own, samples.views, strict=True)]
        return self._mean(found, self._views.left_out(samples) if self._by_rows else samples)

    def _mean(self, found: Sequence[Floats], samples: Samples) -> Floats:
        if not self._by_rows:
            return np.asarray(np.mean(found, axis=0))
        rows = np.array([view.positive[0].sum(axis=0) for view in samples.views])
        return np.asarray((rows * found).sum(axis=0) / rows.sum(axis=0))


class _OfRows(Scores):
    """What takes no views: how often each row counts is enough."""

    @abstractmethod
    def of(self, tally: Tally) -> Floats:
        """Return the scores on the rows of each sample, shape `(D,)`."""

    def scores(self, samples: Samples) -> Floats:
        return self.of(samples.tally)

    def scores_left_out(self, samples: Samples) -> Floats:
        return self.of(_left_out(samples.tally))


class _Losses(_OfRows):
    def __init__(self, views: Views, logits: Logits) -> None:
        loss = CLASS_ROW_LOSSES[views.scoring.metric]
        self._losses = np.mean([loss(views.y, own) for own in logits], axis=0)

    def of(self, tally: Tally) -> Floats:
        # not a BLAS product, whose last bit may follow the number of its threads
        return np.asarray(-np.einsum("n,nd->d", self._losses, tally) / tally.sum(axis=0))


class _Decisions(_OfRows):
    """Rows by the class they are called, rightly and wrongly apart, in every repeat; then rows by their class."""

    def __init__(self, views: Views, logits: Logits) -> None:
        self._metric = CLASS_DECISIONS[views.scoring.metric]
        n_classes, called = views.n_classes, logits.argmax(axis=-1)
        codes = called + n_classes * (called != views.y)
        rows = [part for own in codes for part in _by_code(own, 2 * n_classes)]
        self._n_called = len(rows)
        rows += _by_code(views.y, n_classes)
        self._counts = RunningSums(rows, [np.array([len(own)]) for own in rows], n_rows=len(views.y))
        self._shape = (len(logits), 2, n_classes)

    def of(self, tally: Tally) -> Floats:
        """Return the metric of `(R, D, K)` counts, the mean over repeats."""
        totals = self._counts.totals(tally)
        right, wrong = np.moveaxis(totals[: self._n_called].reshape(*self._shape, -1), (1, 3), (0, 2))
        calls = Calls(totals[self._n_called :].T, right + wrong, right)
        return np.asarray(self._metric(calls).mean(axis=0))


def _by_code(codes: NDArray[np.integer], n: int) -> list[Rows]:
    """Return the rows of each code from 0 to n - 1."""
    order = np.argsort(codes, kind="stable").astype(np.int32)
    return np.split(order, np.cumsum(np.bincount(codes, minlength=n))[:-1])


def _left_out(tally: Tally) -> Tally:
    """Return the rows that count nowhere, each once."""
    return np.asarray(tally == 0, np.uint16)
