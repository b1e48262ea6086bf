"""Moments of the columns over the training rows of each fold.

The moments of all folds cost one pass over the table per repeat: the training rows of a fold are the validation rows of
the repeat's other folds.

Axes    J folds, N rows, W columns
Equal   to scikit-learn's `StandardScaler` fitted on the training rows in float64, constant columns included
"""

from __future__ import annotations

from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from tuner.data.folds import Folds, RowNumbers
from tuner.data.moments import Moments, column_moments, merged, no_rows


def training_moments(X: NDArray[np.float32], folds: Folds) -> list[Moments]:
    """Return the moments of the columns of `X`, shape `(N, W)`, over the training rows of each fold.

    Args:
        X: columns; missing cells are NaN.
        folds: whose training rows count; of resampled folds, the real rows among them.
    """
    plan = folds.plan
    if plan.kind != "stratified_kfold":
        return _moments_of_each(X, folds.train if folds.fitted is None else folds.fitted)
    parts = [column_moments(X, rows) for rows in folds.valid[: plan.n_folds]]
    repeats = (parts[first : first + plan.n_splits] for first in range(0, plan.n_folds, plan.n_splits))
    own = [fold for repeat in repeats for fold in _all_but_each(repeat)]
    return own * (len(folds.train) // plan.n_folds)  # other seeds see the same rows


def _moments_of_each(X: NDArray[np.float32], row_sets: tuple[RowNumbers, ...]) -> list[Moments]:
    """Return the moments over each set of rows; a set that several folds share is passed over once."""
    distinct = {id(rows): rows for rows in row_sets}
    moments = {key: column_moments(X, rows) for key, rows in distinct.items()}
    return [moments[id(rows)] for rows in row_sets]


def _all_but_each(parts: list[Moments]) -> list[Moments]:
    """Return, for each part, the moments of all other parts together, from running merges of both ends."""
    empty = no_rows(len(parts[0].mean))
    before = list(accumulate(parts, merged, initial=empty))
    after = list(accumulate(reversed(parts), merged, initial=empty))[::-1]
    return [merged(before[part], after[part + 1]) for part in range(len(parts))]
