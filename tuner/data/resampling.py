"""Training rows resampled to equal classes: random oversampling and SMOTE, by imbalanced-learn.

Only training rows of one fold go in, so no scored row is repeated or mixed into another.

Source  Chawla et al. 2002, SMOTE: synthetic minority over-sampling technique
"""

from __future__ import annotations

import importlib.util

import numpy as np
from numpy.typing import NDArray

from tuner.data.folds import RowNumbers
from tuner.data.moments import column_moments

NEIGHBORS = 5
"""Of SMOTE, as published; fewer where a fold has fewer rows of the rare class."""


def is_available() -> bool:
    """Return whether imbalanced-learn is installed: the extra `tuner[resampling]`."""
    return importlib.util.find_spec("imblearn") is not None


def oversampled(y: NDArray[np.int32], rows: RowNumbers, *, seed: int) -> NDArray[np.int32]:
    """Return `rows` with rows of the rarer class drawn again, with replacement, until both classes are equal.

    Args:
        y: labels of the table, 0 and 1. Shape `(N,)`.
        rows: training rows of one fold, of both classes.
        seed: of the draw.

    Returns:
        Row numbers, those given first; some stand several times.
    """
    from imblearn.over_sampling import RandomOverSampler  # noqa: PLC0415 - an optional extra

    sampler = RandomOverSampler(random_state=seed)
    sampler.fit_resample(rows[:, None], y[rows])
    drawn: NDArray[np.int32] = rows[sampler.sample_indices_]
    return drawn


def smote_rows(
    X: NDArray[np.float32], y: NDArray[np.int32], rows: RowNumbers, *, seed: int
) -> tuple[NDArray[np.float32], int] | None:
    """Return SMOTE's synthetic rows of the rarer class, as many as it lacks, and its label.

    Neighbors are those among standardized columns, with mean and spread of the training rows.

    Args:
        X: features, shape `(N, F)`.
        y: labels 0 and 1, shape `(N,)`.
        rows: training rows of one fold.
        seed: of the draw.

    Returns:
        Features `(n_synthetic, F)` on the scale of `X`; None where a single row of the rarer class has no neighbor.
    """
    from imblearn.over_sampling import SMOTE  # noqa: PLC0415 - an optional extra

    counts = np.bincount(y[rows], minlength=2)
    rarer = int(counts.argmin())
    if counts[rarer] < 2:
        return None
    moments = column_moments(X, rows)
    scaled = (X[rows] - moments.mean) / moments.scale
    sampler = SMOTE(k_neighbors=min(NEIGHBORS, int(counts[rarer]) - 1), random_state=seed)
    resampled, _ = sampler.fit_resample(scaled, y[rows])
    synthetic = resampled[len(rows) :] * moments.scale + moments.mean
    return np.asarray(synthetic, np.float32), rarer
