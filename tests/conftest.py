"""Fixtures shared by all tests, and the rule that nothing is skipped in continuous integration."""

import os
import shutil
import signal
from collections.abc import Generator
from pathlib import Path

import pytest

IN_CI = bool(os.environ.get("CI"))


def pytest_configure():
    """Take signals as on a terminal: a shell starts its background jobs with SIGINT ignored, and children inherit that."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real tables beside the project; `TUNER_SHARED_DATA` names another place."""
    folder = Path(os.environ.get("TUNER_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the real tables are not at {folder}; set TUNER_SHARED_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of Debian's Chromium."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("there is no chromium on the PATH; on Debian: apt-get install chromium")
    return path


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI, a skipped test is a failed one; an expected failure stays what it is."""
    report = yield
    if IN_CI and not hasattr(report, "wasxfail"):
        _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """In CI, a skipped module is a failed one."""
    report = yield
    if IN_CI:
        _fail_if_skipped(report)
    return report


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped:
        report.outcome = "failed"
        report.longrepr = f"nothing is skipped in CI: {report.longreprtext}"
