"""What was learned from a table, in plain data: how its columns are read and what their cells become.

An encoder is fitted on all rows, for a model that is trained on all of them. Applied to the rows it was fitted on, it
gives the very numbers that such a model was trained on; applied to new ones, what that model must be given:

    an unseen or rare category      0 in the features of all known categories
    a missing cell                  its fill value, and its indicator, where training rows had missing cells
    a further column                is ignored; columns may come in any order
    a column that is not there      an error that names it, as is a cell that is no number in a column of numbers

Axes    n rows, W features
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from tuner.config.dataset import EncodingSection
from tuner.data.columns import ReadColumns, out_of_range, read_columns
from tuner.data.dataset import Dataset
from tuner.data.encoded import Constants, EncodedTable, Numbers, Power
from tuner.data.encoding import unscaled
from tuner.data.features import Cells, Feature, make_features
from tuner.data.kinds import ColumnSpec, Unreadable, unreadable_cells
from tuner.data.problems import named, problem_message, quoted
from tuner.data.raw import RawTable, from_frame
from tuner.data.reading import cleaned, is_number
from tuner.errors import DataError

SCHEMA = "tuner.encoder/1"
"""Version of the form; readers refuse another."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Encoder:
    """How raw rows become numbers.

    Attributes:
        specs: how each column is read that is a feature.
        missing: cells that stand for a missing value.
        decimal: what separates the decimals of numbers.
        max_ngram: words of the longest runs that are terms.
        features: the W numbers made of a row.
        constants: that scale them, of one fold.
    """

    specs: tuple[ColumnSpec, ...]
    missing: tuple[str, ...]
    decimal: str
    max_ngram: int
    features: tuple[Feature, ...]
    constants: Constants

    def __repr__(self) -> str:
        """Return what it makes of what, in a line."""
        return f"Encoder({len(self.specs)} columns -> {len(self.features)} numbers)"

    def apply(self, rows: RawTable | pd.DataFrame, *, standardize: bool = True) -> Numbers:
        """Return the numbers that a model takes. Shape `(n, W)`, float32, without a missing one.

        Args:
            rows: raw rows with the columns by name.
            standardize: whether columns are scaled, as of the trial that the model was trained by.

        Raises:
            DataError: a column is not there, or a cell cannot be read as what its column is.
            TypeError: the rows are no frame, so that their columns have no names.
        """
        if not isinstance(rows, RawTable | pd.DataFrame):
            raise TypeError(f"rows must be a pandas DataFrame with the columns by name, got {type(rows).__name__}")
        read = self._read(rows if isinstance(rows, RawTable) else self._own_columns(rows))
        X = make_features(Cells(read.X, read.columns, self.max_ngram), self.features)
        constants = self.constants if standardize else unscaled(self.constants)
        return constants.transform(X, 0)

    def _own_columns(self, frame: pd.DataFrame) -> RawTable:
        """Return the columns of a frame that features are made of; what the others hold does not matter."""
        self._require([str(name) for name in frame.columns], "the frame")
        return from_frame(frame.loc[:, frame.columns.isin([spec.name for spec in self.specs])])

    def _require(self, names: Sequence[str], source: str) -> None:
        absent = [quoted(spec.name) for spec in self.specs if spec.name not in names]
        if absent:
            raise DataError(
                f"{source} lacks {'columns' if len(absent) > 1 else 'column'} {named(absent)}, which the encoder "
                f"was fitted on; it has {named([quoted(name) for name in names])}.\n"
                "Add what is not there, with empty cells where nothing is known."
            )

    def _read(self, table: RawTable) -> ReadColumns:
        there = {column.name: column.cells for column in table.columns}
        self._require(list(there), table.source)
        cells = [self._cleaned(there[spec.name]) for spec in self.specs]
        problems = [
            (quoted(spec.name), bad.problem)
            for spec, clean in zip(self.specs, cells, strict=True)
            if (bad := unreadable_cells(spec, clean) or out_of_range(spec, clean) or self._numbered(spec, clean))
            is not None
        ]
        if problems:
            advice = "Correct the cells; those without a value may be empty. Row 1 is the first."
            raise DataError(problem_message(table.source, problems, advice=advice))
        return read_columns(self.specs, cells, table.n_rows)

    def _numbered(self, spec: ColumnSpec, clean: pa.ChunkedArray) -> Unreadable | None:
        """Return that numbers stand where categories begin with zeros, which numbers lose."""
        if spec.kind != "categorical" or not is_number(clean.type):
            return None
        levels = [one.text for one in self.features if (one.column, one.kind) == (spec.name, "level")]
        zeros = [level for level in levels if re.fullmatch(r"[+-]?0\d+", level)]
        if not zeros:
            return None
        return Unreadable(
            name=spec.name,
            problem=f"holds numbers, but its categories begin with zeros, such as {quoted(zeros[0])}; read it as text",
        )

    def _cleaned(self, cells: pa.ChunkedArray) -> pa.ChunkedArray:
        return cleaned(cells, self.missing, decimal=self.decimal)

    def as_dict(self) -> dict[str, Any]:
        """Return the encoder as JSON can hold it: numbers in decimals that read back as the same float32."""
        constants: dict[str, Any] = {
            field.name: _listed(getattr(self.constants, field.name))
            for field in fields(Constants)
            if field.name != "power"
        }
        power = self.constants.power
        constants["power"] = None if power is None else {f.name: _listed(getattr(power, f.name)) for f in fields(Power)}
        return {
            "schema": SCHEMA,
            "columns": [asdict(spec) for spec in self.specs],
            "missing": list(self.missing),
            "decimal": self.decimal,
            "max_ngram": self.max_ngram,
            "features": [asdict(feature) for feature in self.features],
            "constants": constants,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Encoder:
        """Return the encoder that `as_dict` made plain.

        Raises:
            DataError: it is of another version.
        """
        if stored.get("schema") != SCHEMA:
            raise DataError(
                f"the encoder is of the form {stored.get('schema')!r}, expected {SCHEMA!r}.\n"
                "Read it with the version of tuner that wrote it."
            )
        constants = dict(stored["constants"])
        power = constants.pop("power")
        return cls(
            specs=tuple(ColumnSpec(**spec) for spec in stored["columns"]),
            missing=tuple(stored["missing"]),
            decimal=stored["decimal"],
            max_ngram=stored["max_ngram"],
            features=tuple(Feature(**feature) for feature in stored["features"]),
            constants=Constants(
                **{name: _array(values) for name, values in constants.items()},
                power=None if power is None else Power(**{name: _array(values) for name, values in power.items()}),
            ),
        )


def make_encoder(
    dataset: Dataset, table: EncodedTable, section: EncodingSection, *, missing: tuple[str, ...], decimal: str
) -> Encoder:
    """Return the encoder of a table, fitted on all of its rows.

    Args:
        dataset: the table.
        table: from `encode_whole`.
        section: how columns become numbers.
        missing, decimal: how its cells were read.
    """
    seen = table.scaled.active[0]
    specs = dataset.specs or tuple(
        ColumnSpec(name=column.name, kind="numeric", evidence="made as a number") for column in dataset.columns
    )
    return Encoder(
        specs=specs,
        missing=missing,
        decimal=decimal,
        max_ngram=section.max_ngram,
        features=tuple(feature for feature, known in zip(table.features, seen.tolist(), strict=True) if known),
        constants=_seen_only(table.scaled, seen),
    )


def _seen_only(constants: Constants, seen: NDArray[np.bool_]) -> Constants:
    power = constants.power
    return Constants(
        fill=constants.fill[:, seen],
        mean=constants.mean[:, seen],
        scale=constants.scale[:, seen],
        power=None
        if power is None
        else Power(exponent=power.exponent[:, seen], mean=power.mean[:, seen], scale=power.scale[:, seen]),
    )


def _listed(values: Numbers) -> list[float]:
    return cast(list[float], values[0].astype(np.float64).tolist())


def _array(values: list[float]) -> Numbers:
    return np.array([values], np.float32)
