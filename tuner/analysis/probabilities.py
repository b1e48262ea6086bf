"""Undoing the weight: from out-of-fold logits to probabilities that can be believed, and how far to believe them.

Training with a weight multiplies the odds, so a converged, well specified, unpenalized model is put right by

    logit - log(w_pos / w_neg)                                                                            (1)

A model that stopped early, or is penalized, is not quite. Beside (1) stands the shift s fitted on out-of-fold logits,

    mean of sigmoid(logit + s) = share of positive rows                                                   (2)

and two fits with more freedom: sigmoid(a logit + b) and a rising step function. None is judged by rows it was fitted
on. What chance alone does to the calibration error is drawn: labels from probabilities that are right by construction.

Axes    R repeats, N scored rows
Source  Elkan 2001 and King & Zeng 2001 (1); Platt 1999 (sigmoid, with his targets); Zadrozny & Elkan 2002 (isotonic);
        Nguyen & O'Connor 2015 (bins of equal mass)
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from tuner.analysis.crossfit import judging_parts, turns
from tuner.evidence import Correction, ProbabilityCorrection

Floats = NDArray[np.float64]
Labels = NDArray[np.int32]

N_BINS = 15
N_DRAWS = 200
"""Tables of labels drawn to see what calibration error chance alone brings."""

SMALLEST = 1e-7
"""The log loss takes no row's probability of its own class for less: an isotonic fit gives 0 and 1 freely."""

Fit = Callable[[Labels, Floats, Floats], Floats]
"""From labels and logits of the rows to fit on, and logits of the rows at hand, to probabilities of the latter."""


def probability_correction(
    y: Labels, logits: NDArray[np.floating], *, split_of: NDArray[np.integer], weight_ratio: float, seed: int
) -> ProbabilityCorrection:
    """Return how to turn a model's logits into probabilities, and how good each way is.

    Each way is fitted, within each repeat, on the other folds and scored on the fold at hand; where a repeat has a
    single split, on parts of it (`crossfit.py`). Log loss, Brier score, mean probability and bins are of the rows of
    all repeats; the calibration error is the mean over repeats of each repeat's own, because it falls as rows are
    added and `perfect_calibration_error` is of the N rows of one repeat.

    The log loss takes no row's probability of its own class for less than 1e-7, in all ways alike: an isotonic fit
    gives exactly 0 and 1, which would make one wrong row infinitely bad.

    Args:
        y: labels 0 and 1 of the scored rows, shape `(N,)`.
        logits: out-of-fold logits, finite, shape `(R, N)`.
        split_of: in which fold of its repeat each row was scored, shape `(R, N)`.
        weight_ratio: weight of class 1 / weight of class 0 as the model was trained, above 0; with sample weights or
            resampling the effective one.
        seed: of parts and of labels drawn.

    Returns:
        The record. Its method is the shift of lower log loss, the fitted one where both are equal within rounding.
    """
    wide = logits.astype(np.float64)
    analytic = -math.log(weight_ratio)
    parts = judging_parts(y, split_of, seed=seed)
    probabilities = {
        "raw": corrected_probability(wide, 0.0),
        "analytic": corrected_probability(wide, analytic),
        "intercept": _crossfit(_intercept, y, wide, parts),
        "sigmoid": _crossfit(_sigmoid, y, wide, parts),
        "isotonic": _crossfit(_isotonic, y, wide, parts),
    }
    corrections = {name: _scored(name, y, values) for name, values in probabilities.items()}
    losses = [corrections[name]["log_loss"] for name in ("analytic", "intercept")]
    is_analytic = losses[0] < losses[1] and not math.isclose(*losses, rel_tol=1e-9)
    fitted = fitted_shift(y, wide)
    return ProbabilityCorrection(
        method="analytic" if is_analytic else "intercept",
        logit_shift=analytic if is_analytic else fitted,
        analytic_shift=analytic,
        fitted_shift=fitted,
        weight_ratio=float(weight_ratio),
        prevalence=float(y.mean()),
        perfect_calibration_error=perfect_calibration_error(probabilities["intercept"][0], seed=seed),
        corrections=list(corrections.values()),
    )


def corrected_probability(logits: ArrayLike, shift: float) -> Floats:
    """Return sigmoid(logit + shift), of the shape of `logits`; 0 or 1 where float64 has nothing closer."""
    return np.asarray(expit(np.asarray(logits, np.float64) + shift))


def fitted_shift(y: Labels, logits: NDArray[np.floating]) -> float:
    """Return the shift of equation (2): with it, the mean probability is the share of positive rows.

    Labels of one class have no such shift; they count as if half a row were of the other.

    Args:
        y: labels 0 and 1, shape `(N,)`, N at least 1.
        logits: finite, of those rows: shape `(N,)`, or `(R, N)` for the mean over repeats, too.

    Returns:
        The shift; 0 where that is as good as any, as with classes that are far apart.
    """
    wide = logits.astype(np.float64)
    share = float(np.clip(y.mean(), 0.5 / len(y), 1.0 - 0.5 / len(y)))

    def excess(shift: float) -> float:
        return float(expit(wide + shift).mean()) - share

    if abs(excess(0.0)) <= 1e-14:
        return 0.0
    margin = 1.0 + 1e-9 * float(np.abs(wide).max())
    low, high = (float(logit(share) - end) for end in (wide.max(), wide.min()))  # no row above the share, none below
    return float(brentq(excess, low - margin, high + margin, xtol=1e-12, maxiter=1000))


def calibration_error(y: Labels, probability: Floats, n_bins: int = N_BINS) -> float:
    """Return the mean over rows of |mean probability - share of positive rows| of the row's bin.

    Args:
        y: labels 0 and 1, shape `(N,)`.
        probability: of those rows, shape `(N,)`.
        n_bins: bins of as many rows each; fewer where equal probabilities, which share a bin, leave no more.
    """
    return _error(reliability_bins(y, probability, n_bins))


def reliability_bins(y: Labels, probability: Floats, n_bins: int = N_BINS) -> list[tuple[float, float, int]]:
    """Return (mean probability, share of positive rows, rows) of each bin, by rising probability.

    Args:
        y, probability, n_bins: as for `calibration_error`.
    """
    order = np.argsort(probability, kind="stable")
    ranked = probability[order]
    starts = _bin_starts(ranked, n_bins)
    n_rows = np.diff(starts, append=len(ranked))
    means = np.add.reduceat(ranked, starts) / n_rows
    shares = np.add.reduceat(y[order].astype(np.float64), starts) / n_rows
    return list(zip(means.tolist(), shares.tolist(), n_rows.tolist(), strict=True))


def perfect_calibration_error(probability: Floats, *, seed: int) -> float:
    """Return the mean calibration error of these probabilities on labels that are drawn from them.

    Args:
        probability: shape `(N,)`.
        seed: of the labels.
    """
    rng = np.random.default_rng(seed)
    ranked = np.sort(probability)
    starts = _bin_starts(ranked, N_BINS)
    expected = np.add.reduceat(ranked, starts)
    errors = [
        np.abs(np.add.reduceat((rng.random(len(ranked)) < ranked).astype(np.float64), starts) - expected).sum()
        for _ in range(N_DRAWS)
    ]
    return float(np.mean(errors)) / len(ranked)


def _bin_starts(ranked: Floats, n_bins: int) -> NDArray[np.intp]:
    """Return the rank at which each bin starts; a start within a run of equal probabilities moves to its beginning."""
    even = np.arange(n_bins) * len(ranked) // n_bins
    return np.unique(np.searchsorted(ranked, ranked[even], side="left"))


def _error(bins: list[tuple[float, float, int]]) -> float:
    means, shares, n_rows = np.array(bins, np.float64).T
    return float(np.average(np.abs(means - shares), weights=n_rows))


def _scored(name: str, y: Labels, probability: Floats) -> Correction:
    """Return the record of probabilities `(R, N)`."""
    of_own_class = np.where(y == 1, probability, 1.0 - probability)
    return Correction(
        name=name,
        log_loss=-float(np.log(np.maximum(of_own_class, SMALLEST)).mean()),
        brier=float(np.square(probability - y).mean()),
        calibration_error=float(np.mean([calibration_error(y, own) for own in probability])),
        mean_probability=float(probability.mean()),
        bins=reliability_bins(np.tile(y, len(probability)), probability.ravel()),
    )


# --- the fits, each of some rows and for others


def _crossfit(fit: Fit, y: Labels, logits: Floats, parts: NDArray[np.int64]) -> Floats:
    """Return probabilities of rows by fits on the other parts of their repeat. Shape `(R, N)`."""
    probability = np.empty_like(logits)
    for turn in turns(parts):
        own = logits[turn.repeat]
        probability[turn.repeat, turn.own] = fit(y[turn.others], own[turn.others], own[turn.own])
    return probability


def _intercept(y: Labels, logits: Floats, at: Floats) -> Floats:
    return corrected_probability(at, fitted_shift(y, logits))


def _sigmoid(y: Labels, logits: Floats, at: Floats) -> Floats:
    """Platt's fit. His targets stand a little off 0 and 1, so that separated classes, or one alone, have a fit, too."""
    n_positive, n_rows = int(y.sum()), len(y)
    target = np.where(y == 1, (n_positive + 1.0) / (n_positive + 2.0), 1.0 / (n_rows - n_positive + 2.0))
    center, scale = float(logits.mean()), float(logits.std()) or 1.0
    doubled = np.tile((logits - center) / scale, 2)[:, None]  # each row as either class, weighted by its target
    model = LogisticRegression(C=np.inf, tol=1e-6, max_iter=1000)
    model.fit(doubled, np.repeat([1, 0], n_rows), sample_weight=np.concatenate([target, 1.0 - target]))
    return np.asarray(model.predict_proba(((at - center) / scale)[:, None])[:, 1], np.float64)


def _isotonic(y: Labels, logits: Floats, at: Floats) -> Floats:
    model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(logits, y)
    return np.asarray(model.predict(at), np.float64)
