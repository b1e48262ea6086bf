"""Claims about the best trial beside the baselines."""

import numpy as np
import pytest
from report_summaries import FOLDS, baseline_trials, failed_trial, foreign_trials, make_summary, make_trial

from tuner.intervals import corrected_interval
from tuner.report.comparison import baselines, compare_baselines


def test_difference_is_paired_fold_by_fold_with_the_corrected_interval():
    summary = make_summary()
    best = summary.best
    for one in compare_baselines(summary):
        pairs = best.fold_scores[-1] - one.trial.fold_scores[-1]
        assert one.difference == corrected_interval(pairs, test_over_train=FOLDS.test_over_train)
        assert one.difference.mean == pytest.approx(best.value - one.trial.value)
        assert one.difference.half_width < best.interval.half_width


def test_baselines_come_in_the_order_none_sqrt_balanced():
    trials = tuple(reversed(baseline_trials()))
    assert [trial.origin for trial in baselines(make_summary(trials=trials))] == ["none", "sqrt", "balanced"]


def test_baseline_that_another_program_completed_has_no_difference():
    trials = (*foreign_trials(0), make_trial(2))
    (one,) = compare_baselines(make_summary(trials=trials))
    assert (one.trial.number, one.difference) == (1, None)


def test_best_baseline_has_no_difference_to_itself():
    summary = make_summary(n_trials=3)
    assert summary.best.origin == "sqrt"
    differences = {one.trial.origin: one.difference for one in compare_baselines(summary)}
    assert differences["sqrt"] is None
    assert differences["none"] is not None


def test_failed_baseline_has_no_difference():
    from dataclasses import replace

    trials = (replace(failed_trial(0), origin="none"), make_trial(1))
    assert compare_baselines(make_summary(trials=trials))[0].difference is None


def test_other_parameters_that_differ_are_named():
    same = make_trial(3, params={"minority_weight": 50.0, "hidden_size": 16, "epochs": 45}, center=0.99)
    wider = make_trial(3, params={"hidden_size": 32, "epochs": 45}, center=0.99)
    for best, differing in ((same, ()), (wider, ("hidden_size",))):
        trials = (baseline_trials()[0], best)
        assert compare_baselines(make_summary(trials=trials))[0].differing == differing


def test_study_without_a_complete_trial_compares_nothing():
    assert compare_baselines(make_summary(trials=(failed_trial(0),))) == ()
    assert np.isfinite(compare_baselines(make_summary())[0].difference.low)
