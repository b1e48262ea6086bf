"""Claims about the plan that `check` explains."""

from dataclasses import replace
from math import ceil
from pathlib import Path

import pytest

from tuner.check import make_plan
from tuner.cli.show import plan_text
from tuner.config.load import load_config
from tuner.run import prepare
from tuner.training.stack import STREAM_BYTES

SMOKE = Path(__file__).parents[1] / "configs" / "smoke.yaml"


def prepared(*overrides):
    """What is known of the smoke study, changed by overrides, before anything trains."""
    return prepare(load_config(SMOKE, overrides=overrides).config)


def plan(*overrides, threads=2):
    return make_plan(prepared(*overrides), threads=threads)


def test_plan_is_told_in_words():
    text = plan_text(replace(plan(), memory_bytes=1_234_567, seconds=100.0))
    assert text == (
        "data     make_classification(n_samples=500, n_features=2, random_state=4): 500 rows, 2 features, target y\n"
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
        "at once  6 trials x 3 models\n"
        "memory   about 1.23 MB for training, beside TensorFlow's own 0.6 GB\n"
        "disk     about 12 kB of predictions\n"
        "time     very roughly 2 min of training; it depends on the machine\n"
        "checks   nothing found: no leaks, no rows repeated across folds, no ids, no constant columns\n"
        "         Nothing was trained."
    )


def test_fewest_minority_rows_are_those_of_the_smaller_class_whichever_is_positive():
    assert plan("dataset.weights=[0.9]").fewest_minority_rows == 16
    assert plan("dataset.weights=[0.1]").fewest_minority_rows == 16


@pytest.mark.parametrize(
    ("overrides", "threads", "expected"),
    [
        ([], 1, 3),  # a batch holds 3, and batches share no stack
        ([], 2, 6),  # two batches are under way
        (["study.n_trials=100"], 3, 6),
        (["study.batch_size=8", "study.n_trials=100"], 1, 5),  # 15 models a stack: 5 trials of 3 folds
        (["study.batch_size=12", "study.n_trials=100"], 2, 10),
        (["study.batch_size=8"], 2, 6),  # the study holds 6
        (["study.batch_size=8", "training.trainer=sequential"], 2, 2),
    ],
)
def test_trials_at_once_fill_the_stacks_of_all_threads_and_never_exceed_two_batches(overrides, threads, expected):
    assert plan(*overrides, threads=threads).trials_at_once == expected


def test_memory_counts_the_batch_orders_that_are_kept():
    folds = prepared().folds
    steps = ceil(max(map(len, folds.train)) / 32)
    grown = plan("search_space.epochs={low: 2, high: 1006}").memory_bytes - plan().memory_bytes
    assert grown == 4 * 3 * steps * 32 * 1000
    most = [plan(f"search_space.epochs={{low: 2, high: {high}}}").memory_bytes for high in (90_000, 100_000)]
    assert most[0] == most[1]
    assert most[0] - plan().memory_bytes == STREAM_BYTES - 4 * 3 * steps * 32 * 6


def test_memory_grows_with_threads_until_each_trial_under_way_has_one():
    sizes = [plan(threads=threads).memory_bytes for threads in (1, 2, 6, 7)]
    assert sizes[0] < sizes[1] < sizes[2] == sizes[3]


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
