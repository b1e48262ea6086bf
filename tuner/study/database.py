"""The SQLite file: where it is, reading it unchanged, recognizing what is not ours, errors in words.

Nothing here imports Optuna, so `status`, `report` and `export` start quickly. Readers open the file read-only; a file
that is not a study's database is refused before anything could be written to it. Where the folder can be written,
SQLite itself keeps an index and an empty log (`-shm`, `-wal`) beside a file that is read; both may stay behind.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from tuner.errors import StudyError

SCHEMA_VERSION = 2
"""Version of our own tables. Any other one is refused, never touched."""

BUSY_TIMEOUT_SECONDS = 60.0

# fmt: off
NETWORK_FILE_SYSTEMS = frozenset({
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "lustre", "gpfs", "beegfs", "glusterfs", "ocfs2",
    "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.rclone", "fuse.gcsfuse", "fuse.juicefs",
})
# fmt: on
"""SQLite's locks and shared memory do not work, or not reliably, on these."""


def database_path(storage: str | None, *, folder: Path) -> Path:
    """Return where a study's database is.

    Args:
        storage: `study.storage` as checked: a path; None means `study.db` in the study's folder.
        folder: the study's folder.
    """
    return folder / "study.db" if storage is None else Path(storage)


@contextmanager
def read_database(path: Path) -> Iterator[Connection]:
    """Yield a connection that cannot write, to a database that was checked to be ours.

    All that is read in the block is of one moment, whatever a run writes meanwhile. Works from a
    read-only file in a read-only folder. Creates no file where none is.

    Raises:
        StudyError: there is no file, it is not ours, or it cannot be read.
    """
    check_database(path)
    engine = create_engine("sqlite://", creator=lambda: _connect_read_only(path), poolclass=NullPool)
    with explained(path), engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        yield connection


def check_database(path: Path) -> None:
    """Check, without changing it, that a file is a database that this version can use.

    Raises:
        StudyError: there is no file; it is empty, corrupt, somebody else's, or of another version of tuner.
    """
    _check_file(path)
    with explained(path), closing(_connect_read_only(path)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"tuner_schema", "studies", "trials", "alembic_version"} <= tables:
            raise _not_ours(path, "is an SQLite database, but not one that tuner made")
        (version,) = connection.execute("SELECT max(version) FROM tuner_schema").fetchone()
    if version != SCHEMA_VERSION:
        raise StudyError(
            f"{path} has tables of version {version}; this tuner reads version {SCHEMA_VERSION}.\n"
            f"Use the tuner that made it{', or a newer one' * (version > SCHEMA_VERSION)}. The file was not changed."
        )


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an error of the database within the block into a `StudyError` that says what to do; `__cause__` keeps it."""
    try:
        yield
    except (sqlite3.Error, SQLAlchemyError) as error:
        raise database_error(error, path) from error


def connect(path: Path, *, mode: str) -> sqlite3.Connection:
    """Open an SQLite file in URI mode `rw` (never creates), `rwc` or `ro`; transactions are begun explicitly."""
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode={mode}",
        uri=True,
        timeout=BUSY_TIMEOUT_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


def refuse_network_file_system(folder: Path) -> None:
    """Refuse folders on which SQLite cannot lock. Where the kernel does not tell, as outside Linux, accept.

    Raises:
        StudyError: the folder is on a network file system.
    """
    mounts = Path("/proc/self/mounts")
    kind = file_system(folder.resolve(), mounts.read_text()) if mounts.is_file() else ""
    if kind in NETWORK_FILE_SYSTEMS:
        raise StudyError(
            f"{folder} is on a network file system ({kind}), where SQLite can lose data.\n"
            "Use a local disk: point output.root or study.storage to one."
        )


def file_system(folder: Path, mounts: str) -> str:
    """Return the type of the file system a folder is on, given the text of `/proc/self/mounts`; "" where unknown."""
    found = ("", "")
    for line in mounts.splitlines():
        _, point, kind, *_ = line.split()
        point = point.replace(r"\040", " ")
        if folder.is_relative_to(point) and len(point) >= len(found[0]):
            found = (point, kind)
    return found[1]


def database_error(error: BaseException, path: Path) -> StudyError:
    """Return what a database error means, with the path and the next step."""
    cause = _sqlite_cause(error)
    match getattr(cause, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            text = (
                f"{path} was locked by another program for {BUSY_TIMEOUT_SECONDS:g} seconds.\n"
                "Close what holds it (a database browser, a backup) and run again; finished trials are kept."
            )
        case sqlite3.SQLITE_FULL:
            free = shutil.disk_usage(path.parent).free
            text = (
                f"{path}: the disk is full ({free:,} bytes free).\nMake room and run again; finished trials are kept."
            )
        case sqlite3.SQLITE_NOTADB:
            return _not_ours(path, "is not an SQLite database")
        case sqlite3.SQLITE_CORRUPT:
            return _not_ours(path, "is damaged")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            text = (
                f"{path} cannot be opened for writing ({cause}).\n"
                "Make the file and its folder writable, or copy both to a place that is."
            )
        case _:
            text = f"{path}: the database failed ({cause}).\nCheck the disk, then run again; finished trials are kept."
    return StudyError(text)


def _sqlite_cause(error: BaseException) -> BaseException:
    """Return the SQLite error that others were raised from, or the innermost error."""
    while not isinstance(error, sqlite3.Error) and (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error


def _not_ours(path: Path, what: str) -> StudyError:
    return StudyError(
        f"{path} {what}. It was not changed.\n"
        "Restore it from a backup, move it away, or point study.storage to another file."
    )


def _connect_read_only(path: Path) -> sqlite3.Connection:
    """Open a file for reading; on read-only media a WAL database opens only as one that nobody changes."""
    connection = connect(path, mode="ro")
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        if _has_content(path.with_name(path.name + "-wal")):
            raise StudyError(
                f"{path} is on read-only media beside a {path.name}-wal that is not yet part of it.\n"
                "Copy both files to a writable folder and read them there."
            ) from error
        return connect(path, mode="ro&immutable=1")
    except BaseException:
        connection.close()
        raise
    return connection


def _check_file(path: Path) -> None:
    """Check what the file system tells. Never opens the file: closing it would drop the locks SQLite holds on it."""
    unreadable = StudyError(f"{path} cannot be read.\nMake file and folder readable, or copy them to a place that is.")
    try:
        if path.is_dir():
            raise StudyError(f"{path} is a folder, not a database.\nPoint study.storage to a file in it.")
        if not path.is_file():
            raise StudyError(f"no study at {path}: run `python -m tuner run CONFIG` first")
        size = path.stat().st_size
    except PermissionError as error:
        raise unreadable from error
    if not os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
        raise unreadable
    if size == 0:
        raise _not_ours(path, "is empty")


def _has_content(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0
