"""Claims about the three scores of one search."""

import pytest
from report_evidence import BIAS_CORRECTED, make_verdict
from report_summaries import failed_trial, make_summary, make_trial, pruned_trial

from tuner.report.scores import score_lines
from tuner.trial import FoldPlan

SINGLE = FoldPlan(kind="holdout", n_splits=1, n_repeats=1, test_over_train=0.0, n_scored_rows=9, sha256="0")


def test_scores_come_the_most_honest_first_and_the_raw_best_last():
    summary = make_summary(evidence={"bias_corrected": BIAS_CORRECTED, "verdict": make_verdict()})
    lines = score_lines(summary)
    assert [line.kind for line in lines] == ["honest", "partly corrected", "optimistic"]
    assert [line.mean for line in lines] == [0.9514, 0.9572, summary.best.value]
    assert lines[0].label == "honest: a new search in every fold"
    assert lines[1].label == "partly corrected: bootstrap over the rows (BBC)"
    assert lines[2].label == "optimistic: the best of 98 trials"
    assert lines[2].ci95 == [summary.best.interval.low, summary.best.interval.high]


@pytest.mark.parametrize(
    ("trials", "label"),
    [
        ((make_trial(0),), "optimistic: the only trial"),
        ((make_trial(0, center=0.9), pruned_trial(1, center=0.8)), "optimistic: the best of 2 trials"),
        ((make_trial(0), failed_trial(1)), "optimistic: the only trial"),
    ],
    ids=["one", "one and a pruned one", "one and a failed one"],
)
def test_trials_that_competed_are_counted(trials, label):
    assert [line.label for line in score_lines(make_summary(trials=trials))] == [label]


def test_single_fold_score_has_no_interval():
    summary = make_summary(folds=SINGLE, trials=(make_trial(0, folds=SINGLE, center=0.9),))
    assert score_lines(summary)[0].ci95 is None


def test_study_without_a_scored_trial_may_have_an_honest_score_only():
    assert score_lines(make_summary(trials=())) == ()
    lines = score_lines(make_summary(trials=(), evidence={"verdict": make_verdict()}))
    assert [line.kind for line in lines] == ["honest"]
