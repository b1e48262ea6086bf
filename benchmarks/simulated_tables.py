"""Simulated tables: rows of Gaussian mixtures, so that true probabilities and true scores are known.

A block of tables is one dataset, its tables behind each other and a large test set behind them: one trainer and its
compiled programs serve them all. Class counts are the same in every table, and in the test set in proportion.

Axes    N rows, F features, G components of a mixture, J folds of a table
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtr

from tuner.config.cv import KFold
from tuner.data.dataset import Dataset, make_dataset
from tuner.data.folds import Folds, fold_fingerprint, frozen_rows, make_folds
from tuner.trial import FoldPlan

Floats = NDArray[np.float64]
Rows = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """Round Gaussian components.

    Attributes:
        centers: one per component, all of F coordinates.
        shares: of the components, adding up to 1.
        spreads: standard deviation of each, the same in all directions.
    """

    centers: tuple[tuple[float, ...], ...]
    shares: tuple[float, ...] = (1.0,)
    spreads: tuple[float, ...] = (1.0,)

    def draw(self, rng: np.random.Generator, n_rows: int) -> Floats:
        """Return rows, shape `(n_rows, F)`."""
        component = rng.choice(len(self.shares), n_rows, p=self.shares)
        noise = rng.standard_normal((n_rows, len(self.centers[0])))
        return np.asarray(self.centers)[component] + np.asarray(self.spreads)[component, None] * noise

    def log_density(self, X: Floats) -> Floats:
        """Return the logarithm of the density at rows `(N, F)`. Shape `(N,)`."""
        centers, spreads = np.asarray(self.centers), np.asarray(self.spreads)
        squares = np.square((X[:, None] - centers) / spreads[:, None]).sum(axis=2)
        n_features = centers.shape[1]
        logs = np.log(self.shares) - n_features * (np.log(spreads) + 0.5 * math.log(2 * math.pi))
        return np.asarray(logsumexp(logs - 0.5 * squares, axis=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Where tables come from.

    Attributes:
        negative, positive: the rows of either class.
        n_negative, n_positive: rows of each table.
    """

    negative: Mixture
    positive: Mixture
    n_negative: int
    n_positive: int

    @property
    def imbalance_ratio(self) -> float:
        """Negative rows / positive rows."""
        return self.n_negative / self.n_positive

    def draw(self, rng: np.random.Generator, *, times: int = 1) -> tuple[Floats, Rows]:
        """Return rows and labels in random order, `times` as many of both classes as in a table."""
        n_negative, n_positive = times * self.n_negative, times * self.n_positive
        X = np.concatenate([self.negative.draw(rng, n_negative), self.positive.draw(rng, n_positive)])
        y = np.repeat(np.array([0, 1], np.int32), [n_negative, n_positive])
        order = rng.permutation(len(y))
        return X[order], y[order]

    def probability(self, X: Floats) -> Floats:
        """Return the true probability of class 1 at rows `(N, F)`. Shape `(N,)`."""
        log_odds = self.positive.log_density(X) - self.negative.log_density(X) - math.log(self.imbalance_ratio)
        return 1.0 / (1.0 + np.exp(-log_odds))

    def linear_auc(self, directions: Floats) -> Floats:
        """Return the true area under the curve of linear scores: exact for mixtures.

        Args:
            directions: shape `(..., F)`.

        Returns:
            Shape `(...)`.
        """
        length = np.linalg.norm(directions, axis=-1)
        area = np.zeros(directions.shape[:-1])
        for share, center, spread in zip(
            self.positive.shares, self.positive.centers, self.positive.spreads, strict=True
        ):
            for other_share, other, other_spread in zip(
                self.negative.shares, self.negative.centers, self.negative.spreads, strict=True
            ):
                ahead = directions @ (np.asarray(center) - np.asarray(other))
                area += share * other_share * ndtr(ahead / (length * math.hypot(spread, other_spread)))
        return area


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Some tables as one dataset.

    Attributes:
        dataset: the rows of all tables, table after table, then the test set.
        tables: row numbers of each table.
        test: row numbers of the test set.
        folds: those of each table, repeat-major, rows numbered as in the dataset: `n_folds` of the first, then of the
            second and so on; repeats are counted on from table to table, so that each has seeds of its own.
        splits: of each table: the fold that scores each of its rows in each repeat. Shape `(R, N)`.
        n_folds: J.
    """

    dataset: Dataset
    tables: tuple[Rows, ...]
    test: Rows
    folds: Folds
    splits: tuple[Rows, ...]
    n_folds: int

    def of_table(self, table: int) -> range:
        """Return the numbers of the folds of a table."""
        return range(table * self.n_folds, (table + 1) * self.n_folds)

    def y(self, rows: Rows) -> Rows:
        """Return labels."""
        return self.dataset.y[rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockPlan:
    """How a block is drawn.

    Attributes:
        population: where its tables come from.
        n_tables: tables of a block.
        n_splits, n_repeats: folds of each.
        test_times: rows of the test set, in tables.
        seed: of everything; block b is drawn from (seed, b) alone.
    """

    population: Population
    n_tables: int
    n_splits: int = 5
    n_repeats: int = 3
    test_times: int = 1
    seed: int = 0

    def draw(self, number: int) -> Block:
        """Return block `number`."""
        rng = np.random.default_rng(np.random.SeedSequence((self.seed, number)))
        drawn = [self.population.draw(rng) for _ in range(self.n_tables)]
        X_test, y_test = self.population.draw(rng, times=self.test_times)
        y = [labels for _, labels in drawn]
        dataset = make_dataset(
            np.concatenate([*(rows for rows, _ in drawn), X_test]),
            np.concatenate([*y, y_test]),
            feature_names=tuple(f"x{i}" for i in range(X_test.shape[1])),
            target="y",
            classes=("0", "1"),
            label_type="int",
            source="simulated",
        )
        n_rows = len(y[0])
        own = [
            make_folds(labels, KFold(n_splits=self.n_splits, n_repeats=self.n_repeats, seed=self.seed + number))
            for labels in y
        ]
        starts = [table * n_rows for table in range(self.n_tables)]
        return Block(
            dataset=dataset,
            tables=tuple(frozen_rows(start + np.arange(n_rows)) for start in starts),
            test=frozen_rows(np.arange(self.n_tables * n_rows, len(dataset.y))),
            folds=_joined(own, starts, n_rows=len(dataset.y)),
            splits=tuple(_splits(folds, n_rows) for folds in own),
            n_folds=self.n_splits * self.n_repeats,
        )


def _joined(own: Sequence[Folds], starts: Sequence[int], *, n_rows: int) -> Folds:
    """Return the folds of all tables as those of one dataset."""
    pairs = [
        (frozen_rows(start + train), frozen_rows(start + valid))
        for folds, start in zip(own, starts, strict=True)
        for train, valid in zip(folds.train, folds.valid, strict=True)
    ]
    plan = own[0].plan
    number = np.arange(len(pairs))
    return Folds(
        train=tuple(train for train, _ in pairs),
        valid=tuple(valid for _, valid in pairs),
        repeat=frozen_rows(number // plan.n_splits),
        split=frozen_rows(number % plan.n_splits),
        scored_rows=frozen_rows(np.arange(n_rows)),
        plan=FoldPlan(
            kind="nested",
            n_splits=plan.n_splits,
            n_repeats=plan.n_repeats * len(own),
            test_over_train=plan.test_over_train,
            n_scored_rows=n_rows,
            sha256=fold_fingerprint(pairs),
        ),
    )


def _splits(folds: Folds, n_rows: int) -> Rows:
    splits = np.empty((folds.plan.n_repeats, n_rows), np.int32)
    for rows, repeat, split in zip(folds.valid, folds.repeat, folds.split, strict=True):
        splits[repeat, rows] = split
    return splits
