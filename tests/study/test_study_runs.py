"""Claims about the runs that a study records: stored as they were, older databases stay readable."""

import os
import socket
import sqlite3
from contextlib import closing
from datetime import datetime

import pytest
from study_kit import dump, evaluate, make_plan

from tuner.events import ignore
from tuner.study.lifecycle import open_study
from tuner.study.loop import optimize
from tuner.study.summary import load_summary
from tuner.timing import Clock


@pytest.fixture
def path(tmp_path):
    return tmp_path / "study.db"


def record(path, *, train, **plan):
    """Run a study whose clock says that it trained for some seconds until now, and record the run."""
    clock = Clock()
    clock.began -= 100.0
    if train:
        clock.note("train", clock.began + 100.0 - train, clock.began + 100.0)
    with open_study(make_plan(**plan), path, clock=clock) as study:
        optimize(study, evaluate, listen=ignore)
        study.record_run(threads=2)


def test_every_run_is_a_row_with_its_trials_its_process_and_its_time(path):
    record(path, n_trials=4, train=60.0)
    record(path, n_trials=10, train=30.0)
    first, second = load_summary(path, "fraud").runs
    assert (first.n_trials, second.n_trials) == (4, 6)
    assert (first.host, first.pid) == (socket.gethostname(), os.getpid())
    assert (first.time.wall["train"], second.time.wall["train"]) == (60.0, 30.0)
    assert first.time.threads == 2
    assert first.time.wall["tell"] > 0.0
    assert first.time.cores["ask"] > 0.0
    began, ended = datetime.fromisoformat(first.started_at), datetime.fromisoformat(first.finished_at)
    assert (ended - began).total_seconds() == pytest.approx(first.time.total, abs=0.01)


def test_run_that_trained_nothing_leaves_no_row(path):
    record(path, n_trials=4, train=0.0)
    assert load_summary(path, "fraud").runs == ()


def test_runs_of_two_studies_in_one_database_are_told_apart(path):
    record(path, n_trials=4, train=60.0)
    record(path, n_trials=4, train=30.0, name="other")
    assert [run.time.wall["train"] for run in load_summary(path, "other").runs] == [30.0]


def test_database_from_before_runs_were_recorded_is_read_and_gets_the_table_with_its_next_run(path):
    record(path, n_trials=4, train=60.0)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE tuner_runs")
    assert load_summary(path, "fraud").runs == ()
    record(path, n_trials=8, train=30.0)
    assert [run.n_trials for run in load_summary(path, "fraud").runs] == [4]


def test_recording_changes_no_other_table(path, tmp_path):
    record(path, n_trials=4, train=60.0)
    record(tmp_path / "other.db", n_trials=4, train=0.0)
    assert dump(path) == dump(tmp_path / "other.db")
