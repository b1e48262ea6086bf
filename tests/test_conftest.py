"""The suite's own rule: a skip is a skip on a desk and a failure in continuous integration."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = """
import pytest

def test_skipped_inside():
    pytest.skip("no reason to worry")

@pytest.mark.skipif(True, reason="not here")
def test_skipped_by_mark():
    pass

@pytest.fixture
def absent():
    pytest.skip("no such thing")

def test_skipped_by_fixture(absent):
    pass

@pytest.mark.xfail(strict=True)
def test_expected_failure():
    raise ValueError

def test_passes():
    pass
"""


@pytest.mark.parametrize(
    ("ci", "last_line", "code"),
    [("", "1 passed, 4 skipped, 1 xfailed", 0), ("true", "1 failed, 1 passed, 1 xfailed, 3 errors", 1)],
)
def test_a_skip_fails_in_ci_and_only_there(tmp_path, ci, last_line, code):
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_skips.py").write_text(MODULE)
    (tmp_path / "test_skipped_module.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    options = ["-c", os.devnull, "--rootdir", tmp_path, "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    command = [sys.executable, "-m", "pytest", *options, tmp_path]
    answer = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"CI": ci}, check=False)
    assert last_line in answer.stdout.splitlines()[-1]
    assert answer.returncode == code
    assert ("nothing is skipped in CI" in answer.stdout) == bool(ci)
