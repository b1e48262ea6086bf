"""Training rows resampled to equal classes: random oversampling and SMOTE, by imbalanced-learn.

Only training rows of one fold go in, so no scored row is repeated or mixed into another. Of two classes or more each is
brought up to the largest.

Source  Chawla et al. 2002, SMOTE: synthetic minority over-sampling technique
"""

from __future__ import annotations

import importlib.util

import numpy as np
from numpy.typing import NDArray

from tuner.data.folds import RowNumbers
from tuner.data.moments import column_moments

NEIGHBORS = 5
"""Of SMOTE, as published; fewer where a fold has fewer rows of a rare class."""


def is_available() -> bool:
    """Return whether imbalanced-learn is installed: the extra `tuner[resampling]`."""
    return importlib.util.find_spec("imblearn") is not None


def oversampled(y: NDArray[np.int32], rows: RowNumbers, *, seed: int) -> NDArray[np.int32]:
    """Return `rows` with rows of the rarer classes drawn again, with replacement, until all classes are equal.

    Args:
        y: classes of the table, from 0. Shape `(N,)`.
        rows: training rows of one fold, of every class.
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
) -> tuple[NDArray[np.float32], NDArray[np.int32]] | None:
    """Return SMOTE's synthetic rows of the rarer classes, as many as each lacks, and their classes.

    Neighbors are those of the same class among standardized columns, with mean and spread of the training rows. Each
    class has its own number of them, so that the rarest one does not decide for the others.

    Args:
        X: features, shape `(N, F)`.
        y: classes from 0, shape `(N,)`.
        rows: training rows of one fold, of every class.
        seed: of the draw.

    Returns:
        Features `(n_synthetic, F)` on the scale of `X` and classes `(n_synthetic,)`, class by class; None where a
        single row of a rarer class has no neighbor.
    """
    from imblearn.over_sampling import SMOTE  # noqa: PLC0415 - an optional extra

    counts = np.bincount(y[rows], minlength=2)
    rarer = np.flatnonzero(counts < counts.max())
    if (counts[rarer] < 2).any():
        return None
    moments = column_moments(X, rows)
    scaled = (X[rows] - moments.mean) / moments.scale
    made, of_class = [np.zeros((0, X.shape[1]))], [np.zeros(0, np.int32)]
    for number in rarer.tolist():
        sampler = SMOTE(
            sampling_strategy={number: int(counts.max())},
            k_neighbors=min(NEIGHBORS, int(counts[number]) - 1),
            random_state=seed,
        )
        resampled, _ = sampler.fit_resample(scaled, y[rows])
        made.append(resampled[len(rows) :])
        of_class.append(np.full(len(resampled) - len(rows), number, np.int32))
    synthetic = np.concatenate(made) * moments.scale + moments.mean
    return np.asarray(synthetic, np.float32), np.concatenate(of_class)
