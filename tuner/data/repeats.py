"""Rows that repeat: across folds, where they make scores too good, and with other labels, where they bound them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tuner.data.dataset import Dataset
from tuner.data.duplicates import row_groups
from tuner.data.finding import Finding
from tuner.data.folds import Folds

MAX_CROSSING_SHARE = 0.01
"""Share of validation rows known from training up to which scores hardly change."""

MANY_TIMES = 5
"""Rows for each row that the values of the columns can make, from which on rows repeat whatever they are."""

Groups = NDArray[np.int64]


def repeated_rows(dataset: Dataset, folds: Folds) -> list[Finding]:
    """Return what is found about rows with the same features."""
    groups = row_groups(dataset.X)
    n_rows, n_groups = len(groups), int(groups.max()) + 1
    if n_groups == n_rows:
        return []
    return [*_across_folds(dataset, folds, groups, n_rows - n_groups), *_contradictions(dataset, groups)]


def _across_folds(dataset: Dataset, folds: Folds, groups: Groups, n_repeats: int) -> list[Finding]:
    pairs = {(id(train), id(valid)): (train, valid) for train, valid in zip(folds.train, folds.valid, strict=True)}
    n_crossing = sum(_n_seen(groups, train, valid) for train, valid in pairs.values())
    share = n_crossing / sum(len(valid) for _, valid in pairs.values())
    evidence = (
        f"rows that repeat the features of an earlier one: {n_repeats} of {len(groups)}; "
        f"validation rows that also occur among the training rows of their fold: {100 * share:.2g} %"
    )
    if not n_crossing:
        advice = "None is in two folds, so scores do not profit from them."
        return [Finding(level="info", subject="duplicated rows", evidence=evidence, advice=advice)]
    n_possible = _n_possible_rows(dataset)
    if n_possible * MANY_TIMES <= len(groups):
        evidence += f"; columns of so few values make {n_possible} different rows at most"
        advice = "Rows must repeat in such a table; where they are copies of one case, remove all but one."
        return [Finding(level="info", subject="rows that must repeat", evidence=evidence, advice=advice)]
    return [
        Finding(
            level="warning" if share > MAX_CROSSING_SHARE else "info",
            subject="duplicated rows cross folds",
            evidence=evidence,
            advice="Where they are copies of one case, " + _remedy(folds),
        )
    ]


def _remedy(folds: Folds) -> str:
    if folds.plan.kind == "stratified_kfold" and folds.plan.splitter == "stratified":
        return "set cv.group: duplicates, which keeps them in one fold: scores are too good without."
    return "remove all but one: scores are too good with them."


def _n_seen(groups: Groups, train: NDArray[np.int32], valid: NDArray[np.int32]) -> int:
    seen = np.zeros(int(groups.max()) + 1, np.bool_)
    seen[groups[train]] = True
    return int(seen[groups[valid]].sum())


def _n_possible_rows(dataset: Dataset) -> int:
    """Return how many different rows the values of the columns can make; more than there are rows, where it stops."""
    n_possible = 1
    for column in range(dataset.X.shape[1]):
        n_possible *= len(np.unique(dataset.X[:, column]))
        if n_possible > len(dataset.X):
            break
    return n_possible


def _contradictions(dataset: Dataset, groups: Groups) -> list[Finding]:
    """Rows that no model can get right, since rows of the same features have another label more often."""
    labels = _label_numbers(dataset)
    n_labels = int(labels.max()) + 1
    cells, counts = np.unique(groups * n_labels + labels, return_counts=True)
    owner = cells // n_labels
    most = np.zeros(int(groups.max()) + 1, np.int64)
    np.maximum.at(most, owner, counts)
    n_rows = len(groups)
    n_wrong = n_rows - int(most.sum())
    if not n_wrong:
        return []
    is_mixed = np.bincount(owner) > 1
    return [
        Finding(
            level="info",
            subject="equal rows with different labels",
            evidence=f"{int(is_mixed[groups].sum())} of {n_rows} rows have the features of a row with another label; "
            f"whatever the model, its accuracy on this table is at most {_floored(1.0 - n_wrong / n_rows)} %",
            advice="Only further columns could tell them apart; look whether some labels are wrong.",
        )
    ]


def _label_numbers(dataset: Dataset) -> NDArray[np.int64]:
    """Return the class of each row, or the number of its combination of labels. Shape `(N,)`."""
    if dataset.y.ndim == 1:
        return dataset.y.astype(np.int64)
    _, numbers = np.unique(dataset.y, axis=0, return_inverse=True)
    return numbers.astype(np.int64).ravel()


def _floored(share: float) -> str:
    """Return a share in per cent, cut after two decimals so that an upper bound below 100 % never reads 100."""
    return f"{np.floor(1e4 * share) / 100:g}"
