"""Read a delimited text file, every cell as written, with one clear error for every way that can fail.

Two readers give the same cells: Arrow's, with all cores, and the standard library's, which knows the number of every
line. Arrow's goes first; where it meets anything that is out of order, the other decides: it repairs what is harmless
(an empty cell too many at a line's end, a line of blanks, a line too long for Arrow) and names the line of what is not.
Columns that nobody asked for are not kept by either.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from tuner.data.decoding import decoded, explained_text, refuse_other_kinds, refuse_unknown_encoding, text_lines
from tuner.data.opening import explained, is_gzipped, opened
from tuner.errors import ConfigError, DataError

TAB_SUFFIXES = (".tsv", ".tab", ".txt")

BLOCK = 4 * 2**20
"""Bytes that Arrow parses at once; a row must fit."""

MAX_CELL = 2**20
"""Characters of a cell; more is nearly always a quote that was never closed, and no column of features."""

_ROWS_AT_ONCE = 2**14

_END_MARK = ("\n",)
"""Read after the last line: a blank line, except where a quote is still open."""


def separator_of(path: Path, separator: str | None) -> str:
    """Return `separator`; for None a tab where the suffix is .tsv, .tab or .txt (before .gz), else a comma.

    Raises:
        ConfigError: `separator` cannot separate columns.
    """
    if separator is None:
        suffix = Path(path.stem).suffix if is_gzipped(path) else path.suffix
        return "\t" if suffix.lower() in TAB_SUFFIXES else ","
    if not separator.isascii() or separator in '"\r\n\0' or separator.isalnum():
        raise ConfigError(
            f"dataset.separator must be an ASCII character, no letter, digit, quote or line end; got {separator!r}.\n"
            'Write for example separator: ";", or leave it out: a tab for .tsv, .tab and .txt, else a comma.'
        )
    return separator


def read_header(path: Path, separator: str, encoding: str = "utf-8") -> list[str]:
    """Return the column names in the first line that is not blank; a nameless column is "Unnamed: 0", as in pandas.

    Raises:
        ConfigError: no text encoding is called `encoding`.
        DataError: the file is missing, a folder, unreadable, empty, no text, or text in another encoding.
    """
    refuse_unknown_encoding(encoding)
    with explained(path), explained_text(path, encoding):
        refuse_other_kinds(path)
        with text_lines(path, encoding) as lines:
            begins = 1
            reader = csv.reader(chain(lines, _END_MARK), delimiter=separator)
            for names in reader:
                if not _is_blank(names):
                    if names[-1].endswith("\n") and next(reader, None) is None:
                        raise _open_quote(path, begins)
                    return [name or f"Unnamed: {column}" for column, name in enumerate(names)]
                begins = reader.line_num + 1
    raise DataError(f"{path} is empty.\nExpected a header line with column names and one line per row.")


def read_cells(
    path: Path, columns: Sequence[int], *, n_columns: int, separator: str, encoding: str = "utf-8"
) -> list[pa.ChunkedArray]:
    """Return the cells below the header of some columns, as text; "" where nothing is written, never null.

    Args:
        path, separator, encoding: as in `read_header`.
        columns: places of the columns to return, from 0.
        n_columns: how many names the header holds.

    Raises:
        ConfigError: no text encoding is called `encoding`.
        DataError: no rows, rows with too many or too few cells, a quote that is never closed, a cell of more than
            `MAX_CELL` characters, or what `read_header` raises.
    """
    refuse_unknown_encoding(encoding)
    with explained(path), explained_text(path, encoding):
        cells = _fast_cells(path, columns, n_columns=n_columns, separator=separator, encoding=encoding)
        if cells is None:
            cells = _exact_cells(path, columns, n_columns=n_columns, separator=separator, encoding=encoding)
    if not len(cells[0]):
        raise DataError(f"{path} has a header and no rows.\nExpected one line per row below the header.")
    return cells


def _fast_cells(
    path: Path, columns: Sequence[int], *, n_columns: int, separator: str, encoding: str
) -> list[pa.ChunkedArray] | None:
    """Return what `read_cells` does, or None where anything looks out of order."""
    last = n_columns - 1
    names = [str(column) for column in range(n_columns)]
    wanted = [*columns, last]
    with opened(path) as source:
        try:
            table = arrow_csv.read_csv(
                pa.PythonFile(_Transcoded(source, encoding), mode="r"),
                read_options=arrow_csv.ReadOptions(column_names=names, block_size=BLOCK),
                parse_options=arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=True),
                convert_options=arrow_csv.ConvertOptions(
                    check_utf8=False,  # what a codec encoded is valid
                    column_types=dict.fromkeys(names, pa.string()),
                    include_columns=[names[column] for column in dict.fromkeys(wanted)],
                    null_values=[],
                    strings_can_be_null=False,
                ),
            )
        except (pa.ArrowInvalid, _NulByteError):
            return None
    # The stream ends in a line end of our own, which only a quote that is still open makes part of a cell.
    if table[names[last]][-1].as_py().endswith("\n"):
        return None
    cells = [table[names[column]].slice(1) for column in columns]
    longest = [pc.max(pc.binary_length(column)).as_py() or 0 for column in cells]
    return None if max(longest) > MAX_CELL else cells


def _exact_cells(
    path: Path, columns: Sequence[int], *, n_columns: int, separator: str, encoding: str
) -> list[pa.ChunkedArray]:
    """Return what `read_cells` does, row by row."""
    chunks: list[list[pa.Array]] = [[] for _ in columns]
    rows: list[list[str]] = []

    def flush() -> None:
        for chunk, cells in zip(chunks, zip(*rows, strict=True), strict=False):
            chunk.append(pa.array(cells, pa.string()))
        rows.clear()

    records = _records(path, n_columns, separator=separator, encoding=encoding)
    with _cells_of_any_length(), closing(records):
        next(records, None)
        for line, record in records:
            row = [record[column] for column in columns]
            longest = max(row, key=len)
            if len(longest) > MAX_CELL:
                raise DataError(
                    f"{path}, line {line}: a cell of {len(longest)} characters, expected at most {MAX_CELL}.\n"
                    "Look for a quote that is never closed, or name the column in dataset.drop."
                )
            rows.append(row)
            if len(rows) == _ROWS_AT_ONCE:
                flush()
    flush()
    return [pa.chunked_array(chunk, pa.string()) for chunk in chunks]


def _records(path: Path, n_columns: int, *, separator: str, encoding: str) -> Generator[tuple[int, list[str]]]:
    """Yield the line each row begins in and its `n_columns` cells, header first; blank lines are no rows."""
    begins = 1
    with text_lines(path, encoding) as lines:
        reader = csv.reader(chain(lines, _END_MARK), delimiter=separator)
        previous: tuple[int, list[str]] | None = None
        for cells in reader:
            if previous is not None:
                yield _checked(path, *previous, n_columns)
            previous = None if _is_blank(cells) else (begins, cells)
            begins = reader.line_num + 1
        if previous is not None:
            raise _open_quote(path, previous[0])


def _checked(path: Path, line: int, cells: list[str], n_columns: int) -> tuple[int, list[str]]:
    """Return a row without one empty cell too many at its end."""
    if len(cells) > n_columns and cells[-1] == "":
        cells = cells[:-1]
    if len(cells) != n_columns:
        raise DataError(
            f"{path}, line {line}: expected {n_columns} cells, as in the header, got {len(cells)}.\n"
            "Correct that line; a cell that holds the separator or a line end needs double quotes around it."
        )
    return line, cells


def _open_quote(path: Path, line: int) -> DataError:
    return DataError(
        f"{path}, line {line}: a quote opens in this row and is never closed.\n"
        "Close it; a quote that is part of a quoted cell is written twice."
    )


def _is_blank(cells: list[str]) -> bool:
    return not cells or (len(cells) == 1 and not cells[0].strip())


class _NulByteError(Exception):
    """Raised into Arrow's reader to make it give up."""


class _Transcoded:
    """A binary file that reads as UTF-8 whatever the encoding of `source`; no byte order mark, a line end added."""

    def __init__(self, source: IO[bytes], encoding: str) -> None:
        self._chunks = self._transcode(source, encoding)
        self._rest = b""
        self.closed = False

    def read(self, n_bytes: int) -> bytes:
        parts, size = [self._rest], len(self._rest)
        while size < n_bytes and (chunk := next(self._chunks, None)) is not None:
            parts.append(chunk)
            size += len(chunk)
        data = b"".join(parts)
        self._rest = data[n_bytes:]
        return data[:n_bytes]

    def _transcode(self, source: IO[bytes], encoding: str) -> Iterator[bytes]:
        for text in chain(decoded(source, encoding), ["\n"]):
            if "\0" in text:
                raise _NulByteError
            yield text.encode()


@contextmanager
def _cells_of_any_length() -> Iterator[None]:
    """Lift the limit of the standard library's reader; ours is `MAX_CELL`, for columns that are wanted."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(limit)
