"""Claims about the plan that `check` explains."""

import subprocess
import sys
from dataclasses import replace
from math import ceil
from pathlib import Path

import pytest

from tuner.check import PROGRAM_BYTES, make_plan
from tuner.cli.show import plan_text
from tuner.config.load import load_config
from tuner.run import prepare

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
        "beside   72 models for the weight band and the noise budget\n"
        "at once  6 trials x 3 models\n"
        "memory   about 1.23 MB, beside 0.7 GB of TensorFlow and other libraries\n"
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
        (["study.batch_size=8", "study.n_trials=100"], 1, 3),  # 9 models a stack: 3 trials of 3 folds
        (["study.batch_size=12", "study.n_trials=100"], 2, 6),
        (["study.batch_size=8"], 2, 6),  # the study holds 6
        (["study.batch_size=8", "training.trainer=sequential"], 2, 2),
    ],
)
def test_trials_at_once_fill_the_stacks_of_all_threads_and_never_exceed_two_batches(overrides, threads, expected):
    assert plan(*overrides, threads=threads).trials_at_once == expected


def test_memory_counts_the_batch_orders_that_are_kept(monkeypatch):
    steps = ceil(max(map(len, prepared().folds.train)) / 32)

    def memory(epochs):
        return plan(f"search_space.epochs={{low: 2, high: {epochs}}}").memory_bytes

    assert memory(1008) - memory(8) == 4 * 3 * steps * 32 * 1000
    monkeypatch.setattr("tuner.check.STREAM_BYTES", 4 * 3 * steps * 32 * 100)
    assert memory(101) == memory(100) == memory(99) + 4 * 3 * steps * 32


def test_memory_counts_predictions_that_wait_for_their_batch_and_those_being_written():
    of_a_trial = 500 * 4

    def memory(**study):
        study = (f"study.{key}={value}" for key, value in study.items())
        return plan("evidence.bootstraps=0", *study, threads=1).memory_bytes

    assert memory() - memory(predictions="{keep: false}") == 3 * of_a_trial
    assert memory(n_trials=6) - memory(n_trials=5) == of_a_trial
    assert memory(n_trials=7) == memory(n_trials=6)


def test_memory_counts_the_table_as_array_and_tensor_and_the_row_numbers_once():
    fixed = "evidence.bootstraps=0", "cv={kind: holdout, n_train: 300, n_repeats: 7}"
    rows = {n: plan(f"dataset.n_samples={n}", *fixed) for n in (500, 501)}
    waiting_and_written = (6 + 3) * 7 * 4
    logits_of_six_checkpoints = 4 * 7 * 6
    each = 2 * 4 * 3 + 4 + waiting_and_written + 2 * logits_of_six_checkpoints
    assert rows[501].memory_bytes - rows[500].memory_bytes == each


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], 1),
        (["search_space.hidden_size=[17, 30, 32, 33]"], 2),
        (["search_space.hidden_size={low: 1, high: 4096, log: true}", "study.n_trials=100"], 9),
        (["search_space.hidden_size={low: 1, high: 4096, log: true}"], 6),  # one for each trial
        (["search_space.optimizer=[sgd, adam]", "search_space.activation=[relu, tanh]"], 4),
        (["search_space.learning_rate={low: 0.1, high: 0.2}", "search_space.l2={low: 0, high: 0.2}"], 1),
        (["study.trials=[{hidden_size: 9}, {hidden_size: 8}, {hidden_size: 90}]"], 2),
        (["training.trainer=sequential"], None),
    ],
)
def test_memory_counts_the_programs_that_are_compiled(overrides, expected, monkeypatch):
    before = plan(*overrides).memory_bytes
    monkeypatch.setattr("tuner.check.PROGRAM_BYTES", PROGRAM_BYTES + 1)
    assert plan(*overrides).memory_bytes - before == (expected or 0)


def test_memory_counts_the_samples_of_rows_up_to_what_one_pass_takes(monkeypatch):
    none, some = (plan(f"evidence.bootstraps={n}").memory_bytes for n in (0, 1000))
    assert some - none == 2 * 2 * 500 * 1000
    monkeypatch.setattr("tuner.check.TALLY_BYTES", 1000)
    assert plan().memory_bytes - none == 2000


def test_a_race_holds_one_repeat_at_a_time():
    memory = [plan("cv.n_repeats=6", f"racing.enabled={on}").memory_bytes for on in ("true", "false")]
    assert memory[0] < memory[1]


def test_memory_is_that_of_loading_where_a_table_is_large_and_training_small(monkeypatch):
    monkeypatch.setattr("tuner.check.TENSORFLOW_BYTES", 0)
    monkeypatch.setattr("tuner.check.LOADING_BYTES", 10**9)
    assert plan().memory_bytes == 500 * 2 * 10**9


MEASURED = """\
import pathlib, re, sys
import tuner.cli.main, tuner.data.synthetic, tuner.report.plots, tuner.run, tuner.training.stacked

def held(name):
    return 1024 * int(re.search(rf"{name}:\\s+(\\d+) kB", pathlib.Path("/proc/self/status").read_text())[1])

imports = held("VmRSS")
config = tuner.config.load.load_config(pathlib.Path(sys.argv[1]), overrides=sys.argv[2:])
tuner.run.run_study(config)
print(held("VmHWM") - imports)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    "overrides",
    [[], ["dataset.n_samples=100000", "dataset.n_features=20", "training.batch_size=512", "cv.n_splits=5"]],
    ids=["smoke", "100,000 rows"],
)
def test_memory_is_within_three_tenths_of_what_a_run_takes(overrides, tmp_path):
    overrides = [*overrides, f"output.root={tmp_path}", "engine.threads=2"]
    measured = subprocess.run(
        [sys.executable, "-c", MEASURED, str(SMOKE), *overrides], check=True, capture_output=True, text=True
    )
    assert plan(*overrides).memory_bytes == pytest.approx(int(measured.stdout), rel=0.3)


def test_memory_grows_with_threads_until_each_trial_under_way_has_one():
    sizes = [plan(threads=threads).memory_bytes for threads in (1, 2, 6, 7)]
    assert sizes[0] < sizes[1] < sizes[2] == sizes[3]


def test_models_beside_the_search_are_announced_and_take_their_time():
    bare = ("evidence={bootstraps: 0, band_weights: 0, noise_seeds: 0}",)
    assert (plan(*bare).evidence_models, plan().evidence_models) == (0, (16 + 2 * 4) * 3)
    assert plan().seconds / plan(*bare).seconds == pytest.approx((6 + 16 + 8) / 6)
    holdout = plan("cv={kind: holdout, n_train: 300, n_repeats: 7}")
    assert holdout.evidence_models == 16 * 7
    judged = plan("verdict.enabled=true", "verdict.n_trials=10", "verdict.arms=[none, tuned]")
    arms = 4  # those two, and both at the learning rate of the config
    assert judged.verdict_models == 3 * ((arms * 10 + 16) * 3 + arms)
    assert "\nverdict  516 models, a new search in every fold for every arm\n" in plan_text(judged)
    assert judged.seconds > plan().seconds


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
