"""Which weights are as good as the best one: the response curve over the weight, and the band around its top.

The band is not a confidence set. It is the contiguous run of weights that holds the best of the sweep and whose paired
difference to it is not beyond the corrected interval, unadjusted for looking at many, at other parameters that were
tuned for one of them. Recommending the weight of it that is nearest to 1, in most ranges its smallest, is a rule of
parsimony: it changes training least.

More than two classes, and several labels, are weighted by one exponent. Its band is the same in every respect, with 0
for no weights, so that the smallest exponent of it is recommended.

Axes    W weights or exponents, J folds
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from tuner.evidence import BandKind, BandPoint, WeightBand
from tuner.intervals import Interval, corrected_interval
from tuner.trial import FoldPlan

Scores = NDArray[np.float64]


def weight_grid(low: float, high: float, *, n: int, also: Iterable[float] = ()) -> tuple[float, ...]:
    """Return `n` weights spaced evenly on a log scale, both ends exactly, and those of `also` that lie between them.

    Args:
        low, high: the range searched, 0 < low < high.
        n: at least 2.
        also: further weights, such as the best trial's.

    Returns:
        Ascending, each once.
    """
    spaced = [low, *np.geomspace(low, high, n)[1:-1].tolist(), high]
    return _merged(spaced, also, low, high)


def exponent_grid(low: float, high: float, *, n: int, also: Iterable[float] = ()) -> tuple[float, ...]:
    """Return `n` exponents spaced evenly, both ends exactly, and those of `also` that lie between them.

    Args:
        low, high: the range searched, 0 <= low < high.
        n: at least 2.
        also: further exponents, such as the best trial's.

    Returns:
        Ascending, each once.
    """
    between = [low + (high - low) * i / (n - 1) for i in range(1, n - 1)]  # divided last: 0.3, not 0.30000000000000004
    return _merged([low, *between, high], also, low, high)


def _merged(spaced: list[float], also: Iterable[float], low: float, high: float) -> tuple[float, ...]:
    return tuple(sorted({*spaced, *(float(value) for value in also if low <= value <= high)}))


def weight_band(
    weights: Iterable[float], fold_scores: Scores, *, plan: FoldPlan, trial: int, kind: BandKind = "weight"
) -> WeightBand | None:
    """Return the response curve and the band around its top.

    Args:
        weights: or exponents, ascending, W of them.
        fold_scores: shape `(W, J)`, greater is better. A row that is not finite is of a weight that could not be
            trained: it ends the band and is no point of the curve.
        plan: the folds.
        trial: number of the trial whose other parameters all weights share.
        kind: what `weights` are.

    Returns:
        The band; None where no weight has a score, or a single fold leaves no interval to judge by.
    """
    is_scored = np.asarray(np.isfinite(fold_scores).all(axis=1))
    if fold_scores.shape[1] < 2 or not is_scored.any():
        return None
    scored = np.flatnonzero(is_scored)
    best = int(scored[fold_scores[scored].mean(axis=1).argmax()])
    points: list[BandPoint | None] = [
        _point(weight, own, fold_scores[best], plan) if scored else None
        for weight, own, scored in zip(weights, fold_scores, is_scored.tolist(), strict=True)
    ]
    band = [*_run(points[best::-1])[::-1], *_run(points[best:])[1:]]
    for point in band:
        point["in_band"] = True
    record = WeightBand(
        low=band[0]["weight"],
        high=band[-1]["weight"],
        best=next(point["weight"] for point in points[best:] if point is not None),
        recommended=min((point["weight"] for point in band), key=_FROM_NONE[kind]),
        trial=trial,
        points=[point for point in points if point is not None],
    )
    return record if kind == "weight" else WeightBand(**record, kind=kind)


_FROM_NONE: Mapping[BandKind, Callable[[float], float]] = {"weight": lambda one: abs(math.log(one)), "exponent": abs}
"""How far a weight or an exponent is from no weights."""


def _point(weight: float, scores: Scores, best: Scores, plan: FoldPlan) -> BandPoint:
    own = corrected_interval(scores, test_over_train=plan.test_over_train)
    difference = corrected_interval(best - scores, test_over_train=plan.test_over_train)
    return BandPoint(
        weight=weight,
        mean=own.mean,
        ci95=_pair(own),
        difference=difference.mean,
        difference_ci95=_pair(difference),
        in_band=False,
    )


def _pair(interval: Interval) -> list[float]:
    return [interval.low, interval.high]


def _run(points: list[BandPoint | None]) -> list[BandPoint]:
    """Return the points from the first one on until one is beyond its interval, or missing."""
    run: list[BandPoint] = []
    for point in points:
        if point is None or point["difference_ci95"] is None or point["difference_ci95"][0] > 0.0:
            break
        run.append(point)
    return run
