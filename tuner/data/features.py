"""What stands in a column of the encoded table, and how a row's cells become it.

A feature is made of one cell: its value, whether it is missing, whether it is a given category, how much of a given
term it holds. So features are the same whatever other rows there are, and new rows get theirs from the same function.

Axes    N rows, F columns of a `Dataset`, W features
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tuner.data.dataset import Column
from tuner.data.moments import BLOCK_ROWS
from tuner.data.words import Words, count_words

FeatureKind = Literal["value", "missing", "level", "term"]
Numbers = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One encoded column: of which column, which kind, and the category or term it is about."""

    column: str
    kind: FeatureKind
    text: str = ""

    @property
    def name(self) -> str:
        """What people read."""
        match self.kind:
            case "missing":
                return f"{self.column} is missing"
            case "level":
                return f"{self.column} = {self.text}"
            case "term":
                return f"{self.column}: {self.text}"
        return self.column


@dataclass(frozen=True)
class Cells:
    """Columns of a table on their way to features: `X` as in `Dataset`, shape `(N, F)`."""

    X: Numbers
    columns: tuple[Column, ...]
    max_ngram: int

    @cached_property
    def words(self) -> Mapping[int, Words]:
        """The words of every column of text, by its place."""
        places = [place for place, column in enumerate(self.columns) if column.kind == "text"]
        return {place: count_words(self.columns[place].levels, max_ngram=self.max_ngram) for place in places}


def make_features(cells: Cells, features: Sequence[Feature]) -> Numbers:
    """Return the features of all rows, shape `(N, W)`, float32; NaN where a value is missing.

    Levels and terms that no row holds are 0 in every row.

    Raises:
        KeyError: a feature is of a column that there is not.
    """
    if [(one.column, one.kind) for one in features] == [(column.name, "value") for column in cells.columns]:
        return cells.X
    places = {column.name: place for place, column in enumerate(cells.columns)}
    out = np.zeros((len(cells.X), len(features)), np.float32)
    of_texts: dict[int, list[tuple[int, str]]] = {}
    for w, feature in enumerate(features):
        place = places[feature.column]
        own = cells.X[:, place]
        match feature.kind:
            case "value":
                out[:, w] = own
            case "missing":
                out[:, w] = np.isnan(own)
            case "level" | "term":
                of_texts.setdefault(place, []).append((w, feature.text))
    for place, wanted in of_texts.items():
        fill = _fill_terms if cells.columns[place].kind == "text" else _fill_levels
        fill(out, cells, place, wanted)
    return out


def _fill_levels(out: Numbers, cells: Cells, place: int, wanted: Sequence[tuple[int, str]]) -> None:
    """Write 1 where a row holds a level: one number in each row, however many levels there are."""
    codes = {text: code for code, text in enumerate(cells.columns[place].levels)}
    nowhere, missing = -1, len(codes)
    w_of_code = np.full(len(codes) + 1, nowhere)
    for w, text in wanted:
        if text in codes:
            w_of_code[codes[text]] = w
    own = cells.X[:, place]
    w_of_row = w_of_code[np.where(np.isnan(own), missing, own).astype(np.int64)]
    rows = np.flatnonzero(w_of_row != nowhere)
    out[rows, w_of_row[rows]] = 1.0


def _fill_terms(out: Numbers, cells: Cells, place: int, wanted: Sequence[tuple[int, str]]) -> None:
    """Write the features of the terms of one column: those of its distinct texts, repeated row by row."""
    words = cells.words[place]
    numbers = {term: v for v, term in enumerate(words.terms)}
    known = np.array([(w, numbers[term]) for w, term in wanted if term in numbers], np.int64)
    if not known.size:
        return
    own = cells.X[:, place]
    rows = np.flatnonzero(~np.isnan(own))
    of_texts = words.values[:, known[:, 1]]
    for start in range(0, len(rows), BLOCK_ROWS):
        block = rows[start : start + BLOCK_ROWS]
        out[np.ix_(block, known[:, 0])] = of_texts[own[block].astype(np.int64)].toarray()
