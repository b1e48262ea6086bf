"""Classes with fewer rows than folds: refused later on, merged into one class, or left out, as the config chooses.

Only tables of more than two classes change, and never silently: what was done comes back as a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tuner.data.dataset import Dataset, LabelType, make_dataset
from tuner.data.problems import quoted
from tuner.data.strata import list_kinds, name_kinds
from tuner.errors import DataError

MERGED = "other"
"""Name of the class that small classes are merged into."""


def settle_small_classes(
    dataset: Dataset, choice: Literal["refuse", "merge", "drop"], n_splits: int
) -> tuple[Dataset, str | None]:
    """Return the table without classes of fewer rows than folds, and what was done with them.

    Merged classes are one class named "other", with " (merged)" behind it where a class has that name; the labels are
    text then, in ascending order as everywhere. Where two classes remain, the rarer one is positive, among equals the
    later. Columns keep the levels of rows that are left out; numbers of folds close up.

    Args:
        dataset: the table.
        choice: "refuse" leaves it as it is, since `make_folds` refuses such classes.
        n_splits: the fewest rows a class needs; where the table says in which fold each row is, its number of folds.

    Returns:
        The table, the same where nothing is done, and one sentence; None where nothing is done.

    Raises:
        DataError: the merged class is still too small, or fewer than two classes remain.
    """
    if dataset.fold is not None:
        n_splits = len(np.unique(dataset.fold))
    counts = np.bincount(dataset.y) if dataset.task == "multiclass" else np.zeros(0, np.int64)
    small = np.flatnonzero(counts < n_splits)
    if choice == "refuse" or not small.size:
        return dataset, None
    names = name_kinds(dataset.y, dataset.classes)
    listed = list_kinds([names[k] for k in small], counts[small].tolist())
    n_rows = int(counts[small].sum())
    where = f"{dataset.source} has {listed}, fewer than the {n_splits} folds"
    _refuse(choice, counts, small, n_splits=n_splits, where=where)
    if choice == "merge":
        settled, name = _merged(dataset, small)
        return settled, f"{listed}: fewer than the {n_splits} folds, merged into class {quoted(name)}"
    rows = "this row is" if n_rows == 1 else f"these {n_rows:,} rows are"
    return _without(dataset, small), f"{listed}: fewer than the {n_splits} folds, {rows} left out"


def _refuse(choice: str, counts: NDArray[np.int64], small: NDArray[np.intp], *, n_splits: int, where: str) -> None:
    """Raise `DataError` where the choice leaves too little; `where` names the small classes."""
    n_rows, n_left = int(counts[small].sum()), len(counts) - len(small)
    n_remaining = n_left + (choice == "merge")
    if n_remaining < 2:
        second = int(np.sort(counts)[-2])
        remaining = "no class remains" if n_remaining == 0 else "one class remains"
        advice = f"Lower cv.n_splits to {second} or less, or add rows." if second > 1 else "Add rows."
        raise DataError(f"{where}; with dataset.small_classes: {choice} {remaining}, and two are needed.\n{advice}")
    if choice == "merge" and n_rows < n_splits:
        lower = f", lower cv.n_splits to {n_rows} or less" if n_rows > 1 else ""
        raise DataError(
            f"{where}, and still too few when merged.\nSet dataset.small_classes: drop{lower}, or add rows."
        )


def _merged(dataset: Dataset, small: NDArray[np.intp]) -> tuple[Dataset, str]:
    """Return the table with one class in place of the small ones, and that class's name."""
    name = MERGED
    while name in dataset.classes:
        name += " (merged)"
    of_row = np.array([name if k in small else text for k, text in enumerate(dataset.classes)])
    classes = tuple(sorted(set(of_row.tolist())))
    place = np.array([classes.index(text) for text in of_row.tolist()], np.int32)
    return _rebuilt(dataset, place[dataset.y], classes, np.ones(len(dataset.y), np.bool_), "str"), name


def _without(dataset: Dataset, small: NDArray[np.intp]) -> Dataset:
    """Return the table without the rows of the small classes."""
    is_kept = ~np.isin(dataset.y, small)
    place = np.cumsum(~np.isin(np.arange(len(dataset.classes)), small)) - 1
    classes = tuple(text for k, text in enumerate(dataset.classes) if k not in small)
    return _rebuilt(dataset, place[dataset.y[is_kept]], classes, is_kept, dataset.label_type)


def _rebuilt(
    dataset: Dataset,
    y: NDArray[np.integer],
    classes: Sequence[str],
    is_kept: NDArray[np.bool_],
    label_type: LabelType,
) -> Dataset:
    """Return the table with other labels, of two classes the rarer one positive, and with the rows that are kept."""
    is_binary = len(classes) == 2
    if is_binary and (y == 1).sum() > (y == 0).sum():
        y, classes = 1 - y, classes[::-1]
    fold = None if dataset.fold is None else np.unique(dataset.fold[is_kept], return_inverse=True)[1].astype(np.int64)
    return make_dataset(
        dataset.X[is_kept],
        y,
        target=dataset.target,
        classes=tuple(classes),
        label_type=label_type,
        source=dataset.source,
        columns=dataset.columns,
        task="binary" if is_binary else "multiclass",
        sample_weight=None if dataset.sample_weight is None else dataset.sample_weight[is_kept],
        group=None if dataset.group is None else dataset.group[is_kept],
        time=None if dataset.time is None else dataset.time[is_kept],
        fold=fold,
        left_out=dataset.left_out,
        specs=dataset.specs,
    )
