"""What a fold must hold on both sides: rows of every class, or, of several labels, rows with and without each.

Axes    N rows, K classes, L labels; kinds of rows: K, or 2 L, those with each label and then those without
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tuner.data.problems import quoted

Labels = NDArray[np.int32]
Rows = NDArray[np.integer]
Pairs = list[tuple[Rows, Rows]]
"""Training and validation rows of each fold, ascending."""

MAX_LISTED = 20
"""Kinds of rows that one message spells out."""


def count_kinds(y: Labels, rows: Rows | None = None) -> NDArray[np.int64]:
    """Return how many rows of each kind there are.

    Args:
        y: labels of the table: class numbers, shape `(N,)`, or 0 and 1, shape `(N, L)`.
        rows: which rows are counted; None for all.

    Returns:
        Shape `(K,)`, at least two classes, or `(2 L,)`.
    """
    chosen = y if rows is None else y[rows]
    if y.ndim == 1:
        return np.bincount(chosen, minlength=max(2, int(y.max()) + 1))
    present: NDArray[np.int64] = chosen.sum(axis=0, dtype=np.int64)
    return np.concatenate([present, len(chosen) - present])


def name_kinds(y: Labels, classes: Sequence[str]) -> list[str]:
    """Return words for each kind of rows, in the order of `count_kinds`: `of class "a"`, `without label "a"`.

    Args:
        y: as in `count_kinds`.
        classes: names of classes or labels; empty to name them by number.
    """
    n_names = len(count_kinds(y)) if y.ndim == 1 else y.shape[1]
    names = [quoted(name) for name in classes] if classes else [str(number) for number in range(n_names)]
    if y.ndim == 1:
        return [f"of class {name}" for name in names]
    return [f"with label {name}" for name in names] + [f"without label {name}" for name in names]


def rows_of_kind(y: Labels, kind: int) -> NDArray[np.bool_]:
    """Return which rows are of a kind, by its place in `count_kinds`. Shape `(N,)`."""
    column, value = (y, kind) if y.ndim == 1 else (y[:, kind % y.shape[1]], int(kind < y.shape[1]))
    is_of_kind: NDArray[np.bool_] = column == value
    return is_of_kind


def list_kinds(names: Sequence[str], counts: Sequence[int]) -> str:
    """Return kinds of rows with their counts: `2 rows of class "a", 1 row of class "b"`."""
    listed = [f"{n:,} row{'s' * (n != 1)} {name}" for name, n in zip(names, counts, strict=True)]
    rest = f" and {len(listed) - MAX_LISTED:,} more" if len(listed) > MAX_LISTED else ""
    return ", ".join(listed[:MAX_LISTED]) + rest


def find_lack(y: Labels, pairs: Sequence[tuple[Rows, Rows]]) -> tuple[int, str, int] | None:
    """Return the first fold j, its side, "training" or "validation", and the kind of rows which that side lacks.

    None where all are there.
    """
    for j, (train, valid) in enumerate(pairs):
        for side, rows in (("training", train), ("validation", valid)):
            counts = count_kinds(y, rows)
            if not counts.all():
                return j, side, int(np.argmin(counts))
    return None


def strata_of(y: Labels, n_splits: int) -> Labels:
    """Return what the folds are stratified by: the classes, or the combinations of labels that are frequent enough.

    A combination of labels is a stratum where `n_splits` rows or more have it. Rows of rarer combinations are joined by
    the rarest label they have (among equals the first; rows without any label are joined too). What is still too small
    is joined to one stratum, and if that is too small, to the largest one. Nothing is drawn.

    Args:
        y: class numbers, shape `(N,)`, or 0 and 1, shape `(N, L)`, of at least `n_splits` rows.
        n_splits: folds, the fewest rows of a stratum.

    Returns:
        Shape `(N,)`, from 0 without gaps.
    """
    if y.ndim == 1:
        return y
    n_labels = y.shape[1]
    _, stratum = np.unique(y, axis=0, return_inverse=True)
    by_rarity = np.argsort(y.sum(axis=0), kind="stable")
    has_any = y.any(axis=1)
    rarest = np.where(has_any, np.argmax(y[:, by_rarity], axis=1), n_labels)
    first = int(stratum.max()) + 1
    stratum = np.where(_is_small(stratum, n_splits), first + rarest, stratum)
    stratum = np.where(_is_small(stratum, n_splits), first + n_labels + 1, stratum)
    stratum = np.where(_is_small(stratum, n_splits), np.argmax(np.bincount(stratum)), stratum)
    _, numbered = np.unique(stratum, return_inverse=True)
    return numbered.astype(np.int32)


def _is_small(stratum: NDArray[np.integer], n_splits: int) -> NDArray[np.bool_]:
    """Return which rows are in a stratum of fewer rows than `n_splits`."""
    small: NDArray[np.bool_] = np.bincount(stratum)[stratum] < n_splits
    return small
