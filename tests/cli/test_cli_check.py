"""`check` as a person types it: warnings, exit codes, the picture."""

import json
from pathlib import Path

import numpy as np
import pytest

from tuner.cli.main import call

SMOKE = Path(__file__).parents[2] / "configs" / "smoke.yaml"
STRICT = "1 warning; with --strict that is an error. Nothing was trained.\n"


@pytest.fixture
def leaking(tmp_path, monkeypatch):
    """A config whose table has one thing to warn about, in the current folder."""
    rng = np.random.default_rng(0)
    rows = [f"{a:.6f},{(i % 5 == 0) + b / 2:.6f},{int(i % 5 == 0)}" for i, (a, b) in enumerate(rng.random((300, 2)))]
    (tmp_path / "table.csv").write_text("\n".join(["a,leak,y", *rows]))
    (tmp_path / "leaking.yaml").write_text(
        "study: {name: leaking}\ndataset: {kind: table, path: table.csv, target: y}\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path / "leaking.yaml"


def run_cli(capsys, *arguments):
    code = call([str(a) for a in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_warnings_alone_are_no_error(capsys, leaking):
    code, out, err = run_cli(capsys, "check", leaking)
    assert (code, err) == (0, "")
    assert (
        '\nwarning  column "leak" predicts the target almost alone: its ROC AUC by itself is 1.0000. If it is\n' in out
    )


def test_strict_makes_warnings_exit_code_3_after_everything_is_printed(capsys, leaking):
    _, lenient, _ = run_cli(capsys, "check", leaking)
    code, out, err = run_cli(capsys, "check", leaking, "--strict")
    assert (code, out, err) == (3, lenient, STRICT)


def test_strict_with_json_prints_the_plan_and_the_error(capsys, leaking):
    code, out, err = run_cli(capsys, "check", leaking, "--strict", "--json")
    plan = json.loads(out)
    assert (code, plan["files"]) == (3, {})
    assert [one["level"] for one in plan["findings"]] == ["warning"]
    assert json.loads(err) == {"event": "error", "kind": "DataError", "message": STRICT.strip(), "exit_code": 3}


def test_strict_has_no_objection_where_nothing_is_found(capsys):
    code, out, err = run_cli(capsys, "check", SMOKE, "--strict")
    assert (code, err) == (0, "")
    assert "\nchecks   nothing found: " in out


def test_strict_lets_what_is_only_mentioned_pass(capsys):
    code, out, _ = run_cli(capsys, "check", SMOKE, "--strict", "--set", "search_space.minority_weight=2")
    assert code == 0
    assert "\ninfo     class weights are not searched: " in out


def test_plot_writes_the_picture_into_the_current_folder(capsys, leaking):
    code, out, _ = run_cli(capsys, "check", leaking, "--plot")
    assert code == 0
    assert out.endswith("\npicture  leaking_data.png\n         Nothing was trained.\n")
    assert Path("leaking_data.png").read_bytes().startswith(b"\x89PNG")


def test_out_names_the_picture_and_asks_for_it(capsys, leaking, tmp_path):
    picture = tmp_path / "here.png"
    code, out, _ = run_cli(capsys, "check", leaking, "--out", picture, "--json")
    assert (code, json.loads(out)["files"]) == (0, {"picture": str(picture)})
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert not Path("leaking_data.png").exists()


def test_picture_is_written_although_warnings_are_errors(capsys, leaking):
    code, _, _ = run_cli(capsys, "check", leaking, "--strict", "--plot")
    assert code == 3
    assert Path("leaking_data.png").exists()


def test_help_of_check_tells_of_exit_code_and_picture(capsys):
    _, out, _ = run_cli(capsys, "check", "--help")
    words = " ".join(out.split())
    assert "Leave with exit code 3 where there is a warning." in words
    assert "as <study name>_data.png" in words
    assert "Example: python -m tuner check configs/default.yaml --strict --plot" in words
