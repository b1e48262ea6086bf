"""Options and fixtures of the benchmarks: `pytest benchmarks --run-benchmarks`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from recording import Measurement, circumstances, record


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
