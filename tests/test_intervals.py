"""Corrected intervals and paired tests."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tuner.intervals import corrected_interval, paired_p_value

SCORES = st.lists(st.floats(-10, 10, width=32), min_size=2, max_size=40)


@given(SCORES, st.sampled_from([0.0, 0.25, 1.0]), st.sampled_from([0.9, 0.95]))
def test_interval_is_the_corrected_resampled_t_interval(scores, ratio, level):
    interval = corrected_interval(scores, test_over_train=ratio, level=level)
    n, s = len(scores), np.std(scores, ddof=1)
    half = stats.t.ppf(0.5 + level / 2, n - 1) * s * np.sqrt(1 / n + ratio)
    assert interval.mean == pytest.approx(np.mean(scores))
    assert interval.half_width == pytest.approx(half, abs=1e-12)
    assert interval.std == pytest.approx(s)


def test_without_overlap_it_is_the_ordinary_t_interval():
    scores = [0.1, 0.4, 0.35, 0.8]
    interval = corrected_interval(scores, test_over_train=0.0)
    low, high = stats.t.interval(0.95, 3, np.mean(scores), stats.sem(scores))
    assert (interval.low, interval.high) == (pytest.approx(low), pytest.approx(high))


@given(st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=30))
def test_p_value_and_interval_agree(differences):
    p = paired_p_value(differences, test_over_train=0.25)
    interval = corrected_interval(differences, test_over_train=0.25)
    if abs(interval.mean) > 1.001 * interval.half_width:
        assert p < 0.05
    if abs(interval.mean) < 0.999 * interval.half_width:
        assert p > 0.05


def test_interval_covers_the_mean_of_correlated_folds_where_the_naive_one_does_not():
    """Fold scores of correlation 1/k, as the correction assumes: 15 scores, k = 5."""
    rng = np.random.default_rng(0)
    k, n, runs = 5, 15, 2000
    shared = rng.normal(size=(runs, 1)) * np.sqrt(1 / k)
    scores = shared + rng.normal(size=(runs, n)) * np.sqrt(1 - 1 / k)
    covered = [(i.low <= 0 <= i.high) for i in (corrected_interval(s, test_over_train=1 / (k - 1)) for s in scores)]
    naive = [(i.low <= 0 <= i.high) for i in (corrected_interval(s, test_over_train=0.0) for s in scores)]
    assert 0.935 < np.mean(covered) < 0.965
    assert np.mean(naive) < 0.75


def test_one_score_has_an_infinitely_wide_interval():
    interval = corrected_interval([0.7], test_over_train=0.25)
    assert (interval.mean, interval.low, interval.high) == (0.7, -np.inf, np.inf)
    assert np.isnan(interval.std)


@pytest.mark.parametrize("differences", [[0.0, 0.0], [0.5, 0.5]])
def test_differences_without_spread_are_certain(differences):
    assert paired_p_value(differences, test_over_train=0.25) == (1.0 if differences[0] == 0 else 0.0)


@pytest.mark.parametrize("scores", [[], [np.nan, 1.0], [np.inf]])
def test_scores_that_are_not_numbers_are_refused(scores):
    with pytest.raises(ValueError, match="finite"):
        corrected_interval(scores, test_over_train=0.25)
    with pytest.raises(ValueError, match="finite"):
        paired_p_value(scores, test_over_train=0.25)


@pytest.mark.parametrize("level", [0.0, 1.0, 95])
def test_level_must_be_a_share(level):
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        corrected_interval([1.0, 2.0], test_over_train=0.25, level=level)
