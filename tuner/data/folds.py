"""Folds as frozen index arrays: drawn once, hashed, handed to every trainer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import RepeatedStratifiedKFold

from tuner.config.schema import Holdout, KFold
from tuner.errors import ConfigError, DataError
from tuner.trial import FoldPlan

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
        scored_rows: rows scored in every repeat, ascending, shape `(n_scored,)`, int32: all, or a holdout's test rows.
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


def make_folds(y: NDArray[np.int32], section: KFold | Holdout, *, source: str = "the table") -> Folds:
    """Return the folds of a table with labels `y`, the same for the same labels and section.

    Args:
        y: labels 0 and 1. Shape `(N,)`.
        section: repeated stratified k-fold, or one holdout repeated.
        source: the table's name in messages.

    Raises:
        ConfigError: a holdout leaves no row to test.
        DataError: a fold would lack one of the classes on a side.
    """
    return _kfold(y, section, source) if isinstance(section, KFold) else _holdout(y, section, source)


def _kfold(y: NDArray[np.int32], section: KFold, source: str) -> Folds:
    n_minority = int(np.bincount(y, minlength=2).min())
    if n_minority < section.n_splits:
        rows = "1 minority row" if n_minority == 1 else f"{n_minority} minority rows"
        advice = (
            f"Lower cv.n_splits to {n_minority} or less, or add rows."
            if n_minority >= 2
            else "Add rows: cross-validation needs at least two of each class."
        )
        raise DataError(
            f"{source} has {rows}, too few for cv.n_splits={section.n_splits}: each fold needs at least one.\n{advice}"
        )
    splitter = RepeatedStratifiedKFold(
        n_splits=section.n_splits, n_repeats=section.n_repeats, random_state=section.seed
    )
    pairs = [(frozen_rows(train), frozen_rows(valid)) for train, valid in splitter.split(np.zeros(len(y)), y)]
    return _fold_set(
        pairs,
        kind="stratified_kfold",
        n_splits=section.n_splits,
        test_over_train=1.0 / (section.n_splits - 1),
        scored_rows=frozen_rows(np.arange(len(y))),
    )


def _holdout(y: NDArray[np.int32], section: Holdout, source: str) -> Folds:
    n_train, n_rows = section.n_train, len(y)
    if n_train >= n_rows:
        raise ConfigError(
            f"cv.n_train={n_train} leaves no row to test: {source} has {n_rows} rows.\n"
            f"Lower cv.n_train below {n_rows}, or use cv.kind: stratified_kfold."
        )
    for side, labels in (("training", y[:n_train]), ("test", y[n_train:])):
        if len(np.unique(labels)) < 2:
            raise DataError(
                f"cv.n_train={n_train}: all {len(labels)} {side} rows of {source} are of one class; "
                "both sides need both (the first n_train rows train, the rest test).\n"
                "Choose another cv.n_train, shuffle the rows of the table, or use cv.kind: stratified_kfold."
            )
    pair = (frozen_rows(np.arange(n_train)), frozen_rows(np.arange(n_train, n_rows)))
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
    kind: Literal["stratified_kfold", "holdout"],
    n_splits: int,
    test_over_train: float,
    scored_rows: RowNumbers,
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
