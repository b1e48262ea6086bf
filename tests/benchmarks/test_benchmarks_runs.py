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


def test_command_that_is_refused_answers_its_error_and_exit_code(monkeypatch, tmp_path):
    commands = fake_tuner(monkeypatch, "print('{\"error\": 1}'); raise SystemExit(3)")
    refused = commands.command(tmp_path, "check", "config.yaml")
    assert (refused.exit_code, refused.answer) == (3, {"error": 1})


def test_command_that_answers_nothing_has_an_empty_answer(monkeypatch, tmp_path):
    commands = fake_tuner(monkeypatch, "raise SystemExit(1)")
    assert commands.command(tmp_path, "check", "config.yaml")[1::2] == ({}, 1)


def test_config_of_a_table_is_written_from_its_target_and_the_columns_it_drops(monkeypatch, tmp_path):
    commands = fake_tuner(monkeypatch, "import json, sys; print(json.dumps(sys.argv[3:]))")
    written = commands.init({"path": "sick.csv", "target": "y", "drop": ["id", "a b"]}, tmp_path / "sick.yaml")
    drops = ["--drop", "id", "--drop", "a b"]
    out = ["--out", "sick.yaml", "--force", "--json", "--quiet"]
    assert written.answer == ["init", "sick.csv", "--target", "y", *drops, *out]


def test_every_setting_is_an_override_of_its_own():
    from commands import overrides

    assert overrides("a.b=1", "c=[2, 3]") == ["--set", "a.b=1", "--set", "c=[2, 3]"]


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


@pytest.fixture
def begun(tmp_path):
    from tuner.start import start

    table = tmp_path / "table.csv"
    table.write_text("x,y\n" + "".join(f"{n * n}.5,{label}\n" for n, label in enumerate("a" * 30 + "b" * 20 + "c" * 2)))
    return start(table, target=["y"], out=tmp_path / "table.yaml").path


TOO_FEW = {"error": {"message": "... too few for cv.n_splits=3 ...\nSet dataset.small_classes to merge or drop."}}


def test_reason_of_a_refusal_is_the_one_that_init_wrote(begun):
    from test_bench_tables import _reason

    assert _reason(begun, 3, TOO_FEW) == "Too few rows for folds: c (2)"


@pytest.mark.parametrize(
    ("exit_code", "answer", "text"),
    [
        (1, TOO_FEW, "Too few rows for folds: c (2). `run` refuses until you choose"),
        (3, TOO_FEW, "nothing of the kind"),
        (
            3,
            {"error": {"message": "the table holds no row"}},
            "Too few rows for folds: c (2). `run` refuses until you choose",
        ),
    ],
)
def test_table_that_is_refused_for_no_reason_of_init_fails_the_benchmark(begun, exit_code, answer, text):
    from test_bench_tables import _reason

    begun.write_text(f"  # {text}\n")
    with pytest.raises(AssertionError):
        _reason(begun, exit_code, answer)


def test_large_tables_hold_what_the_benchmark_says(tmp_path):
    import large_tables

    from tuner.config.dataset import TableDataset
    from tuner.config.load import dump_config
    from tuner.config.schema import Config

    large_tables.write(tmp_path, 400)
    found = {}
    for file in ("numeric.csv", "numeric.parquet", "mixed.csv", "mixed.parquet"):
        dataset = TableDataset(kind="table", path=tmp_path / file, target=large_tables.TARGET)
        config = tmp_path / f"{file}.yaml"
        config.write_text(dump_config(Config(dataset=dataset)))
        loaded = large_tables.load(config)
        found[file] = loaded["rows"], loaded["folds"], loaded["encoded"]
    numbers = large_tables.N_NUMBERS + large_tables.N_CATEGORIES
    encoded = 2 * large_tables.N_NUMBERS + large_tables.N_CATEGORIES * (large_tables.N_LEVELS + 1)
    expected = {"numeric": (400, 15, numbers), "mixed": (400, 15, encoded)}
    assert found == {file: expected[file.split(".")[0]] for file in found}
