"""Claims about `verdict` as a command, with models that train in a moment."""

import json
import shutil
import sqlite3
import time
from pathlib import Path

import numpy as np
import pytest
from cli.test_cli_main import count, run_cli, spawn

import tuner
from tuner.cli.main import call

SMOKE = Path(__file__).parents[2] / "configs" / "smoke.yaml"
SMALL = [f"--set=verdict.{key}" for key in ("n_trials=2", "inner_splits=2", "arms=[none, tuned, smote, focal_loss]")]
FIRST = ["sentence", "conclusion", "primary", "arms", "references", "what_would_settle_it"]


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """The folder of a study that has a verdict and no trial."""
    root = tmp_path_factory.mktemp("judged")
    assert call(["verdict", str(SMOKE), "--quiet", *SMALL, f"--set=output.root={root}"]) == 0
    return root / "smoke"


@pytest.fixture
def study(judged, tmp_path):
    """A copy of it."""
    return Path(shutil.copytree(judged, tmp_path / "smoke"))


def test_verdict_needs_no_trial_and_is_one_object_with_the_keys_of_the_contract_first(capsys, study):
    code, out, err = run_cli(capsys, "verdict", study, "--json")
    found = json.loads(out)
    assert code == 0
    assert list(found)[:6] == FIRST
    assert found["conclusion"] in ("helps", "hurts", "changes_nothing", "too_noisy")
    assert {"contrast", "difference", "ci95", "ci90"} <= set(found["primary"])
    assert [arm["name"] for arm in found["arms"]] == [
        "none", "tuned", "smote", "focal_loss", "none_fixed_rate", "tuned_fixed_rate",
    ]  # fmt: skip
    assert [one["name"] for one in found["references"]] == ["logistic_regression", "gradient_boosting", "dummy"]
    assert not any(json.loads(line)["event"] == "evidence_step" for line in err.splitlines())  # nothing was trained


def test_verdict_is_a_sentence_and_a_table_in_a_hundred_columns(capsys, study):
    code, out, _ = run_cli(capsys, "verdict", study)
    assert code == 0
    assert "on this table" in out.replace("\n", " ").lower()
    assert "\nSMOTE " in out
    assert max(map(len, out.splitlines())) <= 100


def test_report_shows_the_verdict_of_a_study_without_trials(study):
    page = (study / "report.html").read_text()
    summary = tuner.load_summary(study / "study.db", "smoke")
    assert summary.best is None
    assert summary.evidence["verdict"]["sentence"].split(":")[0] in page
    assert (study / "plots" / "verdict.png").exists()


def test_run_ends_with_the_verdict_where_the_config_says_so_and_exports_it(capsys, study, tmp_path):
    code, out, err = run_cli(capsys, "run", study, "--json", "--set", "verdict.enabled=true")
    assert (code, "Traceback" in err) == (0, False)
    result = json.loads(out)
    exported = json.loads((tmp_path / "smoke" / "best_weights.json").read_text())
    stored = tuner.load_summary(tmp_path / "smoke" / "study.db", "smoke").evidence["verdict"]
    assert result["verdict"]["sentence"] == exported["verdict"]["sentence"] == stored["sentence"]
    assert result["corrected_score"]["nested"] == exported["corrected_score"]["nested"] == stored["nested"]
    code, out, _ = run_cli(capsys, "status", tmp_path / "smoke")
    assert out.startswith("verdict ")


def test_one_split_is_refused_before_anything_is_written(capsys, tmp_path):
    settings = ("--set", "cv={kind: holdout, n_train: 300, n_repeats: 2}", "--set", f"output.root={tmp_path}")
    code, out, err = run_cli(capsys, "verdict", SMOKE, *settings)
    assert (code, out) == (2, "")
    assert err == (
        "a verdict needs the folds of cross-validation, got cv.kind: holdout: one split says nothing about other rows.\n"
        "Set cv.kind: stratified_kfold.\n"
    )
    assert list(tmp_path.iterdir()) == []


FEW = [f"--set=verdict.{key}" for key in ("n_trials=2", "inner_splits=2", "arms=[none, tuned]", "references=[]")]


@pytest.mark.slow
def test_verdict_that_was_killed_goes_on_where_it_was_and_ends_as_if_it_had_not_been(tmp_path):
    longer = ["--set=cv.n_repeats=4", "--set=search_space.epochs={low: 100, high: 200}"]
    kill_and_resume(tmp_path, SMOKE, name="smoke", settings=[*FEW, *longer])


@pytest.mark.slow
def test_verdict_of_three_classes_that_was_killed_goes_on_where_it_was(tmp_path):
    rng = np.random.default_rng(0)
    y = rng.permutation(np.repeat(["bus", "car", "van"], [180, 90, 30]))
    rows = [f"{a:.4f},{b:.4f},{label}" for (a, b), label in zip(rng.normal(size=(300, 2)), y, strict=True)]
    (tmp_path / "vehicles.csv").write_text("\n".join(["a,b,kind", *rows]))
    config = tmp_path / "vehicles.yaml"
    config.write_text(
        "study: {name: vehicles}\ndataset: {kind: table, path: vehicles.csv, target: kind}\n"
        "cv: {n_splits: 3, n_repeats: 4}\nscoring: {metric: balanced_accuracy}\n"
        "search_space: {epochs: {low: 100, high: 200}}\nevidence: {band_weights: 5}\n"
    )
    kill_and_resume(tmp_path, config, name="vehicles", settings=FEW)


def kill_and_resume(tmp_path, config, *, name, settings):
    """Check that a verdict of twelve outer folds, killed after two of them, ends as one that was not."""
    settings = [*settings, "--quiet", "--json"]
    whole = spawn("verdict", config, *settings, "--set=output.root=whole", cwd=tmp_path)
    expected, _ = whole.communicate()
    assert whole.returncode == 0
    killed = spawn("verdict", config, *settings, "--set=output.root=killed", cwd=tmp_path)
    database = tmp_path / "killed" / name / "study.db"
    while killed.poll() is None and n_folds(database) < 2:
        time.sleep(0.02)
    killed.kill()
    killed.communicate()
    done = n_folds(database)
    assert 2 <= done < 12
    resumed = spawn("verdict", config, *settings, "--set=output.root=killed", cwd=tmp_path)
    found, _ = resumed.communicate()
    assert resumed.returncode == 0
    assert n_folds(database) == 12
    assert json.loads(found) == json.loads(expected)


def n_folds(database):
    """Return how many outer folds are stored; none before there is a table."""
    try:
        return count(database, "SELECT count(DISTINCT fold) FROM tuner_verdict_folds")
    except sqlite3.OperationalError:
        return 0
