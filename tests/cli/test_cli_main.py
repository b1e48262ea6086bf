"""Commands as a person types them: exit codes, whole messages, one JSON object, nothing lost."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

import tuner
from tuner.cli.main import call
from tuner.report.numbers import pruned_text
from tuner.study.records import load_logits

ROOT = Path(__file__).parents[2]
SMOKE = ROOT / "configs" / "smoke.yaml"


def run_cli(capsys, *arguments):
    """Run a command in this process; return exit code, standard output and standard error."""
    code = call([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def spawn(*arguments, cwd, **options):
    """Start a command in a process of its own."""
    command = [sys.executable, "-m", "tuner", *map(str, arguments)]
    return subprocess.Popen(command, cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def scores(folder):
    """Return everything about the trials that must not depend on how the study came about."""
    summary = tuner.load_summary(folder / "study.db", "smoke")
    return [(t.number, t.state, t.params, t.value, t.fold_scores.tolist(), t.pruned) for t in summary.trials]


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The folder of a finished smoke study; tests must not change it."""
    root = tmp_path_factory.mktemp("finished")
    assert call(["run", str(SMOKE), "--quiet", "--set", f"output.root={root}"]) == 0
    return root / "smoke"


@pytest.fixture
def study(finished, tmp_path):
    """A copy of the finished smoke study."""
    return Path(shutil.copytree(finished, tmp_path / "studies" / "smoke"))


def test_run_ends_with_the_best_weights_and_where_everything_lies(capsys, tmp_path):
    code, out, err = run_cli(capsys, "run", SMOKE, "--set", f"output.root={tmp_path}")
    assert code == 0
    folder = tmp_path / "smoke"
    best = tuner.load_summary(folder / "study.db", "smoke").best
    lines = out.splitlines()
    assert lines[0].startswith(f"best       {best.value:.4f} +- {best.interval.half_width:.4f} roc_auc on this table")
    assert f"weights    {folder / 'best_weights.json'}" in lines
    assert err.startswith("smoke   6 trials, 3 models each, seed 0")
    names = {p.name for p in folder.iterdir()}
    assert {"study.db", "config.yaml", "report.html", "trials.csv", "folds.csv", "best_weights.json", "plots"} <= names


def test_json_is_one_object_on_stdout_and_lines_of_json_on_stderr(capsys, tmp_path):
    code, out, err = run_cli(capsys, "run", SMOKE, "--json", "--set", f"output.root={tmp_path}")
    assert code == 0
    result = json.loads(out)
    assert list(result) == [
        "study", "n_trials", "finished", "complete", "pruned", "failed", "running", "best", "corrected_score",
        "weight_band", "threshold", "probability_correction", "verdict", "seconds", "train_seconds", "models_trained",
        "time", "files",
    ]  # fmt: skip
    assert (result["n_trials"], result["finished"], result["running"]) == (6, 6, 0)
    band = result["weight_band"]
    assert result["models_trained"] == 3 * (6 + len(band["points"]) + 2 * 4)  # trials, the band, 4 more seeds of two
    assert band["low"] <= band["best"] <= band["high"]
    assert result["corrected_score"]["bbc"]["n_trials"] == 6
    assert (result["corrected_score"]["nested"], result["verdict"]) == (None, None)
    assert 0.0 < result["threshold"]["probability"] < 1.0
    assert result["probability_correction"]["method"] in ("analytic", "intercept")
    assert 0 < result["train_seconds"] < result["seconds"]
    wall, cores = result["time"]["wall"], result["time"]["cores"]
    assert wall["total"] == pytest.approx(sum(seconds for name, seconds in wall.items() if name != "total"))
    assert wall["train"] + wall["compile"] == pytest.approx(result["train_seconds"], abs=0.05)
    assert 0.0 < result["time"]["share_outside_training"] < 1.0
    assert cores["window"] < wall["total"]
    assert 0.0 <= cores["idle_share"] < 1.0
    assert set(result["best"]) == {"trial", "value", "params", "class_weight"}
    assert all(Path(path).exists() for path in result["files"].values())
    events = [json.loads(line) for line in err.splitlines()]
    assert events[0]["event"] == "study_opened"
    assert sum(e["event"] == "batch_finished" for e in events) == 2


def test_running_a_finished_study_again_trains_nothing_says_so_and_restores_outputs(capsys, study):
    before = scores(study)
    weights = (study / "best_weights.json").read_bytes()
    (study / "best_weights.json").unlink()
    (study / "report.html").unlink()
    code, out, err = run_cli(capsys, "run", study, "--json")
    assert code == 0
    assert json.loads(out)["models_trained"] == 0
    assert "nothing is trained" in err
    assert (study / "best_weights.json").read_bytes() == weights
    assert (study / "report.html").stat().st_size > 10_000
    assert scores(study) == before


def test_a_lower_budget_changes_nothing_and_says_so(capsys, study):
    config = (study / "config.yaml").read_bytes()
    code, _, err = run_cli(capsys, "run", study, "--set", "study.n_trials=2")
    assert code == 0
    assert "study.n_trials=2 changes nothing: 6 trials were begun before" in err
    assert (study / "config.yaml").read_bytes() == config


def test_a_higher_budget_goes_on_to_exactly_that_many(capsys, study):
    before = scores(study)
    code, out, _ = run_cli(capsys, "run", study, "--json", "--set", "study.n_trials=8")
    assert code == 0
    assert json.loads(out)["finished"] == 8
    assert scores(study)[:6] == before


def test_status_tells_what_the_study_holds(capsys, finished):
    code, out, _ = run_cli(capsys, "status", finished)
    assert code == 0
    assert "trials     6 of 6 finished (6 complete, 0 pruned, 0 failed, 0 running)" in out
    code, out, _ = run_cli(capsys, "status", finished, "--json")
    assert json.loads(out)["finished"] == 6


def test_export_to_stdout_is_the_file(capsys, finished):
    code, out, _ = run_cli(capsys, "export", finished, "--out", "-")
    assert code == 0
    assert out.encode() == (finished / "best_weights.json").read_bytes()


def test_export_into_a_folder_that_is_not_there_says_which_to_make(capsys, finished, tmp_path):
    code, out, err = run_cli(capsys, "export", finished, "--out", tmp_path / "absent" / "w.json")
    assert (code, out) == (4, "")
    assert f"{tmp_path / 'absent' / 'w.json'} could not be written" in err
    assert f"Make the folder {tmp_path / 'absent'}, then write the outputs again." in err


def test_export_to_a_file_is_read_back(capsys, finished, tmp_path):
    code, out, _ = run_cli(capsys, "export", finished, "--out", tmp_path / "w.json")
    assert (code, out) == (0, f"{tmp_path / 'w.json'}\n")
    assert tuner.load_best_weights(tmp_path / "w.json").for_keras()[0] == 1.0


def test_report_names_what_it_wrote(capsys, study):
    shutil.rmtree(study / "plots")
    code, out, _ = run_cli(capsys, "report", study)
    assert code == 0
    assert all(Path(line).exists() for line in out.splitlines())
    assert len(list((study / "plots").glob("*.png"))) >= 5


def test_check_explains_and_writes_nothing(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run_cli(capsys, "check", SMOKE)
    assert code == 0
    assert out.splitlines()[-1].strip() == "Nothing was trained."
    assert list(tmp_path.iterdir()) == []
    code, out, _ = run_cli(capsys, "check", SMOKE, "--json")
    plan = json.loads(out)
    assert (plan["models_per_trial"], plan["n_trials"]) == (3, 6)
    assert plan["memory_bytes"] > 0 < plan["seconds"]


def test_replay_with_plain_keras_agrees(capsys, finished):
    code, out, err = run_cli(capsys, "replay", finished, "--trial", 3, "--folds", 2)
    assert code == 0
    assert out.startswith("Plain Keras agrees with the stored trial 3 on 2 folds;")
    assert len(err.splitlines()) == 3


def test_replay_of_a_tampered_score_disagrees_with_exit_code_6(capsys, study):
    import sqlite3

    with sqlite3.connect(study / "study.db") as connection:
        connection.execute("UPDATE tuner_folds SET score = score - 0.01 WHERE trial = 3")
    connection.close()
    code, out, _ = run_cli(capsys, "replay", study, "--trial", 3, "--folds", 1, "--json")
    assert code == 6
    answer = json.loads(out)
    assert (answer["agrees"], answer["folds"][0]["alike_until"]) == (False, None)
    code, out, _ = run_cli(capsys, "replay", study, "--trial", 3, "--folds", 1)
    assert out.endswith("\nScores differ from the first stored epoch on: this is more than rounding.\n")


def test_replay_of_a_trial_that_parts_from_what_is_stored_says_when(capsys, study):
    import sqlite3

    with sqlite3.connect(study / "study.db") as connection:
        (last,) = connection.execute("SELECT max(epoch) FROM tuner_folds WHERE trial = 3").fetchone()
        (before,) = connection.execute(
            f"SELECT max(epoch) FROM tuner_folds WHERE trial = 3 AND epoch < {last}"
        ).fetchone()
        connection.execute(f"UPDATE tuner_folds SET score = score - 0.01 WHERE trial = 3 AND epoch = {last}")
    connection.close()
    code, out, _ = run_cli(capsys, "replay", study, "--trial", 3, "--folds", 1)
    assert code == 6
    assert out.splitlines()[1:] == [
        f"Scores are alike until epoch {before}. Where learning rate x weight is large, rounding grows like that from"
        " step to step;",
        "replay a trial of a smaller rate or of fewer epochs to be sure.",
    ]


def test_replay_of_a_study_without_trials_is_one_message_and_no_table(capsys, tmp_path):
    settings = ["--set", f"output.root={tmp_path}", "--set", "study.timeout_seconds=1.0e-9"]
    assert run_cli(capsys, "run", SMOKE, "--quiet", *settings)[0] == 4
    code, out, err = run_cli(capsys, "replay", tmp_path / "smoke", "--trial", 0)
    assert (code, out, err) == (4, "", 'study "smoke" holds no trial yet.\nRun it with `python -m tuner run`.\n')


def test_replay_of_a_trial_that_is_not_there_says_which_are(capsys, finished):
    code, _, err = run_cli(capsys, "replay", finished, "--trial", 99)
    assert code == 4
    assert err == (
        'study "smoke" has no trial 99; it holds trials 0 to 5.\nChoose one with `python -m tuner status CONFIG`.\n'
    )


def test_a_diverging_trial_fails_with_its_reason_and_the_others_complete(capsys, tmp_path):
    trials = "[{minority_weight: 1}, {minority_weight: 1, learning_rate: 1.0e+30}, {minority_weight: 3}]"
    code, out, _ = run_cli(
        capsys, "run", SMOKE, "--json", "--set", f"study.trials={trials}", "--set", f"output.root={tmp_path}"
    )
    result = json.loads(out)
    assert code == 0
    assert (result["complete"], result["failed"], result["finished"]) == (2, 1, 3)
    failed = tuner.load_summary(tmp_path / "smoke" / "study.db", "smoke").trials[1]
    assert failed.failure.startswith("training diverged: predictions of repeat 0, fold 0 are not finite after epoch")


def test_a_study_in_which_every_trial_failed_has_no_best_no_old_weights_and_exit_code_4(capsys, tmp_path):
    (tmp_path / "smoke").mkdir()
    (tmp_path / "smoke" / "best_weights.json").write_text("of a study that was deleted")
    code, out, err = run_cli(
        capsys, "run", SMOKE, "--json", "--set", "study.trials=[{learning_rate: 1.0e+30}]",
        "--set", f"output.root={tmp_path}",
    )  # fmt: skip
    assert code == 4
    assert json.loads(out)["best"] is None
    last = [json.loads(line) for line in err.splitlines()][-1]
    assert (last["event"], last["kind"], last["exit_code"]) == ("error", "StudyError", 4)
    begin = (
        'no trial of study "smoke" completed, so there are no weights to export.\n'
        "1 of 1 trials finished, 1 failed.\nThe first failure: training diverged: "
    )
    assert last["message"].startswith(begin)
    assert not (tmp_path / "smoke" / "best_weights.json").exists()


def test_a_run_out_of_time_before_its_first_batch_claims_no_failure(capsys, tmp_path):
    settings = ["--set", f"output.root={tmp_path}", "--set", "study.timeout_seconds=1.0e-9"]
    code, _, err = run_cli(capsys, "run", SMOKE, "--quiet", *settings)
    assert code == 4
    assert err == (
        'no trial of study "smoke" completed, so there are no weights to export.\n'
        "0 of 6 trials finished, 0 failed.\nGo on with `python -m tuner run`.\n"
    )


def test_a_database_elsewhere_leaves_the_outputs_in_the_folder_of_the_study(capsys, tmp_path):
    storage = tmp_path / "databases" / "all.db"
    settings = ["--set", f"study.storage={storage}", "--set", f"output.root={tmp_path / 'studies'}"]
    code, out, _ = run_cli(capsys, "run", SMOKE, "--json", *settings)
    assert code == 0
    assert json.loads(out)["files"]["database"] == str(storage)
    folder = tmp_path / "studies" / "smoke"
    assert {"config.yaml", "report.html", "best_weights.json"} <= {path.name for path in folder.iterdir()}
    assert not (folder / "study.db").exists()
    code, out, _ = run_cli(capsys, "run", folder, "--json")
    assert (code, json.loads(out)["models_trained"]) == (0, 0)


def test_class_labels_cannot_steer_the_terminal(capsys, tmp_path):
    table = tmp_path / "t.csv"
    rows = [f"{i % 7},{'bad' if i % 5 else chr(27) + '[2Jgood'}" for i in range(60)]
    table.write_text("x,y\n" + "\n".join(rows) + "\n")
    (tmp_path / "c.yaml").write_text(
        "study: {name: s, n_trials: 1}\ndataset: {kind: table, path: t.csv, target: y}\ncv: {n_splits: 2, n_repeats: 1}\n"
        "search_space: {hidden_size: 2, epochs: 1}\n"
    )
    for command in ("check", "run", "status"):
        arguments = [command, tmp_path / "c.yaml", "--set", f"output.root={tmp_path}"]
        code, out, err = run_cli(capsys, *arguments)
        assert code == 0
        assert "\x1b" not in out + err
        assert "\\x1b[2Jgood" in out


def test_settings_that_change_scores_are_refused_with_a_diff(capsys, study):
    before = scores(study)
    code, out, err = run_cli(capsys, "run", study, "--set", "training.momentum=0.9")
    assert (code, out) == (4, "")
    assert "space.fixed.momentum  0.0 -> 0.9" in err
    assert scores(study) == before


HELPLESS = {
    "one unknown key": (
        {"study": {"nmae": "x"}},
        2,
        "config.yaml has 1 problem\n\n  study.nmae   unknown key; did you mean name?\n\n"
        "Nothing was run. See every key in configs/default.yaml.\n",
    ),
    "one wrong type": (
        {"study": {"n_trials": "200"}},
        2,
        'config.yaml has 1 problem\n\n  study.n_trials   must be a whole number, got "200" (text)\n\n'
        "Nothing was run. See every key in configs/default.yaml.\n",
    ),
    "three mistakes": (
        {"search_space": {"hiden_size": 3, "minority_weight": {"low": -1.0, "high": 5}}, "study": {"n_trials": "200"}},
        2,
        "config.yaml has 3 problems\n\n"
        "  search_space.hiden_size            unknown key; did you mean hidden_size?\n"
        "  search_space.minority_weight.low   must be above 0, got -1.0\n"
        '  study.n_trials                     must be a whole number, got "200" (text)\n\n'
        "Nothing was run. See every key in configs/default.yaml.\n",
    ),
}


@pytest.mark.parametrize("case", HELPLESS)
def test_config_mistakes_are_told_at_once_and_nothing_is_written(capsys, tmp_path, monkeypatch, case):
    config, code, message = HELPLESS[case]
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    assert run_cli(capsys, "run", "config.yaml") == (code, "", message)
    assert [p.name for p in tmp_path.iterdir()] == ["config.yaml"]


TABLES = {
    "missing file": (None, "t.csv does not exist"),
    "empty file": ("", "t.csv is empty"),
    "one class": ("x,y\n1,0\n2,0\n3,0\n", "t.csv"),
    "a word among numbers": ("x,y\n" + "".join(f"{i},{i % 2}\n" for i in range(40)) + "two,1\n", '"two"'),
    "too few minority rows": (
        "x,y\n" + "".join(f"{i % 7},{int(i < 3)}\n" for i in range(50)),
        "has 3 minority rows, too few for cv.n_splits=5: each fold needs at least one.\n"
        "Lower cv.n_splits to 3 or less, or add rows.\n",
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_tables_that_cannot_be_used_are_data_errors_and_nothing_is_written(capsys, tmp_path, monkeypatch, case):
    text, message = TABLES[case]
    monkeypatch.chdir(tmp_path)
    Path("c.yaml").write_text("dataset: {kind: table, path: t.csv, target: y}\n")
    if text is not None:
        Path("t.csv").write_text(text)
    before = sorted(p.name for p in tmp_path.iterdir())
    code, out, err = run_cli(capsys, "run", "c.yaml")
    assert (code, out) == (3, "")
    assert message in err
    assert "Traceback" not in err
    assert sorted(p.name for p in tmp_path.iterdir()) == before


@pytest.mark.parametrize("text", ["study: {name: [}", "study: {name: a}\nstudy: {name: b}\n"])
def test_yaml_that_is_broken_or_says_a_thing_twice_is_a_config_error(capsys, tmp_path, text):
    (tmp_path / "c.yaml").write_text(text)
    code, out, err = run_cli(capsys, "run", tmp_path / "c.yaml")
    assert (code, out) == (2, "")
    assert "line " in err


def test_a_database_that_is_not_one_is_refused_and_left_alone(capsys, tmp_path):
    folder = tmp_path / "smoke"
    folder.mkdir()
    (folder / "study.db").write_bytes(b"not a database" * 100)
    code, out, err = run_cli(capsys, "run", SMOKE, "--quiet", "--set", f"output.root={tmp_path}")
    assert (code, out) == (4, "")
    assert str(folder / "study.db") in err
    assert (folder / "study.db").read_bytes() == b"not a database" * 100


@pytest.mark.parametrize("command", ["status", "report", "export"])
def test_reading_a_study_that_is_not_there_is_a_study_error_and_creates_nothing(capsys, tmp_path, command):
    code, out, err = run_cli(capsys, command, SMOKE, "--set", f"output.root={tmp_path}")
    assert (code, out) == (4, "")
    assert "python -m tuner run" in err
    assert list(tmp_path.iterdir()) == []


def test_message_about_a_file_cannot_steer_the_terminal(capsys):
    code, _, err = run_cli(capsys, "check", "\x1b[2J.yaml")
    assert (code, err.splitlines()[0]) == (2, "\\x1b[2J.yaml does not exist.")


def test_errors_are_one_json_object_too(capsys):
    code, out, _ = run_cli(capsys, "run", "nothing.yaml", "--json")
    assert code == 2
    error = json.loads(out)["error"]
    assert (error["kind"], error["exit_code"]) == ("ConfigError", 2)
    assert error["message"].startswith("nothing.yaml does not exist.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "Missing argument 'CONFIG'."),
        (["run", "x.yaml", "--colour"], "No such option: --colour"),
    ],
)
def test_mistakes_on_the_command_line_are_one_json_object_too(capsys, arguments, message):
    code, out, err = run_cli(capsys, *arguments, "--json")
    fields = {"kind": "UsageError", "message": message, "exit_code": 2}
    assert (code, json.loads(out)) == (2, {"error": fields})
    assert json.loads(err) == {"event": "error", **fields}


def test_every_line_on_stderr_is_json_when_a_run_is_refused(capsys, study):
    code, out, err = run_cli(capsys, "run", study, "--json", "--set", "training.momentum=0.9")
    lines = [json.loads(line) for line in err.splitlines()]
    assert (code, lines[-1]["message"]) == (4, json.loads(out)["error"]["message"])


def test_an_unexpected_error_is_one_line_and_a_traceback_only_with_debug(capsys, monkeypatch, finished):
    def broken(*_):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("tuner.study.summary.load_summary", broken)
    code, _, err = run_cli(capsys, "status", finished)
    assert (code, err) == (
        1,
        "unexpected error: ZeroDivisionError: a bug\nRun again with --debug for the traceback.\n",
    )
    _, _, err = run_cli(capsys, "status", finished, "--debug")
    assert "Traceback" in err


@pytest.mark.parametrize(
    "arguments", [["rnu"], ["run"], ["run", "x.yaml", "--colour"], ["replay", "x", "--trial", "-1"]]
)
def test_mistakes_on_the_command_line_are_exit_code_2(capsys, arguments):
    code, out, err = run_cli(capsys, *arguments)
    assert (code, out) == (2, "")
    assert "Usage:" in err


COMMANDS = ["run", "init", "check", "verdict", "status", "report", "export", "replay", "dashboard"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(capsys, command):
    code, out, _ = run_cli(capsys, command, "--help")
    assert code == 0
    assert f"Example: python -m tuner {command} " in out


def test_help_tells_what_each_command_does_uncut_in_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = run_cli(capsys, "--help")
    lines = [line.split(maxsplit=1) for line in out.split("Commands:\n")[1].split("\n\n")[0].splitlines()]
    assert (code, [name for name, _ in lines]) == (0, COMMANDS)
    assert all(words[0].isupper() and words.endswith(".") and "..." not in words for _, words in lines)


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["--help"], ["tensorflow", "keras", "optuna", "sqlalchemy", "sklearn", "pandas", "numpy", "pydantic"]),
        (["status"], ["tensorflow", "keras", "sklearn", "pandas", "matplotlib"]),
        (["export", "--out", "-"], ["tensorflow", "keras", "sklearn", "pandas", "matplotlib"]),
        (["report"], ["tensorflow", "keras", "sklearn"]),
    ],
    ids=lambda value: value[0],
)
def test_a_command_imports_nothing_it_does_not_use(study, arguments, absent):
    program = (
        "import sys; from tuner.cli.main import call; code = call(sys.argv[1:]);"
        "sys.stderr.write(repr((code, sorted(m for m in sys.modules if '.' not in m))))"
    )
    command = [sys.executable, "-c", program, *arguments, *([] if "--help" in arguments else [str(study)])]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, cwd=study)
    code, modules = eval(answer.stderr)
    assert code == 0
    assert not set(absent) & set(modules)


def test_python_dash_m_and_the_script_are_the_same_thing():
    script = Path(sys.executable).with_name("tuner")
    answers = [
        subprocess.run([*command, "--help"], capture_output=True, text=True, check=True).stdout
        for command in ([str(script)], [sys.executable, "-m", "tuner"])
    ]
    assert answers[0].replace("Usage: tuner", "Usage: python -m tuner") == answers[1]


BARE = ["--set", "evidence={bootstraps: 0, band_weights: 0, noise_seeds: 0}"]
"""Nothing trains beside the search."""


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_keeps_the_study_and_goes_on_to_the_same_trials(finished, tmp_path, number, code):
    long = [*BARE, "--set", "search_space.epochs=3000", "--set", "training.checkpoints=1", "--set", "study.n_trials=4"]
    process = spawn("run", SMOKE, *long, cwd=tmp_path)
    database = tmp_path / "studies" / "smoke" / "study.db"
    wait_for(lambda: running(database) > 0, process)
    began = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert time.monotonic() - began < 10
    assert err.rstrip().endswith(
        f"stopped by {signal.Signals(number).name}; every finished trial is kept, the same command goes on from here"
    )
    process = spawn("run", SMOKE, *long, "--json", cwd=tmp_path)
    out, _ = process.communicate(timeout=120)
    result = json.loads(out)
    assert (result["finished"], result["running"]) == (4, 0)


@pytest.mark.slow
def test_two_runs_at_once_one_goes_on_and_the_other_names_it(tmp_path):
    long = [*BARE, "--set", "search_space.epochs=20000", "--set", "training.checkpoints=1", "--set", "study.n_trials=4"]
    first = spawn("run", SMOKE, *long, cwd=tmp_path)
    database = tmp_path / "studies" / "smoke" / "study.db"
    wait_for(lambda: running(database) > 0, first)
    began = time.monotonic()
    second = spawn("run", SMOKE, *long, cwd=tmp_path)
    _, err = second.communicate(timeout=30)
    assert second.returncode == 4
    assert time.monotonic() - began < 8  # with the import of scikit-learn
    assert str(first.pid) in err
    assert first.wait(timeout=120) == 0
    first.communicate()


RACE = ["--set", "racing.enabled=true", "--set", "cv.n_repeats=3"]


@pytest.mark.slow
@pytest.mark.parametrize("race", [[], RACE], ids=["no race", "race"])
def test_a_run_killed_again_and_again_ends_as_if_it_never_was(tmp_path, race):
    settings = ["--quiet", "--set", "study.n_trials=16", "--set", "study.batch_size=2", *race]
    settings += ["--set", "search_space.epochs={low: 1200, high: 2500}"]
    settings += ["--set", "evidence={bootstraps: 100, band_weights: 5, noise_seeds: 2}"]
    spawn("run", SMOKE, *settings, "--set", "output.root=whole", cwd=tmp_path).communicate()
    rng = np.random.default_rng(0)
    database = tmp_path / "killed" / "smoke" / "study.db"
    n_kills = 0
    for n_batches in (2, 2, 3, 2, 3, 2):  # two begin at once, with TensorFlow's start
        process = spawn("run", SMOKE, *settings, "--set", "output.root=killed", cwd=tmp_path)
        while process.poll() is None and begun_by(process.pid, database) < 2 * n_batches:
            time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 0.5))
        n_kills += process.poll() is None
        process.kill()
        process.communicate()
    assert n_kills >= 3  # on a fast machine the last of them come when all is done
    process = spawn("run", SMOKE, *settings, "--set", "output.root=killed", cwd=tmp_path)
    process.communicate()
    assert process.returncode == 0
    assert scores(tmp_path / "killed" / "smoke") == scores(tmp_path / "whole" / "smoke")
    whole, killed = (
        tuner.load_summary(tmp_path / name / "smoke" / "study.db", "smoke") for name in ("whole", "killed")
    )
    assert killed.evidence == whole.evidence
    assert "weight_band" in whole.evidence


def test_a_race_ends_with_the_trials_asked_for_and_says_when_losers_were_ruled_out(capsys, tmp_path):
    settings = ["--set", f"output.root={tmp_path}", *RACE, "--set", "study.n_trials=12", "--set", "study.batch_size=4"]
    code, out, err = run_cli(capsys, "run", SMOKE, *settings)
    assert code == 0
    summary = tuner.load_summary(tmp_path / "smoke" / "study.db", "smoke")
    pruned = [trial for trial in summary.trials if trial.state == "pruned"]
    assert len(pruned) > 2
    assert summary.n_finished == 12
    assert f"\npruned     {pruned_text(summary)}\n" in out
    assert f"   {len(pruned)} pruned\n" in err
    for trial in summary.trials:
        n_repeats = 3 if trial.state == "complete" else int(trial.pruned.split()[3]) // 3
        assert trial.fold_scores.shape[1] == 3 * n_repeats
        assert load_logits(tmp_path / "smoke" / "study.db", "smoke", trial.number).shape == (n_repeats, 500)
    code, out, _ = run_cli(capsys, "status", tmp_path / "smoke")
    assert f"pruned     {pruned_text(summary)}\n" in out
    code, out, err = run_cli(capsys, "replay", tmp_path / "smoke", "--trial", pruned[0].number)
    assert code == 0
    assert f"the stored trial {pruned[0].number} on {pruned[0].n_folds} folds;" in out
    assert len(err.splitlines()) == 1 + pruned[0].n_folds


def test_changing_the_race_of_a_study_is_refused(capsys, study):
    code, _, err = run_cli(capsys, "run", study, *RACE[:2], "--set", "cv.n_repeats=1")
    assert (code, "racing   enabled: true needs cv.n_repeats of 2 or more" in err.replace("--set ", "")) == (2, True)
    code, _, err = run_cli(capsys, "run", study, *RACE)
    assert code == 4
    assert "objective.racing.confidence  (absent) -> 0.6" in err


def begun_by(pid, database):
    """Return how many trials a process began or began anew."""
    return count(database, "SELECT count(*) FROM tuner_trials WHERE pid = ?", pid)


def running(database):
    """Return how many trials are running."""
    return count(database, "SELECT count(*) FROM trials WHERE state = 'RUNNING'")


def count(database, query, *values):
    """Return the number a query answers; 0 until the database is there."""
    import sqlite3

    if not database.exists():
        return 0
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return connection.execute(query, values).fetchone()[0]
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


def wait_for(condition, process):
    """Wait until `condition` holds, at most a minute, while `process` lives."""
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.2)


def test_a_folder_that_cannot_be_written_is_a_study_error(capsys, tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    code, out, err = run_cli(capsys, "run", SMOKE, "--quiet", "--set", f"output.root={blocked}")
    assert (code, out) == (4, "")
    assert str(blocked) in err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file system that fills up")
@pytest.mark.slow
def test_a_full_disk_is_named_and_the_study_goes_on_when_there_is_room(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(disk)], check=True)
    try:
        process = spawn("run", SMOKE, "--quiet", "--set", f"output.root={disk}", cwd=tmp_path)
        _, err = process.communicate(timeout=120)
        assert process.returncode == 4, err
        assert str(disk) in err
        subprocess.run(["mount", "-o", "remount,size=50m", str(disk)], check=True)
        process = spawn("run", SMOKE, "--json", "--set", f"output.root={disk}", cwd=tmp_path)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert json.loads(out)["finished"] == 6
    finally:
        subprocess.run(["umount", str(disk)], check=True)
