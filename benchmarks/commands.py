"""Commands from the start of the process to its end: seconds, answer, and the most memory they held."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, NamedTuple

IMPORTS = """\
import tuner.run, tuner.cli.main, tuner.data.table, tuner.data.synthetic, tuner.training.stacked, tuner.report.plots
import re, pathlib
print(re.search(r"VmRSS:\\s+(\\d+) kB", pathlib.Path("/proc/self/status").read_text())[1])
"""
"""What `run` imports, and the kilobytes held afterwards."""


class Run(NamedTuple):
    """One command: wall-clock seconds, what `--json` answered, the peak of resident memory in bytes, and the exit code.

    Linux hands a new process its parent's peak, so a peak below that of the caller is not seen.
    """

    seconds: float
    answer: dict[str, Any]
    peak_bytes: int
    exit_code: int = 0


def command(folder: Path, *arguments: str) -> Run:
    """Run `python -m tuner ARGUMENTS --json --quiet` in a folder; the answer is empty where there was none."""
    with TemporaryFile("w+") as answer:
        began = time.perf_counter()
        running = subprocess.Popen(_words(*arguments), cwd=folder, stdout=answer)
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
        answer.seek(0)
        text = answer.read()
    return Run(seconds, json.loads(text) if text else {}, 1024 * usage.ru_maxrss, running.returncode)


def run(config: Path, folder: Path) -> Run:
    """Run a config in a new folder.

    Raises:
        RuntimeError: the command failed; what it said is on standard error.
    """
    folder.mkdir()
    return succeeded(folder, "run", str(config))


def succeeded(folder: Path, *arguments: str) -> Run:
    """Run a command as `command` does.

    Raises:
        RuntimeError: it failed; what it said is on standard error.
    """
    ran = command(folder, *arguments)
    if ran.exit_code:
        raise RuntimeError(f"{' '.join(_words(*arguments))} exited with {ran.exit_code}")
    return ran


def init(table: Mapping[str, Any], config: Path) -> Run:
    """Let `init` write the config of a table, as the fixture `tables` describes it, in place of an earlier one.

    Raises:
        RuntimeError: the command failed; what it said is on standard error.
    """
    drops = [word for column in table.get("drop", ()) for word in ("--drop", column)]
    words = ("init", table["path"], "--target", table["target"], *drops, "--out", config.name, "--force")
    return succeeded(config.parent, *words)


def overrides(*settings: str) -> list[str]:
    """Return the arguments that override keys of a config, each setting a `path=value`."""
    return [word for setting in settings for word in ("--set", setting)]


def _words(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tuner", *arguments, "--json", "--quiet"]


def planned_bytes(config: Path) -> int:
    """Return the memory that `check` foretells."""
    command = [sys.executable, "-m", "tuner", "check", str(config), "--json"]
    plan = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return int(plan["memory_bytes"])


def import_bytes() -> int:
    """Return the resident memory after everything that `run` needs is imported."""
    command = [sys.executable, "-c", IMPORTS]
    return 1024 * int(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
