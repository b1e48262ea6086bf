"""Where the noise in the difference of two trials comes from: folds, or the seed of training within a fold.

The difference of two trials on fold j under seed s, both trained from the same initial weights and in the same order:

    d[s, j] = mean + fold[j] + seed[s, j]                                                                 (1)

One-way random effects: seeds lie within folds, because a seed gives every fold weights and orders of its own, so that
no effect of a seed runs through all folds. With S seeds on each of J folds, the mean squares between and within folds
have the expectations S var(fold) + var(seed) and var(seed), and equating them gives unbiased components         (2)
of which the first may come out negative and is then 0: clipping makes it biased upwards, and says that the data hold
no sign of it. Folds share training rows, so their component is about resampling this table, not about a new one.

The half-width of the corrected interval of the mean difference follows from the spread of a fold's number:

    t * sqrt((var(fold) + var(seed) / n_seeds) * (1/J + n_test/n_train))                                  (3)

whose part that neither seeds nor repeats remove is 1.96 * sd(fold) * sqrt(n_test/n_train). It counts the seeds of
different folds as correlated like the folds themselves, which they are not: a cautious half-width.

Axes    S seeds, J folds
Source  Searle, Casella & McCulloch 1992, Variance Components, chapter 3 (2); Nadeau & Bengio 2003 (3);
        Bouthillier et al. 2021, Accounting for variance in machine learning benchmarks (why to look at both)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from tuner.evidence import NoiseBudget
from tuner.intervals import corrected_interval, standard_error
from tuner.trial import FoldPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """Variances of a difference over folds and, within a fold, over seeds: equation (2), neither below 0."""

    folds: float
    seeds: float


def noise_budget(differences: NDArray[np.float64], *, plan: FoldPlan, trials: tuple[int, int]) -> NoiseBudget:
    """Return the noise in a paired difference, by where it comes from.

    Args:
        differences: score of the first trial minus that of the second, shape `(S, J)`, S and J at least 2. Row 0 is of
            the study's own seed, which chose the two, so it favors the first a little.
        plan: the folds.
        trials: numbers of the two.

    Raises:
        ValueError: fewer than two seeds or folds, or a difference that is not finite.
    """
    n_seeds, n_folds = differences.shape
    parts = components(differences)
    interval = corrected_interval(differences.mean(axis=0), test_over_train=plan.test_over_train)
    total = parts.folds + parts.seeds
    with_one_seed = standard_error(math.sqrt(total), n_folds, plan.test_over_train)
    return NoiseBudget(
        trials=trials,
        n_folds=n_folds,
        n_seeds=n_seeds,
        difference=interval.mean,
        ci95=[interval.low, interval.high],
        sd_folds=math.sqrt(parts.folds),
        sd_seeds=math.sqrt(parts.seeds),
        share_seeds=parts.seeds / total if total else 0.0,
        half_width=float(stdtrit(n_folds - 1, 0.975)) * with_one_seed,
        half_width_all_seeds=interval.half_width,
        floor=float(ndtri(0.975)) * math.sqrt(parts.folds * plan.test_over_train),
    )


def components(differences: NDArray[np.float64]) -> Components:
    """Return the components of variance of equation (1).

    Args:
        differences: shape `(S, J)`, as for `noise_budget`.

    Raises:
        ValueError: fewer than two seeds or folds, or a difference that is not finite.
    """
    n_seeds, n_folds = differences.shape
    if n_seeds < 2 or n_folds < 2 or not np.isfinite(differences).all():
        raise ValueError(f"two seeds and two folds or more, all finite, are needed, got {differences!r}")
    between = n_seeds * float(differences.mean(axis=0).var(ddof=1))
    within = float(differences.var(axis=0, ddof=1).mean())
    return Components(folds=max(0.0, (between - within) / n_seeds), seeds=within)
