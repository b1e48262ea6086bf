"""Claims about the plan that `check` explains."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from check_configs import N_ROWS, columns
from check_configs import prepared as table_of

from tuner.check.plan import make_plan
from tuner.cli.plan import plan_text
from tuner.config.load import load_config
from tuner.prepared import prepare

SMOKE = Path(__file__).parents[2] / "configs" / "smoke.yaml"


def prepared(*overrides):
    """What is known of the smoke study, changed by overrides, before anything trains."""
    return prepare(load_config(SMOKE, overrides=overrides).config)


def plan(*overrides, threads=2):
    return make_plan(prepared(*overrides), threads=threads)


def test_plan_is_told_in_words():
    text = plan_text(replace(plan(), memory_bytes=1_234_567, seconds=100.0))
    assert text == (
        "data     make_classification(n_samples=500, n_features=2, random_state=4): 500 rows, 2 features, target y\n"
        "columns  2 numeric\n"
        "classes  0: 451, 1: 49; positive 1; imbalance ratio 9.204\n"
        "folds    stratified 3-fold x 1 repeat: at least 16 minority rows in each validation fold\n"
        "study    smoke: 6 trials x 3 models, roc_auc\n"
        "search   minority_weight 1 to 92.04, logarithmic\n"
        "         hidden_size 4 to 8\n"
        "         epochs 2 to 6\n"
        "fixed    majority_weight 1, hidden_layers 1, batch_size 32, learning_rate 0.01, momentum 0, l2 0,"
        " dropout 0, optimizer sgd, activation relu, standardize True\n"
        "first    minority_weight 1, hidden_size 6, epochs 4\n"
        "         minority_weight 3.034, hidden_size 6, epochs 4\n"
        "         minority_weight 9.204, hidden_size 6, epochs 4\n"
        "beside   72 models for the weight band and the noise budget\n"
        "at once  6 trials x 3 models\n"
        "memory   about 1.23 MB, beside 0.7 GB of TensorFlow and other libraries\n"
        "disk     about 12 kB of predictions\n"
        "time     very roughly 2 min of training; it depends on the machine\n"
        "checks   nothing found: no leaks, no rows repeated across folds, no ids, no constant columns\n"
        "         Nothing was trained."
    )


@pytest.mark.parametrize(
    ("splitter", "told"),
    [
        ("grouped", "grouped 3-fold x 1 repeat"),
        ("time", "3 folds in order of time"),
        ("predefined", "3 folds named by a column"),
    ],
)
def test_what_decides_the_folds_is_told(splitter, told):
    stratified = prepared()
    folds = replace(stratified.folds, plan=replace(stratified.folds.plan, splitter=splitter))
    assert make_plan(replace(stratified, folds=folds), threads=1).folds == told


def test_fewest_minority_rows_are_those_of_the_smaller_class_whichever_is_positive():
    assert plan("dataset.weights=[0.9]").fewest_minority_rows == 16
    assert plan("dataset.weights=[0.1]").fewest_minority_rows == 16


@pytest.mark.parametrize(
    ("overrides", "threads", "expected"),
    [
        ([], 1, 3),  # a batch holds 3, and batches share no stack
        ([], 2, 6),  # two batches are under way
        (["study.n_trials=100"], 3, 6),
        (["study.batch_size=8", "study.n_trials=100"], 1, 3),  # 9 models a stack: 3 trials of 3 folds
        (["study.batch_size=12", "study.n_trials=100"], 2, 6),
        (["study.batch_size=8"], 2, 6),  # the study holds 6
        (["study.batch_size=8", "training.trainer=sequential"], 2, 2),
    ],
)
def test_trials_at_once_fill_the_stacks_of_all_threads_and_never_exceed_two_batches(overrides, threads, expected):
    assert plan(*overrides, threads=threads).trials_at_once == expected


def test_models_beside_the_search_are_announced_and_take_their_time():
    bare = ("evidence={bootstraps: 0, band_weights: 0, noise_seeds: 0}",)
    assert (plan(*bare).evidence_models, plan().evidence_models) == (0, (16 + 2 * 4) * 3)
    assert plan().seconds / plan(*bare).seconds == pytest.approx((6 + 16 + 8) / 6)
    holdout = plan("cv={kind: holdout, n_train: 300, n_repeats: 7}")
    assert holdout.evidence_models == 16 * 7
    grouped = plan("cv.group=duplicates")
    assert grouped.evidence_models == (16 + 2 * 4) * 3
    judged = plan("verdict.enabled=true", "verdict.n_trials=10", "verdict.arms=[none, tuned]")
    arms = 4  # those two, and both at the learning rate of the config
    assert judged.verdict_models == 3 * ((arms * 10 + 16) * 3 + arms)
    assert "\nverdict  516 models, a new search in every fold for every arm\n" in plan_text(judged)
    assert judged.seconds > plan().seconds


def test_verdict_of_more_classes_counts_the_arms_that_go_with_them(tmp_path):
    cells = columns(grade=[("low", "high", "middle")[i % 3] for i in range(N_ROWS)])
    sections = {
        "dataset": {"target": "grade", "drop": ["y"]},
        "scoring": {"metric": "balanced_accuracy"},
        "verdict": {"enabled": True, "n_trials": 10, "arms": ["none", "tuned", "focal_loss"]},
    }
    arms = 4  # without focal loss, and both at the learning rate of the config
    assert make_plan(table_of(tmp_path, cells, **sections), threads=1).verdict_models == 5 * (
        (arms * 10 + 16) * 3 + arms
    )


def test_time_of_the_sequential_trainer_is_not_estimated():
    assert plan("training.trainer=stacked").seconds > 0
    sequential = plan("training.trainer=sequential")
    assert sequential.seconds is None
    assert "time     not estimated: trainer sequential is plain Keras, one fold at a time\n" in plan_text(sequential)


def test_predictions_beyond_their_budget_are_announced_with_the_key():
    assert plan("study.predictions.max_bytes=12000").notices == []
    small = plan("study.predictions.max_bytes=11999")
    assert small.notices == [
        "`run` will refuse this: study.predictions.max_bytes is 11,999, but the predictions of 6 trials take 12,000"
        " bytes (1 repeats x 500 rows x 4 bytes each).\n"
        "Raise study.predictions.max_bytes to 12000, or set study.predictions.keep: false."
    ]
    assert "\nnote     `run` will refuse this: study.predictions.max_bytes" in plan_text(small)
    assert plan("study.predictions={max_bytes: 11999, keep: false}").notices == []


def test_columns_are_told_by_kind_with_what_they_become(tmp_path):
    rng = np.random.default_rng(0)
    words = [["red", "green", "blue"][i] for i in rng.integers(0, 3, N_ROWS)]
    gaps = [None if i % 4 == 1 else value for i, value in enumerate(rng.normal(size=N_ROWS))]
    flags = [bool(i) for i in rng.integers(0, 2, N_ROWS)]
    cells = columns(word=words, gaps=gaps, flag=flags, row=range(N_ROWS), one=[1] * N_ROWS)
    told = make_plan(table_of(tmp_path, cells), threads=1)
    assert told.columns == {"numeric": 3, "categorical": 1, "boolean": 1}
    assert (told.features, told.encoded_features) == (5, 8)
    assert told.left_out == {
        "row": "id: 300 distinct whole numbers in row order",
        "one": "constant: every cell is 1",
    }
    assert (
        "\ncolumns  3 numeric, 1 categorical, 1 boolean; 8 numbers after encoding; left out: 1 id, 1 constant\n"
        in plan_text(told)
    )


def test_findings_of_table_and_training_come_together_warnings_first(tmp_path):
    cells = columns(row=range(N_ROWS), income=np.random.default_rng(1).normal(1e4, 1, N_ROWS))
    options = {"training": {"standardize": False}, "search_space": {"minority_weight": 1.0}}
    told = make_plan(table_of(tmp_path, cells, **options), threads=1)
    assert [(one.level, one.subject) for one in told.findings] == [
        ("warning", "columns of large numbers that are not standardized"),
        ("info", "left out as ids"),
        ("info", "class weights are not searched"),
    ]
    text = plan_text(told, files={"picture": "small_data.png"})
    assert text.endswith(
        "info     class weights are not searched: every trial has the same (minority_weight 1). Give\n"
        "         search_space.minority_weight a range to learn what weights change.\n"
        "picture  small_data.png\n"
        "         Nothing was trained."
    )
