"""Nested cross-validation as one set of folds over one table, so that one trainer trains all of its models.

Every outer fold has inner folds, cut from its training rows, and is itself the last of its group: trained on all of its
training rows and scored on its test rows. Groups exist once for every way to resample the training rows; SMOTE's rows
lie behind the real ones and are never scored. Preprocessing is fitted on real rows only, each once.

Inner folds are cut as the outer ones are: rows of one group stay together, and in order of time each inner fold trains
on what came before, so that the first block of an outer fold's training rows is not scored. Folds that a column names
have stratified inner folds.

Seeds follow from (outer fold, inner fold), so an arm starts from the same weights however its rows are resampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from tuner.config.dataset import EncodingSection
from tuner.data.dataset import Dataset
from tuner.data.encoded import EncodedTable
from tuner.data.encoding import encode
from tuner.data.folds import Folds, RowNumbers, fold_fingerprint, frozen_rows
from tuner.data.grouped import deal_groups
from tuner.data.ordered import chain_blocks
from tuner.data.resampling import oversampled, smote_rows
from tuner.data.strata import Pairs, count_kinds, find_lack, name_kinds, strata_of
from tuner.errors import DataError
from tuner.trial import FoldPlan

Resampling = Literal["none", "oversampling", "smote"]
Rows = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class NestedFolds:
    """The folds of all searches of a verdict.

    Attributes:
        table: the table as trainers see it, SMOTE's rows behind its own.
        folds: of every way to resample and every outer fold: its inner folds, then the outer fold.
        ways: how training rows are resampled, in the order of `folds`.
        n_outer: outer folds.
        inner_splits: inner folds of each.
    """

    table: EncodedTable
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
    encoding: EncodingSection | None = None,
) -> NestedFolds:
    """Return the folds of nested cross-validation.

    Args:
        dataset: the table.
        outer: training and test rows of every outer fold.
        inner_splits: folds of each outer fold's training rows.
        seed: of shuffling and resampling.
        ways: how training rows are resampled; "none" leaves them as they are.
        encoding: how columns become numbers; None for the defaults.

    Raises:
        DataError: an outer fold has too few rows of a class for the inner folds, or for SMOTE, or its rows cannot be
            cut so that every inner fold has every class.
    """
    n_rows = len(dataset.y)
    for o, (trained_on, _) in enumerate(outer):
        require_rows(
            dataset.y,
            trained_on,
            inner_splits=inner_splits,
            number=o,
            is_smote="smote" in ways,
            classes=dataset.classes,
        )
    groups = [
        [
            *inner_folds(dataset, train, inner_splits=inner_splits, seed=seed, number=o, is_smote="smote" in ways),
            (train, test),
        ]
        for o, (train, test) in enumerate(outer)
    ]
    plain = [pair for group in groups for pair in group]
    seeds = [int(word) for word in np.random.SeedSequence((seed, 1)).generate_state(len(plain))]
    number = np.arange(len(plain) * len(ways)) % len(plain)
    folds = Folds(
        train=tuple(pair[0] for _ in ways for pair in plain),
        valid=tuple(pair[1] for _ in ways for pair in plain),
        repeat=frozen_rows(number // (inner_splits + 1)),
        split=frozen_rows(number % (inner_splits + 1)),
        scored_rows=frozen_rows(np.arange(n_rows)),
        plan=FoldPlan(
            kind="nested",
            n_splits=inner_splits + 1,
            n_repeats=len(ways) * len(outer),
            test_over_train=0.0,
            n_scored_rows=n_rows,
            sha256="",
        ),
        fitted=tuple(pair[0] for _ in ways for pair in plain),
    )
    table = encode(dataset, folds, encoding or EncodingSection())
    train: list[Rows] = []
    for way in ways:
        if way == "smote":
            table, rows = _with_smote(table, plain, seeds)
        elif way == "oversampling":
            rows = [oversampled(dataset.y, pair[0], seed=own) for pair, own in zip(plain, seeds, strict=True)]
        else:
            rows = [pair[0] for pair in plain]
        train += rows
    pairs = [(frozen_rows(a), b) for a, b in zip(train, folds.valid, strict=True)]
    folds = replace(
        folds,
        train=tuple(pair[0] for pair in pairs),
        plan=replace(folds.plan, sha256=fold_fingerprint(pairs)),
    )
    return NestedFolds(table=table, folds=folds, ways=tuple(ways), n_outer=len(outer), inner_splits=inner_splits)


def require_rows(
    y: Rows,
    train: RowNumbers,
    *,
    inner_splits: int,
    number: int,
    is_smote: bool = False,
    classes: Sequence[str] = (),
) -> None:
    """Check that the training rows of outer fold `number` can be cut into inner folds, and these resampled.

    Args:
        y: labels of the table.
        train: training rows of the outer fold.
        inner_splits: folds of them.
        number: of the outer fold.
        is_smote: whether SMOTE resamples the inner training sets.
        classes: names of classes or labels; empty to name them by number.

    Raises:
        DataError: they hold too few rows of a class.
    """
    counts = count_kinds(y, train)
    fewest = int(counts.min())
    where = f"outer fold {number} of the verdict trains on {_fewest_rows(y, counts, classes)}"
    if fewest < inner_splits:
        raise DataError(
            f"{where}, too few for verdict.inner_splits={inner_splits}: "
            "each inner fold needs at least one.\nLower verdict.inner_splits, or add rows."
        )
    if is_smote and fewest - -(-fewest // inner_splits) < 2:
        raise DataError(
            f"{where}, and SMOTE needs two of them or more "
            "in every inner training set.\nTake smote out of verdict.arms, or add rows."
        )


def _fewest_rows(y: Rows, counts: NDArray[np.int64], classes: Sequence[str]) -> str:
    """Return how many rows there are of the rarest kind, in words."""
    rarest = int(counts.argmin())
    n_rows = int(counts[rarest])
    is_of_two = y.ndim == 1 and len(counts) == 2
    row = f"row{'s' * (n_rows != 1)}"
    return f"{n_rows} minority {row}" if is_of_two else f"{n_rows} {row} {name_kinds(y, classes)[rarest]}"


def inner_folds(
    dataset: Dataset, train: RowNumbers, *, inner_splits: int, seed: int, number: int, is_smote: bool = False
) -> list[tuple[RowNumbers, RowNumbers]]:
    """Return training and validation rows of the inner folds of an outer fold, cut as the table is.

    Args:
        dataset: the table; its groups are kept together, or its order of time.
        train: training rows of the outer fold, ascending.
        inner_splits: folds.
        seed: of the verdict.
        number: of the outer fold.
        is_smote: whether SMOTE resamples the training sets.

    Raises:
        DataError: an inner fold would lack one of the classes on a side, or SMOTE a neighbor.
    """
    own_seed = int(np.random.SeedSequence((seed, 0, number)).generate_state(1)[0])
    strata = strata_of(dataset.y[train], inner_splits)
    cut: Pairs | None
    if dataset.time is not None:
        cut = chain_blocks(dataset.time[train], inner_splits)
    elif dataset.group is not None:
        fold = deal_groups(strata, dataset.group[train], inner_splits, seed=(own_seed,))
        cut = [(np.flatnonzero(fold != split), np.flatnonzero(fold == split)) for split in range(inner_splits)]
    else:
        cut = list(StratifiedKFold(inner_splits, shuffle=True, random_state=own_seed).split(train, strata))
    inner = [(train[a], train[b]) for a, b in cut or ()]
    _require_classes(dataset, inner, inner_splits=inner_splits, number=number)
    if is_smote:
        _require_neighbors(dataset, inner, number=number)
    return [(frozen_rows(a), frozen_rows(b)) for a, b in inner]


def _require_classes(dataset: Dataset, inner: Sequence[tuple[Rows, Rows]], *, inner_splits: int, number: int) -> None:
    where = f"outer fold {number} of the verdict"
    if not inner:
        raise DataError(
            f"{where} trains on too few different times for verdict.inner_splits={inner_splits}: that takes "
            f"{inner_splits + 1} or more.\nLower verdict.inner_splits, or cv.n_splits."
        )
    lack = find_lack(dataset.y, inner)
    if lack is not None:
        j, side, kind = lack
        name = name_kinds(dataset.y, dataset.classes)[kind]
        raise DataError(
            f"{where}: its inner fold {j}, cut {_how(dataset)}, has no {side} row {name}.\n"
            "Lower verdict.inner_splits, or cv.n_splits, or add rows."
        )


def _require_neighbors(dataset: Dataset, inner: Sequence[tuple[Rows, Rows]], *, number: int) -> None:
    for j, (train, _) in enumerate(inner):
        counts = count_kinds(dataset.y, train)
        if counts.min() < 2:
            name = name_kinds(dataset.y, dataset.classes)[int(counts.argmin())]
            raise DataError(
                f"outer fold {number} of the verdict: its inner fold {j}, cut {_how(dataset)}, trains on 1 row {name}, "
                "and SMOTE needs two of them or more.\nTake smote out of verdict.arms, or add rows."
            )


def _how(dataset: Dataset) -> str:
    return "in order of time" if dataset.time is not None else "stratified" if dataset.group is None else "by groups"


def _with_smote(
    table: EncodedTable, pairs: Sequence[tuple[RowNumbers, RowNumbers]], seeds: Sequence[int]
) -> tuple[EncodedTable, list[Rows]]:
    """Return the table with SMOTE's rows of every fold behind its own, and the training rows of every fold.

    Neighbors are sought among complete rows: a missing number is what the training rows of the fold fill it with.
    Columns that the fold must not know take no part, and hold 0.
    """
    features, labels, train, n_rows = [table.X], [table.y], [], len(table.y)
    weights = [] if table.sample_weight is None else [table.sample_weight]
    for fold, ((rows, _), seed) in enumerate(zip(pairs, seeds, strict=True)):
        seen = table.unscaled.active[fold]
        own = table.X[rows][:, seen]
        complete = np.where(np.isnan(own), table.unscaled.fill[fold, seen], own)
        synthetic = smote_rows(complete, table.y[rows], np.arange(len(rows), dtype=np.int32), seed=seed)
        if synthetic is None:
            raise ValueError("a training set holds a single row of a class, which `inner_folds` refuses")
        of_class = synthetic[1]
        made = np.zeros((len(of_class), len(seen)), np.float32)
        made[:, seen] = synthetic[0]
        features.append(made)
        labels.append(of_class)
        if table.sample_weight is not None:
            own_weights, own_classes = table.sample_weight[rows], table.y[rows]
            means = [own_weights[own_classes == number].mean() for number in range(int(own_classes.max()) + 1)]
            weights.append(np.array(means, np.float32)[of_class])
        train.append(np.concatenate([rows, np.arange(n_rows, n_rows + len(of_class), dtype=np.int32)]))
        n_rows += len(of_class)
    X, y = np.concatenate(features), np.concatenate(labels)
    sample_weight = np.concatenate(weights) if weights else None
    for array in (X, y, sample_weight):
        if array is not None:
            array.setflags(write=False)
    return replace(table, X=X, y=y, sample_weight=sample_weight), train
