"""Results in words: whole texts for people."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from report.report_evidence import (
    BIAS_CORRECTED,
    NO_THRESHOLD,
    make_arm,
    make_band,
    make_evidence,
    make_noisy_verdict,
    make_verdict,
)
from report.report_summaries import (
    baseline_trials,
    failed_trial,
    foreign_trials,
    make_data,
    make_summary,
    make_trial,
    pruned_trial,
)

from tuner.analysis.wording import Rate, label
from tuner.check.plan import make_plan
from tuner.cli import show
from tuner.cli.plan import bytes_text, plan_text
from tuner.config.load import load_config
from tuner.prepared import prepare
from tuner.report.export import best_weights
from tuner.run import RunResult
from tuner.timing import Span, account
from tuner.trial import FoldPlan

SMOKE = Path(__file__).parents[2] / "configs" / "smoke.yaml"
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
    assert bytes_text(n) == text


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


def test_status_leads_with_the_verdict_and_what_would_settle_it():
    lines = show.status_text(make_summary(n_trials=3, evidence={"verdict": make_noisy_verdict()})).splitlines()
    assert lines[:3] == [
        "verdict  On this table it is too noisy to tell whether class weights help.",
        "         about 40 more repeats of the folds, or roughly 3.4 times as many rows.",
        "study    default, on make_classification(n_samples=10000, weights=[0.99], random_state=4)",
    ]


def test_status_ends_with_the_honest_score_the_band_and_the_threshold():
    summary = make_summary(evidence=make_evidence())
    text = show.status_text(summary)
    best = f"{summary.best.value:.4f}"
    assert text.splitlines()[-5:] == [
        f"honest     0.9514 +- 0.0180 (nested) / 0.9572 (BBC, partly corrected) / raw best {best}",
        "band       weights 6.293 to 249.2 do as well as the best of the sweep, 39.6, as far as these folds",
        "           can tell",
        "threshold  probability above 0.8497 (0.2026 after the correction), the threshold of greatest f1:",
        "           recall 0.620, precision 0.575, 108 rows called",
    ]


def test_partly_corrected_score_is_not_called_honest():
    summary = make_summary(n_trials=3, evidence={"bias_corrected": BIAS_CORRECTED})
    last = show.status_text(summary).splitlines()[-1]
    assert last == f"corrected  0.9572 (BBC, partly corrected) / raw best {summary.best.value:.4f}"


def test_band_of_one_weight_and_missing_threshold_are_told():
    evidence = {"weight_band": make_band(low=30.0, high=41.0), "threshold": NO_THRESHOLD}
    assert show.status_text(make_summary(n_trials=3, evidence=evidence)).splitlines()[-3:] == [
        "band       no other weight of the sweep does as well as 39.6",
        "threshold  none: the training rows of a fold hold 12 positive rows, fewer than the 20 that a",
        "           threshold needs.",
    ]


def test_verdict_is_a_table_of_arms_below_the_sentence_within_a_hundred_columns():
    text = show.verdict_text(make_noisy_verdict())
    assert text.splitlines()[:7] == [
        "On this table it is too noisy to tell whether class weights help.",
        "",
        "about 40 more repeats of the folds, or roughly 3.4 times as many rows.",
        "",
        "                                  roc_auc           minus none         weight  rate   models  p",
        "no weights                        0.9506 +- 0.0180                     1       0.104  1,095",
        "weight sqrt(imbalance ratio)      0.9531 +- 0.0180  +0.0025 +- 0.0060  9.95    0.104  1,095   1.000",
    ]
    assert "\ndummy                             0.5000 +- 0.0200\n" in text
    assert text.endswith(
        "Fixed beforehand: tuned - none, +0.0120 +- 0.0220, 90 % interval -0.0060 to +0.0300, margin 0.01.\n"
        "Every other difference is secondary: Bonferroni's interval, Holm's p.\n\n"
        "SMOTE took 3 neighbors in 2 of 15 folds, which hold too few positive rows for 5."
    )
    assert max(map(len, text.splitlines())) <= 100


def test_verdict_of_more_classes_is_a_table_of_exponents_within_a_hundred_columns():
    verdict = make_noisy_verdict() | {"task": "multiclass", "metric": "balanced_accuracy"}
    arms = [arm | {"label": label(arm["name"], RATE, task="multiclass")} for arm in verdict["arms"]]
    lines = show.verdict_text(verdict | {"arms": arms}).splitlines()
    assert lines[4].split() == ["balanced_accuracy", "minus", "none", "exponent", "rate", "models", "p"]
    assert any(line.startswith("exponent searched ") for line in lines)
    assert max(map(len, lines)) <= 100


def test_verdict_of_one_fold_shows_no_intervals():
    alone = make_arm("tuned", 0.95, half=None) | {"against_none": None}
    verdict = make_verdict(sentence="Nothing to compare.", primary=None, arms=[alone], references=[], notes=[])
    assert show.verdict_text(verdict) == (
        "Nothing to compare.\n\n"
        "                 roc_auc  minus none  weight  rate   models  p\n"
        "weight searched  0.9500               31.6    0.104  1,095"
    )


def test_verdict_as_an_object_is_the_record_with_the_keys_of_the_contract_first():
    verdict = make_verdict()
    shown = show.verdict_object(verdict)
    assert list(shown)[:6] == ["sentence", "conclusion", "primary", "arms", "references", "what_would_settle_it"]
    assert shown == verdict


EVIDENCE_KEYS = ("corrected_score", "weight_band", "threshold", "probability_correction", "verdict")


@pytest.mark.parametrize("evidence", [{}, make_evidence()], ids=["none", "all"])
def test_status_as_an_object_holds_the_evidence_of_the_exported_weights(evidence):
    summary = make_summary(n_trials=3, evidence=evidence)
    status, exported = show.status_object(summary), best_weights(summary)
    assert list(status)[-6:] == ["best", *EVIDENCE_KEYS]
    assert {name: status[name] for name in EVIDENCE_KEYS} == {name: exported[name] for name in EVIDENCE_KEYS}
    json.dumps(status, allow_nan=False)


def test_partly_corrected_score_alone_is_told_without_a_nested_one():
    summary = make_summary(n_trials=3, evidence={"bias_corrected": BIAS_CORRECTED})
    assert show.status_object(summary)["corrected_score"] == {"bbc": BIAS_CORRECTED, "nested": None}


def test_object_of_a_run_holds_the_evidence_as_status_does():
    summary = make_summary(n_trials=3, evidence=make_evidence())
    time = account((), began=0.0, ended=1.0, threads=1)
    result = RunResult(summary=summary, files={}, seconds=1.0, train_seconds=0.0, models_trained=0, time=time)
    shown, status = show.run_object(result), show.status_object(summary)
    assert list(shown)[-10:] == [*EVIDENCE_KEYS, "seconds", "train_seconds", "models_trained", "time", "files"]
    assert {name: shown[name] for name in EVIDENCE_KEYS} == {name: status[name] for name in EVIDENCE_KEYS}


RATE = Rate(searched="0.001 to 0.3", fixed=None)


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision", "balanced_accuracy"])
def test_verdict_with_the_longest_labels_and_numbers_stays_within_a_hundred_columns(metric):
    verdict = make_noisy_verdict()
    arms = [arm | {"label": label(arm["name"], RATE), "weights": (1.0, 12_345.6, 1e6)} for arm in verdict["arms"]]
    references = [one | {"label": label(one["name"], RATE)} for one in verdict["references"]]
    arms.append(arms[-1] | {"label": "a network trained with " + "many " * 8 + "words"})
    text = show.verdict_text(verdict | {"arms": arms, "references": references, "metric": metric})
    assert max(map(len, text.splitlines())) <= 100
    table = text.split("\n\n")[2].splitlines()
    column = table[0].index(metric)
    labels = [[table[1][:column].strip()]]
    for line in table[2:]:
        if line.startswith("  "):
            labels[-1].append(line.strip())
        else:
            labels.append([line[:column].strip()])
    assert [" ".join(parts) for parts in labels] == [one["label"] for one in (*arms, *references)]


@pytest.fixture(scope="module")
def smoke_plan():
    return make_plan(prepare(load_config(SMOKE).config), threads=1)


def class_lines(plan, task, classes):
    """Return what is told of classes and folds of a plan, had its table these classes."""
    ratio = max(classes.values()) / min(classes.values())
    plan = replace(plan, task=task, classes=classes, positive_class=None, imbalance_ratio=ratio)
    told = ("classes", "labels", "folds")
    return [" ".join(line.split()) for line in plan_text(plan).splitlines() if line.startswith(told)]


def test_plan_tells_the_rows_of_every_class_and_what_the_imbalance_is_of(smoke_plan):
    assert class_lines(smoke_plan, "multiclass", {"bus": 40, "car": 59, "van": 10}) == [
        "classes bus: 40, car: 59, van: 10; imbalance ratio (largest / smallest class) 5.9",
        "folds stratified 3-fold x 1 repeat: at least 16 rows of each class in each validation fold",
    ]


def test_plan_tells_the_rows_with_every_label(smoke_plan):
    assert class_lines(smoke_plan, "multilabel", {"red": 40, "round": 10}) == [
        "labels red: 40, round: 10; imbalance ratio of the rarest label 4",
        "folds stratified 3-fold x 1 repeat: at least 16 rows with each label in each validation fold",
    ]


def test_plan_of_many_classes_tells_the_largest_and_the_smallest(smoke_plan):
    many = {f"c{k}": 1_000 * (k + 1) for k in range(30)}
    assert class_lines(smoke_plan, "multiclass", many)[0] == (
        "classes 30, from c29: 30,000 to c0: 1,000; imbalance ratio (largest / smallest class) 30"
    )
