"""Real tables end to end, without an edit by hand: `init`, `check` and `run`, or a refusal that `init` foretold."""

import json
import os
from pathlib import Path

import pytest

import tuner
from tuner.cli.main import call
from tuner.config.load import load_config
from tuner.prepared import prepare

REFUSED = {"nursery": "recommend"}
"""Tables with a class of fewer rows than folds, and how the message names it."""

SMALL = [
    "study.n_trials=3", "cv.n_splits=3", "cv.n_repeats=1", "training.batch_size=256",
    "search_space.hidden_size={low: 4, high: 8}", "search_space.epochs={low: 1, high: 2}", "evidence.band_weights=5",
    "evidence.noise_seeds=0", "evidence.bootstraps=100",
]  # fmt: skip


def tables():
    """Return the names in the manifest, where the tables are there."""
    folder = os.environ.get("TUNER_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data")
    manifest = Path(folder) / "manifest.json"
    return [table["name"] for table in json.loads(manifest.read_text())] if manifest.exists() else ["no table"]


@pytest.fixture(scope="module")
def manifest(shared_data):
    """What is known of every table, by name."""
    return {table["name"]: table for table in json.loads((shared_data / "manifest.json").read_text())}


def init(folder: Path, table: dict, shared_data: Path) -> Path:
    """Let `init` write the config of a table; return it."""
    config = folder / f"{table['name']}.yaml"
    drop = [word for name in table["drop"] for word in ("--drop", name)]
    arguments = ["init", str(shared_data / table["file"]), "--target", table["target"], *drop, "--out", str(config)]
    assert call(arguments) == 0
    return config


@pytest.mark.slow
@pytest.mark.parametrize("name", tables())
def test_table_runs_as_init_writes_it_or_is_refused_as_init_says(capsys, tmp_path, manifest, shared_data, name):
    table = manifest[name]
    config = init(tmp_path, table, shared_data)
    capsys.readouterr()
    overrides = [word for setting in (*SMALL, f"output.root={tmp_path}") for word in ("--set", setting)]
    code = call(["run", str(config), "--json", "--quiet", *overrides])
    out, err = capsys.readouterr()
    if name in REFUSED:
        assert code == 3
        assert REFUSED[name] in err
        assert "small_classes: refuse" in config.read_text()
        assert list(tmp_path.iterdir()) == [config]
        return
    assert code == 0, err
    result = json.loads(out)
    assert (result["complete"], result["failed"], result["running"]) == (3, 0, 0)
    weights = tuner.load_best_weights(tmp_path / name / "best_weights.json")
    assert weights.target == table["target"]
    assert weights.dataset["rows"] == table["rows"]
    assert weights.dataset["class_counts"] == table["class_counts"]
    assert set(weights.for_keras()) == set(range(table["n_classes"]))
    label = {"int": int, "str": str}[weights.label_type]
    assert set(weights.for_sklearn()) == {label(text) for text in table["class_counts"]}

    summary = tuner.load_summary(tmp_path / name / "study.db", name)
    left_out = prepare(load_config(config, overrides=SMALL).config).dataset.left_out
    assert summary.data.n_features == table["features"] - len(left_out)
    ratio = max(table["class_counts"].values()) / min(table["class_counts"].values())
    key, expected = ("minority_weight", [1.0, ratio**0.5, ratio]) if table["n_classes"] == 2 else (
        "weight_exponent", [0.0, 0.5, 1.0]
    )  # fmt: skip
    assert [trial.params[key] for trial in summary.trials] == pytest.approx(expected)


@pytest.mark.slow
def test_class_of_two_rows_may_be_dropped(capsys, tmp_path, manifest, shared_data):
    config = init(tmp_path, manifest["nursery"], shared_data)
    overrides = [*SMALL, f"output.root={tmp_path}", "dataset.small_classes=drop"]
    capsys.readouterr()
    code = call(["run", str(config), *[word for setting in overrides for word in ("--set", setting)]])
    out, err = capsys.readouterr()
    assert code == 0
    assert "recommend" in err
    assert "balanced_accuracy on this table" in out
