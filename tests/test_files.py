"""Claims about files that are written whole or not at all."""

import errno
import os

import pytest

from tuner.errors import StudyError
from tuner.files import make_folder, write_atomically


def test_file_is_replaced_and_nothing_else_is_left_in_the_folder(tmp_path):
    path = tmp_path / "out.json"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_file_has_the_permissions_the_person_asked_for(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "out.json", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "out.json").stat().st_mode & 0o777 == 0o640


def test_full_disk_is_one_clear_error_that_leaves_the_old_file_and_nothing_new(tmp_path, monkeypatch):
    path = tmp_path / "out.json"
    path.write_bytes(b"old")

    def fail(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StudyError) as caught:
        write_atomically(path, b"n" * 1234)
    assert str(caught.value) == (
        f"{path} could not be written (1,234 bytes): No space left on device.\n"
        "The study in the database is untouched. Make room or give permission there, then write the outputs again."
    )
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_missing_folder_is_a_clear_error(tmp_path):
    path = tmp_path / "absent" / "out.json"
    with pytest.raises(StudyError) as caught:
        write_atomically(path, b"x")
    assert str(caught.value) == (
        f"{path} could not be written (1 bytes): No such file or directory.\n"
        f"The study in the database is untouched. Make the folder {path.parent}, then write the outputs again."
    )


@pytest.mark.parametrize("write", [lambda path: write_atomically(path, b"x"), make_folder])
@pytest.mark.parametrize("target", ["elsewhere", "absent"])
def test_nothing_is_written_through_a_symbolic_link(tmp_path, write, target):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / target)
    with pytest.raises(StudyError) as caught:
        write(link)
    assert str(caught.value) == (
        f"{link} is a symbolic link, and outputs are never written through one.\n"
        "Remove the link, then write the outputs again."
    )
    assert link.is_symlink()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_folder_in_the_place_of_a_file_is_a_clear_error(tmp_path):
    (tmp_path / "plots").write_text("a file")
    with pytest.raises(StudyError) as caught:
        make_folder(tmp_path / "plots")
    assert str(caught.value) == (
        f"the folder {tmp_path / 'plots'} could not be made: File exists.\n"
        "Give permission there, or point output.root to a folder that can be written."
    )
