"""Which rows judge what was chosen or fitted on out-of-fold predictions, and which rows may choose it.

Within each repeat, one fold judges what the other folds chose: no row judges a choice that it took part in. A repeat
with a single split, such as a holdout, is first cut into parts of its own, stratified by class.

Axes    R repeats, N scored rows
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

N_PARTS = 5
"""Parts of the scored rows where the folds leave only one."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One part's turn to judge: rows of `own` judge what rows of `others` chose, in one repeat. Masks, `(N,)`."""

    repeat: int
    own: Mask
    others: Mask


def judging_parts(y: NDArray[np.int32], split_of: NDArray[np.integer], *, seed: int) -> NDArray[np.int64]:
    """Return in which part of its repeat each row judges: its fold, or a part drawn where a repeat has one fold.

    Args:
        y: labels 0 and 1, shape `(N,)`.
        split_of: in which fold of its repeat each row was scored, shape `(R, N)`.
        seed: of the parts drawn; each repeat draws its own, `N_PARTS` of them that share the rows of each class evenly.

    Returns:
        Shape `(R, N)`.
    """
    rng = np.random.default_rng(seed)
    return np.stack([_drawn(y, rng) if row.min() == row.max() else row.astype(np.int64) for row in split_of])


def turns(parts: NDArray[np.int64]) -> Iterator[Turn]:
    """Yield the turn of every part of every repeat, repeat by repeat.

    Args:
        parts: as from `judging_parts`.
    """
    for repeat, row in enumerate(parts):
        for part in np.unique(row):
            own = row == part
            yield Turn(repeat=repeat, own=own, others=~own)


def _drawn(y: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return parts dealt like cards to shuffled rows, one class after the other: sizes differ by one at most."""
    order = np.argsort(y + rng.random(len(y)))
    parts = np.empty(len(y), np.int64)
    parts[order] = np.arange(len(y)) % N_PARTS
    return parts
