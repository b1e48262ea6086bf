"""Outer folds of verdicts, stored one by one, so that a verdict resumes fold by fold.

A verdict is known by its key, the sha256 of all that decides its scores: another table, another search or other folds
make another verdict, and what an earlier one found stays where it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, Float, Integer, Table, Text, func, select
from sqlalchemy.dialects.sqlite import insert

from tuner.study import records
from tuner.study.lifecycle import OpenStudy
from tuner.study.lock import utc_now

verdict_folds = Table(
    "tuner_verdict_folds",
    records.metadata,
    Column("study_id", Integer, primary_key=True),
    Column("verdict", Text, primary_key=True),
    Column("fold", Integer, primary_key=True),
    Column("arm", Text, primary_key=True),
    Column("score", Float, nullable=False),
    Column("details", Text, nullable=False),
    Column("finished_at", Text, nullable=False),
    sqlite_with_rowid=False,
)
"""One row for each arm and outer fold; `details` is JSON. Databases from before this table get it when first needed."""

Row = dict[str, Any]


def stored_folds(study: OpenStudy, key: str) -> dict[int, dict[str, Row]]:
    """Return what is stored of a verdict: fold -> arm -> its score, under "score", and its details."""
    with study.transaction() as (connection, study_id):
        verdict_folds.create(connection, checkfirst=True)
        query = select(verdict_folds).where(verdict_folds.c.study_id == study_id, verdict_folds.c.verdict == key)
        rows = connection.execute(query).mappings().all()
    found: dict[int, dict[str, Row]] = {}
    for row in rows:
        found.setdefault(row["fold"], {})[row["arm"]] = {**json.loads(row["details"]), "score": row["score"]}
    return found


def keep_fold(study: OpenStudy, key: str, fold: int, results: Mapping[str, Row]) -> None:
    """Store the arms of one outer fold in one transaction.

    Args:
        study: open.
        key: of the verdict.
        fold: number of the outer fold.
        results: arm -> its score, under "score", and details that JSON can hold.
    """
    with study.transaction() as (connection, study_id):
        rows = [
            {
                "study_id": study_id,
                "verdict": key,
                "fold": fold,
                "arm": arm,
                "score": result["score"],
                "details": records.to_json({name: value for name, value in result.items() if name != "score"}),
                "finished_at": utc_now(),
            }
            for arm, result in results.items()
        ]
        connection.execute(insert(verdict_folds).on_conflict_do_nothing(), rows)


def n_verdicts(study: OpenStudy) -> int:
    """Return how many verdicts were begun for a study: looking until one pleases is a choice, too."""
    with study.transaction() as (connection, study_id):
        query = select(func.count(verdict_folds.c.verdict.distinct())).where(verdict_folds.c.study_id == study_id)
        return connection.execute(query).scalar_one()
