"""Commands that train nothing answer at once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from recording import ROOT, Measurement, range_text, seconds_text

METHOD = """\
Seconds of each command from the start of the process to its end, in turns, after one round that does not count. The
study holds 100 trials of the default config, made with fewer epochs: as many trials, folds and stored predictions."""

COMMANDS = {
    "--help": ("--help",),
    "status": ("status", "studies/default"),
    "export": ("export", "studies/default"),
    "report": ("report", "studies/default"),
}


def test_commands_that_train_nothing_are_timed(
    keep: Callable[[Measurement], None], quick: bool, tmp_path: Path
) -> None:
    config = ROOT / "configs" / ("smoke.yaml" if quick else "default.yaml")
    fewer = () if quick else ("--set", "search_space.epochs.high=20")
    _tuner(tmp_path, "run", str(config), "--set", "study.name=default", "--quiet", *fewer)
    rounds = [
        {name: _tuner(tmp_path, *arguments) for name, arguments in COMMANDS.items()} for _ in range(2 if quick else 6)
    ]
    seconds = {name: [each[name] for each in rounds[1:]] for name in COMMANDS}
    keep(
        Measurement(
            name="commands",
            title="Commands that train nothing",
            method=METHOD,
            columns=("command", "median, seconds", "range"),
            rows=[(f"`{name}`", seconds_text(median(took)), range_text(took)) for name, took in seconds.items()],
            figures={"seconds": seconds},
        )
    )


def _tuner(folder: Path, *arguments: str) -> float:
    """Run one command in `folder` and return its seconds."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "tuner", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
