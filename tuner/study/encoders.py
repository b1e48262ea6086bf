"""What was learned from the table of a study: column kinds, categories, fill values, scales, vocabularies.

Plain JSON of a form that carries its own version (`tuner.data.encoder`), fitted on all rows when the study was made.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, Integer, Table, Text, inspect, select
from sqlalchemy.dialects.sqlite import insert

from tuner.errors import StudyError
from tuner.study import records
from tuner.study.database import read_database

encoders = Table(
    "tuner_encoders",
    records.metadata,
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("encoder", Text, nullable=False),
)
"""Databases from before this table get it with their next run."""


def keep(connection: Connection, study_id: int, encoder: dict[str, Any]) -> None:
    """Store the encoder of a study in place of an earlier one; made where missing is the table, too."""
    encoders.create(connection, checkfirst=True)
    row = {"encoder": records.to_json(encoder)}
    statement = insert(encoders).values(study_id=study_id, **row)
    connection.execute(statement.on_conflict_do_update(index_elements=["study_id"], set_=row))


def load_encoder_dict(path: Path, name: str) -> dict[str, Any]:
    """Return the encoder of a study as it was stored.

    Args:
        path: the database; it is only read.
        name: of the study.

    Raises:
        StudyError: no such study, or it was made before encoders were stored.
    """
    with read_database(path) as connection:
        study_id = records.require_study(connection, name, path)["study_id"]
        stored = None
        if inspect(connection).has_table(encoders.name):
            query = select(encoders.c.encoder).where(encoders.c.study_id == study_id)
            stored = connection.execute(query).scalar_one_or_none()
    if stored is None:
        raise StudyError(
            f'study "{name}" in {path} holds no encoder: it was made by an earlier version.\n'
            "Run `python -m tuner run CONFIG` once more; nothing is trained again."
        )
    encoder: dict[str, Any] = json.loads(stored)
    return encoder
