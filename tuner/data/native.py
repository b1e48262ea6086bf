"""Columns that bring a type of their own, reduced to the few types that a table here may hold.

bool, whole and floating-point numbers, dates, timestamps    stay
decimal, duration in seconds                                 float64
text in any storage, dictionaries, times of day              string
lists, structs, maps, bytes, intervals                       refused, by the column's name

A missing cell is null afterwards, whether it was null or NaN.
"""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from numbers import Real
from typing import Any, cast
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from tuner.data.problems import quoted
from tuner.errors import DataError

_MICROSECONDS = 1e6

_STAY = (types.is_boolean, types.is_integer, types.is_date, types.is_timestamp)

_CASTS = (
    (types.is_decimal, pa.float64()),
    (types.is_string, pa.string()),
    (types.is_large_string, pa.string()),
    (types.is_string_view, pa.string()),
    (types.is_time, pa.string()),
    (types.is_null, pa.string()),
)

_SCALARS = (str, Real, Decimal, np.bool_, dt.date, dt.time, dt.timedelta, UUID, pd.Period, pd.Interval)
"""What becomes text in a column of mixed objects."""


def plain_cells(name: str, cells: pa.ChunkedArray, *, source: str) -> pa.ChunkedArray:
    """Return the cells of column `name` in one of the types above.

    Raises:
        DataError: the column holds none of them.
    """
    try:
        plain = _plain(cells)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise _refusal(name, cells.type, source) from error
    if plain is None:
        raise _refusal(name, cells.type, source)
    return plain


def frame_cells(name: str, series: pd.Series[Any], *, source: str) -> pa.ChunkedArray:
    """Return the cells of a pandas column of any dtype as `plain_cells` does; mixed objects become text.

    Raises:
        DataError: the column holds neither text, numbers nor dates.
    """
    if isinstance(series.dtype, pd.CategoricalDtype):
        words = np.array([*map(str, series.cat.categories), None], object)
        return pa.chunked_array([pa.array(words[series.cat.codes], pa.string())])
    if isinstance(series.dtype, pd.SparseDtype):
        series = cast(Any, series).sparse.to_dense()
    if isinstance(series.dtype, pd.PeriodDtype | pd.IntervalDtype):
        series = series.astype(object)
    try:
        cells = pa.array(series, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        texts = [_text(value) for value in series.tolist()]
        if not all(text is None or isinstance(text, str) for text in texts):
            raise _refusal(name, series.dtype, source) from error
        cells = pa.array(texts, pa.string())
    if isinstance(cells, pa.Array):
        cells = pa.chunked_array([cells])
    return plain_cells(name, cells, source=source)


def _plain(cells: pa.ChunkedArray) -> pa.ChunkedArray | None:
    kind = cells.type
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(pa.chunked_array([chunk.storage for chunk in cells.chunks], kind.storage_type))
    if types.is_dictionary(kind):
        words = _plain(cells.cast(kind.value_type))
        return None if words is None else words.cast(pa.string())
    if types.is_floating(kind):
        return _without_nan(cells.cast(pa.float32()) if types.is_float16(kind) else cells)
    if types.is_duration(kind):
        return pc.divide(cells.cast(pa.duration("us")).cast(pa.int64()).cast(pa.float64()), _MICROSECONDS)
    target = next((plain for is_kind, plain in _CASTS if is_kind(kind)), None)
    return cells.cast(target) if target is not None else cells if any(stays(kind) for stays in _STAY) else None


def _without_nan(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    nan = pc.is_nan(cells)
    return pc.if_else(nan, pa.scalar(None, cells.type), cells) if pc.any(nan).as_py() else cells


def _text(value: object) -> object:
    """Return a scalar as text, None where it is missing, anything else as it is."""
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return None
    return str(value) if isinstance(value, _SCALARS) else value


def _refusal(name: str, kind: object, source: str) -> DataError:
    return DataError(
        f"{source}, column {quoted(name)}: expected text, numbers, truth values or dates, got {kind}.\n"
        "Spread it over columns of their own, or name it in dataset.drop."
    )
