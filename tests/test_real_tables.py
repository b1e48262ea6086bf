"""Real tables end to end: those this version can use become weights, the others one message and no file."""

import json
import re
from pathlib import Path

import pytest
import yaml

import tuner
from tuner.cli.main import call

USABLE = [
    "mammography", "oil_spill", "phoneme", "htru2", "keel_glass1", "keel_ecoli1", "keel_yeast_2_vs_4", "keel_yeast5",
    "keel_glass_0_1_4_6_vs_2", "keel_yeast6", "zenodo_us_crime", "zenodo_letter_img", "zenodo_abalone_19",
]  # fmt: skip
REFUSED = [
    "german_credit", "adult", "give_me_some_credit", "sick", "stroke", "car", "glass", "page_blocks", "ann_thyroid",
    "sms_spam", "covtype_10k", "nursery", "hypothyroid",
]  # fmt: skip


@pytest.fixture(scope="module")
def manifest(shared_data):
    """What is known of every table, by name."""
    return {table["name"]: table for table in json.loads((shared_data / "manifest.json").read_text())}


def write_config(folder: Path, table: dict, shared_data: Path) -> Path:
    dataset = {"kind": "table", "path": str(shared_data / table["file"])}
    dataset |= {key: table[key] for key in ("target", "drop", "positive") if key in table}
    config = {
        "study": {"name": table["name"], "n_trials": 4},
        "dataset": dataset,
        "cv": {"n_splits": 3, "n_repeats": 1},
        "search_space": {"hidden_size": {"low": 4, "high": 8}, "epochs": {"low": 2, "high": 5}},
        "training": {"batch_size": 256},
        "output": {"root": str(folder / "studies")},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def is_usable(table: dict) -> bool:
    return not table["categorical_cols"] and not table["missing_cells"] and table["n_classes"] == 2


def test_every_table_is_tried(manifest):
    assert [name for name, table in manifest.items() if is_usable(table)] == USABLE
    assert [name for name, table in manifest.items() if not is_usable(table)] == REFUSED


@pytest.mark.slow
@pytest.mark.parametrize("name", USABLE)
def test_a_numeric_table_of_two_classes_becomes_weights_that_are_read_back(
    capsys, tmp_path, manifest, shared_data, name
):
    table = manifest[name]
    code = call(["run", str(write_config(tmp_path, table, shared_data)), "--json", "--quiet"])
    result = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (result["complete"], result["failed"], result["running"]) == (4, 0, 0)

    weights = tuner.load_best_weights(tmp_path / "studies" / name / "best_weights.json")
    negative, positive = sorted(table["class_counts"], key=table["class_counts"].get, reverse=True)
    assert (weights.target, weights.classes) == (table["target"], (negative, positive))
    assert weights.dataset["rows"] == table["rows"]
    assert weights.dataset["class_counts"] == table["class_counts"]
    assert weights.for_keras() == {0: 1.0, 1: weights.params["minority_weight"]}
    label = {"int": int, "str": str}[weights.label_type]
    assert weights.for_sklearn() == {label(negative): 1.0, label(positive): weights.params["minority_weight"]}
    assert 0.0 <= weights.score.mean <= 1.0

    summary = tuner.load_summary(tmp_path / "studies" / name / "study.db", name)
    assert summary.data.n_features == table["features"]
    ratio = max(table["class_counts"].values()) / min(table["class_counts"].values())
    baselines = {trial.origin: trial.params["minority_weight"] for trial in summary.trials[:3]}
    assert baselines == pytest.approx({"none": 1.0, "sqrt": ratio**0.5, "balanced": ratio})


@pytest.mark.parametrize("name", REFUSED)
def test_any_other_table_is_one_message_that_names_columns_or_classes(capsys, tmp_path, manifest, shared_data, name):
    table = manifest[name]
    config = write_config(tmp_path, table, shared_data)
    code = call(["run", str(config)])
    out, err = capsys.readouterr()
    assert (code, out) == (3, "")
    assert list(tmp_path.iterdir()) == [config]

    problems = dict(re.split(r"   +", line.strip(), maxsplit=1) for line in err.splitlines() if line.startswith("  "))
    n_problems = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    assert err.startswith(f"{shared_data / table['file']} has {n_problems}\n\n")
    assert err.endswith("\nRow 1 is the first below the header.\n")
    target = f'target "{table["target"]}"'
    kinds = {
        target: table["n_classes"] > 2,
        "not numeric": table["categorical_cols"],
        "missing cells": table["missing_cells"],
    }
    assert list(problems) == [kind for kind, is_expected in kinds.items() if is_expected]
    if target in problems:
        classes = named([f'"{label}"' for label in sorted(table["class_counts"])])
        text = f"{table['n_classes']} classes ({classes}); two are expected, so join or remove classes"
        assert problems[target] == text
    if "not numeric" in problems:
        cells = r' \("[^"]*" in row \d+\)'
        assert re.sub(cells, "", problems["not numeric"]) == named([f'"{name}"' for name in table["categorical_cols"]])
    if "missing cells" in problems:
        counts = [int(count) for count in re.findall(r'" \((\d+), first in row', problems["missing cells"])]
        n_more = int((re.findall(r" and (\d+) more", problems["missing cells"]) or [0])[0])
        assert sum(counts) == table["missing_cells"] if n_more == 0 else sum(counts) + n_more <= table["missing_cells"]


def named(items: list[str]) -> str:
    """Return the first five items and how many more there are."""
    shown, n_more = ", ".join(items[:5]), len(items) - 5
    return f"{shown} and {n_more} more" if n_more > 0 else shown
