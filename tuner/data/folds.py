"""Folds as frozen index arrays: drawn once, hashed, handed to every trainer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from tuner.config.cv import Holdout, KFold
from tuner.data.cuts import Table, grouped_cut, predefined_cut, stratified_cut, timed_cut
from tuner.data.strata import Pairs, find_lack, name_kinds
from tuner.errors import ConfigError, DataError
from tuner.trial import FoldPlan

T = TypeVar("T", bound=np.generic)
Splitter = Literal["stratified", "grouped", "time", "predefined"]
RowNumbers = NDArray[np.int32]
"""Half the bytes of NumPy's own index type, and what the trainers take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folds:
    """All folds of all repeats, repeat-major: fold j = repeat * n_splits + split.

    Folds beyond the `plan.n_folds` of the plan are the same ones again under other seeds: see `with_seeds`.

    Attributes:
        train: row numbers that fold j trains on, ascending int32, not writeable. J arrays, or a multiple of J.
        valid: row numbers that fold j scores, ascending int32, not writeable. As many.
        repeat, split: of each fold, from which its seeds follow. Shape `(J,)`.
        scored_rows: rows scored in every repeat, ascending, shape `(n_scored,)`, int32: all, or a holdout's test rows,
            or all but the first block in order of time.
        plan: what the bookkeeping must know.
        fitted: rows that preprocessing is fitted on, where these are not the training rows: without resampled ones.
    """

    train: tuple[RowNumbers, ...]
    valid: tuple[RowNumbers, ...]
    repeat: NDArray[np.int32]
    split: NDArray[np.int32]
    scored_rows: RowNumbers
    plan: FoldPlan
    fitted: tuple[RowNumbers, ...] | None = None


def make_folds(
    y: NDArray[np.int32],
    section: KFold | Holdout,
    *,
    source: str = "the table",
    classes: Sequence[str] = (),
    group: NDArray[np.integer] | None = None,
    time: NDArray[np.floating] | None = None,
    fold: NDArray[np.integer] | None = None,
) -> Folds:
    """Return the folds of a table with labels `y`, the same for the same arrays and section.

    Args:
        y: labels as in `Dataset`. Shape `(N,)`, or `(N, L)` of several labels.
        section: cross-validation, or one holdout repeated.
        source: the table's name in messages.
        classes: names of the classes or labels in messages; empty to name them by number.
        group, time, fold: as in `Dataset`; the one that the section names is needed, the others have no effect.

    Raises:
        ConfigError: a holdout leaves no row to test, or the section names a column that the table does not have.
        DataError: a fold would lack one of the classes on a side.
    """
    table = Table(y=y, source=source, classes=classes)
    if isinstance(section, Holdout):
        return _holdout(table, section)
    if section.group is not None:
        return _cross_validation(grouped_cut(table, section, _given(group, section, table)), section, "grouped")
    if section.time is not None:
        return _cross_validation(timed_cut(table, section, _given(time, section, table)), section, "time")
    if section.fold is not None:
        return _cross_validation(predefined_cut(table, section, _given(fold, section, table)), section, "predefined")
    return _cross_validation(stratified_cut(table, section), section, "stratified")


def _given(column: NDArray[T] | None, section: KFold, table: Table) -> NDArray[T]:
    if column is None:
        ((key, name),) = section.columns.items()
        raise ConfigError(f"cv.{key}={name} needs a column of a table, and {table.source} has none.\nRemove cv.{key}.")
    return column


def _cross_validation(pairs: Pairs, section: KFold, splitter: Splitter) -> Folds:
    frozen = [(frozen_rows(train), frozen_rows(valid)) for train, valid in pairs]
    n_splits = len(pairs) // section.n_repeats
    if splitter == "stratified":
        test_over_train = 1.0 / (n_splits - 1)
    else:
        test_over_train = float(np.mean([len(valid) / len(train) for train, valid in pairs]))
    return _fold_set(
        frozen,
        kind="time" if splitter == "time" else "stratified_kfold",
        splitter=splitter,
        n_splits=n_splits,
        test_over_train=test_over_train,
        scored_rows=frozen_rows(np.sort(np.concatenate([valid for _, valid in pairs[:n_splits]]))),
    )


def _holdout(table: Table, section: Holdout) -> Folds:
    n_train, n_rows = section.n_train, len(table.y)
    if n_train >= n_rows:
        raise ConfigError(
            f"cv.n_train={n_train} leaves no row to test: {table.source} has {n_rows} rows.\n"
            f"Lower cv.n_train below {n_rows}, or use cv.kind: stratified_kfold."
        )
    pair = (frozen_rows(np.arange(n_train)), frozen_rows(np.arange(n_train, n_rows)))
    lack = find_lack(table.y, [pair])
    if lack is not None:
        side, rows = ("training", pair[0]) if lack[1] == "training" else ("test", pair[1])
        if table.is_binary:
            what = f"all {len(rows)} {side} rows of {table.source} are of one class; both sides need both"
        else:
            name = name_kinds(table.y, table.classes)[lack[2]]
            what = f"none of the {len(rows)} {side} rows of {table.source} is {name}; both sides need all"
        raise DataError(
            f"cv.n_train={n_train}: {what} (the first n_train rows train, the rest test).\n"
            "Choose another cv.n_train, shuffle the rows of the table, or use cv.kind: stratified_kfold."
        )
    return _fold_set(
        [pair] * section.n_repeats,
        kind="holdout",
        n_splits=1,
        test_over_train=0.0,  # the repeats resample no rows
        scored_rows=pair[1],
    )


def _fold_set(
    pairs: list[tuple[RowNumbers, RowNumbers]],
    *,
    kind: Literal["stratified_kfold", "holdout", "time"],
    n_splits: int,
    test_over_train: float,
    scored_rows: RowNumbers,
    splitter: Splitter = "stratified",
) -> Folds:
    train, valid = zip(*pairs, strict=True)
    number = np.arange(len(pairs))
    plan = FoldPlan(
        kind=kind,
        n_splits=n_splits,
        n_repeats=len(pairs) // n_splits,
        test_over_train=test_over_train,
        n_scored_rows=len(scored_rows),
        sha256=fold_fingerprint(pairs),
        splitter=splitter,
    )
    return Folds(
        train=train,
        valid=valid,
        repeat=frozen_rows(number // n_splits),
        split=frozen_rows(number % n_splits),
        scored_rows=scored_rows,
        plan=plan,
    )


def with_seeds(folds: Folds, n_seeds: int) -> Folds:
    """Return folds of cross-validation, and behind them the same `n_seeds - 1` times more under other seeds.

    Seeds follow from the repeat (`training/seeds.py`), so the further folds count their repeats on. The first are what
    they were, and so is the plan.
    """
    own = folds.plan.n_repeats
    return replace(
        folds,
        train=folds.train * n_seeds,
        valid=folds.valid * n_seeds,
        repeat=frozen_rows(np.concatenate([folds.repeat + own * seed for seed in range(n_seeds)])),
        split=frozen_rows(np.tile(folds.split, n_seeds)),
    )


def folds_of_seed(plan: FoldPlan, seed: int) -> range:
    """Return the numbers j of all folds under one seed of `with_seeds`; 0 is the study's own."""
    return range(seed * plan.n_folds, (seed + 1) * plan.n_folds)


def fold_fingerprint(pairs: list[tuple[RowNumbers, RowNumbers]]) -> str:
    """Return the sha256 of the training and validation rows of all folds."""
    digest = hashlib.sha256()
    for indices in (indices for pair in pairs for indices in pair):
        digest.update(len(indices).to_bytes(8, "little"))
        digest.update(indices.astype("<i8", copy=False).data)
    return digest.hexdigest()


def frozen_rows(indices: NDArray[np.integer]) -> RowNumbers:
    """Return row numbers as int32 that nobody can change."""
    frozen = np.array(indices, dtype=np.int32)
    frozen.setflags(write=False)
    return frozen
