"""A study as plain data: what reports, exports and `status` are made from.

`StudySummary` is read from the database alone; it holds no Optuna object and no session.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, RowMapping

from tuner.evidence import Evidence
from tuner.intervals import Interval, corrected_interval
from tuner.study import evidence, first_epochs, records
from tuner.study.database import read_database
from tuner.timing import Account
from tuner.trial import DataSummary, FirstEpoch, FoldPlan

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

DEVIATION = "weight_deviation_"
"""What the name of a class or label follows in the name of its deviation, which is a search parameter of its own."""


def is_weight_parameter(name: str) -> bool:
    """Return whether a search parameter is one that the weights of more than two classes, or of labels, come from."""
    return name == "weight_exponent" or name.startswith(DEVIATION)


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
        partial_mean: mean score over the folds that a pruned trial has; not comparable with a `value`.
        checkpoint_epochs: epochs that were scored, ascending. Shape `(C,)`.
        fold_scores: shape `(C, J)`, repeat-major; empty when there is no score. A pruned trial has the first J' folds.
        interval: corrected 95 % interval of the last checkpoint; None unless complete.
        first_epoch: what the class weights did in every fold there is; None where it was not measured.
        seconds: training time attributed to the trial; None when not evaluated.
        failure: why a failed trial failed.
        pruned: why a pruned trial was ruled out, by which trial and how far.
        env: sha256 of the versions and the machine that evaluated the trial; None for one never evaluated.
        started_at, finished_at: ISO 8601 UTC, from our own stamps; None where absent.
    """

    number: int
    state: State
    origin: Origin
    params: dict[str, object]
    resolved: dict[str, object] = field(default_factory=dict)
    value: float | None = None
    partial_mean: float | None = None
    checkpoint_epochs: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    fold_scores: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    interval: Interval | None = None
    first_epoch: FirstEpoch | None = None
    seconds: float | None = None
    failure: str | None = None
    pruned: str | None = None
    env: str | None = None
    started_at: str | None = None
    finished_at: str | None = None

    @property
    def n_folds(self) -> int:
        """Folds that were scored."""
        return int(self.fold_scores.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run of a study that evaluated trials, up to the moment before its report was written.

    `n_trials` counts the trials that it finished; stamps are ISO 8601 UTC.
    """

    started_at: str
    finished_at: str
    host: str
    pid: int
    n_trials: int
    time: Account


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySummary:
    """One study as stored.

    `space` maps each search parameter to its resolved range or choices, for example
    `{"minority_weight": {"low": 1.0, "high": 990.0, "log": True}, "optimizer": {"choices": ["sgd", "adam"]}}`.
    `config` is the config as run, a plain nested dict. `created_at` is ISO 8601 UTC; `versions` maps "tuner", "keras",
    "tensorflow", "optuna", "numpy", "python" to version strings of the machine that created the study. `runs` are in
    the order in which they ended; a process that was killed left none. `evidence` is what was worked out beside them.
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
    runs: tuple[RunRecord, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)

    def count(self, *states: State) -> int:
        """Return how many trials are in one of `states`."""
        return sum(trial.state in states for trial in self.trials)

    @property
    def n_finished(self) -> int:
        """Complete, pruned and failed trials."""
        return self.count("complete", "pruned", "failed")

    @property
    def pruned_after(self) -> dict[int, int]:
        """How many trials racing ruled out after how many repeats: `{1: 41, 2: 3}`."""
        repeats = (trial.n_folds // self.folds.n_splits for trial in self.trials if trial.partial_mean is not None)
        return dict(sorted(Counter(repeats).items()))

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
        scores = _fold_scores(connection, row["study_id"])
        stored = records.trial_rows(connection, row["study_id"])
        runs = records.run_rows(connection, row["study_id"])
        kept = evidence.load(connection, row["study_id"])
        acted = first_epochs.load(connection, row["study_id"])
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
        trials=tuple(
            _trial_record(trial, scores.get(trial["number"]), plan, first_epoch=acted.get(trial["number"]))
            for trial in stored
        ),
        runs=tuple(_run_record(run) for run in runs),
        evidence=kept,
    )


def _run_record(row: RowMapping) -> RunRecord:
    return RunRecord(
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        host=row["host"],
        pid=row["pid"],
        n_trials=row["n_trials"],
        time=Account.from_dict(json.loads(row["time"])),
    )


def _trial_record(
    row: RowMapping, scores: Scores | None, plan: FoldPlan, *, first_epoch: FirstEpoch | None
) -> TrialRecord:
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
        failure=None if state == "pruned" else row["failure"],
        pruned=row["failure"] if state == "pruned" else None,
        env=row["env"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )
    if scores is None or state not in ("complete", "pruned"):
        return record
    epochs, fold_scores = scores
    record = replace(record, checkpoint_epochs=epochs, fold_scores=fold_scores, first_epoch=first_epoch)
    if state == "pruned":
        return replace(record, partial_mean=float(fold_scores[-1].mean()))
    interval = corrected_interval(fold_scores[-1], test_over_train=plan.test_over_train)
    return replace(record, value=interval.mean, interval=interval)


def _fold_scores(connection: Connection, study_id: int) -> dict[int, Scores]:
    """Return checkpoint epochs `(C,)` and fold scores `(C, J')` of every scored trial, by number."""
    rows = records.fold_rows(connection, study_id)
    if not rows:
        return {}
    trials, checkpoints, values = map(np.array, zip(*rows, strict=True))
    starts = np.flatnonzero(np.diff(trials, prepend=-1))
    parts = zip(np.split(checkpoints, starts[1:]), np.split(values, starts[1:]), strict=True)
    found = {}
    for number, (of_rows, scores) in zip(trials[starts].tolist(), parts, strict=True):
        epochs = np.unique(of_rows)
        found[number] = epochs, scores.reshape(len(epochs), -1)
    return found


def _data_summary(stored: dict[str, Any]) -> DataSummary:
    """Return the summary of the data as it was stored: JSON has lists where we have tuples, older studies less."""
    pairs = {key: tuple(stored[key]) for key in ("classes", "class_counts", "axes", "point_classes")}
    points = tuple((x, y) for x, y in stored["points"])
    columns = tuple((name, kind) for name, kind in stored.get("columns", ()))
    return DataSummary(**{**stored, **pairs, "points": points, "columns": columns})
