"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real tables beside the project; `TUNER_SHARED_DATA` names another place."""
    folder = Path(os.environ.get("TUNER_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the real tables are not at {folder}; set TUNER_SHARED_DATA to their folder")
    return folder
