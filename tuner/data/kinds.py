"""What the columns of a file are: numbers, true and false, categories, dates, text, or nothing a model can learn from.

Each inference carries its evidence, for people. A kind is inferred from all rows, because it only says how a cell is
to be read; what is learned from values (means, categories, vocabularies) is learned from training rows: `encoding.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tuner.config.dataset import ColumnKind
from tuner.data.problems import named, quoted
from tuner.data.reading import (
    FALSE_WORDS,
    TRUE_WORDS,
    booleans_of,
    common_date_format,
    date_format_of,
    native_format,
    numbers_of,
    stamps_of,
)

SpecKind = Literal["numeric", "boolean", "categorical", "date", "text", "constant", "id", "drop"]
LEFT_OUT: tuple[SpecKind, ...] = ("constant", "id", "drop")

MIN_ROWS_OF_IDS = 20
"""In shorter tables distinct values mean nothing."""

MOSTLY = 0.9
"""A column with so many numbers among its cells was meant as one of numbers."""

MANY_VALUES = 20
FEW_WORDS = 5
"""So is one of more different numbers than `MANY_VALUES` and of at most `FEW_WORDS` different words."""

_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+")
_DRESSED = re.compile(r"[+-]?[$€£]?\s?(\d{1,3}([, ']\d{3})+|\d+)([.,]\d+)?\s?[%€$£]?")

_ID_NAME = re.compile(r"(^|[\W_])(id|ids|uuid|guid|key|index|row|rownum|rowid|nr|no)$|Id$|ID$|^Unnamed: 0$", re.ASCII)
_ID_NAME_CASE = re.compile(r"^(id|index|row|rowid|row_?number|uuid|guid)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSpec:
    """How the cells of one column are read.

    Attributes:
        name: as in the header.
        kind: as inferred or given.
        evidence: what was seen, in a few words.
        n_missing: cells without a value.
        format: of dates, as `datetime.strptime` has it; None for dates with a time of day that came as such.
        is_given: whether the config names the kind.
    """

    name: str
    kind: SpecKind
    evidence: str
    n_missing: int = 0
    format: str | None = None
    is_given: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A column that cannot be read as what it is or should be: what it holds, and what to do, in one sentence."""

    name: str
    problem: str


def infer(name: str, clean: pa.ChunkedArray, *, given: ColumnKind | None = None) -> ColumnSpec | Unreadable:
    """Return how a column is read.

    Args:
        name: of the column.
        clean: from `cleaned`.
        given: the kind that the config names.
    """
    n_missing = clean.null_count
    if given is not None:
        return _given(name, clean, given, n_missing)
    if n_missing == len(clean):
        return ColumnSpec(name=name, kind="constant", evidence="no cell holds a value", n_missing=n_missing)
    if pa.types.is_temporal(clean.type):
        return _dates(name, clean, None)
    if pa.types.is_boolean(clean.type):
        return _boolean(name, clean, n_missing)
    values = numbers_of(clean)
    is_number = ~np.isnan(values)
    n_numbers = int(is_number.sum())
    if n_numbers == len(clean) - n_missing:
        return _numeric(name, values, n_missing)
    return _words(name, clean, n_numbers, n_missing, values)


def _numeric(name: str, values: NDArray[np.float64], n_missing: int) -> ColumnSpec:
    present = values[~np.isnan(values)] if n_missing else values
    low, high = float(present.min()), float(present.max())
    if low == high and not n_missing:
        return ColumnSpec(name=name, kind="constant", evidence=f"every cell is {low:g}")
    is_whole = bool(np.isfinite(low) and np.isfinite(high) and (present == np.floor(present)).all())
    if is_whole and not n_missing and len(present) >= MIN_ROWS_OF_IDS and (why := _id_reason(name, present)):
        return ColumnSpec(name=name, kind="id", evidence=f"{len(present):,} distinct whole numbers{why}")
    what = "numbers"
    if is_whole:
        what = "whole numbers"
        if high - low < 1000 and (n_distinct := len(np.unique(present))) <= 20:
            what = f"{n_distinct} distinct whole numbers"
    found = f"only {low:g}" if low == high else f"{what} from {low:g} to {high:g}"
    return ColumnSpec(name=name, kind="numeric", evidence=f"{found}{_gaps(n_missing)}", n_missing=n_missing)


def _id_reason(name: str, values: NDArray[np.float64]) -> str | None:
    """Return why distinct whole numbers look like ids; None where they do not."""
    steps = np.diff(values)
    if (steps > 0).all() or (steps < 0).all():
        return " in row order"
    covers = values.max() - values.min() == len(values) - 1
    is_named = bool(_ID_NAME.search(name) or _ID_NAME_CASE.match(name))
    if not (covers or is_named) or len(np.unique(values)) < len(values):
        return None
    return " without a gap" if covers else " under the name of an id"


def _boolean(name: str, clean: pa.ChunkedArray, n_missing: int) -> ColumnSpec:
    counts = pc.value_counts(clean.drop_null()).to_pylist()
    if len(counts) == 1 and not n_missing:
        return ColumnSpec(name=name, kind="constant", evidence=f"every cell is {counts[0]['values']}")
    words = " and ".join(str(entry["values"]) for entry in sorted(counts, key=lambda entry: str(entry["values"])))
    return ColumnSpec(name=name, kind="boolean", evidence=f"only {words}{_gaps(n_missing)}", n_missing=n_missing)


def _words(
    name: str, clean: pa.ChunkedArray, n_numbers: int, n_missing: int, values: NDArray[np.float64]
) -> ColumnSpec | Unreadable:
    """Return how a column is read whose cells are not all numbers."""
    n_present = len(clean) - n_missing
    distinct = pc.unique(clean.drop_null())
    texts: list[str] = distinct.to_pylist()
    lower = {text.lower() for text in texts}
    if len(texts) > 1 and lower <= {*TRUE_WORDS, *FALSE_WORDS} and _are_opposites(lower):
        return _boolean(name, clean, n_missing)
    n_values = len(np.unique(values[~np.isnan(values)]))
    is_meant = n_numbers >= MOSTLY * n_present or len(texts) - n_values <= FEW_WORDS
    if n_values > MANY_VALUES and is_meant:
        return Unreadable(name=name, problem=_mixed(clean, values, n_numbers))
    if len(texts) == 1 and not n_missing:
        return ColumnSpec(name=name, kind="constant", evidence=f"every cell is {quoted(texts[0])}")
    if (problem := _dressed_numbers(texts)) is not None:
        return Unreadable(name=name, problem=problem)
    if n_numbers == 0 and (date_format := common_date_format(texts)) is not None:
        return _dates(name, clean, date_format)
    return _categories_or_text(name, texts, n_present, n_missing)


def _dressed_numbers(texts: list[str]) -> str | None:
    """Return why texts are numbers in another dress, and what to do; None where some are no numbers at all."""
    others = [text for text in texts if not _PLAIN.fullmatch(text)]
    if not others:
        return None
    if all(map(_COMMA.fullmatch, others)) and not all(map(_THOUSANDS.fullmatch, others)):
        return f"numbers with a comma before the decimals, such as {quoted(others[0])}: set dataset.decimal to a comma"
    if not all(map(_DRESSED.fullmatch, others)):
        return None
    return (
        f"numbers with separators, units or signs, such as {quoted(others[0])}: take them out of the file, or say what "
        "the column is in dataset.columns"
    )


def _are_opposites(words: set[str]) -> bool:
    pairs = zip(TRUE_WORDS, FALSE_WORDS, strict=True)
    return any(words == {yes, no} for yes, no in pairs)


def _mixed(clean: pa.ChunkedArray, values: NDArray[np.float64], n_numbers: int) -> str:
    is_word = np.isnan(values) & ~np.asarray(clean.is_null().to_numpy())
    row = int(is_word.argmax())
    words = clean.filter(pa.array(is_word)).slice(0, 1000).to_pylist()
    examples = named([quoted(str(text)) for text in dict.fromkeys(words)])
    return (
        f"{n_numbers:,} numbers and {int(is_word.sum()):,} cells that are none ({examples}; first in row {row + 1}); "
        "add those to dataset.missing, whose list replaces the default one, or say what the column is in "
        "dataset.columns"
    )


def _categories_or_text(name: str, texts: list[str], n_present: int, n_missing: int) -> ColumnSpec:
    n_distinct = len(texts)
    sample = texts[:2000]
    n_words = float(np.mean([len(text.split()) for text in sample]))
    n_letters = float(np.mean([len(text) for text in sample]))
    if n_distinct >= max(10, 0.3 * n_present) and (n_words >= 3 or n_letters >= 40):
        evidence = f"{n_distinct:,} distinct texts of {n_words:.0f} words on average{_gaps(n_missing)}"
        return ColumnSpec(name=name, kind="text", evidence=evidence, n_missing=n_missing)
    if n_present >= MIN_ROWS_OF_IDS and n_distinct >= 0.95 * n_present:
        evidence = f"{n_distinct:,} distinct words in {n_present:,} cells, such as {quoted(texts[0])}"
        return ColumnSpec(name=name, kind="id", evidence=evidence, n_missing=n_missing)
    return ColumnSpec(name=name, kind="categorical", evidence=_category_words(texts, n_missing), n_missing=n_missing)


def _category_words(texts: list[str], n_missing: int) -> str:
    listed = ", ".join(quoted(text) for text in sorted(texts)[:3])
    count = "1 category" if len(texts) == 1 else f"{len(texts):,} categories"
    return f"{count}{', such as' if len(texts) > 3 else ':'} {listed}{_gaps(n_missing)}"


def _dates(name: str, clean: pa.ChunkedArray, date_format: str | None) -> ColumnSpec:
    stamps = stamps_of(clean, date_format).dropna()
    low, high = stamps.min(), stamps.max()
    if date_format is None:
        date_format = native_format(stamps)
    if low == high and not clean.null_count:
        return ColumnSpec(name=name, kind="constant", evidence=f"every cell is {low:%Y-%m-%d %H:%M:%S}")
    evidence = f"dates from {low:%Y-%m-%d} to {high:%Y-%m-%d}{_gaps(clean.null_count)}"
    if date_format is not None and date_format.startswith("%m/%d"):
        swapped = date_format.replace("%m/%d", "%d/%m")
        if not pd.to_datetime(clean.drop_null().to_pandas(), format=swapped, errors="coerce").isna().any():
            evidence += ", read month first; day first is as possible"
    return ColumnSpec(name=name, kind="date", evidence=evidence, n_missing=clean.null_count, format=date_format)


def _given(name: str, clean: pa.ChunkedArray, kind: ColumnKind, n_missing: int) -> ColumnSpec | Unreadable:
    """Return a column read as the config says, or why it cannot be."""
    if kind == "drop":
        return ColumnSpec(name=name, kind="drop", evidence="left out in dataset.columns", is_given=True)
    if n_missing == len(clean):
        evidence = "no cell holds a value"
        return ColumnSpec(name=name, kind="constant", evidence=evidence, n_missing=n_missing, is_given=True)
    date_format = date_format_of(clean) if kind == "date" else None
    evidence = f"given in dataset.columns{_gaps(n_missing)}"
    spec = ColumnSpec(name=name, kind=kind, evidence=evidence, n_missing=n_missing, format=date_format, is_given=True)
    bad = unreadable_cells(spec, clean)
    if bad is None:
        return spec
    advice = "correct the kind in dataset.columns, or name such cells in dataset.missing"
    return Unreadable(name=name, problem=f"{bad.problem}; {advice}")


def unreadable_cells(spec: ColumnSpec, clean: pa.ChunkedArray) -> Unreadable | None:
    """Return which cells of a column are not what its spec says; None where all are, or are missing."""
    is_gap = np.asarray(clean.is_null().to_numpy())
    match spec.kind:
        case "numeric":
            bad = np.isnan(numbers_of(clean)) & ~is_gap
        case "boolean":
            bad = np.isnan(booleans_of(clean)) & ~is_gap
        case "date":
            bad = np.asarray(stamps_of(clean, spec.format).isna()) & ~is_gap
        case _:
            return None
    n_bad = int(bad.sum())
    if not n_bad:
        return None
    first = int(bad.argmax())
    a_kind = {"numeric": "a number", "boolean": "true or false", "date": "a date"}[spec.kind]
    found = quoted(str(clean[first].as_py()))
    cells = "cells are" if n_bad > 1 else "cell is"
    return Unreadable(name=spec.name, problem=f"{n_bad:,} {cells} not {a_kind} ({found} in row {first + 1})")


def _gaps(n_missing: int) -> str:
    if not n_missing:
        return ""
    return f", {n_missing:,} cell{'s' * (n_missing > 1)} missing"
