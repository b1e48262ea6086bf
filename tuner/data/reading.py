"""What a cell says: as a number, as true or false, as a time, or nothing at all.

Cells are text as a file has it, or of a native type. What one says depends on no other cell, but for the format of
dates, which a column has as a whole.

Axes    N cells
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

TRUE_WORDS = ("true", "t", "yes", "y", "on")
FALSE_WORDS = ("false", "f", "no", "n", "off")

DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%d %H:%M:%S%z",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%S.%fZ",
    "%Y-%m-%dT%H:%M:%S.%f%z",
    "%Y-%m-%d %H:%M:%S.%f%z",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p",
    "%d %b %Y",
    "%d-%b-%Y",
    "%b %d, %Y",
)
"""Tried in this order; a file whose days and months could be either is read month first, and its evidence says so."""


def cleaned(cells: pa.ChunkedArray, missing: Collection[str], *, decimal: str = ".") -> pa.ChunkedArray:
    """Return cells without spaces around them, null where they stand for a missing value, as an empty one always does.

    Args:
        cells: text, or a native type, whose nulls are missing values, too.
        missing: texts that stand for a missing value; of numbers, those that are one, such as -999.
        decimal: what separates the decimals of numbers; a comma becomes a point where all else is a number.
    """
    if not pa.types.is_string(cells.type) and not pa.types.is_large_string(cells.type):
        return _without_sentinels(cells, missing)
    trimmed = pc.utf8_trim_whitespace(cells)
    words = {text.strip() for text in missing}
    decimals = {f"{word}{zeros}" for word in words if word.lstrip("+-").isdigit() for zeros in (".", ".0", ".00")}
    gaps = pc.is_in(trimmed, value_set=pa.array(sorted({"", *words, *decimals}), cells.type))
    clean = pc.if_else(gaps, pa.scalar(None, cells.type), trimmed)
    if decimal == ",":
        looks = pc.match_substring_regex(clean, r"^[+-]?\d+,\d+([eE][+-]?\d+)?$")
        clean = pc.if_else(pc.fill_null(looks, False), pc.replace_substring(clean, ",", "."), clean)
    return clean


def _without_sentinels(cells: pa.ChunkedArray, missing: Collection[str]) -> pa.ChunkedArray:
    sentinels = pd.to_numeric(pd.Series(sorted(missing), dtype=object), errors="coerce").dropna().tolist()
    if not sentinels or not is_number(cells.type):
        return cells
    gaps = pc.is_in(pc.cast(cells, pa.float64(), safe=False), value_set=pa.array(sentinels, pa.float64()))
    return pc.if_else(gaps, pa.scalar(None, cells.type), cells)


def is_number(kind: pa.DataType) -> bool:
    """Return whether cells of this type are numbers; true and false are none."""
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def numbers_of(clean: pa.ChunkedArray) -> NDArray[np.float64]:
    """Return cells as float64, NaN where they are missing or no number. Shape `(N,)`."""
    if pa.types.is_temporal(clean.type):
        return np.full(len(clean), np.nan)
    if is_number(clean.type) or pa.types.is_boolean(clean.type):
        return _as_float64(pc.cast(clean, pa.float64(), safe=False))
    try:
        return _as_float64(pc.cast(clean, pa.float64()))
    except pa.ArrowInvalid:  # a sign in front, or a cell that is no number
        values = pd.to_numeric(clean.to_pandas(), errors="coerce")
        return np.asarray(values.to_numpy(np.float64, na_value=np.nan))


def _as_float64(values: pa.ChunkedArray) -> NDArray[np.float64]:
    return np.asarray(values.to_numpy(), np.float64)


def booleans_of(clean: pa.ChunkedArray) -> NDArray[np.float64]:
    """Return 1 for true, 0 for false, NaN for what is missing or neither. Shape `(N,)`."""
    if pa.types.is_boolean(clean.type):
        return numbers_of(clean)
    words = pc.utf8_lower(pc.cast(clean, pa.string()))
    true = pc.is_in(words, value_set=pa.array([*TRUE_WORDS, "1", "1.0"]))
    false = pc.is_in(words, value_set=pa.array([*FALSE_WORDS, "0", "0.0"]))
    known = np.asarray(pc.or_(true, false).to_numpy())
    return np.where(known, np.asarray(true.to_numpy(), np.float64), np.nan)


def stamps_of(clean: pa.ChunkedArray, date_format: str | None) -> pd.Series[pd.Timestamp]:
    """Return cells as times without a zone (UTC where they had one), NaT where they are missing or of another form.

    Text has the given format, or that of ISO 8601; dates that came as such need none, and numbers are none.
    """
    if is_number(clean.type) or pa.types.is_boolean(clean.type):
        return pd.Series(np.full(len(clean), "NaT", "datetime64[us]"))
    cells = clean.to_pandas()
    if pa.types.is_temporal(clean.type):
        stamps = pd.to_datetime(cells, utc=True, errors="coerce")
    elif date_format is None:
        stamps = pd.to_datetime(cells, format="ISO8601", utc=True, errors="coerce")
    else:
        stamps = pd.to_datetime(cells, format=date_format, utc=True, errors="coerce")
    naive: pd.Series[pd.Timestamp] = stamps.dt.tz_localize(None)
    return naive


def date_format_of(clean: pa.ChunkedArray) -> str | None:
    """Return the format that all cells follow, else one that the first follows; None for times that came as such."""
    if pa.types.is_temporal(clean.type):
        return native_format(stamps_of(clean, None).dropna())
    texts = [str(text) for text in pc.unique(clean.drop_null()).to_pylist()]
    return (common_date_format(texts) or common_date_format(texts[:1]) if texts else None) or DATE_FORMATS[0]


def native_format(stamps: pd.Series[pd.Timestamp]) -> str | None:
    """Return the format of days for stamps without a time of day, None for others."""
    return DATE_FORMATS[0] if (stamps == stamps.dt.normalize()).all() else None


def common_date_format(texts: Sequence[str]) -> str | None:
    """Return the first format that all texts follow, tried on a few before all."""
    if not any(character.isdigit() for character in texts[0]):
        return None
    for date_format in DATE_FORMATS:
        if _all_follow(texts[:20], date_format) and _all_follow(texts, date_format):
            return date_format
    return None


def _all_follow(texts: Sequence[str], date_format: str) -> bool:
    return not pd.to_datetime(pd.Series(texts), format=date_format, utc=True, errors="coerce").isna().any()
