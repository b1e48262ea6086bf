"""Mean and spread of columns, computed part by part and merged.

Merging never subtracts large sums, so an outlier in one part cannot ruin the moments of the others.

Source  Chan, Golub & LeVeque 1979, Updating formulae and a pairwise algorithm for computing sample variances
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

Count = int | NDArray[np.int64]

BLOCK_ROWS = 16_384
"""Rows converted to float64 at a time, so that memory does not grow with the table."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Moments of `n` rows: `mean` and `m2`, the sum of squared deviations from it. Both shape `(F,)`, float64.

    `n` is a whole number, or shape `(F,)` where columns have missing cells, which do not count.
    """

    n: Count
    mean: NDArray[np.float64]
    m2: NDArray[np.float64]

    @property
    def scale(self) -> NDArray[np.float64]:
        """Population standard deviation of each column, 1 where it is too small for a normal float32. Shape `(F,)`.

        A constant column has deviation 0 exactly: 16,384 equal float32 values sum without rounding in float64.
        """
        deviation = np.sqrt(self.m2 / np.maximum(self.n, 1))
        return np.where(deviation < np.finfo(np.float32).tiny, 1.0, deviation)


def column_moments(X: NDArray[np.float32], rows: NDArray[np.int32] | None = None) -> Moments:
    """Return the moments of the columns of `X`, shape `(N, F)`, over `rows`; None for all. Missing cells are NaN."""
    n_rows = len(X) if rows is None else len(rows)
    parts = []
    for start in range(0, n_rows, BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        values = (X[block] if rows is None else X[rows[block]]).astype(np.float64)
        gaps = np.isnan(values)
        n: Count = len(values)
        if gaps.any():
            n = len(values) - gaps.sum(axis=0)
            mean = np.where(gaps, 0.0, values).sum(axis=0) / np.maximum(n, 1)
            values = np.where(gaps, 0.0, values - mean)
        else:
            mean = values.mean(axis=0)
            values -= mean
        parts.append(Moments(n, mean, np.einsum("nf,nf->f", values, values)))
    return reduce(merged, parts, no_rows(X.shape[1]))


def merged(a: Moments, b: Moments) -> Moments:
    """Return the moments of the rows of `a` and `b` together; one of them may hold no row."""
    n = a.n + b.n
    share = b.n / np.maximum(n, 1)
    delta = b.mean - a.mean
    return Moments(n, a.mean + delta * share, a.m2 + b.m2 + delta**2 * (a.n * share))


def no_rows(n_features: int) -> Moments:
    """Return the moments of an empty table, where merging begins."""
    return Moments(0, np.zeros(n_features), np.zeros(n_features))
