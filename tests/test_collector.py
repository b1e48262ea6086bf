"""Claims about the garbage collector: off while modules are imported, as before afterwards."""

import gc
import subprocess
import sys

import pytest

from tuner import collector
from tuner.cli.main import call


@pytest.fixture(autouse=True)
def _as_before():
    """Leave the collector of the tests as it was."""
    was_enabled = gc.isenabled()
    gc.unfreeze()
    yield
    gc.unfreeze()
    (gc.enable if was_enabled else gc.disable)()


def test_nothing_is_collected_while_modules_are_imported_and_what_they_leave_is_not_searched():
    with collector.at_rest():
        assert not gc.isenabled()
        left_behind = [[] for _ in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= len(left_behind)


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    with collector.at_rest():
        pass
    assert not gc.isenabled()


def test_an_import_that_fails_leaves_the_collector_on():
    with pytest.raises(ImportError), collector.at_rest():
        raise ImportError
    assert gc.isenabled()


def test_library_gives_back_what_it_froze_and_not_what_its_caller_froze():
    with collector.thawed_afterwards(), collector.at_rest():
        pass
    assert gc.get_freeze_count() == 0
    gc.freeze()
    with collector.thawed_afterwards(), collector.at_rest():
        pass
    assert gc.get_freeze_count() > 0


def test_command_called_from_python_gives_back_what_it_froze(tmp_path):
    assert call(["run", str(tmp_path / "absent.yaml")]) == 2
    assert gc.get_freeze_count() == 0


def test_command_leaves_nothing_to_search_at_its_end(tmp_path):
    program = (
        "import gc, sys; from tuner.cli.main import main; sys.argv = ['tuner', '--help']\n"
        "try: main()\nfinally: print('searched', len(gc.get_objects()) < 1000)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert answer.stdout.endswith("searched True\n")
