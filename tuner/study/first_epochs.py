"""What the class weights did in the first epoch of every fold: proof, kept beside its score, that they acted.

Shares are of class 1, as in `trial.FirstEpoch`; NULL where there is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields

import numpy as np
from sqlalchemy import Column, Connection, Float, Integer, Table, delete, inspect, select

from tuner.study import records
from tuner.trial import FirstEpoch, TrialScore

SHARES = tuple(field.name for field in fields(FirstEpoch))

first_epochs = Table(
    "tuner_first_epochs",
    records.metadata,
    *(Column(name, Integer, primary_key=True) for name in ("study_id", "trial", "repeat", "fold")),
    *(Column(name, Float) for name in SHARES),
    sqlite_with_rowid=False,
)
"""Databases from before this table get it with their next trial; until then readers find no shares."""


def keep(connection: Connection, study_id: int, scores: Sequence[TrialScore], *, n_splits: int) -> None:
    """Store what a batch of trials measured, replacing whatever is there of the same trials.

    Args:
        connection: inside the transaction that finishes the trials.
        study_id: Optuna's.
        scores: one per trial; those with a failure, or that measured nothing, have no rows.
        n_splits: folds per repeat.
    """
    rows = [row for score in scores for row in _rows(study_id, score, n_splits)]
    if rows:
        first_epochs.create(connection, checkfirst=True)
    elif not inspect(connection).has_table(first_epochs.name):
        return
    numbers = [score.number for score in scores]
    stale = first_epochs.c.study_id == study_id, first_epochs.c.trial.in_(numbers)
    connection.execute(delete(first_epochs).where(*stale))
    if rows:
        connection.execute(first_epochs.insert(), rows)


def load(connection: Connection, study_id: int) -> dict[int, FirstEpoch]:
    """Return what is stored of a study by number of the trial, folds repeat-major."""
    if not inspect(connection).has_table(first_epochs.name):
        return {}
    columns = [first_epochs.c[name] for name in ("trial", *SHARES)]
    query = select(*columns).where(first_epochs.c.study_id == study_id).order_by(*first_epochs.primary_key)
    rows = connection.execute(query).all()
    if not rows:
        return {}
    trials = np.array([row.trial for row in rows])
    values = np.array([row[1:] for row in rows], np.float64)
    starts = np.flatnonzero(np.diff(trials, prepend=-1))
    parts = np.split(values, starts[1:])
    return {
        number: FirstEpoch(**dict(zip(SHARES, part.T, strict=True)))
        for number, part in zip(trials[starts].tolist(), parts, strict=True)
    }


def _rows(study_id: int, score: TrialScore, n_splits: int) -> Iterable[dict[str, object]]:
    if score.first_epoch is None or score.failure is not None:
        return
    shares = np.column_stack([getattr(score.first_epoch, name) for name in SHARES])
    for j, of_fold in enumerate(shares.tolist()):
        repeat, fold = divmod(j, n_splits)
        cells = (value if np.isfinite(value) else None for value in of_fold)
        place = {"study_id": study_id, "trial": score.number, "repeat": repeat, "fold": fold}
        yield place | dict(zip(SHARES, cells, strict=True))
