"""Cut a table into the folds of cross-validation: stratified, by groups, in order of time, or as a column says.

Every cut checks that each fold has rows of every class on both sides, or with and without every label; if not, it says
which fold lacks which and what to do about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import RepeatedStratifiedKFold

from tuner.config.cv import KFold
from tuner.data.grouped import deal_groups
from tuner.data.ordered import chain_blocks
from tuner.data.strata import Labels, Pairs, count_kinds, find_lack, list_kinds, name_kinds, rows_of_kind, strata_of
from tuner.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What the cuts must know of a table.

    Attributes:
        y: as in `Dataset`.
        source: its name in messages.
        classes: names of the classes or labels in messages; empty to name them by number.
    """

    y: Labels
    source: str
    classes: Sequence[str] = ()

    @property
    def is_binary(self) -> bool:
        """Whether there are two classes."""
        return self.y.ndim == 1 and len(count_kinds(self.y)) == 2


def stratified_cut(table: Table, section: KFold) -> Pairs:
    """Return the folds of all repeats, as scikit-learn's `RepeatedStratifiedKFold` cuts them.

    Raises:
        DataError: a class has too few rows, or a fold lacks a label.
    """
    _require_rows(table, section.n_splits)
    splitter = RepeatedStratifiedKFold(
        n_splits=section.n_splits, n_repeats=section.n_repeats, random_state=section.seed
    )
    pairs = list(splitter.split(np.zeros(len(table.y)), strata_of(table.y, section.n_splits)))
    lack = find_lack(table.y, pairs)
    if lack is not None:
        j, side, kind = lack
        raise DataError(
            f"{_where(table, section, j)} has no {side} row {_name(table, kind)}, which "
            f"{_rows(int(count_kinds(table.y)[kind]))} of the table have in rare combinations with other labels.\n"
            "Lower cv.n_splits, take another cv.seed, or take this label out of dataset.target."
        )
    return pairs


def grouped_cut(table: Table, section: KFold, group: NDArray[np.integer]) -> Pairs:
    """Return the folds of all repeats; rows of one group are in one fold, classes as even as that allows.

    Args:
        table: what is cut.
        section: how.
        group: number of the group of each row. Shape `(N,)`.

    Raises:
        DataError: a class has too few rows, there are too few groups, or a fold lacks a class or label.
    """
    n_splits = section.n_splits
    _require_rows(table, n_splits)
    n_groups = len(np.unique(group))
    if n_groups < n_splits:
        advice = f"Lower cv.n_splits to {n_groups} or less" if n_groups > 1 else "Choose another cv.group"
        raise DataError(
            f"{table.source} has {_groups(n_groups)} in cv.group={section.group}, too few for cv.n_splits={n_splits}: "
            f"each fold needs at least one.\n{advice}, or remove cv.group."
        )
    strata = strata_of(table.y, n_splits)
    pairs: Pairs = []
    for repeat in range(section.n_repeats):
        pairs += _pairs_of(deal_groups(strata, group, n_splits, seed=(section.seed, repeat)), n_splits)
    lack = find_lack(table.y, pairs)
    if lack is not None:
        j, side, kind = lack
        holding = len(np.unique(group[rows_of_kind(table.y, kind)]))
        raise DataError(
            f"{_where(table, section, j)} has no {side} row {_name(table, kind)}: "
            f"{_groups(holding)} of cv.group={section.group} hold{'s' * (holding == 1)} such rows, and every fold "
            f"needs some on both sides.\n{_advice_on_groups(holding, n_splits)}"
        )
    return pairs


def _advice_on_groups(holding: int, n_splits: int) -> str:
    if holding == 1:
        return "Add rows of other groups, or choose another cv.group."
    if holding < n_splits:
        return f"Lower cv.n_splits to {holding} or less, or add rows of other groups."
    return "Lower cv.n_splits, or take another cv.seed."


def timed_cut(table: Table, section: KFold, time: NDArray[np.floating]) -> Pairs:
    """Return folds in order of time, as `ordered.py` cuts them.

    Args:
        table: what is cut.
        section: how.
        time: when each row was. Shape `(N,)`.

    Raises:
        DataError: there are too few moments, or a fold lacks a class or label.
    """
    pairs = chain_blocks(time, section.n_splits)
    if pairs is None:
        n_moments = len(np.unique(time))
        advice = f"Lower cv.n_splits to {n_moments - 1} or less" if n_moments > 2 else "Choose another cv.time"
        raise DataError(
            f"{table.source} has {n_moments} different time{'s' * (n_moments != 1)} in cv.time={section.time}, too few "
            f"for cv.n_splits={section.n_splits}: that takes {section.n_splits + 1} or more.\n{advice}, or remove "
            "cv.time."
        )
    lack = find_lack(table.y, pairs)
    if lack is not None:
        j, side, kind = lack
        advice = "Lower cv.n_splits for longer blocks, add rows" if section.n_splits > 2 else "Add rows"
        raise DataError(
            f"{_where(table, section, j)} has no {side} row {_name(table, kind)}: in order of cv.time={section.time} "
            f"it trains on the first {_rows(len(pairs[j][0]))} and scores the next {len(pairs[j][1]):,}.\n"
            f"{advice}, or remove cv.time."
        )
    return pairs


def predefined_cut(table: Table, section: KFold, fold: NDArray[np.integer]) -> Pairs:
    """Return the folds that a column names; their number decides how many there are.

    Args:
        table: what is cut.
        section: how; `n_splits` must be the default or the number of folds.
        fold: in which fold each row is scored, from 0 without gaps. Shape `(N,)`.

    Raises:
        DataError: the column holds one fold only, or another number than asked for; or a fold lacks a class or label.
    """
    numbers = np.unique(fold)
    n_folds = len(numbers)
    if not np.array_equal(numbers, np.arange(n_folds)):
        raise ValueError(f"folds are numbered from 0 without gaps, got {numbers}")
    where = f"the column cv.fold={section.fold} of {table.source} holds {n_folds} fold{'s' * (n_folds > 1)}"
    if n_folds == 1:
        raise DataError(f"{where}; two or more are expected.\nChoose another cv.fold, or remove it.")
    if section.n_splits not in (KFold.model_fields["n_splits"].default, n_folds):
        raise DataError(f"cv.n_splits={section.n_splits}, but {where}.\nRemove cv.n_splits, or set it to {n_folds}.")
    pairs = _pairs_of(fold, n_folds)
    lack = find_lack(table.y, pairs)
    if lack is not None:
        j, side, kind = lack
        raise DataError(
            f"{table.source}: fold {j} of cv.fold={section.fold}, {_rows(len(pairs[j][1]))}, has no {side} row "
            f"{_name(table, kind)}; every fold needs some on both sides.\n"
            "Join folds of that column, choose another cv.fold, or remove it."
        )
    return pairs


def _pairs_of(fold: NDArray[np.integer], n_splits: int) -> Pairs:
    return [(np.flatnonzero(fold != split), np.flatnonzero(fold == split)) for split in range(n_splits)]


def _require_rows(table: Table, n_splits: int) -> None:
    counts = count_kinds(table.y)
    fewest = int(counts.min())
    if fewest >= n_splits:
        return
    if table.is_binary:
        rows = "1 minority row" if fewest == 1 else f"{fewest} minority rows"
        advice = (
            f"Lower cv.n_splits to {fewest} or less, or add rows."
            if fewest > 1
            else "Add rows: cross-validation needs at least two of each class."
        )
        raise DataError(
            f"{table.source} has {rows}, too few for cv.n_splits={n_splits}: each fold needs at least one.\n{advice}"
        )
    small = np.flatnonzero(counts < n_splits)
    names = name_kinds(table.y, table.classes)
    listed = list_kinds([names[kind] for kind in small], counts[small].tolist())
    if table.y.ndim == 1:
        advice = "Set dataset.small_classes to merge or drop"
    else:
        advice = "Take such labels out of dataset.target"
    lower = f" lower cv.n_splits to {fewest} or less," if fewest > 1 else ""
    raise DataError(
        f"{table.source} has {listed}: too few for cv.n_splits={n_splits}, since each fold needs at least one.\n"
        f"{advice},{lower} or add rows."
    )


def _name(table: Table, kind: int) -> str:
    return name_kinds(table.y, table.classes)[kind]


def _where(table: Table, section: KFold, j: int) -> str:
    repeat, split = divmod(j, section.n_splits)
    return f"{table.source}: fold {split}" + (f" of repeat {repeat}" if section.n_repeats > 1 else "")


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _groups(count: int) -> str:
    return "1 group" if count == 1 else f"{count:,} groups"
