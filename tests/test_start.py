"""`tuner init`: a config for a table that runs without an edit, and says what it inferred and why."""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tuner.cli.main import call
from tuner.config.load import load_config
from tuner.errors import ConfigError, DataError
from tuner.prepared import prepare
from tuner.start import start, study_name

ROWS = 60


def columns(n_rows=ROWS):
    """One column of each kind, the target last."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=n_rows, freq="D")
    return {
        "customer": [f"c{i:04d}" for i in rng.permutation(n_rows)],
        "age": rng.integers(18, 90, n_rows),
        "income": ["" if i % 9 == 0 else f"{x:.2f}" for i, x in enumerate(rng.normal(3e4, 1e4, n_rows))],
        "city": rng.choice(["Ulm", "Köln", "Bonn"], n_rows),
        "member": rng.choice(["yes", "no"], n_rows),
        "since": days[rng.permutation(n_rows)].strftime("%Y-%m-%d"),
        "note": [
            " ".join(rng.choice(["late", "paid", "twice", "call", "angry", "fine"], 6)) + f" {i}" for i in range(n_rows)
        ],
        "bank": ["north"] * n_rows,
        "churned": np.where(np.arange(n_rows) % 5 == 0, "yes", "no"),
    }


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "data" / "churn 2024.csv"
    path.parent.mkdir()
    pd.DataFrame(columns()).to_csv(path, index=False)
    return path


@pytest.fixture
def here(tmp_path, monkeypatch):
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_config_lies_in_the_current_folder_under_the_name_of_the_table_and_loads(table, here):
    begun = start(table, target=["churned"])
    assert begun.path == Path("churn_2024.yaml")
    config = load_config(begun.path).config
    assert config.study.name == "churn_2024"
    assert config.dataset.path == table
    assert 'path: "../data/churn 2024.csv"' in begun.text


def test_config_runs_from_any_folder(table, here, tmp_path, monkeypatch):
    out = tmp_path / "configs" / "own.yaml"
    out.parent.mkdir()
    start(table, target=["churned"], out=out)
    monkeypatch.chdir(tmp_path)
    assert prepare(load_config(Path("configs/own.yaml")).config).dataset.class_counts == (48, 12)


def test_each_inference_stands_in_the_config_with_its_evidence(table, here):
    lines = start(table, target=["churned"]).text.splitlines()
    for expected in (
        '  #   customer  id, left out         60 distinct words in 60 cells, such as "c0057"',
        "  #   age       numeric              whole numbers from 19 to 89",
        '  #   city      categorical          3 categories: "Bonn", "Köln", "Ulm"',
        "  #   member    boolean              only no and yes",
        "  #   since     date                 dates from 2024-01-01 to 2024-02-29",
        "  #   note      text                 60 distinct texts of 7 words on average",
        '  #   bank      constant, left out   every cell is "north"',
    ):
        assert any(line.startswith(expected[:30]) for line in lines), expected
    assert any(line.startswith("  #   income    numeric              numbers from ") for line in lines)
    assert any(line.endswith(", 7 cells missing") for line in lines)
    assert '  positive: "yes"               # the rarer class' in lines
    assert any(line.startswith("  # time: since") for line in lines)


def test_file_that_is_there_is_never_overwritten_without_force(table, here):
    Path("churn_2024.yaml").write_text("mine")
    with pytest.raises(ConfigError) as caught:
        start(table, target=["churned"])
    assert str(caught.value) == (
        "churn_2024.yaml exists already, and may hold your work.\nAdd --force, or name another with --out."
    )
    assert Path("churn_2024.yaml").read_text() == "mine"
    start(table, target=["churned"], force=True)
    assert Path("churn_2024.yaml").read_text().startswith("# A study of churn 2024.csv: 60 rows.")


def test_table_that_cannot_be_used_writes_nothing(table, here):
    with pytest.raises(DataError, match='no column "churn"; did you mean "churned"'):
        start(table, target=["churn"])
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fraud.csv", "fraud"),
        ("fraud.csv.gz", "fraud"),
        ("my table (2).tsv", "my_table_2_"),
        ("_x.parquet", "x"),
        ("a.b.csv", "a.b"),
        ("日本.csv", "study"),
        ("x" * 200 + ".csv", "x" * 100),
    ],
)
def test_study_is_named_after_the_file(name, expected):
    assert study_name(Path(name)) == expected


def test_semicolons_decimal_commas_and_the_encoding_are_seen(here):
    frame = pd.DataFrame({"größe": ["1,5", "2,25", "3,75", "4,5"] * 6, "ort": ["Köln", "Ulm"] * 12, "y": [0, 1, 1] * 8})
    Path("t.csv").write_bytes(frame.to_csv(index=False, sep=";").encode("cp1252"))
    begun = start(Path("t.csv"), target=["y"])
    for line in (
        '  separator: ";"                # seen in the header',
        '  decimal: ","                  # seen in numbers',
    ):
        assert line in begun.text.splitlines()
    assert "  encoding: cp1252              # the file is not UTF-8" in begun.text.splitlines()
    dataset = prepare(load_config(begun.path).config).dataset
    assert dataset.feature_names == ("größe", "ort")
    assert dataset.X[:, 0].max() == 4.5


def test_gzip_and_parquet_begin_like_text(here):
    frame = pd.DataFrame(columns())
    with gzip.open("a.csv.gz", "wt") as file:
        frame.to_csv(file, index=False)
    frame.to_parquet("b.parquet")
    kinds = [
        [spec.kind for spec in start(Path(name), target=["churned"]).table.specs] for name in ("a.csv.gz", "b.parquet")
    ]
    assert kinds[0] == kinds[1]


def test_many_classes_get_a_metric_and_a_search_of_their_own(here):
    frame = pd.DataFrame({"x": np.arange(40) % 7, "y": ["a"] * 20 + ["b"] * 12 + ["c"] * 8})
    frame.to_csv("t.csv", index=False)
    begun = start(Path("t.csv"), target=["y"])
    config = load_config(begun.path).config
    assert config.scoring.metric == "balanced_accuracy"
    assert "weight_exponent: {low: 0.0, high: 1.5}" in begun.text
    assert "minority_weight" not in begun.text
    assert "positive" not in begun.text.split("cv:")[0]


def test_class_too_small_for_folds_is_told_in_the_config_before_any_run(here):
    frame = pd.DataFrame({"x": np.arange(42) % 7, "y": ["a"] * 20 + ["b"] * 20 + ["c"] * 2})
    frame.to_csv("t.csv", index=False)
    lines = start(Path("t.csv"), target=["y"]).text.splitlines()
    place = lines.index("  small_classes: refuse")
    assert lines[place - 2 : place] == [
        "  # Too few rows for folds: c (2). `run` refuses until you choose: merge joins such classes into one,",
        "  # drop leaves their rows out; or lower cv.n_splits.",
    ]


def test_few_rows_of_a_class_mean_fewer_folds(here):
    frame = pd.DataFrame({"x": np.arange(44) % 7, "y": ["a"] * 40 + ["b"] * 4})
    frame.to_csv("t.csv", index=False)
    begun = start(Path("t.csv"), target=["y"])
    assert "  n_splits: 4                   # the smallest class has 4 rows" in begun.text.splitlines()
    assert load_config(begun.path).config.cv.n_splits == 4


def test_several_targets_make_labels(here):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=50), "rain": rng.integers(0, 2, 50), "wind": rng.integers(0, 2, 50)})
    frame.to_csv("t.csv", index=False)
    begun = start(Path("t.csv"), target=["rain", "wind"])
    dataset = prepare(load_config(begun.path).config).dataset
    assert (dataset.task, dataset.classes, dataset.y.shape) == ("multilabel", ("rain", "wind"), (50, 2))


def test_long_tables_get_larger_batches(here):
    for n_rows, expected in ((50_000, 32), (51_000, 64), (200_000, 128)):
        frame = pd.DataFrame({"x": np.arange(n_rows) % 1001, "y": np.arange(n_rows) % 2})
        frame.to_csv("t.csv", index=False)
        assert load_config(start(Path("t.csv"), target=["y"], force=True).path).config.training.batch_size == expected


def test_names_that_yaml_would_read_otherwise_are_quoted(here):
    frame = pd.DataFrame(
        {"null": np.arange(30) % 7, "a: b #c": np.arange(30) % 11, 'say "hi"': np.arange(30) % 3, "true": [0, 1] * 15}
    )
    frame.to_csv("1e5.csv", index=False)
    begun = start(Path("1e5.csv"), target=["true"], drop=["a: b #c", 'say "hi"'])
    config = load_config(begun.path).config
    assert (config.study.name, config.dataset.target) == ("1e5", "true")
    assert config.dataset.drop == ["a: b #c", 'say "hi"']


def test_command_tells_what_it_inferred_and_what_is_next(table, here, capsys):
    assert call(["init", str(table), "--target", "churned", "--drop", "note"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].split() == ["wrote", "churn_2024.yaml"]
    assert out[2].split(maxsplit=1)[1] == "churned: no 48, yes 12"
    assert out[-1].split(maxsplit=1)[1] == "python -m tuner check churn_2024.yaml"
    assert call(["init", str(table), "--target", "churned", "--force", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["classes"] == {"no": 48, "yes": 12}
    assert found["columns"][1] == {"name": "age", "kind": "numeric", "evidence": "whole numbers from 19 to 89"}
    assert call(["init", str(table), "--target", "churned"]) == 2


def test_positive_class_may_be_named(table, here):
    begun = start(table, target=["churned"], positive="no")
    assert begun.dataset.classes == ("yes", "no")
    assert load_config(begun.path).config.dataset.positive == "no"


def test_words_for_missing_values_and_kinds_may_be_given(here):
    values = [*map(str, range(30)), "unknown", "unknown"]
    frame = pd.DataFrame({"a": values, "code": [0, 1, 2, 1] * 8, "y": [0, 1] * 16})
    frame.to_csv("t.csv", index=False)
    with pytest.raises(DataError, match="30 numbers and 2 cells that are none"):
        start(Path("t.csv"), target=["y"])
    begun = start(Path("t.csv"), target=["y"], missing=["unknown"], kinds=["code=categorical"])
    config = load_config(begun.path).config
    assert config.dataset.missing[-1] == "unknown"
    assert "NA" in config.dataset.missing
    assert config.dataset.columns == {"code": "categorical"}
    assert [column.kind for column in prepare(config).dataset.columns] == ["numeric", "categorical"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"drop": ["y"]}, "drop must not hold the target column 'y'"),
        (
            {"kinds": ["a=code"]},
            "columns a Input should be 'numeric', 'boolean', 'categorical', 'date', 'text' or 'drop'",
        ),
        ({"kinds": ["y=text"]}, "columns must not hold the target column 'y'"),
    ],
)
def test_arguments_that_contradict_each_other_are_one_message(here, arguments, message):
    pd.DataFrame({"a": range(30), "y": [0, 1] * 15}).to_csv("t.csv", index=False)
    with pytest.raises(ConfigError) as caught:
        start(Path("t.csv"), target=["y"], **arguments)
    assert str(caught.value) == f"{message}.\nCorrect --target, --positive, --drop or --kind COLUMN=KIND."


def test_table_that_is_not_there_is_named(here):
    with pytest.raises(DataError) as caught:
        start(Path("none.csv"), target=["y"])
    assert str(caught.value) == "none.csv does not exist.\nGive the path of a CSV, TSV or Parquet file."


def test_rows_without_a_label_are_left_out_on_request_and_every_run_says_so(here):
    pd.DataFrame({"a": [i % 7 for i in range(42)], "y": ["", "x", "z"] * 14}).to_csv("t.csv", index=False)
    with pytest.raises(DataError, match="14 rows without a label, the first in row 1; fill in, or set"):
        start(Path("t.csv"), target=["y"])
    begun = start(Path("t.csv"), target=["y"], drop_unlabeled=True)
    assert "  unlabeled: drop               # 14 rows have no label" in begun.text.splitlines()
    prepared = prepare(load_config(begun.path).config)
    assert len(prepared.dataset.y) == 28
    assert prepared.notices == ("rows without a label are left out: 14",)
