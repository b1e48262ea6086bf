import hashlib
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import optuna
import pytest
from study_kit import make_plan, run

from tuner.errors import StudyError
from tuner.study.database import (
    check_database,
    database_error,
    database_path,
    explained,
    file_system,
    read_database,
    refuse_network_file_system,
)
from tuner.study.summary import load_summary

ADVICE = "It was not changed.\nRestore it from a backup, move it away, or point study.storage to another file."


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("finished") / "study.db"
    run(make_plan(n_trials=4), path)
    return path


@pytest.fixture
def path(finished, tmp_path):
    copy = tmp_path / "study.db"
    with closing(sqlite3.connect(finished)) as source:
        source.execute("VACUUM INTO ?", (str(copy),))
    return copy


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("storage", "expected"),
    [
        (None, "studies/fraud/study.db"),
        ("other/a.db", "other/a.db"),
    ],
)
def test_database_is_where_storage_says_or_in_the_studys_folder(storage, expected):
    assert database_path(storage, folder=Path("studies/fraud")) == Path(expected)


def empty(path):
    path.write_bytes(b"")


def text(path):
    path.write_text("a,b\n1,2\n" * 500)


def foreign(path):
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")


def plain_optuna(path):
    path.unlink()
    optuna.create_study(study_name="fraud", storage=f"sqlite:///{path}")


def truncated(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def scrambled(path):
    content = bytearray(path.read_bytes())
    content[100:6000] = b"\xff" * 5900
    path.write_bytes(content)


def newer(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE tuner_schema SET version = 3")


def older(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE tuner_schema SET version = 1")


def newer_optuna(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v9.0.0'")


def folder(path):
    path.unlink()
    path.mkdir()


HOSTILE = {
    empty: f"is empty. {ADVICE}",
    text: f"is not an SQLite database. {ADVICE}",
    foreign: f"is an SQLite database, but not one that tuner made. {ADVICE}",
    plain_optuna: f"is an SQLite database, but not one that tuner made. {ADVICE}",
    truncated: f"is damaged. {ADVICE}",
    scrambled: f"is damaged. {ADVICE}",
    newer: (
        "has tables of version 3; this tuner reads version 2.\n"
        "Use the tuner that made it, or a newer one. The file was not changed."
    ),
    older: (
        "has tables of version 1; this tuner reads version 2.\nUse the tuner that made it. The file was not changed."
    ),
    folder: "is a folder, not a database.\nPoint study.storage to a file in it.",
}


def content(folder):
    """Return the bytes of every file in a folder, by name."""
    return {entry.name: entry.read_bytes() if entry.is_file() else None for entry in folder.iterdir()}


@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: make.__name__)
@pytest.mark.parametrize("use", ["run", "summary"])
def test_hostile_file_is_refused_and_never_modified(path, make, use):
    make(path)
    before = content(path.parent)
    with pytest.raises(StudyError) as caught:
        run(make_plan(), path) if use == "run" else load_summary(path, "fraud")
    assert str(caught.value) == f"{path} {HOSTILE[make]}"
    assert content(path.parent).items() >= before.items()
    assert not path.with_name("study.db.lock").exists()


def test_database_of_a_newer_optuna_is_refused_and_never_modified(path):
    newer_optuna(path)
    before = digest(path)
    with pytest.raises(StudyError) as caught:
        run(make_plan(n_trials=8), path)
    assert str(caught.value) == (
        f"{path} has tables of another Optuna than the installed {optuna.__version__}.\n"
        "Install the Optuna that made it or a newer one. The file was not changed."
    )
    assert digest(path) == before


def test_reading_where_nothing_is_says_so_and_creates_nothing(tmp_path):
    path = tmp_path / "studies" / "study.db"
    with pytest.raises(StudyError) as caught:
        load_summary(path, "fraud")
    assert str(caught.value) == f"no study at {path}: run `python -m tuner run CONFIG` first"
    assert list(tmp_path.iterdir()) == []


def test_reading_connection_cannot_write(path):
    with pytest.raises(StudyError, match="cannot be opened for writing"), read_database(path) as connection:
        connection.exec_driver_sql("DELETE FROM tuner_trials")


@contextmanager
def somebody_else():
    """Be a user without the privileges of root, if root."""
    user = os.geteuid()
    os.seteuid(65534 if user == 0 else user)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def read_only():
    """A folder in a place that everybody can enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
        Path(folder).chmod(0o755)


def test_study_is_read_from_a_read_only_file_in_a_read_only_folder(read_only, finished):
    shutil.copy(finished, read_only / "study.db")
    (read_only / "study.db").chmod(0o444)
    read_only.chmod(0o555)
    with somebody_else():
        assert load_summary(read_only / "study.db", "fraud").n_finished == 4
    assert [entry.name for entry in read_only.iterdir()] == ["study.db"]


def test_read_only_study_with_an_unmerged_log_is_not_read_as_if_it_were_whole(read_only, finished):
    path = read_only / "study.db"
    shutil.copy(finished, path)
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("UPDATE tuner_studies SET n_trials = 9")
        writer.commit()
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", f"{path}{suffix}.copy")
    for suffix in ("", "-wal"):
        Path(f"{path}{suffix}.copy").replace(f"{path}{suffix}")
        Path(f"{path}{suffix}").chmod(0o444)
    read_only.chmod(0o555)
    with somebody_else(), pytest.raises(StudyError) as caught:
        load_summary(path, "fraud")
    assert str(caught.value) == (
        f"{path} is on read-only media beside a study.db-wal that is not yet part of it.\n"
        "Copy both files to a writable folder and read them there."
    )


def test_run_in_a_read_only_folder_is_refused(read_only):
    read_only.chmod(0o555)
    with somebody_else(), pytest.raises(StudyError) as caught:
        run(make_plan(), read_only / "study.db")
    assert str(caught.value) == (
        f"cannot write {read_only / 'study.db.lock'}: Permission denied.\n"
        "Make the folder writable, or point output.root or study.storage to one that is."
    )


@pytest.mark.parametrize("locked", ["file", "folder"])
def test_file_that_may_not_be_read_is_named(read_only, finished, locked):
    path = read_only / "study.db"
    shutil.copy(finished, path)
    (path if locked == "file" else read_only).chmod(0o000)
    with somebody_else(), pytest.raises(StudyError) as caught:
        load_summary(path, "fraud")
    assert str(caught.value) == (
        f"{path} cannot be read.\nMake file and folder readable, or copy them to a place that is."
    )


@pytest.mark.parametrize("name", ["a b.db", "a{b}.db", "100%41.db", "what?.db", "a#b.db", "d\u00e9j\u00e0.db"])
def test_any_file_name_works(tmp_path, name):
    run(make_plan(n_trials=4), tmp_path / name)
    assert load_summary(tmp_path / name, "fraud").n_finished == 4
    assert name in {entry.name for entry in tmp_path.iterdir()}


def test_log_of_a_database_that_is_gone_is_not_applied_to_a_new_one(tmp_path):
    path = tmp_path / "study.db"
    log = Path(f"{path}-wal")
    log.write_bytes(b"frames")
    with pytest.raises(StudyError) as caught:
        run(make_plan(), path)
    assert str(caught.value) == (
        f"{log} belongs to a database that is gone.\nPut {path} back beside it, or delete it. Nothing was run."
    )
    assert log.read_bytes() == b"frames"


def test_leftovers_of_a_database_that_was_never_finished_do_not_matter(tmp_path):
    path = tmp_path / "study.db"
    for suffix in (".new", ".new-wal", ".new-journal"):
        Path(f"{path}{suffix}").write_bytes(b"torn")
    run(make_plan(n_trials=4), path)
    assert {entry.name for entry in tmp_path.iterdir()} == {"study.db", "study.db.lock"}


def test_run_in_a_place_that_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError) as caught:
        run(make_plan(), tmp_path / "file" / "study.db")
    assert str(caught.value) == (
        f"the folder {tmp_path / 'file'} could not be made: File exists.\n"
        "Give permission there, or point output.root to a folder that can be written."
    )


MOUNTS = "\n".join(
    [
        "/dev/vda / ext4 rw 0 0",
        "server:/home /home nfs4 rw 0 0",
        r"//server/data /mnt/team\040data cifs rw 0 0",
        "tmpfs /home/me/scratch tmpfs rw 0 0",
    ]
)


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/srv/x", "ext4"),
        ("/home/me", "nfs4"),
        ("/homework", "ext4"),
        ("/home/me/scratch/a", "tmpfs"),
        ("/mnt/team data/a", "cifs"),
    ],
)
def test_file_system_is_that_of_the_innermost_mount(folder, kind):
    assert file_system(Path(folder), MOUNTS) == kind


def test_network_file_system_is_refused(monkeypatch):
    monkeypatch.setattr("tuner.study.database.file_system", lambda folder, mounts: "nfs4")
    with pytest.raises(StudyError) as caught:
        refuse_network_file_system(Path("studies"))
    assert str(caught.value) == (
        "studies is on a network file system (nfs4), where SQLite can lose data.\n"
        "Use a local disk: point output.root or study.storage to one."
    )


def test_full_disk_is_named_with_its_bytes(tmp_path):
    path = tmp_path / "small.db"
    with (
        pytest.raises(StudyError) as caught,
        explained(path),
        closing(sqlite3.connect(path)) as connection,
    ):
        connection.execute("PRAGMA max_page_count = 2")
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
    assert str(caught.value).startswith(f"{path}: the disk is full (")
    assert str(caught.value).endswith(" bytes free).\nMake room and run again; finished trials are kept.")
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)


def test_locked_database_is_explained(tmp_path):
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    assert str(database_error(error, Path("study.db"))) == (
        "study.db was locked by another program for 60 seconds.\n"
        "Close what holds it (a database browser, a backup) and run again; finished trials are kept."
    )


def test_check_accepts_a_database_while_a_run_writes_it(finished):
    with closing(sqlite3.connect(finished, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE tuner_studies SET n_trials = 77")
        check_database(finished)
        assert load_summary(finished, "fraud").n_trials == 4
        writer.execute("ROLLBACK")


def test_everything_read_is_of_one_moment(path):
    query = "SELECT n_trials FROM tuner_studies"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    with read_database(path) as reader:
        first = reader.exec_driver_sql(query).scalar_one()
        with closing(sqlite3.connect(path)) as writer, writer:
            writer.execute("UPDATE tuner_studies SET n_trials = 77")
        assert reader.exec_driver_sql(query).scalar_one() == first == 4
    with read_database(path) as reader:
        assert reader.exec_driver_sql(query).scalar_one() == 77
