"""Claims about what a run takes: memory and time."""

import subprocess
import sys
from math import ceil
from pathlib import Path

import pytest
from check_configs import N_ROWS, columns
from check_configs import prepared as table_of

from tuner.check.estimates import PROGRAM_BYTES
from tuner.check.plan import make_plan
from tuner.config.load import load_config
from tuner.prepared import prepare

SMOKE = Path(__file__).parents[2] / "configs" / "smoke.yaml"


def prepared(*overrides):
    """What is known of the smoke study, changed by overrides, before anything trains."""
    return prepare(load_config(SMOKE, overrides=overrides).config)


def plan(*overrides, threads=2):
    return make_plan(prepared(*overrides), threads=threads)


def test_memory_counts_the_batch_orders_that_are_kept(monkeypatch):
    steps = ceil(max(map(len, prepared().folds.train)) / 32)

    def memory(epochs):
        return plan(f"search_space.epochs={{low: 2, high: {epochs}}}").memory_bytes

    assert memory(1008) - memory(8) == 4 * 3 * steps * 32 * 1000
    monkeypatch.setattr("tuner.check.estimates.STREAM_BYTES", 4 * 3 * steps * 32 * 100)
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
    monkeypatch.setattr("tuner.check.estimates.PROGRAM_BYTES", PROGRAM_BYTES + 1)
    assert plan(*overrides).memory_bytes - before == (expected or 0)


def test_memory_counts_the_samples_of_rows_up_to_what_one_pass_takes(monkeypatch):
    none, some = (plan(f"evidence.bootstraps={n}").memory_bytes for n in (0, 1000))
    assert some - none == 2 * 2 * 500 * 1000
    monkeypatch.setattr("tuner.check.estimates.TALLY_BYTES", 1000)
    assert plan().memory_bytes - none == 2000


def test_a_race_holds_one_repeat_at_a_time():
    memory = [plan("cv.n_repeats=6", f"racing.enabled={on}").memory_bytes for on in ("true", "false")]
    assert memory[0] < memory[1]


def test_memory_is_that_of_loading_where_a_table_is_large_and_training_small(monkeypatch):
    monkeypatch.setattr("tuner.check.estimates.TENSORFLOW_BYTES", 0)
    monkeypatch.setattr("tuner.check.estimates.LOADING_BYTES", 10**9)
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


def test_memory_counts_the_features_that_columns_become(tmp_path):
    words = [f"w{i % 40}" for i in range(N_ROWS)]
    fixed = {"evidence": {"bootstraps": 0}, "search_space": {"epochs": {"low": 1, "high": 2}}}
    few, many = (
        make_plan(table_of(tmp_path, columns(word=words), encoding={"min_category_rows": n}, **fixed), threads=1)
        for n in (100, 1)
    )
    assert (few.features, few.encoded_features, many.encoded_features) == (3, 2, 42)
    assert many.memory_bytes - few.memory_bytes >= 2 * 4 * 40 * N_ROWS  # as array and as tensor
    assert many.seconds > few.seconds


def test_memory_and_time_count_the_outputs(tmp_path):
    fixed = {"evidence": {"bootstraps": 0}, "scoring": {"metric": "balanced_accuracy"}}
    two, many = (
        make_plan(table_of(tmp_path, columns(y=[f"c{i % n}" for i in range(N_ROWS)]), **fixed), threads=1)
        for n in (2, 20)
    )
    logits = 4 * N_ROWS * 19  # of each trial that waits or is being written
    assert many.memory_bytes - two.memory_bytes > 8 * logits
    assert many.seconds > two.seconds
