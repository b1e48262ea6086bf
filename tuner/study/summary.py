"""A study as plain data: what reports, exports and `status` are made from.

`StudySummary` is read from the database alone; it holds no Optuna object and no session.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, RowMapping

from tuner.intervals import Interval, corrected_interval
from tuner.study import records
from tuner.study.database import read_database
from tuner.trial import DataSummary, FoldPlan

State = Literal["complete", "failed", "pruned", "running", "waiting"]
Origin = Literal["none", "sqrt", "balanced", "listed", "sampled"]
Scores = tuple[NDArray[np.int64], NDArray[np.float64]]

STATES: dict[str, State] = {
    "COMPLETE": "complete",
    "FAIL": "failed",
    "PRUNED": "pruned",
    "RUNNING": "running",
    "WAITING": "waiting",
}
"""Optuna's names of states, and ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """One trial as stored.

    Attributes:
        number: Optuna's trial number.
        state: as in the database.
        origin: the baselines "none" (weight 1), "sqrt" (root of the imbalance ratio), "balanced" (the ratio), enqueued
            or among `study.trials`; "listed" for the other `study.trials`; "sampled" for what the sampler drew.
        params: search parameters by name, exactly those of Optuna.
        resolved: every training and search value; empty for a trial that was never evaluated.
        value: mean score over all folds; None unless complete.
        checkpoint_epochs: epochs that were scored, ascending. Shape `(C,)`.
        fold_scores: shape `(C, J)`, repeat-major; empty when there is no score.
        interval: corrected 95 % interval of the last checkpoint; None unless complete.
        seconds: training time attributed to the trial; None when not evaluated.
        failure: why a failed trial failed.
        env: sha256 of the versions and the machine that evaluated the trial; None for one never evaluated.
        started_at, finished_at: ISO 8601 UTC, from our own stamps; None where absent.
    """

    number: int
    state: State
    origin: Origin
    params: dict[str, object]
    resolved: dict[str, object] = field(default_factory=dict)
    value: float | None = None
    checkpoint_epochs: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    fold_scores: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    interval: Interval | None = None
    seconds: float | None = None
    failure: str | None = None
    env: str | None = None
    started_at: str | None = None
    finished_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySummary:
    """One study as stored.

    `space` maps each search parameter to its resolved range or choices, for example
    `{"minority_weight": {"low": 1.0, "high": 990.0, "log": True}, "optimizer": {"choices": ["sgd", "adam"]}}`.
    `config` is the config as run, a plain nested dict. `created_at` is ISO 8601 UTC; `versions` maps "tuner", "keras",
    "tensorflow", "optuna", "numpy", "python" to version strings of the machine that created the study.
    """

    name: str
    metric: str
    n_trials: int
    seed: int
    created_at: str
    versions: dict[str, str]
    data: DataSummary
    folds: FoldPlan
    space: dict[str, dict[str, object]]
    config: dict[str, object]
    trials: tuple[TrialRecord, ...]

    def count(self, *states: State) -> int:
        """Return how many trials are in one of `states`."""
        return sum(trial.state in states for trial in self.trials)

    @property
    def n_finished(self) -> int:
        """Complete, pruned and failed trials."""
        return self.count("complete", "pruned", "failed")

    @property
    def scored(self) -> tuple[TrialRecord, ...]:
        """Complete trials with fold scores: not those that another program added or completed."""
        return tuple(trial for trial in self.trials if trial.state == "complete" and trial.interval is not None)

    @property
    def best(self) -> TrialRecord | None:
        """The scored trial of greatest mean, the lowest number among equals; None when no trial was scored."""
        return max(self.scored, key=lambda trial: (trial.value, -trial.number), default=None)


def load_summary(path: Path, name: str) -> StudySummary:
    """Read a study from its database, which is opened read-only.

    States come from Optuna's table. A trial that another program added has no parameters, folds or value here, one that
    another program finished no folds and no value.

    Args:
        path: the database, from `tuner.study.database.database_path`.
        name: of the study.

    Raises:
        StudyError: there is no database, it is not ours, or it holds no such study.
    """
    with read_database(path) as connection:
        row = records.require_study(connection, name, path)
        plan = FoldPlan(**json.loads(row["folds"]))
        scores = _fold_scores(connection, row["study_id"], plan.n_folds)
        stored = records.trial_rows(connection, row["study_id"])
    return StudySummary(
        name=name,
        metric=row["metric"],
        n_trials=row["n_trials"],
        seed=row["seed"],
        created_at=row["created_at"],
        versions=json.loads(row["versions"]),
        data=_data_summary(json.loads(row["data"])),
        folds=plan,
        space=json.loads(row["space"]),
        config=json.loads(row["config"]),
        trials=tuple(_trial_record(trial, scores.get(trial["number"]), plan) for trial in stored),
    )


def _trial_record(row: RowMapping, scores: Scores | None, plan: FoldPlan) -> TrialRecord:
    state = STATES[row["state"]]
    if row["params"] is None:
        return TrialRecord(number=row["number"], state=state, origin="sampled", params={})
    record = TrialRecord(
        number=row["number"],
        state=state,
        origin=row["origin"],
        params=json.loads(row["params"]),
        resolved=json.loads(row["resolved"]),
        seconds=row["seconds"],
        failure=row["failure"],
        env=row["env"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )
    if scores is None or state != "complete":
        return record
    epochs, fold_scores = scores
    interval = corrected_interval(fold_scores[-1], test_over_train=plan.test_over_train)
    return replace(record, value=interval.mean, checkpoint_epochs=epochs, fold_scores=fold_scores, interval=interval)


def _fold_scores(connection: Connection, study_id: int, n_folds: int) -> dict[int, Scores]:
    """Return checkpoint epochs `(C,)` and fold scores `(C, J)` of every scored trial, by number."""
    rows = records.fold_rows(connection, study_id)
    if not rows:
        return {}
    trials, checkpoints, values = zip(*rows, strict=True)
    numbers, epochs = np.array(trials)[::n_folds], np.array(checkpoints)[::n_folds]
    scores = np.array(values, dtype=np.float64).reshape(-1, n_folds)
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    pairs = zip(np.split(epochs, starts[1:]), np.split(scores, starts[1:]), strict=True)
    return dict(zip(numbers[starts].tolist(), pairs, strict=True))


def _data_summary(stored: dict[str, Any]) -> DataSummary:
    """Return the summary of the data as it was stored: JSON has lists where we have tuples."""
    pairs = {key: tuple(stored[key]) for key in ("classes", "class_counts", "axes", "point_classes")}
    points = tuple((x, y) for x, y in stored["points"])
    return DataSummary(**{**stored, **pairs, "points": points})
