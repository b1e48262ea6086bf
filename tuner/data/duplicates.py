"""Rows with the same cells.

Rows are told apart by a hash of 64 bits, and what the hash joins is compared cell by cell, so the answer is exact.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tuner.data.moments import BLOCK_ROWS

MIX = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that multiplying by it loses nothing; its bits look random."""

SHIFT = np.uint64(29)


def row_groups(X: NDArray[np.float32]) -> NDArray[np.int64]:
    """Number the distinct rows of `X`, shape `(N, F)`, from 0 in the order in which they first occur.

    Returns:
        The number of each row, shape `(N,)`; two rows share one exactly when all their cells are equal. Missing cells,
        NaN, are equal to each other.
    """
    _, first, inverse = np.unique(_hashes(X), return_index=True, return_inverse=True)
    if not _agree(X, first[inverse]):
        return _exactly(X)
    return _in_order(first, inverse)


def _in_order(first: NDArray[np.intp], inverse: NDArray[np.intp]) -> NDArray[np.int64]:
    """Number groups in the order of their first rows."""
    number = np.empty(len(first), np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    groups: NDArray[np.int64] = number[inverse]
    return groups


def _canonical(X: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Return the bits of cells, those of equal cells equal: one zero, one NaN."""
    cells = np.ascontiguousarray(X + np.float32(0.0))
    cells[np.isnan(cells)] = np.nan
    return cells.view(np.uint32)


def _hashes(X: NDArray[np.float32]) -> NDArray[np.uint64]:
    hashes = np.zeros(len(X), np.uint64)
    for start in range(0, len(X), BLOCK_ROWS):
        own = hashes[start : start + BLOCK_ROWS]
        for bits in _canonical(X[start : start + BLOCK_ROWS]).T:
            own ^= bits
            own *= MIX
            own ^= own >> SHIFT
    return hashes


def _agree(X: NDArray[np.float32], first: NDArray[np.intp]) -> bool:
    """Whether each row equals the row that its hash says it repeats."""
    repeats = np.flatnonzero(first != np.arange(len(X)))
    for start in range(0, len(repeats), BLOCK_ROWS):
        rows = repeats[start : start + BLOCK_ROWS]
        if not np.array_equal(_canonical(X[rows]), _canonical(X[first[rows]])):
            return False
    return True


def _exactly(X: NDArray[np.float32]) -> NDArray[np.int64]:
    """Number the rows by comparing their bytes, which is slow and never wrong."""
    bits = _canonical(X)
    rows = bits.view(np.dtype((np.void, bits.shape[1] * bits.itemsize))).ravel()
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    return _in_order(first, inverse)
