"""Scales of columns that are not bell-shaped: median and quartiles, or a power that makes them so.

Axes    J folds, W columns
Source  Yeo & Johnson 2000, A new family of power transformations to improve normality or symmetry
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from tuner.data.encoded import Constants, Numbers, Power, yeo_johnson
from tuner.data.folds import RowNumbers
from tuner.data.moments import column_moments

Floats = NDArray[np.float64]

NORMAL_SPREAD = 1.3489795003921634
"""Distance of the quartiles of a normal distribution in standard deviations."""

EXPONENTS = (-3.0, 5.0)
"""Where the power is looked for; beyond, a few outliers would decide."""

MAX_ROWS = 20_000
"""Training rows, evenly spaced, that the power is fitted on: its error is then far below its use."""


def median_and_spread(
    X: Numbers, chosen: NDArray[np.bool_], row_sets: Sequence[RowNumbers], mean: Floats, scale: Floats
) -> tuple[Floats, Floats]:
    """Return median and spread of the chosen columns in each set of rows, each of shape `(J, chosen)`.

    The spread is the distance of the quartiles, as that of a normal distribution of standard deviation 1. Where it is
    too small for a normal float32 the standard deviation stands in, and where no cell is there, both are what `mean`
    and `scale` say.
    """
    places = np.flatnonzero(chosen)
    known: dict[int, tuple[Floats, Floats]] = {}
    for j, rows in enumerate(row_sets):
        if id(rows) not in known:
            center, spread = mean[j, places].copy(), scale[j, places].copy()
            for i, place in enumerate(places):
                cells = X[rows, place].astype(np.float64)
                cells = cells[~np.isnan(cells)]
                if len(cells):
                    low, center[i], high = np.quantile(cells, (0.25, 0.5, 0.75))
                    own = (high - low) / NORMAL_SPREAD
                    spread[i] = own if own >= np.finfo(np.float32).tiny else spread[i]
            known[id(rows)] = center, spread
    both = [known[id(rows)] for rows in row_sets]
    return np.stack([center for center, _ in both]), np.stack([spread for _, spread in both])


def fit_power(X: Numbers, chosen: NDArray[np.bool_], row_sets: Sequence[RowNumbers], constants: Constants) -> Power:
    """Return the power of each chosen column in each set of rows, and mean and spread of what it makes.

    Args:
        X: the encoded table, shape `(N, W)`.
        chosen: columns to bend, shape `(W,)`; the others keep exponent 1.
        row_sets: training rows of each fold.
        constants: that scale the columns before they are bent.
    """
    shape = constants.scale.shape
    exponent, mean, scale = np.ones(shape), np.zeros(shape), np.ones(shape)
    first: dict[int, int] = {}
    for j, rows in enumerate(row_sets):
        same = first.setdefault(id(rows), j)
        if same != j:
            exponent[j], mean[j], scale[j] = exponent[same], mean[same], scale[same]
            continue
        for place in np.flatnonzero(chosen & np.isfinite(constants.scale[j])):
            cells = X[rows, place]
            cells = np.where(np.isnan(cells), constants.fill[j, place], cells)
            cells = (cells - constants.mean[j, place]) / constants.scale[j, place]
            exponent[j, place] = best_exponent(cells[:: max(1, len(cells) // MAX_ROWS)])
            bent = yeo_johnson(cells, np.float32(exponent[j, place]))
            moments = column_moments(bent[:, None])
            mean[j, place], scale[j, place] = moments.mean[0], moments.scale[0]
    arrays = [array.astype(np.float32) for array in (exponent, mean, scale)]
    for array in arrays:
        array.setflags(write=False)
    return Power(exponent=arrays[0], mean=arrays[1], scale=arrays[2])


def best_exponent(cells: Numbers) -> float:
    """Return the exponent of greatest likelihood under a normal distribution, 1 for a constant. Cells `(n,)`."""
    x = cells.astype(np.float64)
    if x.min() == x.max():
        return 1.0
    slope = np.sum(np.sign(x) * np.log1p(np.abs(x)))

    def cost(exponent: float) -> float:
        own = np.where(x < 0, 2.0 - exponent, exponent)
        flat = np.abs(own) < 1e-9
        size = np.log1p(np.abs(x))
        bent = np.sign(x) * np.where(flat, size, np.expm1(own * size) / np.where(flat, 1.0, own))
        return float(0.5 * len(x) * np.log(bent.var()) - (exponent - 1.0) * slope)

    found = minimize_scalar(cost, bounds=EXPONENTS, method="bounded")
    return float(found.x)
