"""Whole runs are timed in processes of their own, with the memory they held; growth changes one thing at a time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def fake_tuner(monkeypatch, body):
    """Let the benchmarks call `body` where they would call tuner."""
    import commands

    program = Path.cwd() / "fake"
    program.write_text(f"#!{sys.executable}\n{body}")
    program.chmod(0o755)
    monkeypatch.setattr(commands.sys, "executable", str(program))
    return commands


@pytest.fixture(autouse=True)
def _somewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_run_answers_seconds_json_and_peak_of_memory(monkeypatch, tmp_path):
    commands = fake_tuner(monkeypatch, "held = bytearray(300_000_000); print('{\"complete\": 3}')")
    run = commands.run(Path("config.yaml"), tmp_path / "folder")
    assert run.answer == {"complete": 3}
    assert 0 < run.seconds < 60
    assert run.peak_bytes > 300e6


def test_run_that_fails_is_an_error(monkeypatch, tmp_path):
    commands = fake_tuner(monkeypatch, "raise SystemExit(4)")
    with pytest.raises(RuntimeError, match=r"-m tuner run config\.yaml --json --quiet exited with 4$"):
        commands.run(Path("config.yaml"), tmp_path / "folder")


def test_default_run_is_measured_as_often_as_asked(monkeypatch, tmp_path):
    import default_run
    from commands import Run

    seconds = iter([10.0, 30.0, 20.0])
    answer = {"complete": 4, "n_trials": 4, "train_seconds": 5.0, "models_trained": 60}
    monkeypatch.setattr(default_run, "run", lambda *_: Run(next(seconds), answer, 900_000_000))
    rows = {name: cells for name, *cells in default_run.measure(tmp_path).rows}
    assert rows == {
        "outside training, % of the run": ["75", "50 - 83.3"],
        "the whole run, seconds": ["20", "10 - 30"],
        "training, seconds": ["5", "5 - 5"],
        "most memory, MB": ["900", "900 - 900"],
    }


def test_default_run_with_trials_missing_is_no_result(monkeypatch, tmp_path):
    import default_run
    from commands import Run

    monkeypatch.setattr(default_run, "run", lambda *_: Run(1.0, {"complete": 3, "n_trials": 4}, 1))
    with pytest.raises(RuntimeError, match=r"^3 of 4 trials are complete$"):
        default_run.measure(tmp_path)


def test_growth_changes_one_thing_at_a_time():
    from growth import SIZES, config_of

    def described(axis, size):
        config = config_of(axis, size)
        return {
            "rows": config.dataset.n_samples,
            "features": config.dataset.n_features,
            "hidden size": config.search_space.hidden_size,
            "folds": config.cv.n_splits * config.cv.n_repeats,
        }

    base = described("trials", 8)
    for axis, sizes in SIZES.items():
        for size in sizes:
            assert described(axis, size) == {**base, **({axis: size} if axis != "trials" else {})}


def test_contenders_of_vmap_use_every_core_and_no_more():
    from test_bench_vmap import _variants

    assert {programs for _, programs, _ in _variants(1)} == {1}
    assert {programs for _, programs, _ in _variants(4)} == {1, 4}
    assert {axis for _, _, axis in _variants(4)} == {0, -1}


def test_process_is_confined_from_its_start_and_its_parent_stays_free():
    from turns import _started

    before = os.sched_getaffinity(0)
    command = [sys.executable, "-c", "import os; print(len(os.sched_getaffinity(0)))"]
    with _started(command, subprocess.DEVNULL, 1) as running:
        assert running.communicate()[0] == "1\n"
    assert os.sched_getaffinity(0) == before
