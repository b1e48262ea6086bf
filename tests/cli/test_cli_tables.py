"""From a raw table to weights on the command line: every kind of column, many classes, labels, groups, time, weights."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml

import tuner
from tuner.cli.main import call
from tuner.config.load import load_config
from tuner.data.raw import from_frame
from tuner.prepared import prepare
from tuner.study.records import load_logits

N = 120


def frame(seed=0):
    """A column of each kind, and every sort of target."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=N)
    kinds = np.array(["red", "green", "blue", "rare"])[np.clip(rng.poisson(0.8, N), 0, 3)]
    words = np.array(["late", "paid", "twice", "call", "angry", "fine", "again"])
    return pd.DataFrame(
        {
            "x": x.round(4),
            "gappy": np.where(rng.random(N) < 0.2, np.nan, rng.normal(size=N).round(3)),
            "kind": np.where(rng.random(N) < 0.1, "?", kinds),
            "member": np.where(rng.random(N) < 0.5, "t", "f"),
            "day": pd.date_range("2024-01-01", periods=N).strftime("%Y-%m-%d"),
            "note": [" ".join(rng.choice(words, 5)) + f" {i}" for i in range(N)],
            "patient": [f"p{i // 3}" for i in range(N)],
            "importance": rng.uniform(0.5, 2.0, N).round(3),
            "part": np.arange(N) % 4,
            "sick": np.where(x + rng.normal(size=N) > 1.0, "yes", "no"),
            "grade": np.where(x > 0.6, "high", np.where(x > -0.3, "middle", "low")),
            "rain": (x + rng.normal(size=N) > 0.5).astype(int),
            "wind": (rng.random(N) < 0.3).astype(int),
        }
    )


ROLES = ("patient", "importance", "part", "sick", "grade", "rain", "wind")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("tables")
    frame().to_csv(path / "table.csv", index=False)
    return path


def run(folder, name, target, *, metric="roc_auc", cv=None, **dataset):
    """Run a small study; return its folder."""
    targets = [target] if isinstance(target, str) else target
    config = {
        "study": {"name": name, "n_trials": 4},
        "dataset": {
            "kind": "table",
            "path": "table.csv",
            "target": target,
            "drop": [column for column in ROLES if column not in (*targets, *dataset.pop("keep", ()))],
            **dataset,
        },
        "cv": cv or {"n_splits": 3, "n_repeats": 1},
        "scoring": {"metric": metric},
        "search_space": {"epochs": {"low": 2, "high": 4}, "hidden_size": {"low": 4, "high": 8}},
        "training": {"learning_rate": 0.1},
        "evidence": {"band_weights": 0, "noise_seeds": 0, "bootstraps": 0},
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(config))
    assert call(["run", str(path), "--quiet", "--json", "--set", f"output.root={folder / 'studies'}"]) == 0
    return folder / "studies" / name


@pytest.fixture(scope="module")
def sick(folder):
    return run(folder, "sick", "sick")


def test_every_kind_of_column_trains_and_is_named_in_the_report(sick):
    summary = tuner.load_summary(sick / "study.db", "sick")
    assert summary.data.columns == (
        ("x", "numeric"), ("gappy", "numeric"), ("kind", "categorical"), ("member", "boolean"), ("day", "date"),
        ("note", "text"),
    )  # fmt: skip
    assert summary.count("complete") == 4
    report = (sick / "report.html").read_text()
    assert "categorical" in report
    assert "imbalance ratio" in report


def test_stored_encoder_gives_raw_rows_the_very_numbers_of_the_table(sick):
    encoder = tuner.load_encoder(sick)
    whole = prepare(load_config(sick).config).whole
    numbers = encoder.apply(pd.read_csv(sick.parents[1] / "table.csv", dtype=str, keep_default_na=False))
    np.testing.assert_array_equal(numbers, whole.scaled.transform(whole.X, 0))
    shuffled = frame()[["note", "kind", "x", "day", "member", "gappy", "wind"]]
    np.testing.assert_array_equal(encoder.apply(from_frame(shuffled)), numbers)


@pytest.mark.parametrize(
    ("override", "changed"),
    [
        ("encoding.scaling=robust", 'encoding.scaling  "standard" -> "robust"'),
        ("encoding.min_category_rows=2", "encoding.min_category_rows  5 -> 2"),
        ("dataset.columns={member: categorical}", 'encoding.kinds.member  "boolean" -> "categorical"'),
        ("dataset.missing=[x]", "data.sha256"),
        ("cv.group=duplicates", "folds.s"),
    ],
)
def test_study_refuses_to_go_on_with_columns_read_otherwise(sick, capsys, override, changed):
    code = call(["run", str(sick), "--set", "study.n_trials=5", "--set", override])
    assert code == 4
    assert changed in capsys.readouterr().err


def test_many_classes_end_with_a_weight_for_each(folder):
    study = run(folder, "grade", "grade", metric="balanced_accuracy")
    weights = tuner.load_best_weights(study / "best_weights.json")
    assert set(weights.for_sklearn()) == {"high", "low", "middle"}
    assert set(weights.for_keras()) == {0, 1, 2}
    counts = frame()["grade"].value_counts()
    exponent = weights.params["weight_exponent"]
    for label, weight in weights.for_sklearn().items():
        assert weight == pytest.approx((counts.max() / counts[label]) ** exponent)
    assert load_logits(study / "study.db", "grade", weights.trial).shape == (1, N, 3)
    summary = tuner.load_summary(study / "study.db", "grade")
    assert [row["label"] for row in summary.evidence["per_class"]["rows"]] == ["high", "low", "middle"]


@pytest.mark.parametrize("target", ["grade", ["rain", "wind"]])
def test_replay_agrees_for_many_classes_and_for_labels(folder, capsys, target):
    metric = "balanced_accuracy" if target == "grade" else "f1"
    study = run(folder, f"replayed_{metric}", target, metric=metric)
    capsys.readouterr()
    assert call(["replay", str(study), "--trial", "2", "--folds", "2", "--json"]) == 0
    replay = json.loads(capsys.readouterr().out)
    assert replay["agrees"]
    assert max(fold["probability_difference"] for fold in replay["folds"]) < 1e-4


def test_several_labels_end_with_a_positive_weight_for_each(folder):
    study = run(folder, "weather", ["rain", "wind"])
    content = json.loads((study / "best_weights.json").read_text())
    assert (content["task"], content["classes"]) == ("multilabel", ["rain", "wind"])
    assert set(content["class_weight"]) == {"rain", "wind"}
    assert load_logits(study / "study.db", "weather", content["trial"]).shape == (1, N, 2)


def test_sample_weights_change_what_is_trained_and_are_no_feature(folder, sick):
    weighted = run(folder, "weighted", "sick", keep=("importance",), weight="importance")
    one, other = (tuner.load_summary(study / "study.db", study.name) for study in (sick, weighted))
    assert "importance" not in dict(other.data.columns)
    assert one.folds.sha256 == other.folds.sha256
    assert [trial.value for trial in one.trials] != [trial.value for trial in other.trials]


def test_groups_stay_together_and_time_goes_forward(folder):
    grouped = run(folder, "grouped", "sick", keep=("patient",), cv={"n_splits": 3, "n_repeats": 2, "group": "patient"})
    assert tuner.load_summary(grouped / "study.db", "grouped").folds.splitter == "grouped"
    prepared = prepare(load_config(grouped).config)
    for train, valid in zip(prepared.folds.train, prepared.folds.valid, strict=True):
        assert not {i // 3 for i in train} & {i // 3 for i in valid}
    timed = run(folder, "timed", "sick", cv={"n_splits": 3, "time": "day"})
    prepared = prepare(load_config(timed).config)
    assert "day" not in dict(tuner.load_summary(timed / "study.db", "timed").data.columns)
    for train, valid in zip(prepared.folds.train, prepared.folds.valid, strict=True):
        assert train.max() < valid.min()


def test_folds_may_be_named_by_a_column(folder):
    study = run(folder, "parts", "sick", keep=("part",), cv={"fold": "part"})
    prepared = prepare(load_config(study).config)
    assert [set(valid % 4) for valid in prepared.folds.valid] == [{0}, {1}, {2}, {3}]
    assert tuner.load_summary(study / "study.db", "parts").folds.splitter == "predefined"


def test_metric_of_the_wrong_task_is_refused_before_anything_trains(folder, capsys):
    config = folder / "grade.yaml"
    code = call(["run", str(config), "--set", "scoring.metric=roc_auc", "--set", f"output.root={folder / 'none'}"])
    assert code == 2
    message = capsys.readouterr().err
    assert message.startswith("scoring.metric: roc_auc is for two classes, and the target has 3.")
    assert not (folder / "none").exists()


def judge(capsys, folder, name):
    """Return the small verdict of a study, as an object, and the folder of the study."""
    small = ("n_trials=2", "inner_splits=2", "arms=[none, balanced, tuned, smote]", "references=[logistic_regression]")
    settings = [f"--set=verdict.{key}" for key in small]
    capsys.readouterr()
    root = folder / "judged"
    assert (
        call(["verdict", str(folder / f"{name}.yaml"), "--json", "--quiet", *settings, f"--set=output.root={root}"])
        == 0
    )
    return json.loads(capsys.readouterr().out), root / name


def test_many_classes_end_with_a_verdict_on_one_exponent(folder, capsys):
    found, study = judge(capsys, folder, "grade")
    assert found["task"] == "multiclass"
    assert found["conclusion"] in ("helps", "hurts", "changes_nothing", "too_noisy")
    assert "the searched exponent makes" in found["sentence"]
    assert [arm["label"] for arm in found["arms"]] == [
        *("no weights", "exponent 1, balanced weights", "exponent searched", "SMOTE"),
        *("no weights, rate 0.1", "exponent searched, rate 0.1"),
    ]
    assert [arm["weights"] for arm in found["arms"][:2]] == [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    assert all(0.0 <= exponent <= 1.5 for exponent in found["arms"][2]["weights"])
    assert found["notes"] == [
        "no thresholds are moved: a row is called the class of greatest probability; so a difference in "
        "balanced_accuracy may come from moved calls as well as from better ranking"
    ]
    page = (study / "report.html").read_text()
    assert "every arm searched everything but its exponent" in page
    assert "Weights are the imbalance ratio of each class in the training rows" in page
    assert (study / "plots" / "verdict.png").exists()
    assert call(["verdict", str(study)]) == 0
    text = capsys.readouterr().out
    (head,) = [line.split() for line in text.splitlines() if "  minus none  " in line]
    assert head == ["balanced_accuracy", "minus", "none", "exponent", "rate", "models", "p"]


def test_several_labels_end_with_a_verdict_too(folder, capsys):
    found, study = judge(capsys, folder, "weather")
    assert found["task"] == "multilabel"
    assert "the searched exponent makes" in found["sentence"]
    assert [arm["name"] for arm in found["arms"]] == [
        *("none", "balanced", "tuned", "none_fixed_rate", "tuned_fixed_rate"),
    ]
    assert found["notes"][0] == "without smote: a row repeated for one label takes its other labels along"
    assert "Weights are the imbalance ratio of each label in the training rows" in (study / "report.html").read_text()
    assert call(["status", str(study)]) == 0
    assert capsys.readouterr().out.startswith("verdict ")


def test_verdict_of_a_metric_that_calls_next_to_nothing_is_refused(folder, capsys):
    settings = ("--set", "scoring.metric=precision_macro", "--set", f"output.root={folder / 'none'}")
    assert call(["verdict", str(folder / "grade.yaml"), *settings]) == 2
    assert capsys.readouterr().err == (
        "a verdict for precision_macro would be won by calling every class but the largest for next to no row, got "
        "scoring.metric: precision_macro.\nChoose f1_macro, balanced_accuracy or a metric of ranking.\n"
    )
    assert not (folder / "none").exists()
