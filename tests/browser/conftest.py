"""A finished study to look at."""

import shutil
from pathlib import Path

import pytest

from tuner.cli.main import call

SMOKE = Path(__file__).parents[2] / "configs" / "smoke.yaml"


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a finished smoke study; tests must not change it."""
    root = tmp_path_factory.mktemp("finished")
    assert call(["run", str(SMOKE), "--quiet", "--set", f"output.root={root}"]) == 0
    return root / "smoke"


@pytest.fixture
def study(finished: Path, tmp_path: Path) -> Path:
    """Folder of a copy of the finished smoke study."""
    return Path(shutil.copytree(finished, tmp_path / "studies" / "smoke"))
