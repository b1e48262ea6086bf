"""The text of a file in any encoding, and what is said about bytes that are no text."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from tuner.data.opening import opened
from tuner.errors import ConfigError, DataError

_OTHER_KINDS = {
    b"\x1f\x8b": "packed with gzip, but its name does not end in .gz.\nRename it, or unpack it.",
    b"PK\x03\x04": "an Excel workbook or zip archive, expected a CSV or TSV file.\nSave the sheet as CSV, or unpack.",
    b"\xd0\xcf\x11\xe0": "an Excel workbook, expected a CSV or TSV file.\nSave its sheet as CSV.",
    b"PAR1": "a Parquet file, but its name does not end in .parquet.\nRename it.",
}


def decoded(source: IO[bytes], encoding: str) -> Iterator[str]:
    """Yield the text of `source` in large pieces, without its byte order mark."""
    decoder = codecs.getincrementaldecoder(encoding)()
    mark = "\ufeff"
    while data := source.read(2**20):
        text = decoder.decode(data)
        if text:
            yield text.removeprefix(mark)
            mark = ""
    yield decoder.decode(b"", final=True).removeprefix(mark)


@contextmanager
def text_lines(path: Path, encoding: str) -> Iterator[Iterator[str]]:
    """Open the lines of a file, line ends as written, without byte order mark.

    Raises:
        DataError: from the iterator, at the first line that holds a NUL byte.
    """

    def lines(text: io.TextIOWrapper) -> Iterator[str]:
        mark = "\ufeff"
        for number, line in enumerate(text, start=1):
            if "\0" in line:
                raise DataError(
                    f"{path}, line {number}: a NUL byte, which no text holds.\n"
                    "Remove it, or save the table again as CSV; a file in UTF-16 needs dataset.encoding: utf-16."
                )
            yield line.removeprefix(mark)
            mark = ""

    with opened(path) as source, io.TextIOWrapper(cast(Any, source), encoding=encoding, newline="") as text:
        yield lines(text)


@contextmanager
def explained_text(path: Path, encoding: str) -> Iterator[None]:
    """Turn what gzip, the decoder and the reader raise into a `DataError`."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} is not a complete gzip file ({error}).\nFetch or pack it again, or rename it if it is plain text."
        ) from error
    except UnicodeError as error:
        known = "UTF-8" if codecs.lookup(encoding).name == "utf-8" else encoding
        other = "utf-16" if _first_bytes(path)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "latin-1"
        raise DataError(
            f"{path} is not {known} text{_undecodable_line(path, encoding)}.\n"
            f"Save it again as CSV in UTF-8, or name its encoding in dataset.encoding, such as {other}."
        ) from error
    except csv.Error as error:
        raise DataError(f"{path} cannot be read as a table: {error}.\nSave it as CSV in UTF-8.") from error


def _undecodable_line(path: Path, encoding: str) -> str:
    """Return in brackets where decoding fails: the line, and the first byte at fault."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line_ends = io.IncrementalNewlineDecoder(None, translate=True)
    line = 1
    with opened(path) as source:
        data = b"begin"
        while data:
            data = source.read(2**20)
            before = decoder.getstate()
            try:
                line += line_ends.decode(decoder.decode(data, final=not data)).count("\n")
            except UnicodeDecodeError as error:
                decoder.setstate(before)
                good = max(error.start + len(data) - len(error.object), 0)
                line += line_ends.decode(decoder.decode(data[:good]), final=True).count("\n")
                return f" (line {line}, byte 0x{error.object[error.start]:02x})"
            except UnicodeError:
                return ""
    return ""


def refuse_unknown_encoding(encoding: str) -> None:
    """Raise `ConfigError` where no text encoding is called `encoding`."""
    try:
        "a".encode(encoding)
        codecs.getincrementaldecoder(encoding)
    except (LookupError, ValueError) as error:
        raise ConfigError(
            f"dataset.encoding must be the name of a text encoding, got {encoding!r}.\n"
            "Write for example encoding: latin-1, cp1252 or utf-16, or leave it out: utf-8."
        ) from error


def refuse_other_kinds(path: Path) -> None:
    """Raise `DataError` for a file that is no text but begins as something else does, and say as what."""
    start = _first_bytes(path)
    for mark, problem in _OTHER_KINDS.items():
        if start.startswith(mark):
            raise DataError(f"{path} is {problem}")


def _first_bytes(path: Path) -> bytes:
    with opened(path) as source:
        return source.read(4)
