"""Cells to the columns of a `Dataset`, one rule for each kind: what a cell becomes depends on that cell alone.

A date becomes its parts: days since 1970, and the day of the year, the day of the week and, where any cell has a time
of day, the hour as points on a circle, so that December is next to January.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tuner.data.dataset import FLOAT32_LIMIT, Column
from tuner.data.kinds import LEFT_OUT, ColumnSpec, Unreadable
from tuner.data.problems import quoted
from tuner.data.reading import booleans_of, numbers_of, stamps_of

DAY_SECONDS = 86_400.0

WHOLE = r"^([+-]?\d+)\.0+$"
"""A whole number with a fraction of zeros, which a data frame may make of it: the same category without."""

DIGITS_KEPT = 0.5
"""Share of a column's different numbers that float32 must tell apart."""
CIRCLES = {"day of year": 365.2425, "day of week": 7.0, "hour": 24.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadColumns:
    """Columns of a table: `X` as in `Dataset`, shape `(N, F)`, and what each is."""

    X: NDArray[np.float32]
    columns: tuple[Column, ...]


def read_columns(specs: Sequence[ColumnSpec], cells: Sequence[pa.ChunkedArray], n_rows: int) -> ReadColumns:
    """Return the columns that are features.

    Args:
        specs: how each column is read; those left out are.
        cells: of each column, cleaned.
        n_rows: of the table.
    """
    columns = [column for spec in specs for column in columns_of(spec)]
    X = np.empty((n_rows, len(columns)), np.float32)
    place = 0
    named: list[Column] = []
    for spec, clean in zip(specs, cells, strict=True):
        if spec.kind in ("categorical", "text"):
            codes, levels = codes_of(clean)
            X[:, place] = codes
            named.append(Column(name=spec.name, kind=spec.kind, levels=levels))
            place += 1
        elif spec.kind not in LEFT_OUT:
            own = columns_of(spec)
            for values in _values(spec, clean):
                X[:, place] = values
                place += 1
            named += own
    return ReadColumns(X=X, columns=tuple(named))


def columns_of(spec: ColumnSpec) -> list[Column]:
    """Return what the columns made from one column are, without levels."""
    match spec.kind:
        case "numeric" | "boolean" | "categorical" | "text":
            return [Column(name=spec.name, kind=spec.kind)]
        case "date":
            has_time = spec.format is None or "%H" in spec.format or "%I" in spec.format
            circles = [part for part in CIRCLES if part != "hour" or has_time]
            names = ["days", *(f"{part} {turn}" for part in circles for turn in ("sin", "cos"))]
            return [Column(name=f"{spec.name}: {name}") for name in names]
    return []


def _values(spec: ColumnSpec, clean: pa.ChunkedArray) -> list[NDArray[np.floating]]:
    if spec.kind == "numeric":
        return [numbers_of(clean)]
    if spec.kind == "boolean":
        return [booleans_of(clean)]
    stamps = stamps_of(clean, spec.format)
    days = days_since_1970(stamps)
    parts = {
        "day of year": stamps.dt.day_of_year.to_numpy(np.float64, na_value=np.nan) - 1.0,
        "day of week": stamps.dt.day_of_week.to_numpy(np.float64, na_value=np.nan),
        "hour": (days - np.floor(days)) * 24.0,
    }
    wanted = len(columns_of(spec)) // 2
    turns = [2.0 * np.pi * parts[part] / CIRCLES[part] for part in list(CIRCLES)[:wanted]]
    return [days, *(turn(angle) for angle in turns for turn in (np.sin, np.cos))]


def days_since_1970(stamps: pd.Series[pd.Timestamp]) -> NDArray[np.float64]:
    """Return times in days, NaN where there is none. Shape `(N,)`."""
    seconds = (stamps - pd.Timestamp("1970-01-01")).dt.total_seconds()
    return np.asarray(seconds.to_numpy(np.float64, na_value=np.nan) / DAY_SECONDS, np.float64)


def codes_of(clean: pa.ChunkedArray) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the number of each cell's text among the distinct ones, ascending, and these; NaN for a missing cell."""
    text = pc.replace_substring_regex(as_text(clean), WHOLE, r"\1")
    coded = pc.dictionary_encode(text).combine_chunks()
    texts = coded.dictionary.to_pylist()
    order = sorted(range(len(texts)), key=texts.__getitem__)
    ranks = np.empty(len(texts) + 1, np.float64)
    ranks[order] = np.arange(len(texts))
    ranks[-1] = np.nan
    places = np.asarray(pc.fill_null(coded.indices, len(texts)).to_numpy(zero_copy_only=False))
    codes: NDArray[np.float64] = ranks[places]
    return codes, tuple(texts[i] for i in order)


def as_text(clean: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return cells as text; whole numbers of a floating type without a fraction, as they would stand in a file."""
    if pa.types.is_floating(clean.type):
        whole = pc.cast(clean, pa.int64(), safe=False)
        is_whole = pc.equal(pc.cast(whole, clean.type, safe=False), clean)
        return pc.if_else(is_whole, pc.cast(whole, pa.string()), pc.cast(clean, pa.string()))
    if pa.types.is_boolean(clean.type):
        return pc.if_else(clean, "True", "False")
    return pc.cast(clean, pa.string())


def out_of_range(spec: ColumnSpec, clean: pa.ChunkedArray) -> Unreadable | None:
    """Return what keeps a column of numbers out of float32; None where all of them fit."""
    if spec.kind != "numeric":
        return None
    values = numbers_of(clean)
    too_large = np.flatnonzero(np.abs(values) > FLOAT32_LIMIT)
    if not too_large.size:
        return _beyond_float32(spec, values)
    row = int(too_large[0])
    return Unreadable(
        name=spec.name,
        problem=f"{too_large.size:,} cell{'s' * (too_large.size > 1)} infinite or beyond {FLOAT32_LIMIT:.1e}, "
        f"the first {quoted(str(clean[row].as_py()))} in row {row + 1}; correct them or name them in dataset.missing",
    )


def _beyond_float32(spec: ColumnSpec, values: NDArray[np.float64]) -> Unreadable | None:
    """Return that numbers differ in digits that float32 does not hold; None where it tells enough of them apart."""
    present = values[~np.isnan(values)]
    if not present.size or np.ptp(present) * 1e4 > np.abs(present).max():
        return None
    n_before, n_after = len(np.unique(present)), len(np.unique(present.astype(np.float32)))
    if n_after >= DIGITS_KEPT * n_before:
        return None
    return Unreadable(
        name=spec.name,
        problem=f"{n_before:,} different numbers from {present.min():.10g} to {present.max():.10g}, of which float32 "
        f"tells {n_after:,} apart; subtract an offset in the file, or say what the column is in dataset.columns",
    )
