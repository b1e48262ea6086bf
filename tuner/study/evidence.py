"""Evidence beside the trials, one record of `tuner.evidence` for each kind, with what it was made from.

A record stands as long as its basis does: a longer search, another threshold rule or another version of the method make
it anew. Values are JSON as the report shows it.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, cast

from sqlalchemy import Column, Connection, Integer, Table, Text, delete, inspect, select
from sqlalchemy.dialects.sqlite import insert

from tuner.evidence import Evidence
from tuner.study import records
from tuner.study.lock import utc_now

evidence = Table(
    "tuner_evidence",
    records.metadata,
    Column("study_id", Integer, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("basis", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""Databases from before this table get it with their next run; until then readers find no evidence."""


OF_TRIALS = ("weight_band", "noise_budget", "bias_corrected", "probability_correction", "threshold", "per_class")
"""Kinds that speak of the trials of a study, and no longer hold when there are more of them."""


def keep(connection: Connection, study_id: int, *, kind: str, basis: str, value: object) -> None:
    """Store a record in place of an earlier one of its kind; made where missing is the table, too."""
    evidence.create(connection, checkfirst=True)
    row = {"basis": basis, "value": records.to_json(value), "created_at": utc_now()}
    statement = insert(evidence).values(study_id=study_id, kind=kind, **row)
    connection.execute(statement.on_conflict_do_update(index_elements=["study_id", "kind"], set_=row))


def find(connection: Connection, study_id: int, *, kind: str, basis: str) -> Any:
    """Return the record of a kind, None where there is none of that basis."""
    if not inspect(connection).has_table(evidence.name):
        return None
    where = evidence.c.study_id == study_id, evidence.c.kind == kind, evidence.c.basis == basis
    value = connection.execute(select(evidence.c.value).where(*where)).scalar_one_or_none()
    return None if value is None else json.loads(value)


def remove(connection: Connection, study_id: int, *, kinds: Collection[str]) -> None:
    """Remove the records of some kinds."""
    if inspect(connection).has_table(evidence.name):
        connection.execute(delete(evidence).where(evidence.c.study_id == study_id, evidence.c.kind.in_(kinds)))


def load(connection: Connection, study_id: int) -> Evidence:
    """Return all records of a study by kind."""
    if not inspect(connection).has_table(evidence.name):
        return Evidence()
    rows = connection.execute(select(evidence.c.kind, evidence.c.value).where(evidence.c.study_id == study_id)).all()
    return cast(Evidence, {kind: json.loads(value) for kind, value in rows})
