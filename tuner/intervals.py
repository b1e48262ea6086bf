"""Means of overlapping folds: corrected intervals and paired tests.

Training sets of cross-validation folds overlap, so the J = n_splits x n_repeats fold scores are correlated and their
naive standard error is too small. The corrected resampled variance adds the correlation the overlap induces:

    var(mean) = s^2 * (1/J + n_test/n_train),    t with J - 1 degrees of freedom                          (1)

It is a conservative heuristic about the procedure at the training size of a fold, not an exact interval: no unbiased
estimator of the variance of k-fold cross-validation exists (Bengio & Grandvalet 2004).

Source  Nadeau & Bengio 2003, Machine Learning 52; Bouckaert & Frank 2004 (repeats)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its two-sided interval. `std` is the plain spread of the scores (ddof 1), not an error."""

    mean: float
    std: float
    low: float
    high: float
    n: int

    @property
    def half_width(self) -> float:
        """Half the length of the interval, in units of the score."""
        return (self.high - self.low) / 2


def corrected_interval(scores: ArrayLike, *, test_over_train: float, level: float = 0.95) -> Interval:
    """Return the mean of fold scores with its corrected interval, equation (1).

    Args:
        scores: one score per fold, all repeats. Shape `(J,)`. Differences of two trials on the same folds make it
            a paired interval.
        test_over_train: validation rows / training rows of a fold, 1 / (n_splits - 1) for k-fold.
        level: two-sided coverage, in (0, 1).

    Returns:
        The interval; infinitely wide for a single score.

    Raises:
        ValueError: no score, a score that is not finite, or a level outside (0, 1).
    """
    values = np.asarray(scores, dtype=np.float64).ravel()
    if values.size == 0 or not np.isfinite(values).all():
        raise ValueError(f"corrected_interval needs at least one score and only finite ones, got {values!r}")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie between 0 and 1, got {level!r}")
    mean = float(values.mean())
    if values.size == 1:
        return Interval(mean, float("nan"), float("-inf"), float("inf"), 1)
    std = float(values.std(ddof=1))
    half = float(stdtrit(values.size - 1, 0.5 + level / 2)) * standard_error(std, values.size, test_over_train)
    return Interval(mean, std, mean - half, mean + half, values.size)


def standard_error(std: float, n: int, test_over_train: float) -> float:
    """Return the corrected standard error of a mean of `n` fold scores of spread `std`: the root of equation (1)."""
    return std * float(np.sqrt(1.0 / n + test_over_train))


def paired_p_value(differences: ArrayLike, *, test_over_train: float) -> float:
    """Return the two-sided p-value of the corrected resampled t-test that the mean paired difference is 0.

    Args:
        differences: fold score of one trial minus that of another on the same fold. Shape `(J,)`, J at least 2.
        test_over_train: as in `corrected_interval`.

    Raises:
        ValueError: fewer than two differences, or one that is not finite.
    """
    values = np.asarray(differences, dtype=np.float64).ravel()
    if values.size < 2 or not np.isfinite(values).all():
        raise ValueError(f"paired_p_value needs at least two finite differences, got {values!r}")
    error = standard_error(float(values.std(ddof=1)), values.size, test_over_train)
    mean = float(values.mean())
    if error == 0.0:
        return 1.0 if mean == 0.0 else 0.0
    return float(2.0 * stdtr(values.size - 1, -abs(mean / error)))
