"""Standardization as constants of each fold, fitted on its training rows only.

    x' = (x - mean[j]) / scale[j]                                                                        (1)

Trainers apply (1) inside the model, so the table is stored once and not once per fold. The constants of all folds cost
one pass over the table per repeat: the training rows of a fold are the validation rows of the repeat's other folds.

Axes    J folds, N rows, F features
Equal   to scikit-learn's `StandardScaler` fitted on the training rows in float64, constant columns included
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from tuner.data.folds import Folds, RowNumbers
from tuner.data.moments import Moments, column_moments, merged, no_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaler:
    """Constants of equation (1): `mean` and `scale`, shape `(J, F)`, float32, not writeable; `scale` is above 0."""

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    def transform(self, X: NDArray[np.float32], fold: int) -> NDArray[np.float32]:
        """Return rows `X`, shape `(rows, F)`, as fold `fold` sees them: equation (1) in float32."""
        rows: NDArray[np.float32] = (X - self.mean[fold]) / self.scale[fold]
        return rows


def fit_scaler(X: NDArray[np.float32], folds: Folds, *, standardize: bool) -> Scaler:
    """Return the constants of every fold; mean 0 and scale 1 where `standardize` is false.

    Args:
        X: features, shape `(N, F)`, finite.
        folds: whose training rows are fitted on.
        standardize: whether columns are shifted and scaled at all.
    """
    shape = (len(folds.train), X.shape[1])
    if not standardize:
        return _scaler(np.zeros(shape), np.ones(shape))
    moments = _training_moments(X, folds)
    return _scaler(np.stack([fold.mean for fold in moments]), np.stack([fold.scale for fold in moments]))


def _training_moments(X: NDArray[np.float32], folds: Folds) -> list[Moments]:
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


def _scaler(mean: NDArray[np.float64], scale: NDArray[np.float64]) -> Scaler:
    scaler = Scaler(mean=mean.astype(np.float32), scale=scale.astype(np.float32))
    scaler.mean.setflags(write=False)
    scaler.scale.setflags(write=False)
    return scaler
