"""Optuna's tables in an SQLite file: made whole or not at all, written in few and large transactions.

Optuna commits after nearly every call. Inside `Storage.transaction` its sessions join one outer transaction, as
SQLAlchemy's manual describes under "joining a session into an external transaction", and so does what we write to our
own tables: a batch is stored as one, or not at all.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from sqlalchemy import Connection, event
from sqlalchemy.pool import QueuePool

from tuner.errors import StudyError
from tuner.files import sync
from tuner.study.database import check_database, connect, database_error, explained
from tuner.study.records import create_tables


class Storage:
    """An open database. `optuna` is Optuna's own storage object, for reading and inside `transaction`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.optuna = _open(lambda: _connect_for_writing(path), path)
        event.listen(self.optuna.engine, "begin", _begin_immediate)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Make everything written in the block, by Optuna too, one transaction.

        Raises:
            StudyError: the database is locked, full, damaged or gone; nothing of the block is kept.
        """
        with self.explained(), self.optuna.engine.connect() as connection, connection.begin():
            sessions = self.optuna.scoped_session
            sessions.remove()
            sessions.configure(bind=connection, join_transaction_mode="create_savepoint")
            try:
                yield connection
            finally:
                sessions.remove()
                sessions.configure(bind=self.optuna.engine, join_transaction_mode="conditional_savepoint")

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn an error of the database or of Optuna's storage within the block into a `StudyError`."""
        with explained(self.path):
            try:
                yield
            except StorageInternalError as error:
                raise database_error(error, self.path) from error
            except UpdateFinishedTrialError as error:
                raise StudyError(
                    f"{self.path}: another program finished a trial that this run was evaluating.\n"
                    "End that program and run again; finished trials are kept."
                ) from error

    def close(self) -> None:
        """Close all connections; the write-ahead log becomes part of the file."""
        self.optuna.remove_session()
        self.optuna.engine.dispose()


@contextmanager
def open_storage(path: Path) -> Iterator[Storage]:
    """Open a study's database for writing, making it first where there is none. The run lock must be held.

    Raises:
        StudyError: the file is not ours or cannot be used; it was not changed.
    """
    if not path.exists():
        create_database(path)
    check_database(path)
    with _quiet_optuna():
        storage = Storage(path)
        try:
            yield storage
        finally:
            storage.close()


def create_database(path: Path) -> None:
    """Make a database with Optuna's tables and ours beside `path` and move it there when it is whole.

    Raises:
        StudyError: a write-ahead log of an earlier database is in the way: SQLite would apply it to the new one.
    """
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size > 0:
        raise StudyError(
            f"{log} belongs to a database that is gone.\nPut {path} back beside it, or delete it. Nothing was run."
        )
    new = path.with_name(path.name + ".new")
    with explained(path), _quiet_optuna():
        for suffix in ("", "-journal", "-wal", "-shm"):
            new.with_name(new.name + suffix).unlink(missing_ok=True)
        optuna_storage = _open(lambda: _connect_for_making(new), path, create=True)
        with optuna_storage.engine.connect() as connection:
            create_tables(connection)
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        optuna_storage.engine.dispose()
    sync(new)
    new.replace(path)
    sync(path.parent)


def _open(creator: Callable[[], sqlite3.Connection], path: Path, *, create: bool = False) -> RDBStorage:
    """Return Optuna's storage. A connection factory instead of a URL: no character of a path needs quoting."""
    try:
        return RDBStorage(
            "sqlite://",
            engine_kwargs={"creator": creator, "poolclass": QueuePool, "hide_parameters": True},
            skip_table_creation=not create,
        )
    except RuntimeError as error:
        raise StudyError(
            f"{path} has tables of another Optuna than the installed {optuna.__version__}.\n"
            "Install the Optuna that made it or a newer one. The file was not changed."
        ) from error
    except StorageInternalError as error:
        raise database_error(error, path) from error


def _connect_for_writing(path: Path) -> sqlite3.Connection:
    connection = connect(path, mode="rw")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")  # what `dataset.store_sample: false` takes back leaves the file
    return connection


def _connect_for_sharing(path: Path) -> sqlite3.Connection:
    """Open a file so that reading takes no lock and the first write of a transaction waits for a run's to end."""
    connection = _connect_for_writing(path)
    connection.isolation_level = "IMMEDIATE"
    return connection


def _connect_for_making(path: Path) -> sqlite3.Connection:
    """Open a file that counts only when it is whole, so single statements need not reach the disk."""
    connection = connect(path, mode="rwc")
    connection.execute("PRAGMA synchronous = OFF")
    return connection


def _begin_immediate(connection: Connection) -> None:
    """Take the write lock at once: waiting for it works only at the beginning of a transaction."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Keep Optuna's progress messages out of the block; its warnings and errors stay."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(before, logging.WARNING))
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


@contextmanager
def shared_storage(path: Path) -> Iterator[RDBStorage]:
    """Yield Optuna's storage of a study that another process may be running, for optuna-dashboard.

    Raises:
        StudyError: there is no such database, or it is not ours.
    """
    check_database(path)
    with _quiet_optuna():
        storage = _open(lambda: _connect_for_sharing(path), path)
        try:
            yield storage
        finally:
            storage.remove_session()
            storage.engine.dispose()
