"""The table as its source wrote it, column by column, before anything is decided about what a column means.

Text files give every cell as text, exactly as written; Parquet, OpenML and data frames bring types of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from tuner.config.dataset import OpenMLDataset, TableDataset
from tuner.data.delimited import read_cells, read_header, separator_of
from tuner.data.native import frame_cells
from tuner.data.parquet import is_parquet, read_parquet, read_parquet_names
from tuner.data.problems import named, quoted
from tuner.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class RawColumn:
    """One column.

    Attributes:
        name: as in the header; one without a name is "Unnamed: 0", counted from 0.
        cells: N cells. From a text file strings as written, "" where nothing is written, never null. Else one of bool,
            a whole or floating-point number, string, date or timestamp, null where a cell is missing, never NaN.
    """

    name: str
    cells: pa.ChunkedArray


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTable:
    """Columns of equal length, in the order of the source, and one line for people that names the source."""

    columns: tuple[RawColumn, ...]
    source: str

    @property
    def n_rows(self) -> int:
        """Length of the columns."""
        return len(self.columns[0].cells) if self.columns else 0


def read_names(section: TableDataset | OpenMLDataset) -> list[str]:
    """Return the names of all columns, in order; those of a text file may repeat.

    Raises:
        ConfigError: the separator or the encoding cannot be used.
        DataError: the source cannot be read.
    """
    if isinstance(section, OpenMLDataset):
        return list(_fetched(section).columns)
    if is_parquet(section.path):
        return read_parquet_names(section.path)
    return read_header(section.path, separator_of(section.path, section.separator), section.encoding)


def read_raw(section: TableDataset | OpenMLDataset, *, keep: Collection[str] = ()) -> RawTable:
    """Return the columns but those that `section` drops; their names are distinct.

    Args:
        section: the source.
        keep: names to read all the same where `section.drop` holds them, too; the weight always is.

    Raises:
        ConfigError: the separator or the encoding cannot be used.
        DataError: the source cannot be read, or a column that is read holds neither text, numbers nor dates.
    """
    dropped = {*section.drop} - {*keep, section.weight}
    if isinstance(section, OpenMLDataset):
        frame = _fetched(section)
        return from_frame(frame.drop(columns=[*dropped]), source=f"OpenML dataset {section.id}")
    names = read_names(section)
    places = [place for place, name in enumerate(names) if name not in dropped]
    if is_parquet(section.path):
        cells = read_parquet(section.path, places)
    else:
        separator = separator_of(section.path, section.separator)
        cells = read_cells(section.path, places, n_columns=len(names), separator=separator, encoding=section.encoding)
    columns = [RawColumn(name=names[place], cells=column) for place, column in zip(places, cells, strict=True)]
    return RawTable(columns=tuple(columns), source=str(section.path))


def from_frame(frame: pd.DataFrame, *, source: str = "the frame") -> RawTable:
    """Return the columns of `frame`, whatever its index.

    Raises:
        DataError: column names that are no text or repeat, or cells that are neither text, numbers nor dates.
    """
    names = list(frame.columns)
    other = [repr(name) for name in names if not isinstance(name, str)]
    repeated = [quoted(name) for name, count in Counter(names).items() if count > 1 and isinstance(name, str)]
    if other or repeated:
        problem = f"no text: {named(other)}" if other else f"more than once: {named(repeated)}"
        raise DataError(f"{source} has column names that are {problem}.\nName each column with a text of its own.")
    columns = [
        RawColumn(name=name, cells=frame_cells(name, frame.iloc[:, place], source=source))
        for place, name in enumerate(names)
    ]
    return RawTable(columns=tuple(columns), source=source)


def _fetched(section: OpenMLDataset) -> pd.DataFrame:
    from tuner.data.openml import read_openml  # noqa: PLC0415 - scikit-learn takes a second to import

    return read_openml(section.id)
