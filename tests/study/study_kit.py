"""A made-up study for tests: plans in one call, and an `Evaluate` that costs nothing and answers the same twice."""

import argparse
import json
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path

import numpy as np
from sqlalchemy import event
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Engine

from tuner.config.schema import SearchSpace, StudySection, TrainingSection
from tuner.events import ignore
from tuner.study.lifecycle import StudyPlan, open_study
from tuner.study.loop import optimize
from tuner.study.space import resolve_space
from tuner.trial import DataSummary, FoldPlan, TrialScore

RATIO = 99.0
N_ROWS = 20

DATA = DataSummary(
    source="made up",
    n_rows=N_ROWS,
    n_features=2,
    target="y",
    classes=("0", "1"),
    class_counts=(16, 4),
    label_type="int",
    sha256="d" * 64,
    n_duplicate_rows=0,
    axes=("x1", "x2"),
    points=((0.0, 1.0), (2.0, 3.5)),
    point_classes=(0, 1),
)
FOLDS = FoldPlan(
    kind="stratified_kfold", n_splits=5, n_repeats=3, test_over_train=0.25, n_scored_rows=N_ROWS, sha256="f" * 64
)


def make_plan(*, search=None, training=None, spec=None, config=None, ratio=RATIO, metric="roc_auc", **study):
    section = StudySection(**{"name": "fraud", "n_trials": 12, "batch_size": 4, **study})
    training = training or TrainingSection()
    parts = {
        "objective": {"seeds": [0, 1], "threshold": 0.5},
        "data": {"rows": N_ROWS, "columns": ["x1", "x2"]},
        "training": {"learning_rate": training.learning_rate, "trainer": "stacked"},
        "code": {"tuner": "0.1.0"},
        "env": {"numpy": "2.4", "cpu": "one"},
    }
    return StudyPlan(
        section=section,
        metric=metric,
        space=resolve_space(search or SearchSpace(), training, section, imbalance_ratio=ratio),
        data=DATA,
        folds=FOLDS,
        spec=parts if spec is None else {**parts, **spec},
        config={"study": {"name": "fraud"}} if config is None else config,
        versions={"tuner": "0.1.0", "optuna": "5.0.0"},
    )


def score(trial, folds=None, *, best_weight=20.0):
    """Score one trial on some folds: best near a weight of 20, with noise common to all trials of a fold."""
    folds = range(FOLDS.n_folds) if folds is None else folds
    epochs = np.unique([max(1, trial.epochs // 2), trial.epochs])
    noise = np.random.default_rng(3).normal(0, 0.01, FOLDS.n_folds)[list(folds)]
    level = 0.9 - 0.02 * np.log(trial.minority_weight / best_weight) ** 2 + 0.0001 * trial.hidden_size
    rows = [level + noise - 0.01 * (trial.epochs - epoch) / trial.epochs for epoch in epochs]
    n_repeats = len({fold // FOLDS.n_splits for fold in folds})
    logits = np.full((n_repeats, N_ROWS), level, np.float32) + np.arange(N_ROWS, dtype=np.float32)
    return TrialScore(
        number=trial.number,
        checkpoint_epochs=epochs.astype(np.int64),
        fold_scores=np.array(rows),
        logits=logits,
        seconds=0.25,
    )


def evaluate(batch, folds=None):
    return [score(trial, folds) for trial in batch]


def run(plan, path, evaluate=evaluate, *, listen=ignore, should_stop=lambda: False):
    """Open the study and optimize it."""
    with open_study(plan, path) as study:
        optimize(study, evaluate, listen=listen, should_stop=should_stop)


UNSTABLE = {"datetime_start", "datetime_complete", "host", "pid", "seconds", "started_at", "finished_at", "created_at"}


def dump(path):
    """Return every row of every table, without stamps, seconds, host and process, and without when it was run."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY 1")
        ]
        content = {}
        for table in set(tables) - {"tuner_runs"}:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[1] not in UNSTABLE]
            content[table] = sorted(connection.execute(f"SELECT {', '.join(columns)} FROM {table}"), key=repr)
    connection.close()
    return content


def assert_sound(path, n):
    """The common oracle: n trials finished, each once, none running, numbers without gaps, nothing infinite."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        trials = connection.execute("SELECT number, state FROM trials ORDER BY number").fetchall()
        values = connection.execute("SELECT value, value_type FROM trial_values").fetchall()
        scores = connection.execute("SELECT min(score), max(score) FROM tuner_folds").fetchone()
    connection.close()
    assert [number for number, _ in trials] == list(range(n))
    assert {state for _, state in trials} <= {"COMPLETE", "FAIL", "PRUNED"}
    assert all(kind == "FINITE" and np.isfinite(value) for value, kind in values)
    assert np.isfinite(scores).all()


def drive(arguments):
    """Run a study in a process of its own, slowly enough to be killed at any moment."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("--n-trials", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=0.02)
    options = parser.parse_args(arguments)

    def slowly(batch, folds=None):
        time.sleep(options.seconds)
        return evaluate(batch, folds)

    run(make_plan(n_trials=options.n_trials), options.path, slowly)


def crash_everywhere(arguments):
    """Kill a child at crash point k = 1, 2, ... until none is reached; resume each and compare. Prints what differed.

    Crash points lie around evaluation, around the commit of a transaction, around moving a new database into place, and
    before every `stride`-th statement. Children are forked, so that none pays for imports.
    """
    folder, stride = Path(arguments[0]), int(arguments[1])
    plan = make_plan(n_trials=8, batch_size=3)
    run(plan, folder / "expected.db")
    expected = dump(folder / "expected.db")
    wrong, k, reached = [], 0, True
    while reached:
        k += 1
        path = folder / f"crash{k}" / "study.db"
        child = os.fork()
        if child == 0:
            _run_until(k, stride, plan, path)
        reached = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        run(plan, path)
        assert_sound(path, 8)
        if dump(path) != expected:
            wrong.append(k)
    print(json.dumps({"points": k - 1, "wrong": wrong}))


def _run_until(k, stride, plan, path):
    seen = {"points": 0, "statements": 0}

    def point(*_, **__):
        seen["points"] += 1
        if seen["points"] == k:
            os.kill(os.getpid(), signal.SIGKILL)

    def statement(*_, **__):
        seen["statements"] += 1
        if seen["statements"] % stride == 0:
            point()

    def around(function):
        def wrapped(*args, **kwargs):
            point()
            result = function(*args, **kwargs)
            point()
            return result

        return wrapped

    event.listen(Engine, "before_cursor_execute", statement)
    SQLiteDialect_pysqlite.do_commit = around(SQLiteDialect_pysqlite.do_commit)
    Path.replace = around(Path.replace)
    try:
        run(plan, path, around(evaluate))
    finally:
        os._exit(0)


if __name__ == "__main__":
    {"drive": drive, "crash": crash_everywhere}[sys.argv[1]](sys.argv[2:])
