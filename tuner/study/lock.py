"""One driver per database: a lock that the kernel releases when its process dies.

The lock file stays behind, unlocked, when a run ends: removing it would let two later drivers lock two files.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tuner.errors import StudyError

WAIT_FOR_NAME_SECONDS = 1.0


def utc_now(*, ago_seconds: float = 0.0) -> str:
    """Return the time, or that of some seconds ago, as ISO 8601 UTC, in milliseconds."""
    moment = datetime.now(UTC) - timedelta(seconds=ago_seconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@contextmanager
def run_lock(database: Path) -> Iterator[None]:
    """Hold `<database>.lock` for the length of the block.

    Raises:
        StudyError: another process holds it, named with its host; or the folder cannot be written.
    """
    path = database.with_name(database.name + ".lock")
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise StudyError(
            f"cannot write {path}: {error.strerror}.\n"
            "Make the folder writable, or point output.root or study.storage to one that is."
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StudyError(
                f"{database} is in use by {_holder(handle)}.\n"
                "Wait until that run ends or stop it; `python -m tuner status` reads the study meanwhile."
            ) from error
        _write(handle, {"host": socket.gethostname(), "pid": os.getpid(), "since": utc_now()})
        yield
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _write(handle: int, holder: dict[str, object]) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, json.dumps(holder).encode(), 0)


def _holder(handle: int) -> str:
    """Return the holder in words; it may need a moment to write its name after it got the lock."""
    end = time.monotonic() + WAIT_FOR_NAME_SECONDS
    while not (text := os.pread(handle, 4096, 0)) and time.monotonic() < end:
        time.sleep(0.01)
    try:
        holder = json.loads(text)
        return f"process {holder['pid']} on {holder['host']} since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
