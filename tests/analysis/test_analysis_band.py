"""The weight band: which weights are as good as the best one, as far as the folds can tell."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from tuner.analysis.band import exponent_grid, weight_band, weight_grid
from tuner.trial import FoldPlan


def make_plan(n_splits=5, n_repeats=3, kind="stratified_kfold"):
    ratio = 1 / (n_splits - 1) if n_splits > 1 else 0.0
    return FoldPlan(
        kind=kind, n_splits=n_splits, n_repeats=n_repeats, test_over_train=ratio, n_scored_rows=100, sha256="0"
    )


def curve(means, *, noise=0.01, n_folds=15, seed=0):
    """Return fold scores of weights with the means given: folds differ, and weights differ a little on each."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 0.05, n_folds) + rng.normal(0, noise, (len(means), n_folds))
    return scores - scores.mean(axis=1, keepdims=True) + np.array(means)[:, None]


def is_worse(best, other, plan):
    """Return whether the corrected t-test at 5 % says that `other` scores less than `best`."""
    difference = best - other
    n = len(difference)
    error = difference.std(ddof=1) * np.sqrt(1 / n + plan.test_over_train)
    if error == 0.0:
        return difference.mean() > 0
    return difference.mean() / error > stats.t.ppf(0.975, n - 1)


def band_by_brute_force(weights, scores, plan):
    """Return the longest run of neighbors that holds the best weight and no worse or failed one."""
    finite = np.isfinite(scores).all(axis=1)
    best = max(np.flatnonzero(finite), key=lambda i: (scores[i].mean(), -i))
    good = [finite[i] and not is_worse(scores[best], scores[i], plan) for i in range(len(weights))]
    runs = [
        (a, b) for a in range(len(weights)) for b in range(a, len(weights)) if a <= best <= b and all(good[a : b + 1])
    ]
    a, b = max(runs, key=lambda run: run[1] - run[0])
    return weights[a], weights[b], weights[best]


@settings(max_examples=150, deadline=None)
@given(
    scores=hnp.arrays(np.float64, st.tuples(st.integers(1, 9), st.just(6)), elements=st.floats(0.4, 1.0)),
    failed=st.lists(st.booleans(), min_size=9, max_size=9),
    step=st.floats(0.0, 0.3),
)
def test_band_is_the_longest_run_around_the_best_weight_that_no_test_tells_from_it(scores, failed, step):
    plan = make_plan(3, 2)
    weights = [2.0**i for i in range(len(scores))]
    scores = scores + step * np.arange(len(scores))[:, None]
    scores[np.array(failed[: len(scores)])] = np.nan
    band = weight_band(weights, scores, plan=plan, trial=7)
    if np.isnan(scores).any(axis=1).all():
        assert band is None
        return
    assert (band["low"], band["high"], band["best"]) == band_by_brute_force(weights, scores, plan)
    assert band["recommended"] == band["low"]
    inside = [point["weight"] for point in band["points"] if point["in_band"]]
    assert inside == [weight for weight in weights if band["low"] <= weight <= band["high"]]
    assert band["trial"] == 7


def test_points_carry_corrected_intervals_of_score_and_paired_difference():
    plan, weights = make_plan(), [1.0, 10.0, 100.0]
    scores = curve([0.90, 0.95, 0.94])
    band = weight_band(weights, scores, plan=plan, trial=0)
    t, factor = stats.t.ppf(0.975, 14), np.sqrt(1 / 15 + 0.25)
    assert [point["weight"] for point in band["points"]] == weights
    for point, own in zip(band["points"], scores, strict=True):
        half = t * own.std(ddof=1) * factor
        np.testing.assert_allclose(point["ci95"], [own.mean() - half, own.mean() + half], rtol=1e-12)
        assert point["mean"] == pytest.approx(own.mean(), rel=1e-14)
        difference = scores[1] - own
        half = t * difference.std(ddof=1) * factor
        assert point["difference"] == pytest.approx(difference.mean(), abs=1e-15)
        low, high = difference.mean() - half, difference.mean() + half
        np.testing.assert_allclose(point["difference_ci95"], [low, high], rtol=1e-12, atol=1e-15)
    assert band["points"][1]["difference_ci95"] == [0.0, 0.0]


def test_clear_peak_has_a_narrow_band_and_a_plateau_a_wide_one():
    weights = weight_grid(1.0, 256.0, n=9)
    peak = weight_band(weights, curve(0.95 - 0.03 * (np.arange(9) - 4) ** 2.0), plan=make_plan(), trial=0)
    assert (peak["low"], peak["best"], peak["high"]) == (weights[4],) * 3
    means = np.full(9, 0.95)
    means[[0, 8]] = 0.7
    plateau = weight_band(weights, curve(means), plan=make_plan(), trial=0)
    assert (plateau["low"], plateau["recommended"], plateau["high"]) == (weights[1], weights[1], weights[7])


def test_good_weight_behind_a_bad_one_is_not_in_the_band():
    band = weight_band([1.0, 2.0, 4.0, 8.0], curve([0.9499, 0.8, 0.95, 0.9]), plan=make_plan(), trial=0)
    assert (band["low"], band["high"]) == (4.0, 4.0)
    assert [point["in_band"] for point in band["points"]] == [False, False, True, False]


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf, [np.inf, -np.inf, *[0.9] * 13]])
def test_weight_that_could_not_be_trained_ends_the_band_and_is_no_point(broken):
    scores = curve([0.95, 0.95, 0.95, 0.951, 0.95])
    scores[1] = broken
    band = weight_band([1.0, 2.0, 4.0, 8.0, 16.0], scores, plan=make_plan(), trial=0)
    assert (band["low"], band["best"], band["high"]) == (4.0, 8.0, 16.0)
    assert [point["weight"] for point in band["points"]] == [1.0, 4.0, 8.0, 16.0]


def test_single_failed_fold_fails_the_weight():
    scores = curve([0.95, 0.951])
    scores[0, 3] = np.nan
    band = weight_band([1.0, 2.0], scores, plan=make_plan(), trial=0)
    assert [point["weight"] for point in band["points"]] == [2.0]


@pytest.mark.parametrize("scores", [np.full((3, 15), np.nan), np.array([[0.9], [0.8], [0.7]])])
def test_no_score_or_a_single_fold_leaves_no_band(scores):
    plan = make_plan() if scores.shape[1] > 1 else make_plan(1, 1, "holdout")
    assert weight_band([1.0, 2.0, 4.0], scores, plan=plan, trial=0) is None


def test_among_equal_weights_the_smallest_is_the_best_and_all_are_in_the_band():
    band = weight_band([1.0, 2.0, 4.0], np.tile(curve([0.9]), (3, 1)), plan=make_plan(), trial=0)
    assert (band["low"], band["best"], band["high"]) == (1.0, 1.0, 4.0)


def test_weight_that_is_worse_by_the_same_on_every_fold_is_not_in_the_band():
    scores = np.tile([0.75, 0.5, 0.875, 0.625], (2, 1)) - np.array([[0.0], [2.0**-20]])
    band = weight_band([1.0, 2.0], scores, plan=make_plan(2, 2), trial=0)
    assert (band["low"], band["high"]) == (1.0, 1.0)


def test_repeats_of_a_holdout_are_judged_by_their_seeds_alone():
    scores = curve([0.95, 0.945], noise=0.02, n_folds=20)
    holdout = weight_band([1.0, 2.0], scores, plan=make_plan(1, 20, "holdout"), trial=0)
    half = stats.t.ppf(0.975, 19) * scores[1].std(ddof=1) / np.sqrt(20)
    np.testing.assert_allclose(np.ptp(holdout["points"][1]["ci95"]), 2 * half, rtol=1e-12)


@settings(max_examples=100, deadline=None)
@given(
    low=st.floats(1e-6, 1e3),
    factor=st.floats(1.001, 1e6),
    n=st.integers(2, 40),
    also=st.lists(st.floats(1e-7, 1e7), max_size=4),
)
def test_grid_ascends_from_one_exact_end_to_the_other_and_holds_what_lies_between(low, factor, n, also):
    high = low * factor
    grid = weight_grid(low, high, n=n, also=also)
    assert grid[0] == low
    assert grid[-1] == high
    assert all(a < b for a, b in pairwise(grid))
    assert {weight for weight in also if low <= weight <= high} <= set(grid)
    assert set(weight_grid(low, high, n=n)) <= set(grid)
    assert all(low <= weight <= high for weight in grid)


def test_grid_is_even_on_a_log_scale_and_names_each_weight_once():
    assert weight_grid(1.0, 1000.0, n=4) == pytest.approx((1.0, 10.0, 100.0, 1000.0), rel=1e-14)
    assert weight_grid(1.0, 990.0, n=2, also=[1.0, 990.0, 31.6, 31.6, 991.0, 0.5]) == (1.0, 31.6, 990.0)


def test_weight_nearest_to_none_is_recommended_also_below_1():
    weights = (0.1, 0.3, 1.0)
    scores = np.full((3, 15), 0.9) + 0.01 * np.random.default_rng(0).normal(size=(3, 15))
    band = weight_band(weights, scores, plan=make_plan(), trial=0)
    assert (band["low"], band["high"], band["recommended"]) == (0.1, 1.0, 1.0)


def test_band_of_exponents_says_so_and_recommends_the_smallest_which_may_be_0():
    exponents = exponent_grid(0.0, 1.5, n=6)
    means = [0.9, 0.948, 0.95, 0.95, 0.949, 0.8]
    scores = curve(means)
    band = weight_band(exponents, scores, plan=make_plan(), trial=3, kind="exponent")
    as_weights = weight_band([2.0**exponent for exponent in exponents], scores, plan=make_plan(), trial=3)
    assert band["kind"] == "exponent"
    assert [point["weight"] for point in band["points"]] == list(exponents)
    assert [point["in_band"] for point in band["points"]] == [point["in_band"] for point in as_weights["points"]]
    assert band["recommended"] == band["low"] > 0.0
    flat = weight_band(exponents, curve([0.95] * 6), plan=make_plan(), trial=3, kind="exponent")
    assert (flat["low"], flat["recommended"]) == (0.0, 0.0)


def test_band_of_weights_names_no_kind_as_ever():
    band = weight_band([1.0, 2.0], curve([0.95, 0.95]), plan=make_plan(), trial=0)
    assert list(band) == ["low", "high", "best", "recommended", "trial", "points"]


@settings(max_examples=100, deadline=None)
@given(
    low=st.floats(0.0, 5.0),
    width=st.floats(1e-3, 5.0),
    n=st.integers(2, 40),
    also=st.lists(st.floats(0.0, 10.0), max_size=4),
)
def test_grid_of_exponents_ascends_evenly_and_holds_what_lies_between(low, width, n, also):
    high = low + width
    grid = exponent_grid(low, high, n=n, also=also)
    assert (grid[0], grid[-1]) == (low, high)
    assert all(a < b for a, b in pairwise(grid))
    assert {exponent for exponent in also if low <= exponent <= high} <= set(grid)
    np.testing.assert_allclose(np.diff(exponent_grid(low, high, n=n)), width / (n - 1), rtol=1e-6)


def test_grid_of_the_default_range_of_exponents_has_one_decimal():
    assert exponent_grid(0.0, 1.5, n=16) == tuple(float(f"{i / 10:.1f}") for i in range(16))
