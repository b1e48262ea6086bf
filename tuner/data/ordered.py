"""Folds in order of time: each trains on all that came before the rows it scores.

The rows in order of time are cut as scikit-learn's `TimeSeriesSplit` cuts them: the last `n_splits` blocks of
N // (n_splits + 1) rows are scored, one after another. A border between rows of equal time moves to the nearest place
where time changes (among equals the earlier), so no moment is both trained on and scored.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tuner.data.strata import Pairs


def chain_blocks(time: NDArray[np.floating], n_splits: int) -> Pairs | None:
    """Return training and validation rows of each fold, ascending by row number; None where time changes too rarely.

    Args:
        time: when each row was, finite. Shape `(N,)`.
        n_splits: folds. Time must change at least as often.
    """
    order = np.argsort(time, kind="stable")
    borders = _borders(time[order], n_splits)
    if borders is None:
        return None
    return [(np.sort(order[:first]), np.sort(order[first:end])) for first, end in pairwise([*borders, len(order)])]


def _borders(ordered: NDArray[np.floating], n_splits: int) -> list[int] | None:
    """Return where the scored blocks begin: each as near as can be to where it should, and room left for the others."""
    changes = np.flatnonzero(np.diff(ordered) > 0) + 1
    if len(changes) < n_splits:
        return None
    n_rows = len(ordered)
    block = n_rows // (n_splits + 1)
    borders, first = [], 0
    for later in range(n_splits - 1, -1, -1):
        free = changes[first : len(changes) - later]
        nearest = int(np.argmin(np.abs(free - (n_rows - (later + 1) * block))))
        borders.append(int(free[nearest]))
        first += nearest + 1
    return borders
