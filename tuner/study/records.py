"""Our own tables beside Optuna's: studies, trials, folds, predictions, runs.

Rows carry Optuna's study id and trial number. Text columns hold JSON; stamps are ISO 8601 UTC; scores are float64;
logits are little-endian float32 in C order, one per repeat and row; of K classes or labels, K per repeat and row.
`tuner_trials.env` is the sha256 of the part "env" of the spec (`drift.py`) under which the trial was evaluated,
`tuner_trials.failure` why it failed or was pruned. A pruned trial has rows of the folds it was trained on, and
predictions of their repeats. `tuner_runs.time` is what `timing.Account.as_dict` returns.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    Column,
    Connection,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    RowMapping,
    Table,
    Text,
    column,
    delete,
    func,
    inspect,
    select,
    table,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from tuner.errors import StudyError
from tuner.study.database import SCHEMA_VERSION, read_database
from tuner.trial import TrialScore

metadata = MetaData()

optuna_trials = table("trials", column("study_id"), column("number"), column("state"))
"""What readers need of Optuna's own table."""

optuna_studies = table("studies", column("study_id"), column("study_name"))

schema = Table("tuner_schema", metadata, Column("version", Integer, primary_key=True))

studies = Table(
    "tuner_studies",
    metadata,
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("n_trials", Integer, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("spec", "data", "folds", "space", "config", "versions")),
)

trials = Table(
    "tuner_trials",
    metadata,
    Column("study_id", Integer, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("origin", Text, nullable=False),
    Column("params", Text, nullable=False),
    Column("resolved", Text, nullable=False),
    Column("env", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("finished_at", Text),
    Column("seconds", Float),
    Column("failure", Text),
    sqlite_with_rowid=False,
)

folds = Table(
    "tuner_folds",
    metadata,
    *(Column(name, Integer, primary_key=True) for name in ("study_id", "trial", "epoch", "repeat", "fold")),
    Column("score", Float, nullable=False),
    sqlite_with_rowid=False,
)

predictions = Table(
    "tuner_predictions",
    metadata,
    Column("study_id", Integer, primary_key=True),
    Column("trial", Integer, primary_key=True),
    Column("n_repeats", Integer, nullable=False),
    Column("n_rows", Integer, nullable=False),
    Column("logits", LargeBinary, nullable=False),
)

runs = Table(
    "tuner_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", Integer, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("finished_at", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("n_trials", Integer, nullable=False),
    Column("threads", Integer, nullable=False),
    Column("time", Text, nullable=False),
)
"""Databases from before this table get it with their next run; until then readers find no runs."""


def to_json(value: object) -> str:
    """Return JSON that keeps the order of keys and holds no NaN."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def create_tables(connection: Connection) -> None:
    """Make our tables in a new database and write their version; those of evidence follow when they are needed."""
    metadata.create_all(connection, tables=[schema, studies, trials, folds, predictions, runs])
    connection.execute(schema.insert().values(version=SCHEMA_VERSION))


def find_study(connection: Connection, name: str) -> RowMapping | None:
    """Return the row of a study, None where there is none of that name.

    Raises:
        StudyError: another program, such as optuna-dashboard, deleted or renamed the study on Optuna's side.
    """
    row = connection.execute(select(studies).where(studies.c.name == name)).mappings().one_or_none()
    if row is not None:
        there = connection.execute(
            select(optuna_studies.c.study_name).where(optuna_studies.c.study_id == row["study_id"])
        ).scalar_one_or_none()
        if there != name:
            what = "deleted it" if there is None else f'renamed it to "{there}"'
            raise StudyError(
                f'study "{name}" is incomplete: another program, such as optuna-dashboard, {what}.\n'
                "Restore a copy of the database, or start over by deleting the study's folder."
            )
    return row


def require_study(connection: Connection, name: str, path: Path) -> RowMapping:
    """Return the row of a study.

    Raises:
        StudyError: there is none of that name; those that are there are named.
    """
    row = find_study(connection, name)
    if row is None:
        names = connection.execute(select(studies.c.name).order_by(studies.c.name)).scalars().all()
        there = f"it holds {', '.join(names)}" if names else "it holds none yet"
        raise StudyError(
            f'{path} holds no study named "{name}"; {there}.\n'
            "Check study.name, or run `python -m tuner run CONFIG` first."
        )
    return row


def count_trials(connection: Connection, study_id: int) -> int:
    """Return how many trials a study holds in Optuna's table, whatever their state."""
    query = select(func.count()).select_from(optuna_trials).where(optuna_trials.c.study_id == study_id)
    return connection.execute(query).scalar_one()


def begin_trials(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store trials that are about to be evaluated; one begun before begins anew."""
    statement = insert(trials)
    key = ("study_id", "number")
    overwritten = {name: statement.excluded[name] for name in rows[0] if name not in key}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=overwritten), list(rows))


def finish_trials(
    connection: Connection, study_id: int, scores: Sequence[TrialScore], *, n_splits: int, keep: bool, finished_at: str
) -> None:
    """Store what a batch of trials scored, replacing whatever is there of the same trials.

    Args:
        connection: inside the transaction that also finishes the trials for Optuna.
        study_id: Optuna's.
        scores: one per trial; those with a failure have no rows of folds and predictions.
        n_splits: folds per repeat.
        keep: store the logits, too.
        finished_at: the stamp of the batch.
    """
    numbers = [score.number for score in scores]
    for rows_of in (folds, predictions):
        stale = rows_of.c.study_id == study_id, rows_of.c.trial.in_(numbers)
        connection.execute(delete(rows_of).where(*stale))
    for score in scores:
        connection.execute(
            update(trials)
            .where(trials.c.study_id == study_id, trials.c.number == score.number)
            .values(finished_at=finished_at, seconds=score.seconds, failure=score.failure or score.pruned)
        )
    scored = [score for score in scores if score.failure is None]
    rows = [row for score in scored for row in _fold_rows(study_id, score, n_splits)]
    if rows:
        connection.execute(folds.insert(), rows)
    if keep and scored:
        connection.execute(predictions.insert(), [_prediction_row(study_id, score) for score in scored])


def add_run(connection: Connection, row: Mapping[str, Any]) -> None:
    """Store one run, in a table that is made where it is missing."""
    runs.create(connection, checkfirst=True)
    connection.execute(runs.insert().values(**row))


def run_rows(connection: Connection, study_id: int) -> Sequence[RowMapping]:
    """Return the runs of a study in the order in which they ended."""
    if not inspect(connection).has_table(runs.name):
        return []
    return connection.execute(select(runs).where(runs.c.study_id == study_id).order_by(runs.c.id)).mappings().all()


def last_fold_scores(connection: Connection, study_id: int, number: int) -> NDArray[np.float64]:
    """Return the scores of a trial's folds after its last epoch, repeat-major. Shape `(J',)`; empty without a score."""
    rows = connection.execute(
        select(folds.c.epoch, folds.c.score)
        .where(folds.c.study_id == study_id, folds.c.trial == number)
        .order_by(folds.c.epoch, folds.c.repeat, folds.c.fold)
    ).all()
    return np.array([score for epoch, score in rows if epoch == rows[-1].epoch], dtype=np.float64)


def trial_rows(connection: Connection, study_id: int) -> Sequence[RowMapping]:
    """Return all trials in Optuna's table by number, with what we know of each: None where we know nothing."""
    ours = (trials.c.study_id == optuna_trials.c.study_id) & (trials.c.number == optuna_trials.c.number)
    columns = [c for c in trials.c if c.name not in ("study_id", "number")]
    query = (
        select(optuna_trials.c.number, optuna_trials.c.state, *columns)
        .select_from(optuna_trials.outerjoin(trials, ours))
        .where(optuna_trials.c.study_id == study_id)
        .order_by(optuna_trials.c.number)
    )
    return connection.execute(query).mappings().all()


def fold_rows(connection: Connection, study_id: int) -> Sequence[Row[int, int, float]]:
    """Return (trial, epoch, score) of every fold, by trial, epoch, repeat and fold."""
    columns = (folds.c.trial, folds.c.epoch, folds.c.score)
    query = select(*columns).where(folds.c.study_id == study_id).order_by(*folds.primary_key)
    return connection.execute(query).all()


def trials_with_logits(connection: Connection, study_id: int) -> set[int]:
    """Return the numbers of the trials whose predictions were kept."""
    query = select(predictions.c.trial).where(predictions.c.study_id == study_id)
    return set(connection.execute(query).scalars())


def load_logits(path: Path, name: str, trial: int) -> NDArray[np.float32]:
    """Return the validation logits of a trial after its last epoch, one row of scored rows per repeat.

    Args:
        path: the database; it is only read.
        name: of the study.
        trial: number of the trial.

    Returns:
        Shape `(R', N)`, float32: all repeats, or those that a pruned trial was trained on. `(R', N, K)` for K classes
        or labels.

    Raises:
        StudyError: no such study, or no predictions were kept of that trial.
    """
    with read_database(path) as connection:
        study_id = require_study(connection, name, path)["study_id"]
        row = connection.execute(
            select(predictions).where(predictions.c.study_id == study_id, predictions.c.trial == trial)
        ).one_or_none()
    if row is None:
        raise StudyError(
            f'study "{name}" in {path} holds no predictions of trial {trial}.\n'
            "They are kept of complete and pruned trials while study.predictions.keep is true."
        )
    logits = np.frombuffer(row.logits, dtype="<f4").astype(np.float32)
    shape = (row.n_repeats, row.n_rows)
    return logits.reshape(shape if logits.size == row.n_repeats * row.n_rows else (*shape, -1))


def _fold_rows(study_id: int, score: TrialScore, n_splits: int) -> Iterable[dict[str, object]]:
    for epoch, scores in zip(score.checkpoint_epochs.tolist(), score.fold_scores.tolist(), strict=True):
        for j, value in enumerate(scores):
            repeat, fold = divmod(j, n_splits)
            yield {
                "study_id": study_id,
                "trial": score.number,
                "epoch": epoch,
                "repeat": repeat,
                "fold": fold,
                "score": value,
            }


def _prediction_row(study_id: int, score: TrialScore) -> dict[str, object]:
    n_repeats, n_rows = score.logits.shape[:2]
    blob = np.ascontiguousarray(score.logits, dtype="<f4").tobytes()
    return {"study_id": study_id, "trial": score.number, "n_repeats": n_repeats, "n_rows": n_rows, "logits": blob}
