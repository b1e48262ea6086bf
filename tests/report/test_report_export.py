"""Claims about best_weights.json as written."""

import json
import multiprocessing
import os
import random
import subprocess
import sys
import time

import pytest
from report_evidence import BIAS_CORRECTED, make_evidence, make_threshold
from report_summaries import HOLDOUT, failed_trial, foreign_trials, make_data, make_summary, make_trial

from tuner.errors import StudyError
from tuner.report.export import best_weights, best_weights_text, write_best_weights
from tuner.trial import FoldPlan


def test_export_has_exactly_the_keys_of_the_contract_in_their_order():
    weights = best_weights(make_summary())
    assert list(weights) == [
        *("schema", "study", "created_at", "target", "task", "classes", "label_type", "positive_class"),
        "class_weight",
        *("params", "score", "corrected_score", "weight_band", "threshold", "probability_correction", "verdict"),
        *("dataset", "trial", "n_trials", "seed", "versions"),
    ]
    assert list(weights["params"]) == [
        *("minority_weight", "hidden_size", "epochs", "learning_rate", "batch_size", "optimizer", "activation"),
        *("majority_weight", "hidden_layers", "momentum", "l2", "dropout", "standardize"),
    ]
    assert list(weights["score"]) == ["metric", "mean", "std", "ci95", "n_splits", "n_repeats"]
    assert list(weights["dataset"]) == ["rows", "class_counts", "sha256"]
    assert list(weights["versions"]) == ["tuner", "keras", "tensorflow", "optuna"]


def test_export_holds_the_best_trial_and_the_facts_of_the_study():
    summary = make_summary(n_trials=20)
    best, weights = summary.best, best_weights(summary)
    assert weights["schema"] == "tuner.best_weights/1"
    assert weights["trial"] == best.number
    assert weights["class_weight"] == {"0": 1.0, "1": best.params["minority_weight"]}
    assert weights["params"] == best.resolved
    assert weights["score"]["mean"] == best.value
    assert weights["score"]["ci95"] == [best.interval.low, best.interval.high]
    assert weights["n_trials"] == 20
    assert weights["dataset"]["class_counts"] == {"0": 9_900, "1": 100}
    assert weights["positive_class"] == "1"


def test_evidence_that_is_worth_taking_away_is_exported():
    evidence = make_evidence()
    weights = best_weights(make_summary(n_trials=3, evidence=evidence))
    band, verdict = evidence["weight_band"], evidence["verdict"]
    assert weights["corrected_score"] == {"bbc": BIAS_CORRECTED, "nested": verdict["nested"]}
    assert list(weights["weight_band"]) == ["low", "high", "best", "recommended", "points"]
    for name in ("low", "high", "best", "recommended"):
        assert weights["weight_band"][name] == band[name]
    assert weights["weight_band"]["points"] == [
        {"weight": point["weight"], "mean": point["mean"], "ci95": point["ci95"]} for point in band["points"]
    ]
    assert weights["threshold"] == make_threshold()
    assert weights["probability_correction"] == {
        "method": "intercept",
        "logit_shift": -3.1021,
        "analytic_shift": -3.4532,
        "fitted_shift": -3.1021,
    }
    names = ("sentence", "conclusion", "primary", "metric", "margin", "n_folds", "what_would_settle_it")
    assert weights["verdict"] == {name: verdict[name] for name in names}
    assert list(weights["verdict"]) == list(names)


def test_evidence_that_a_study_does_not_have_is_null():
    weights = best_weights(make_summary(n_trials=3))
    assert weights["corrected_score"] == {"bbc": None, "nested": None}
    for name in ("weight_band", "threshold", "probability_correction", "verdict"):
        assert weights[name] is None
    partly = best_weights(make_summary(n_trials=3, evidence={"bias_corrected": BIAS_CORRECTED}))
    assert partly["corrected_score"] == {"bbc": BIAS_CORRECTED, "nested": None}


def test_evidence_that_json_cannot_hold_is_refused():
    evidence = {"bias_corrected": BIAS_CORRECTED | {"mean": float("nan")}}
    with pytest.raises(ValueError, match="not JSON compliant"):
        best_weights_text(make_summary(n_trials=3, evidence=evidence))


def test_exported_evidence_is_the_same_after_the_database_has_held_it():
    summary = make_summary(n_trials=3, evidence=make_evidence())
    stored = json.loads(json.dumps(make_evidence()))
    assert best_weights_text(summary) == best_weights_text(make_summary(n_trials=3, evidence=stored))


def test_majority_weight_reaches_the_negative_label():
    trial = make_trial(0, params={"majority_weight": 0.25, "minority_weight": 7.0})
    weights = best_weights(make_summary(trials=(trial,), data=make_data(classes=("good", "bad"))))
    assert weights["class_weight"] == {"good": 0.25, "bad": 7.0}


def test_writing_twice_gives_the_same_bytes(tmp_path):
    for name in ("a.json", "b.json"):
        write_best_weights(make_summary(evidence=make_evidence()), tmp_path / name)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_single_fold_score_is_exported_without_spread_or_interval():
    folds = FoldPlan(
        kind="holdout", n_splits=1, n_repeats=1, test_over_train=1.0, n_scored_rows=HOLDOUT.n_scored_rows, sha256="0"
    )
    score = best_weights(make_summary(folds=folds, n_trials=3))["score"]
    assert score["std"] is None
    assert score["ci95"] is None


NO_WEIGHTS = 'no trial of study "default" completed, so there are no weights to export.\n'


@pytest.mark.parametrize(
    ("summary", "message"),
    [
        (
            make_summary(n_trials=10, trials=(failed_trial(0),)),
            "1 of 10 trials finished, 1 failed.\nThe first failure: the loss became NaN in epoch 3\n"
            "Go on with `python -m tuner run`.",
        ),
        (
            make_summary(n_trials=1, trials=(failed_trial(0),)),
            "1 of 1 trials finished, 1 failed.\nThe first failure: the loss became NaN in epoch 3\n"
            "Running it again trains nothing: correct the cause, then give the study another study.name.",
        ),
        (make_summary(n_trials=10, trials=()), "0 of 10 trials finished, 0 failed.\nGo on with `python -m tuner run`."),
        (
            make_summary(n_trials=10, trials=tuple(foreign_trials(0))),
            "2 of 10 trials finished, 0 failed.\nGo on with `python -m tuner run`.",
        ),
    ],
    ids=["some failed", "all failed", "nothing done", "another program's"],
)
def test_no_weights_are_exported_when_no_trial_completed(tmp_path, summary, message):
    with pytest.raises(StudyError) as caught:
        write_best_weights(summary, tmp_path / "best_weights.json")
    assert str(caught.value) == NO_WEIGHTS + message
    assert list(tmp_path.iterdir()) == []


def test_value_that_json_cannot_hold_is_refused():
    trial = make_trial(0, params={"minority_weight": float("inf")}, center=0.9)
    with pytest.raises(ValueError, match="not JSON compliant"):
        best_weights_text(make_summary(trials=(trial,)))


def _write_for_ever(path, summaries):
    while True:
        for summary in summaries:
            write_best_weights(summary, path)


def test_reader_never_sees_a_torn_export_while_writers_are_killed(tmp_path):
    path = tmp_path / "best_weights.json"
    summaries = (make_summary(n_trials=10), make_summary(n_trials=60))
    whole = {best_weights_text(summary) for summary in summaries}
    write_best_weights(summaries[0], path)
    fork, moments, n_reads = multiprocessing.get_context("fork"), random.Random(5), 0
    for _ in range(20):
        writer = fork.Process(target=_write_for_ever, args=(path, summaries))
        writer.start()
        end = time.monotonic() + moments.uniform(0.01, 0.08)
        while time.monotonic() < end:
            text = path.read_text(encoding="utf-8")
            assert text in whole
            n_reads += 1
        os.kill(writer.pid, 9)
        writer.join()
    json.loads(path.read_text(encoding="utf-8"))
    assert n_reads >= 1_000


def test_reading_and_writing_weights_loads_no_heavy_library():
    code = (
        "import sys, tuner.report.export\n"
        "heavy = {'tensorflow', 'keras', 'optuna', 'sklearn', 'pandas', 'matplotlib', 'jinja2'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
