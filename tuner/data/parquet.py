"""Read a Parquet file: only the columns needed, each in the type it was stored with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from tuner.data.native import plain_cells
from tuner.data.opening import explained
from tuner.errors import DataError

SUFFIXES = (".parquet", ".pq")


def is_parquet(path: Path) -> bool:
    """Return whether the name says that the file is one of Parquet."""
    return path.suffix.lower() in SUFFIXES


def read_parquet_names(path: Path) -> list[str]:
    """Return the names of all columns, in order.

    Raises:
        DataError: the file is missing, a folder, unreadable, no Parquet, or holds no column.
    """
    with _opened(path) as file:
        names: list[str] = file.schema_arrow.names
    if not names:
        raise DataError(f"{path} holds no column.\nExpected a table with a target and features.")
    return names


def read_parquet(path: Path, columns: Sequence[int]) -> list[pa.ChunkedArray]:
    """Return the cells of some columns.

    Args:
        path: the file.
        columns: places of the columns to return, from 0; no two of the file's columns have one name.

    Raises:
        DataError: no rows, a column that holds neither text, numbers nor dates, or what `read_parquet_names` raises.
    """
    with _opened(path) as file:
        names = [file.schema_arrow.names[column] for column in columns]
        table = file.read(columns=names)
    if not table.num_rows:
        raise DataError(f"{path} has columns and no rows.\nExpected at least one row.")
    return [plain_cells(name, table[name], source=str(path)) for name in names]


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with explained(path, "a Parquet file"), path.open("rb") as source:
        try:
            with parquet.ParquetFile(source) as file:
                yield file
        except (pa.ArrowException, OSError) as error:
            reason = " ".join(str(error).split())
            raise DataError(
                f"{path} cannot be read as Parquet ({reason}).\n"
                "Write or fetch it again, or rename it if it is a file of another kind."
            ) from error
