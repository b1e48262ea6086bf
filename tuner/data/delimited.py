"""Read a delimited text file: its header, then its rows, with one clear error for every way that can fail.

pandas parses the rows; the standard library reads the header, which pandas would rename, and finds the line at fault
once pandas has refused a file.
"""

from __future__ import annotations

import csv
import gzip
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pandas as pd
from pandas.errors import ParserError, ParserWarning

from tuner.errors import ConfigError, DataError

MISSING_MARKERS = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None", "?")
TAB_SUFFIXES = (".tsv", ".tab", ".txt")


def separator_of(path: Path, separator: str | None) -> str:
    """Return `separator`; for None a tab where the suffix is .tsv, .tab or .txt (before .gz), else a comma.

    Raises:
        ConfigError: `separator` cannot separate columns.
    """
    if separator is None:
        suffix = Path(path.stem).suffix if _is_gzipped(path) else path.suffix
        return "\t" if suffix.lower() in TAB_SUFFIXES else ","
    if not separator.isascii() or separator in '"\r\n' or separator.isalnum():
        raise ConfigError(
            f"dataset.separator must be an ASCII character, no letter, digit, quote or line end; got {separator!r}.\n"
            'Write for example separator: ";", or leave it out: a tab for .tsv, .tab and .txt, else a comma.'
        )
    return separator


def read_header(path: Path, separator: str) -> list[str]:
    """Return the column names in the first line that is not blank; a nameless column is "Unnamed: 0", as in pandas.

    Raises:
        DataError: the file is missing, a folder, unreadable, empty, or not UTF-8 text.
    """
    with _explained(path), _open(path) as lines:
        for names in csv.reader(lines, delimiter=separator):
            if len(names) > 1 or (names and names[0].strip()):
                return [name or f"Unnamed: {column}" for column, name in enumerate(names)]
    raise DataError(f"{path} is empty.\nExpected a header line with column names and one line per row.")


def read_rows(path: Path, *, separator: str, n_columns: int, text_column: int) -> pd.DataFrame:
    """Return the rows below the header, columns numbered from 0.

    Args:
        path, separator: as in `read_header`.
        n_columns: how many names the header holds.
        text_column: the column that stays text as written, without missing values. pandas infers all others, with
            `MISSING_MARKERS` as missing.

    Raises:
        DataError: no rows, rows with too many or too few cells, or not UTF-8 text.
    """
    with _explained(path), warnings.catch_warnings():
        warnings.simplefilter("error", ParserWarning)  # its way of saying that cells would be dropped
        columns: Any = range(n_columns)
        try:
            frame = pd.read_csv(
                path,
                sep=separator,
                header=0,
                names=columns,
                index_col=False,
                dtype={text_column: str},
                keep_default_na=False,
                na_values={column: MISSING_MARKERS for column in columns if column != text_column},
                compression="gzip" if _is_gzipped(path) else None,
                encoding="utf-8-sig",
                low_memory=False,
            )
        except (ParserError, ParserWarning) as error:
            _refuse_ragged_row(path, separator, n_columns)
            raise DataError(
                f"{path} cannot be read as a table: {' '.join(str(error).split())}.\n"
                "Look for a quote that is never closed, or save the file again as CSV."
            ) from error
    if frame.empty:
        raise DataError(f"{path} has a header and no rows.\nExpected one line per row below the header.")
    last = frame.iloc[:, -1]
    if last.isna().any() or last.eq("").any():  # what a row that is too short looks like
        with _explained(path):
            _refuse_ragged_row(path, separator, n_columns)
    return frame


def _refuse_ragged_row(path: Path, separator: str, n_columns: int) -> None:
    """Raise for the first row whose number of cells is not `n_columns`; one empty cell at the end does not count."""
    with _open(path) as lines:
        reader = csv.reader(lines, delimiter=separator)
        for cells in reader:
            n_cells = len(cells) - (len(cells) > n_columns and cells[-1] == "")
            if cells and n_cells != n_columns and (len(cells) > 1 or cells[0].strip()):
                raise DataError(
                    f"{path}, line {reader.line_num}: expected {n_columns} cells, as in the header, got {n_cells}.\n"
                    "Correct that line; a cell that holds the separator or a line end needs double quotes around it."
                )


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what the operating system, gzip and the decoder raise into a `DataError`."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(
            f"{path} does not exist.\nCheck dataset.path; it is relative to the config's folder."
        ) from error
    except IsADirectoryError as error:
        raise DataError(f"{path} is a folder, expected a CSV or TSV file.\nName the file in dataset.path.") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} is not a complete gzip file ({error}).\nFetch or pack it again, or rename it if it is plain text."
        ) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).\nCheck the path and who may read it.") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text{_undecodable_line(path)}.\nSave it again as CSV in UTF-8."
        ) from error
    except csv.Error as error:
        raise DataError(f"{path} cannot be read as a table: {error}.\nSave it as CSV in UTF-8.") from error


def _undecodable_line(path: Path) -> str:
    with _open_bytes(path) as lines:
        for number, line in enumerate(lines, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return f" (line {number}, byte 0x{line[error.start]:02x})"
    return ""


def _open(path: Path) -> IO[str]:
    if _is_gzipped(path):
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _open_bytes(path: Path) -> IO[bytes] | gzip.GzipFile:
    return gzip.open(path, "rb") if _is_gzipped(path) else path.open("rb")


def _is_gzipped(path: Path) -> bool:
    return path.suffix.lower() == ".gz"
