"""Results in words: whole texts for people."""

from dataclasses import replace

import pytest
from report.report_summaries import (
    baseline_trials,
    failed_trial,
    foreign_trials,
    make_data,
    make_summary,
    make_trial,
    pruned_trial,
)

from tuner.cli import show
from tuner.timing import Span, account
from tuner.trial import FoldPlan

SINGLE = FoldPlan(kind="holdout", n_splits=1, n_repeats=1, test_over_train=0.0, n_scored_rows=9, sha256="0")


def test_status_tells_counts_the_best_and_the_baselines_beside_it():
    weighted = replace(
        make_trial(3, params={"minority_weight": 12_345.6}, center=0.99), params={"minority_weight": 12_345.6}
    )
    summary = make_summary(n_trials=9, trials=(*baseline_trials(), weighted, failed_trial(4)))
    lines = show.status_text(summary).splitlines()
    assert lines[:2] == [
        "study    default, on make_classification(n_samples=10000, weights=[0.99], random_state=4)",
        "trials   5 of 9 finished (4 complete, 0 pruned, 1 failed, 0 running)",
    ]
    scores = [f"{t.value:.4f} +- {t.interval.half_width:.4f}" for t in summary.trials[:4]]
    assert lines[2:] == [
        f"best     {scores[3]} roc_auc on this table (trial 3)",
        "         minority_weight 12,346",
        "weights  {0: 1, 1: 12,346}",
        f"beside   {scores[0]} with {{0: 1, 1: 1}}, no weights",
        f"         {scores[1]} with {{0: 1, 1: 9.95}}, square root of the imbalance ratio",
        f"         {scores[2]} with {{0: 1, 1: 99}}, imbalance ratio",
    ]


def test_status_tells_when_trials_were_pruned():
    summary = make_summary(n_trials=9, trials=(*baseline_trials(), pruned_trial(3), pruned_trial(4, center=0.999)))
    lines = show.status_text(summary).splitlines()
    assert lines[1:3] == [
        "trials   5 of 9 finished (3 complete, 2 pruned, 0 failed, 0 running)",
        "pruned   2 after 1 of 3 repeats",
    ]
    assert "(trial 4)" not in lines[3]


def test_single_fold_score_is_shown_without_a_spread():
    text = show.status_text(make_summary(trials=(make_trial(0, folds=SINGLE, center=0.9),), folds=SINGLE))
    assert "+-" not in text
    assert "inf" not in text


@pytest.mark.parametrize("extra", [(), (make_trial(2),)])
def test_complete_trials_that_another_program_made_are_counted_but_never_the_best(extra):
    summary = make_summary(trials=(*foreign_trials(0), *extra))
    text = show.status_text(summary)
    assert f"({2 + len(extra)} complete, " in text
    assert "no weights" not in text
    assert show.status_object(summary)["best"] == (
        show.status_object(make_summary(trials=extra))["best"] if extra else None
    )


def test_text_with_line_breaks_keeps_to_its_column():
    text = show.status_text(make_summary(n_trials=3, data=make_data(source="one\ntwo")))
    assert text.startswith("study    default, on one\n         two\ntrials   ")


@pytest.mark.parametrize(
    ("n", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1 kB"),
        (999_499, "999 kB"),
        (999_600_000, "1 GB"),
        (1_234_567_890, "1.23 GB"),
        (12_345_600_000_000_000, "12,346 TB"),
    ],
)
def test_bytes_read_without_an_exponent(n, text):
    assert show._bytes(n) == text


SPANS = (
    Span("import", 1, 0.0, 4.1),
    Span("train", 2, 6.0, 47.0),
    Span("train", 3, 6.0, 44.5),
    Span("ask", 1, 5.0, 5.04),
)


@pytest.mark.parametrize(
    ("spans", "threads", "n_models", "text"),
    [
        (SPANS, 2, 1_500, "52.3 s: 41.0 training 1,500 models on 2 cores (3 % idle), 7.2 other, 4.1 import"),
        (SPANS[:2], 1, 1, "52.3 s: 41.0 training 1 model on 1 core (0 % idle), 7.2 other, 4.1 import"),
        (SPANS[:1], 2, 0, "52.3 s: 48.2 other, 4.1 import"),
    ],
)
def test_time_of_a_run_is_one_line_with_training_first_and_the_rest_by_length(spans, threads, n_models, text):
    assert show.time_text(account(spans, began=0.0, ended=52.3, threads=threads), n_models=n_models) == text


def test_time_that_rounds_to_nothing_is_still_a_line():
    assert show.time_text(account((), began=0.0, ended=0.04, threads=1), n_models=0) == "0.0 s"
