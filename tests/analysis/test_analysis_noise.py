"""The noise budget: how much of a difference's noise is of the folds, how much of the seeds."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from tuner.analysis.noise import components, noise_budget
from tuner.intervals import corrected_interval
from tuner.trial import FoldPlan

PLAN = FoldPlan(kind="stratified_kfold", n_splits=5, n_repeats=3, test_over_train=0.25, n_scored_rows=100, sha256="0")
HOLDOUT = FoldPlan(kind="holdout", n_splits=1, n_repeats=15, test_over_train=0.0, n_scored_rows=100, sha256="0")


def simulate(rng, *, sd_folds, sd_seeds, n_seeds=5, n_folds=15, mean=0.0, size=()):
    """Return differences d[s, j] = mean + fold[j] + seed[s, j], shape `(*size, S, J)`."""
    folds = rng.normal(0, sd_folds, (*size, 1, n_folds))
    return mean + folds + rng.normal(0, sd_seeds, (*size, n_seeds, n_folds))


@pytest.mark.parametrize(("sd_folds", "sd_seeds"), [(0.02, 0.01), (0.015, 0.02)])
def test_components_are_those_that_the_differences_were_drawn_with(sd_folds, sd_seeds):
    n = 4_000
    draws = simulate(np.random.default_rng(0), sd_folds=sd_folds, sd_seeds=sd_seeds, size=(n,))
    found = [components(differences) for differences in draws]
    folds, seeds = np.array([parts.folds for parts in found]), np.array([parts.seeds for parts in found])
    assert (folds > 0).mean() > 0.97  # clipping at 0 is too rare to bias the mean
    assert abs(folds.mean() - sd_folds**2) < 4 * folds.std() / math.sqrt(n)
    assert abs(seeds.mean() - sd_seeds**2) < 4 * seeds.std() / math.sqrt(n)


def test_component_of_the_folds_is_unbiased_before_it_is_kept_from_falling_below_zero():
    n, sd_seeds = 4_000, 0.02
    draws = simulate(np.random.default_rng(1), sd_folds=0.0, sd_seeds=sd_seeds, size=(n,))
    unclipped = draws.mean(axis=1).var(axis=1, ddof=1) - draws.var(axis=1, ddof=1).mean(axis=1) / 5
    found = np.array([components(differences).folds for differences in draws])
    np.testing.assert_allclose(found, np.maximum(unclipped, 0.0), atol=1e-18)
    assert abs(unclipped.mean()) < 4 * unclipped.std() / math.sqrt(n)
    assert 0.3 < (found == 0).mean() < 0.7


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.float64, st.tuples(st.integers(2, 5), st.just(15)), elements=st.floats(-1, 1)))
def test_half_widths_floor_and_shares_follow_from_the_components(differences):
    budget, parts = noise_budget(differences, plan=PLAN, trials=(4, 9)), components(differences)
    total = parts.folds + parts.seeds
    assert budget["trials"] == (4, 9)
    assert (budget["n_seeds"], budget["n_folds"]) == differences.shape
    assert budget["sd_folds"] == pytest.approx(math.sqrt(parts.folds))
    assert budget["sd_seeds"] == pytest.approx(math.sqrt(parts.seeds))
    assert budget["share_seeds"] == pytest.approx(parts.seeds / total if total else 0.0)
    assert 0.0 <= budget["share_seeds"] <= 1.0
    one_seed = stats.t.ppf(0.975, 14) * math.sqrt(total * (1 / 15 + 0.25))
    assert budget["half_width"] == pytest.approx(one_seed, rel=1e-10)
    assert budget["floor"] == pytest.approx(1.959963984540054 * math.sqrt(parts.folds * 0.25), rel=1e-12)
    assert budget["floor"] <= budget["half_width"] + 1e-12


def test_interval_of_all_seeds_is_the_corrected_one_of_each_folds_mean():
    differences = simulate(np.random.default_rng(2), sd_folds=0.02, sd_seeds=0.02, mean=0.01)
    budget = noise_budget(differences, plan=PLAN, trials=(0, 1))
    interval = corrected_interval(differences.mean(axis=0), test_over_train=0.25)
    assert budget["difference"] == pytest.approx(differences.mean(), rel=1e-12)
    assert budget["ci95"] == [interval.low, interval.high]
    assert budget["half_width_all_seeds"] == interval.half_width


def test_half_width_of_all_seeds_is_equation_three_with_their_number():
    differences = simulate(np.random.default_rng(3), sd_folds=0.02, sd_seeds=0.02, n_seeds=4)
    budget = noise_budget(differences, plan=PLAN, trials=(0, 1))
    assert budget["sd_folds"] > 0
    spread = budget["sd_folds"] ** 2 + budget["sd_seeds"] ** 2 / 4
    expected = stats.t.ppf(0.975, 14) * math.sqrt(spread * (1 / 15 + 0.25))
    assert budget["half_width_all_seeds"] == pytest.approx(expected, rel=1e-10)


def test_half_width_of_one_seed_is_on_average_that_of_a_study_with_one_seed():
    rng, n = np.random.default_rng(4), 2_000
    squares = np.empty((n, 2))
    for i in range(n):
        differences = simulate(rng, sd_folds=0.02, sd_seeds=0.015)
        alone = corrected_interval(differences[0], test_over_train=0.25)
        squares[i] = noise_budget(differences, plan=PLAN, trials=(0, 1))["half_width"] ** 2, alone.half_width**2
    error = squares.std(axis=0) / math.sqrt(n)
    assert abs(squares[:, 0].mean() - squares[:, 1].mean()) < 4 * math.hypot(*error)


def test_noise_of_the_folds_alone_and_of_the_seeds_alone_is_told_apart():
    rng = np.random.default_rng(5)
    folds = noise_budget(np.tile(rng.normal(0, 0.02, 15), (2, 1)), plan=PLAN, trials=(0, 1))
    assert (folds["sd_seeds"], folds["share_seeds"]) == (0.0, 0.0)
    assert folds["half_width_all_seeds"] == pytest.approx(folds["half_width"])
    seeds = rng.normal(0, 0.02, (5, 15))
    seeds = noise_budget(seeds - seeds.mean(axis=0), plan=PLAN, trials=(0, 1))
    assert (seeds["sd_folds"], seeds["share_seeds"], seeds["floor"]) == (0.0, 1.0, 0.0)


def test_equal_trials_have_no_noise_at_all():
    budget = noise_budget(np.zeros((5, 15)), plan=PLAN, trials=(0, 1))
    names = ("difference", "sd_folds", "sd_seeds", "share_seeds", "half_width", "half_width_all_seeds", "floor")
    assert [budget[name] for name in names] == [0.0] * 7


def test_repeats_of_a_holdout_have_no_floor():
    differences = simulate(np.random.default_rng(6), sd_folds=0.02, sd_seeds=0.01)
    assert noise_budget(differences, plan=HOLDOUT, trials=(0, 1))["floor"] == 0.0


def test_numbers_are_plain_ones():
    budget = noise_budget(simulate(np.random.default_rng(7), sd_folds=0.1, sd_seeds=0.1), plan=PLAN, trials=(0, 1))
    assert {type(value) for value in budget.values()} == {tuple, list, int, float}
    assert {type(value) for value in budget["ci95"]} == {float}


@pytest.mark.parametrize(
    "differences", [np.zeros((1, 15)), np.zeros((5, 1)), np.full((2, 2), np.nan), np.array([[0.0, np.inf], [0.0, 1.0]])]
)
def test_too_few_seeds_or_folds_and_broken_differences_are_refused(differences):
    for function in (components, lambda d: noise_budget(d, plan=PLAN, trials=(0, 1))):
        with pytest.raises(ValueError, match="two seeds and two folds") as caught:
            function(differences)
        assert str(caught.value) == f"two seeds and two folds or more, all finite, are needed, got {differences!r}"
