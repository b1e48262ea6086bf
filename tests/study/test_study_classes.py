"""A whole study of more than two classes: what is stored of it, read back, and resumed."""

import json
import sqlite3
from dataclasses import replace

import numpy as np
import pytest
from study_kit import DATA, FOLDS, N_ROWS, dump, evaluate, make_plan, run

from tuner.config.schema import Predictions, SearchSpace, StudySection, TrainingSection
from tuner.errors import ConfigError
from tuner.study.drift import seal
from tuner.study.predictions import check_predictions, n_outputs, predicted_bytes
from tuner.study.records import load_logits
from tuner.study.space import resolve_space
from tuner.study.summary import load_summary
from tuner.study.weighting import stored_trial
from tuner.trial import FirstEpoch

CLASSES, COUNTS = ("low", "middle", "high's"), (4, 10, 6)
NAMES = ("loss_share", "gradient_share", "unweighted_loss_share", "unweighted_gradient_share")


def plan_of_three(**study):
    plan = make_plan(**study)
    search = SearchSpace.model_validate({"weight_deviation": {"low": 0.5, "high": 2.0}})
    space = resolve_space(
        search,
        TrainingSection(),
        plan.section,
        imbalance_ratio=2.5,
        task="multiclass",
        classes=CLASSES,
        class_counts=COUNTS,
        n_rows=N_ROWS,
    )
    data = replace(
        DATA, task="multiclass", classes=CLASSES, class_counts=COUNTS, columns=(("x1", "numeric"), ("x2", "text"))
    )
    return replace(plan, space=space, data=data)


def logits_of(number):
    return np.arange(FOLDS.n_repeats * N_ROWS * 3, dtype=np.float32).reshape(FOLDS.n_repeats, N_ROWS, 3) + number


def shares_of(number):
    shares = number / 1000 + np.arange(FOLDS.n_folds * 3).reshape(FOLDS.n_folds, 3) / 100
    shares[1, 2] = np.nan
    return FirstEpoch(**{name: shares + i / 10 for i, name in enumerate(NAMES)})


def of_three(batch, folds=None):
    scores = evaluate([replace(trial, minority_weight=max(trial.class_weights)) for trial in batch], folds)
    return [replace(one, logits=logits_of(one.number), first_epoch=shares_of(one.number)) for one in scores]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("three") / "study.db"
    run(plan_of_three(n_trials=8), path, of_three)
    return path


def test_predictions_of_every_class_come_back_as_they_were(finished):
    logits = load_logits(finished, "fraud", 5)
    assert logits.dtype == np.float32
    np.testing.assert_array_equal(logits, logits_of(5))


def test_shares_of_every_class_come_back_as_they_were_measured(finished):
    for trial in load_summary(finished, "fraud").trials:
        for name in NAMES:
            np.testing.assert_array_equal(getattr(trial.first_epoch, name), getattr(shares_of(trial.number), name))


def test_shares_of_two_classes_and_of_more_lie_in_tables_of_their_own(finished, tmp_path):
    def first_epochs(path):
        with sqlite3.connect(path) as connection:
            found = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE '%first_epochs'").fetchall()
        connection.close()
        return [name for (name,) in found]

    def of_two(batch, folds=None):
        shares = FirstEpoch(**{name: np.full(FOLDS.n_folds, 0.5) for name in NAMES})
        return [replace(score, first_epoch=shares) for score in evaluate(batch, folds)]

    run(make_plan(n_trials=4), tmp_path / "study.db", of_two)
    assert first_epochs(finished) == ["tuner_class_first_epochs"]
    assert first_epochs(tmp_path / "study.db") == ["tuner_first_epochs"]


def test_stored_trial_is_what_was_trained(finished):
    plan = plan_of_three(n_trials=8)
    for record in load_summary(finished, "fraud").trials:
        trial = stored_trial(record.number, record.resolved)
        assert trial == plan.space.resolve(record.number, record.params)
        assert trial.class_weights == tuple(record.resolved["class_weights"])
        assert {name for name in record.params if name.startswith("weight_")} <= set(record.resolved)
    origins = [record.origin for record in load_summary(finished, "fraud").trials[:4]]
    assert origins == ["none", "sqrt", "balanced", "sampled"]


def test_summary_tells_the_task_and_the_kinds_of_columns(finished):
    data = load_summary(finished, "fraud").data
    assert (data.task, data.classes, data.class_counts) == ("multiclass", CLASSES, COUNTS)
    assert data.columns == (("x1", "numeric"), ("x2", "text"))
    assert data.imbalance_ratio == 2.5


def test_study_from_before_there_were_kinds_has_two_classes_and_tells_no_columns(tmp_path):
    path = tmp_path / "study.db"
    run(make_plan(n_trials=4), path)
    with sqlite3.connect(path) as connection:
        stored = json.loads(connection.execute("SELECT data FROM tuner_studies").fetchone()[0])
        older = {name: value for name, value in stored.items() if name not in ("task", "columns")}
        connection.execute("UPDATE tuner_studies SET data = ?", (json.dumps(older),))
    connection.close()
    data = load_summary(path, "fraud").data
    assert (data.task, data.columns) == ("binary", ())


def test_resumed_study_draws_what_it_would_have_drawn_at_once(finished, tmp_path):
    path = tmp_path / "study.db"
    run(plan_of_three(n_trials=4), path, of_three)
    run(plan_of_three(n_trials=8), path, of_three)
    once, twice = dump(finished), dump(path)
    assert once["tuner_trials"] == twice["tuner_trials"]
    assert once["tuner_class_first_epochs"] == twice["tuner_class_first_epochs"]


def test_specs_name_how_rows_go_together_only_where_folds_are_not_stratified():
    plan = plan_of_three()
    grouped = replace(plan, folds=replace(FOLDS, splitter="grouped"))
    assert "splitter" not in seal(plan.full_spec)["objective"]["value"]["folds"]
    assert grouped.full_spec["objective"]["folds"]["splitter"] == "grouped"


def test_predictions_of_many_classes_count_each_of_them():
    assert (n_outputs("binary", ("0", "1")), n_outputs("multiclass", CLASSES)) == (1, 3)
    assert predicted_bytes(FOLDS, 12, 3) == 3 * predicted_bytes(FOLDS, 12) == 8_640
    section = StudySection(name="fraud", predictions=Predictions(max_bytes=8_639))
    with pytest.raises(ConfigError) as caught:
        check_predictions(section, FOLDS, 12, 3)
    assert str(caught.value) == (
        "study.predictions.max_bytes is 8,639, but the predictions of 12 trials take 8,640 bytes"
        " (3 repeats x 20 rows x 3 classes or labels x 4 bytes each).\n"
        "Raise study.predictions.max_bytes to 8640, or set study.predictions.keep: false."
    )
    with pytest.raises(ConfigError, match="take 8,640 bytes"):
        check_predictions(section, FOLDS, 12, n_outputs("multilabel", CLASSES))
