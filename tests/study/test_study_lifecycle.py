import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_kit import DATA, FOLDS, N_ROWS, evaluate, make_plan, run, score

from tuner.config.schema import Predictions, SearchSpace, StudySection, TrainingSection
from tuner.config.values import Range
from tuner.errors import ConfigError, StudyError
from tuner.events import Notice
from tuner.study.drift import canonical, differences, seal
from tuner.study.lifecycle import open_study, refuse_drift
from tuner.study.lock import run_lock
from tuner.study.predictions import check_predictions, predicted_bytes
from tuner.study.records import load_logits
from tuner.study.summary import load_summary


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fraud" / "study.db"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("finished") / "study.db"
    run(make_plan(), path)
    return path


OTHER_RANGE = SearchSpace(hidden_size=Range[int](low=4, high=65, log=True))
MUTATIONS = {
    "range": ({"search": OTHER_RANGE}, "space.search.hidden_size.high  64 -> 65"),
    "step": ({"search": SearchSpace(epochs=Range[int](low=10, high=200, step=10))}, "space.search.epochs.step"),
    "log": ({"search": SearchSpace(epochs=Range[int](low=10, high=200, log=True))}, "epochs.log  false -> true"),
    "parameters": (
        {"search": SearchSpace(momentum=[0.0, 0.9])},
        "space.search.momentum.choices  (absent) -> [0.0,0.9]",
    ),
    "fixed value": ({"training": TrainingSection(learning_rate=0.02)}, "space.fixed.learning_rate  0.01 -> 0.02"),
    "dropout": ({"training": TrainingSection(dropout=0.5)}, "space.fixed.dropout  (absent) -> 0.5"),
    "baselines": ({"baseline_params": {"epochs": 50}}, "space.points"),
    "imbalance": ({"ratio": 98.0}, "space.search.minority_weight.high  990.0 -> 980.0"),
    "sampler": ({"sampler": "random"}, 'space.study.sampler  "tpe" -> "random"'),
    "seed": ({"seed": 1}, "space.study.seed  0 -> 1"),
    "batch size": ({"batch_size": 5}, "space.study.batch_size  4 -> 5"),
    "metric": ({"metric": "f1"}, 'objective.metric  "roc_auc" -> "f1"'),
    "columns": ({"spec": {"data": {"rows": N_ROWS, "columns": ["x1"]}}}, 'data.columns  ["x1","x2"] -> ["x1"]'),
    "trainer": (
        {"spec": {"training": {"learning_rate": 0.01, "trainer": "sequential"}}},
        'training.trainer  "stacked" -> "sequential"',
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_any_single_change_that_decides_scores_is_caught(finished, name):
    changes, shown = MUTATIONS[name]
    with pytest.raises(StudyError) as caught:
        run(make_plan(**changes), finished)
    assert shown in str(caught.value)


@pytest.mark.parametrize("what", ["data", "folds"])
def test_changed_bytes_of_table_or_folds_are_caught(finished, what):
    changed = replace(DATA, sha256="e" * 64) if what == "data" else replace(FOLDS, sha256="e" * 64)
    with pytest.raises(StudyError, match="sha256"):
        run(replace(make_plan(), **{what: changed}), finished)


def test_study_from_before_there_was_dropout_goes_on_without(finished):
    """Its spec does not name the rate, so neither does that of a study which trains without."""
    with closing(sqlite3.connect(finished)) as connection:
        spec = json.loads(connection.execute("SELECT spec FROM tuner_studies").fetchone()[0])
    assert "l2" in spec["space"]["value"]["fixed"]
    assert "dropout" not in spec["space"]["value"]["fixed"]
    assert make_plan().space.fixed["dropout"] == 0.0


def test_drift_is_told_with_its_diff_and_the_ways_out(finished):
    with pytest.raises(StudyError) as caught:
        run(make_plan(seed=7, metric="f1"), finished)
    assert str(caught.value) == "\n".join(
        [
            f'study "fraud" in {finished} was made with other settings (stored -> now):',
            "",
            "  space.study.seed  0 -> 7",
            '  objective.metric  "roc_auc" -> "f1"',
            "",
            "Scores under different settings cannot be compared, so nothing was run. Restore the old settings,",
            f"or keep this study and give the new one another study.name, or start over by deleting {finished}.",
        ]
    )


def test_drift_is_found_without_opening_the_study_for_a_run(finished):
    refuse_drift(make_plan(), finished)
    with pytest.raises(StudyError, match=r"space\.study\.seed  0 -> 7"):
        refuse_drift(make_plan(seed=7), finished)


REORDERED = {"data": {"columns": ["x1", "x2"], "rows": N_ROWS}}
NO_OPS = {"order": {"spec": REORDERED}, "config": {"config": {"# comment": 1}}, "timeout": {"timeout_seconds": 9.0}}


@pytest.mark.parametrize("name", NO_OPS)
def test_change_that_decides_nothing_is_accepted(path, name):
    run(make_plan(n_trials=4), path)
    heard = []
    run(make_plan(n_trials=4, **NO_OPS[name]), path, listen=heard.append)
    assert [event.text for event in heard if isinstance(event, Notice)] == [
        "the study is done: it holds 4 finished trials, so nothing is trained"
    ]


def test_other_versions_are_noted_and_accepted(path):
    run(make_plan(n_trials=4), path)
    heard = []
    run(make_plan(n_trials=8, spec={"env": {"numpy": "2.5", "cpu": "one"}}), path, listen=heard.append)
    assert heard[1] == Notice(
        text='the study was begun under other versions (stored -> now):\n  env.numpy  "2.4" -> "2.5"'
    )
    assert load_summary(path, "fraud").n_finished == 8


def test_each_trial_knows_what_it_was_evaluated_with(path):
    run(make_plan(n_trials=4), path)
    newer = make_plan(n_trials=8, spec={"env": {"numpy": "2.5", "cpu": "one"}})
    run(newer, path)
    expected = [seal({"env": plan.spec["env"]})["env"]["sha256"] for plan in (make_plan(), newer)]
    assert [trial.env for trial in load_summary(path, "fraud").trials] == [expected[0]] * 4 + [expected[1]] * 4
    assert expected[0] != expected[1]


def test_rows_kept_for_the_report_leave_the_file_when_they_are_no_longer_to_be_stored(path):
    points = tuple((i + 0.123456789, -i - 0.987654321) for i in range(500))
    drawn = replace(DATA, points=points, point_classes=(0,) * 500)
    run(replace(make_plan(n_trials=4), data=drawn), path)
    assert load_summary(path, "fraud").data == drawn
    assert b".123456789" in path.read_bytes()
    bare = replace(DATA, points=(), point_classes=())
    run(replace(make_plan(n_trials=2), data=bare), path)
    assert load_summary(path, "fraud").data == bare
    assert all(b".123456789" not in file.read_bytes() for file in path.parent.iterdir())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
parts = st.dictionaries(st.text("abc", max_size=3), json_values, max_size=4)


@given(spec=parts)
def test_spec_equals_itself_after_storage_in_any_order(spec):
    stored = json.loads(json.dumps(seal({"space": spec})))
    assert differences(stored, {"space": dict(reversed(spec.items()))}, ("space",)) == []


@given(old=parts, new=parts)
def test_specs_differ_in_the_diff_exactly_when_they_differ(old, new):
    diff = differences(seal({"space": old}), {"space": new}, ("space",))
    assert bool(diff) == (canonical(old) != canonical(new))


def test_predictions_beyond_their_budget_are_refused(path):
    section = StudySection(name="fraud", predictions=Predictions(max_bytes=2_879))
    with pytest.raises(ConfigError) as caught:
        check_predictions(section, FOLDS, 12)
    assert predicted_bytes(FOLDS, 12) == 3 * N_ROWS * 4 * 12 == 2_880
    assert str(caught.value) == (
        "study.predictions.max_bytes is 2,879, but the predictions of 12 trials take 2,880 bytes"
        " (3 repeats x 20 rows x 4 bytes each).\n"
        "Raise study.predictions.max_bytes to 2880, or set study.predictions.keep: false."
    )
    with pytest.raises(ConfigError):
        run(make_plan(predictions=Predictions(max_bytes=2_879)), path)
    assert not path.parent.exists()


def test_predictions_are_read_back_bit_for_bit(finished):
    trial = load_summary(finished, "fraud").trials[5]
    logits = load_logits(finished, "fraud", 5)
    space = make_plan().space
    np.testing.assert_array_equal(logits, score(space.resolve(5, trial.params)).logits)
    assert logits.dtype == np.float32


def test_predictions_that_are_not_kept_take_no_room_and_are_missed_in_words(path):
    run(make_plan(n_trials=4, predictions=Predictions(keep=False, max_bytes=1)), path)
    with pytest.raises(StudyError) as caught:
        load_logits(path, "fraud", 2)
    assert str(caught.value) == (
        f'study "fraud" in {path} holds no predictions of trial 2.\n'
        "They are kept of complete and pruned trials while study.predictions.keep is true."
    )


def test_summary_gives_back_what_was_stored(finished):
    summary = load_summary(finished, "fraud")
    assert (summary.data, summary.folds) == (DATA, FOLDS)
    assert (summary.metric, summary.seed, summary.n_trials, summary.n_finished) == ("roc_auc", 0, 12, 12)
    assert summary.versions == {"tuner": "0.1.0", "optuna": "5.0.0"}
    assert summary.config == {"study": {"name": "fraud"}}
    assert summary.space == {
        "minority_weight": {"low": 1.0, "high": 990.0, "log": True},
        "hidden_size": {"low": 4, "high": 64, "log": True},
        "epochs": {"low": 10, "high": 200, "log": False},
    }
    assert [trial.origin for trial in summary.trials] == ["none", "sqrt", "balanced"] + ["sampled"] * 9
    for trial in summary.trials:
        expected = score(make_plan().space.resolve(trial.number, trial.params))
        np.testing.assert_array_equal(trial.fold_scores, expected.fold_scores)
        np.testing.assert_array_equal(trial.checkpoint_epochs, expected.checkpoint_epochs)
        assert trial.interval.mean == trial.value == expected.fold_scores[-1].mean()
        assert trial.params.items() <= trial.resolved.items()
        assert trial.started_at <= trial.finished_at
        assert trial.started_at.endswith("Z")


def test_study_of_another_name_is_missed_in_words(finished):
    with pytest.raises(StudyError) as caught:
        load_summary(finished, "froud")
    assert str(caught.value) == (
        f'{finished} holds no study named "froud"; it holds fraud.\n'
        "Check study.name, or run `python -m tuner run CONFIG` first."
    )


def test_trial_that_another_program_added_has_no_value_here(path):
    import optuna

    run(make_plan(n_trials=4), path)
    study = optuna.load_study(study_name="fraud", storage=f"sqlite:///{path}")
    study.optimize(lambda trial: trial.suggest_float("minority_weight", 1.0, 990.0, log=True) + 1e6, n_trials=1)
    summary = load_summary(path, "fraud")
    assert (summary.trials[4].state, summary.trials[4].value, summary.n_finished) == ("complete", None, 5)
    assert summary.best.number < 4
    run(make_plan(n_trials=8), path)
    assert load_summary(path, "fraud").n_finished == 8


def test_nothing_is_stored_of_a_batch_whose_results_cannot_be_written(path):
    with open_study(make_plan(), path) as study:
        space = study.plan.space
        params = [space.points[i].params for i in range(3)]
        batch = [space.resolve(i, params[i]) for i in range(3)]
        study.begin(batch, params)
        first, second, third = evaluate(batch)
        with pytest.raises(StudyError):
            broken = [first, second, replace(third, checkpoint_epochs=np.array([5, 5]))]
            study.finish(broken, {score.number: score.mean for score in broken})
    summary = load_summary(path, "fraud")
    assert summary.count("running") == 3
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM tuner_folds").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM trial_values").fetchone() == (0,)


HOLD = """
import sys, time
from pathlib import Path
from tuner.study.lock import run_lock
with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_lock_names_its_holder_and_is_released_by_its_death(tmp_path):
    path = tmp_path / "study.db"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StudyError) as caught, run_lock(path):
            pass
        holder.kill()
    named = json.loads((tmp_path / "study.db.lock").read_text())
    assert named["pid"] == holder.pid
    assert str(caught.value) == (
        f"{path} is in use by process {holder.pid} on {named['host']} since {named['since']}.\n"
        "Wait until that run ends or stop it; `python -m tuner status` reads the study meanwhile."
    )
    with run_lock(path):
        assert json.loads((tmp_path / "study.db.lock").read_text())["pid"] == os.getpid()
    assert (tmp_path / "study.db.lock").read_text() == ""


def test_database_has_one_lock_under_all_its_names(path):
    run(make_plan(n_trials=4), path)
    link = path.parent.parent / "link.db"
    link.symlink_to(path)
    with open_study(make_plan(), path), pytest.raises(StudyError, match=r"is in use by process"):
        run(make_plan(), link)
    run(make_plan(), link)
    assert load_summary(path, "fraud").n_finished == 12
    assert link.is_symlink()
    assert [entry.name for entry in link.parent.iterdir() if entry.is_file()] == ["link.db"]


def test_lock_does_not_follow_a_link(tmp_path):
    (tmp_path / "study.db.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StudyError, match=r"cannot write .*study\.db\.lock"), run_lock(tmp_path / "study.db"):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_reading_a_study_imports_neither_optuna_nor_numerics(finished):
    code = (
        "import sys, pathlib; from tuner.study.summary import load_summary;"
        "load_summary(pathlib.Path(sys.argv[1]), 'fraud');"
        "print([m for m in ('optuna', 'alembic', 'pandas', 'sklearn', 'keras', 'tensorflow') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code, str(finished)], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_summary_of_many_folds_is_quick(path):
    run(make_plan(n_trials=4), path)
    with closing(sqlite3.connect(path)) as connection, connection:
        for table, key in (("trials", "number"), ("tuner_trials", "number"), ("tuner_folds", "trial")):
            names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            chosen = ", ".join(f"{name} + 4 * i" if name == key else name for name in names if name != "trial_id")
            into = ", ".join(name for name in names if name != "trial_id")
            connection.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 499)"
                f" INSERT INTO {table} ({into}) SELECT {chosen} FROM {table}, n"
            )
    began = time.perf_counter()
    summary = load_summary(path, "fraud")
    assert time.perf_counter() - began < 2.0
    assert summary.count("complete") == len(summary.trials) == 2000
    assert summary.trials[1999].fold_scores.shape == (2, 15)


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DELETE FROM studies", "deleted it"),
        ("UPDATE studies SET study_name = 'other'", 'renamed it to "other"'),
    ],
)
def test_study_that_another_program_deleted_or_renamed_is_refused_by_readers_and_runs(tmp_path, statement, what):
    plan, path = make_plan(), tmp_path / "study.db"
    run(plan, path)
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()
    message = (
        f'study "{plan.section.name}" is incomplete: another program, such as optuna-dashboard, {what}.\n'
        "Restore a copy of the database, or start over by deleting the study's folder."
    )
    for use in (lambda: load_summary(path, plan.section.name), lambda: run(plan, path)):
        with pytest.raises(StudyError) as error:
            use()
        assert str(error.value) == message
