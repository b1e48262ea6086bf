"""Open the file of a table, unpacked where it is gzipped, and say in one message why the system refuses."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from tuner.errors import DataError


def is_gzipped(path: Path) -> bool:
    """Return whether the name says that the file is packed with gzip."""
    return path.suffix.lower() == ".gz"


def opened(path: Path) -> IO[bytes]:
    """Return the bytes of a file, unpacked."""
    return cast(IO[bytes], gzip.open(path, "rb")) if is_gzipped(path) else path.open("rb")


@contextmanager
def explained(path: Path, expected: str = "a CSV or TSV file") -> Iterator[None]:
    """Turn what the operating system raises into a `DataError`.

    Args:
        path: the file being read.
        expected: what should be there instead of a folder.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(
            f"{path} does not exist.\nCheck dataset.path; it is relative to the config's folder."
        ) from error
    except IsADirectoryError as error:
        raise DataError(f"{path} is a folder, expected {expected}.\nName the file in dataset.path.") from error
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror or error}).\nCheck the path and who may read it."
        ) from error
