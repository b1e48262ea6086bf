"""Rows with the same features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def row_groups(X: NDArray[np.float32]) -> NDArray[np.int64]:
    """Number the distinct rows of `X`, shape `(N, F)`, finite, from 0.

    Returns:
        The number of each row, shape `(N,)`; two rows share one exactly when all their features are equal.
    """
    canonical = np.ascontiguousarray(X + np.float32(0.0))  # turns -0.0 into 0.0: equal numbers, now equal bytes
    rows = canonical.view(np.dtype((np.void, canonical.shape[1] * canonical.itemsize))).ravel()
    _, groups = np.unique(rows, return_inverse=True)
    return groups.astype(np.int64, copy=False)
