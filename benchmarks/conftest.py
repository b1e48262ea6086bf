"""Options and fixtures of the benchmarks: `pytest benchmarks --run-benchmarks`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from recording import ROOT, Measurement, circumstances, record


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-benchmarks", action="store_true", help="take the timings and write benchmarks/results")
    parser.addoption(
        "--quick", action="store_true", help="with small problems, once each: do the benchmarks work? Keeps no result"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--run-benchmarks"):
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="benchmarks run with --run-benchmarks"))


@pytest.fixture(scope="session")
def tables() -> Mapping[str, dict[str, Any]]:
    """The section `dataset` of every real table, by name."""
    folder = Path(os.environ.get("TUNER_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the real tables are not at {folder}; set TUNER_SHARED_DATA to their folder")
    manifest = json.loads((folder / "manifest.json").read_text())
    return {
        table["name"]: {"kind": "table", "path": str(folder / table["file"])}
        | {key: table[key] for key in ("target", "drop", "positive") if key in table}
        for table in manifest
    }


@pytest.fixture
def quick(request: pytest.FixtureRequest) -> bool:
    """Whether to shrink problems and repetitions."""
    return bool(request.config.getoption("--quick"))


@pytest.fixture
def keep(quick: bool, tmp_path: Path) -> Callable[[Measurement], None]:
    """Record a measurement and print its table."""
    places = {"results": tmp_path / "results", "page": tmp_path / "benchmarks.md"} if quick else {}

    so_far = circumstances()
    return lambda measurement: print(f"\n{record(measurement, so_far(), **places)}")
