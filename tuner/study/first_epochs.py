"""What the class weights did in the first epoch of every fold: proof, kept beside its score, that they acted.

Shares are those of `trial.FirstEpoch`, NULL where there is none: of class 1 in one table, of each of more classes or
labels in another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from itertools import product

import numpy as np
from sqlalchemy import Column, Connection, Float, Integer, Table, delete, inspect, select

from tuner.study import records
from tuner.trial import FirstEpoch, TrialScore

SHARES = tuple(field.name for field in fields(FirstEpoch))


def _table(name: str, *places: str) -> Table:
    return Table(
        name,
        records.metadata,
        *(Column(place, Integer, primary_key=True) for place in ("study_id", "trial", "repeat", "fold", *places)),
        *(Column(share, Float) for share in SHARES),
        sqlite_with_rowid=False,
    )


first_epochs = _table("tuner_first_epochs")
class_first_epochs = _table("tuner_class_first_epochs", "class")
"""Databases from before these tables get one with their next trial; until then readers find no shares."""

TABLES = (first_epochs, class_first_epochs)


def keep(connection: Connection, study_id: int, scores: Sequence[TrialScore], *, n_splits: int) -> None:
    """Store what a batch of trials measured, replacing whatever is there of the same trials.

    Args:
        connection: inside the transaction that finishes the trials.
        study_id: Optuna's.
        scores: one per trial; those with a failure, or that measured nothing, have no rows.
        n_splits: folds per repeat.
    """
    numbers = [score.number for score in scores]
    measured = [score for score in scores if score.first_epoch is not None and score.failure is None]
    for table in TABLES:
        rows = [row for score in measured for row in _rows(table, study_id, score, n_splits)]
        if rows:
            table.create(connection, checkfirst=True)
        elif not inspect(connection).has_table(table.name):
            continue
        connection.execute(delete(table).where(table.c.study_id == study_id, table.c.trial.in_(numbers)))
        if rows:
            connection.execute(table.insert(), rows)


def load(connection: Connection, study_id: int) -> dict[int, FirstEpoch]:
    """Return what is stored of a study by number of the trial, folds repeat-major."""
    found: dict[int, FirstEpoch] = {}
    for table in TABLES:
        if inspect(connection).has_table(table.name):
            found |= _load(connection, table, study_id)
    return found


def _load(connection: Connection, table: Table, study_id: int) -> dict[int, FirstEpoch]:
    """Return the shares of one table; each has shape `(J',)`, or `(J', K)` where it holds K classes or labels."""
    query = select(table).where(table.c.study_id == study_id).order_by(*table.primary_key)
    rows = connection.execute(query).mappings().all()
    if not rows:
        return {}
    trials = np.array([row["trial"] for row in rows])
    values = np.array([[row[name] for name in SHARES] for row in rows], np.float64)
    shape = (-1,) if table is first_epochs else (-1, max(row["class"] for row in rows) + 1)
    starts = np.flatnonzero(np.diff(trials, prepend=-1))
    parts = np.split(values, starts[1:])
    return {
        number: FirstEpoch(**{name: shares.reshape(shape) for name, shares in zip(SHARES, part.T, strict=True)})
        for number, part in zip(trials[starts].tolist(), parts, strict=True)
    }


def _rows(table: Table, study_id: int, score: TrialScore, n_splits: int) -> Iterable[dict[str, object]]:
    """Yield the rows of a trial that measured something; none where its shares belong to the other table."""
    shares = np.stack([getattr(score.first_epoch, name) for name in SHARES], axis=-1)
    n_folds, *classes = shares.shape[:-1]
    if bool(classes) != (table is class_first_epochs):
        return
    for j, *index in product(range(n_folds), *map(range, classes)):
        repeat, fold = divmod(j, n_splits)
        cells = (value if np.isfinite(value) else None for value in shares[j, *index].tolist())
        place = {"study_id": study_id, "trial": score.number, "repeat": repeat, "fold": fold}
        yield place | ({"class": index[0]} if index else {}) | dict(zip(SHARES, cells, strict=True))
