"""Write a file whole or not at all.

The bytes go to a new file in the same folder, reach the disk, and take the place of the old file in one step. A reader
sees the old file or the new one, never a torn one, whenever the writer is killed. A killed writer may leave its hidden
`.<name>.<random>.tmp` behind; an error leaves nothing.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from tuner.errors import StudyError


def write_atomically(path: Path, data: bytes) -> None:
    """Replace the file at `path` by `data`, or leave it as it was.

    Raises:
        StudyError: `path` is a symbolic link, or the file system refuses (disk full, no permission, no folder).
    """
    _refuse_link(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        try:
            _write_new(temporary, data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        sync(path.parent)
    except OSError as error:
        is_there = not isinstance(error, FileNotFoundError)
        cure = "Make room or give permission there" if is_there else f"Make the folder {path.parent}"
        raise StudyError(
            f"{path} could not be written ({len(data):,} bytes): {error.strerror or error}.\n"
            f"The study in the database is untouched. {cure}, then write the outputs again."
        ) from error


def make_folder(path: Path) -> None:
    """Make the folder at `path`, and those above it, where missing.

    Raises:
        StudyError: `path` is a symbolic link, or the file system refuses.
    """
    _refuse_link(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(
            f"the folder {path} could not be made: {error.strerror or error}.\n"
            "Give permission there, or point output.root to a folder that can be written."
        ) from error


def remove(path: Path) -> None:
    """Remove the file at `path`, which may be absent: an output of an earlier run that says what is no longer so.

    Raises:
        StudyError: the file system refuses.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StudyError(
            f"{path} is out of date and could not be removed: {error.strerror or error}.\n"
            "Give permission there or remove it, then write the outputs again."
        ) from error


def sync(path: Path) -> None:
    """Wait until what was written to a file, or which files a folder holds, has reached the disk.

    Raises:
        OSError: the file system refuses.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse_link(path: Path) -> None:
    if path.is_symlink():
        raise StudyError(
            f"{path} is a symbolic link, and outputs are never written through one.\n"
            "Remove the link, then write the outputs again."
        )


def _write_new(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
