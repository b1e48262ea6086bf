"""`python -m tuner run` from the start of the process to its end: seconds, answer, and the most memory it held."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

IMPORTS = """\
import tuner.run, tuner.cli.main, tuner.data.table, tuner.data.synthetic, tuner.training.stacked, tuner.report.plots
import re, pathlib
print(re.search(r"VmRSS:\\s+(\\d+) kB", pathlib.Path("/proc/self/status").read_text())[1])
"""
"""What `run` imports, and the kilobytes held afterwards."""


class Run(NamedTuple):
    """One run: wall-clock seconds, what `--json` answered, and the peak of resident memory in bytes.

    Linux hands a new process its parent's peak, so a peak below that of the caller is not seen.
    """

    seconds: float
    answer: dict[str, Any]
    peak_bytes: int


def run(config: Path, folder: Path) -> Run:
    """Run a config in a new folder.

    Raises:
        RuntimeError: the command failed; what it said is on standard error.
    """
    folder.mkdir()
    began = time.perf_counter()
    with (folder / "answer.json").open("w+") as answer:
        command = [sys.executable, "-m", "tuner", "run", str(config), "--json", "--quiet"]
        running = subprocess.Popen(command, cwd=folder, stdout=answer)
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
        if running.returncode:
            raise RuntimeError(f"{' '.join(command)} exited with {running.returncode}")
        answer.seek(0)
        return Run(seconds, json.load(answer), 1024 * usage.ru_maxrss)


def planned_bytes(config: Path) -> int:
    """Return the memory that `check` foretells."""
    command = [sys.executable, "-m", "tuner", "check", str(config), "--json"]
    plan = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return int(plan["memory_bytes"])


def import_bytes() -> int:
    """Return the resident memory after everything that `run` needs is imported."""
    command = [sys.executable, "-c", IMPORTS]
    return 1024 * int(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)
