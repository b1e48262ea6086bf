"""Nested cross-validation as one set of folds over one table, so that one trainer trains all of its models.

Every outer fold has inner folds, cut from its training rows, and is itself the last of its group: trained on all of its
training rows and scored on its test rows. Groups exist once for every way to resample the training rows; SMOTE's rows
lie behind the real ones and are never scored. Preprocessing is fitted on real rows only, each once.

Seeds follow from (outer fold, inner fold), so an arm starts from the same weights however its rows are resampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from tuner.data.dataset import Dataset
from tuner.data.folds import Folds, RowNumbers, fold_fingerprint, frozen_rows
from tuner.data.resampling import oversampled, smote_rows
from tuner.errors import DataError
from tuner.trial import FoldPlan

Resampling = Literal["none", "oversampling", "smote"]
Rows = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class NestedFolds:
    """The folds of all searches of a verdict.

    Attributes:
        dataset: the table, SMOTE's rows behind its own.
        folds: of every way to resample and every outer fold: its inner folds, then the outer fold.
        ways: how training rows are resampled, in the order of `folds`.
        n_outer: outer folds.
        inner_splits: inner folds of each.
    """

    dataset: Dataset
    folds: Folds
    ways: tuple[Resampling, ...]
    n_outer: int
    inner_splits: int

    def inner(self, way: Resampling, outer: int) -> tuple[int, ...]:
        """Return the numbers j of the inner folds of an outer fold."""
        first = (self.ways.index(way) * self.n_outer + outer) * (self.inner_splits + 1)
        return tuple(range(first, first + self.inner_splits))

    def outer(self, way: Resampling, outer: int) -> int:
        """Return the number j of an outer fold itself."""
        return self.inner(way, outer)[-1] + 1


def nest_folds(
    dataset: Dataset,
    outer: Sequence[tuple[RowNumbers, RowNumbers]],
    *,
    inner_splits: int,
    seed: int,
    ways: Sequence[Resampling] = ("none",),
) -> NestedFolds:
    """Return the folds of nested cross-validation.

    Args:
        dataset: the table.
        outer: training and test rows of every outer fold.
        inner_splits: stratified folds of each outer fold's training rows.
        seed: of shuffling and resampling.
        ways: how training rows are resampled; "none" leaves them as they are.

    Raises:
        DataError: an outer fold has too few rows of a class for the inner folds, or for SMOTE.
    """
    n_rows = len(dataset.y)
    for o, (trained_on, _) in enumerate(outer):
        require_rows(dataset.y, trained_on, inner_splits=inner_splits, number=o, is_smote="smote" in ways)
    groups = [_group(dataset.y, *pair, inner_splits=inner_splits, seed=seed, number=o) for o, pair in enumerate(outer)]
    plain = [pair for group in groups for pair in group]
    seeds = [int(word) for word in np.random.SeedSequence((seed, 1)).generate_state(len(plain))]
    train: list[Rows] = []
    for way in ways:
        if way == "smote":
            dataset, rows = _with_smote(dataset, plain, seeds)
        elif way == "oversampling":
            rows = [oversampled(dataset.y, pair[0], seed=own) for pair, own in zip(plain, seeds, strict=True)]
        else:
            rows = [pair[0] for pair in plain]
        train += rows
    valid = [pair[1] for _ in ways for pair in plain]
    pairs = [(frozen_rows(a), b) for a, b in zip(train, valid, strict=True)]
    number = np.arange(len(pairs)) % len(plain)
    folds = Folds(
        train=tuple(pair[0] for pair in pairs),
        valid=tuple(pair[1] for pair in pairs),
        repeat=frozen_rows(number // (inner_splits + 1)),
        split=frozen_rows(number % (inner_splits + 1)),
        scored_rows=frozen_rows(np.arange(n_rows)),
        plan=FoldPlan(
            kind="nested",
            n_splits=inner_splits + 1,
            n_repeats=len(ways) * len(outer),
            test_over_train=0.0,
            n_scored_rows=n_rows,
            sha256=fold_fingerprint(pairs),
        ),
        fitted=tuple(pair[0] for _ in ways for pair in plain),
    )
    return NestedFolds(dataset=dataset, folds=folds, ways=tuple(ways), n_outer=len(outer), inner_splits=inner_splits)


def require_rows(y: Rows, train: RowNumbers, *, inner_splits: int, number: int, is_smote: bool = False) -> None:
    """Check that the training rows of outer fold `number` can be cut into inner folds, and these resampled.

    Raises:
        DataError: they hold too few rows of a class.
    """
    fewest = int(np.bincount(y[train], minlength=2).min())
    if fewest < inner_splits:
        raise DataError(
            f"outer fold {number} of the verdict trains on {fewest} minority row{'s' * (fewest != 1)}, too few for "
            f"verdict.inner_splits={inner_splits}: each inner fold needs at least one.\n"
            "Lower verdict.inner_splits, or add rows."
        )
    if is_smote and fewest - -(-fewest // inner_splits) < 2:
        raise DataError(
            f"outer fold {number} of the verdict trains on {fewest} minority rows, and SMOTE needs two of them or more "
            "in every inner training set.\nTake smote out of verdict.arms, or add rows."
        )


def _group(
    y: Rows, train: RowNumbers, test: RowNumbers, *, inner_splits: int, seed: int, number: int
) -> list[tuple[RowNumbers, RowNumbers]]:
    """Return training and validation rows of the inner folds of one outer fold, then its own."""
    own_seed = int(np.random.SeedSequence((seed, 0, number)).generate_state(1)[0])
    splitter = StratifiedKFold(inner_splits, shuffle=True, random_state=own_seed)
    inner = [(frozen_rows(train[a]), frozen_rows(train[b])) for a, b in splitter.split(train, y[train])]
    return [*inner, (train, test)]


def _with_smote(
    dataset: Dataset, pairs: Sequence[tuple[RowNumbers, RowNumbers]], seeds: Sequence[int]
) -> tuple[Dataset, list[Rows]]:
    """Return the table with SMOTE's rows of every fold behind its own, and the training rows of every fold."""
    features, labels, train, n_rows = [dataset.X], [dataset.y], [], len(dataset.y)
    for (rows, _), seed in zip(pairs, seeds, strict=True):
        synthetic = smote_rows(dataset.X, dataset.y, rows, seed=seed)
        if synthetic is None:
            raise ValueError("a training set holds a single minority row, which `require_rows` refuses")
        features.append(synthetic[0])
        labels.append(np.full(len(synthetic[0]), synthetic[1], np.int32))
        train.append(np.concatenate([rows, np.arange(n_rows, n_rows + len(synthetic[0]), dtype=np.int32)]))
        n_rows += len(synthetic[0])
    X, y = np.concatenate(features), np.concatenate(labels)
    X.setflags(write=False)
    y.setflags(write=False)
    return replace(dataset, X=X, y=y), train
