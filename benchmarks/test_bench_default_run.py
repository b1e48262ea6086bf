"""`python -m tuner run configs/default.yaml`, everything included."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from recording import ROOT, Measurement, range_text, seconds_text

METHOD = """\
`python -m tuner run configs/default.yaml --json` in an empty folder, from the start of the process to its end: data,
100 trials x 15 models of up to 200 epochs, database, report and exports. *Training* is the time in which at least one
stack was training, compilation too; all else is *outside training*: imports, search, metrics, database, report."""


def test_default_run_is_timed_from_start_to_end(
    keep: Callable[[Measurement], None], quick: bool, tmp_path: Path
) -> None:
    config = ROOT / "configs" / ("smoke.yaml" if quick else "default.yaml")
    walls, trainings, models = [], [], set()
    for number in range(1 if quick else 3):
        folder = tmp_path / str(number)
        folder.mkdir()
        began = time.perf_counter()
        command = [sys.executable, "-m", "tuner", "run", str(config), "--json", "--quiet"]
        answer = json.loads(subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE).stdout)
        walls.append(time.perf_counter() - began)
        trainings.append(answer["train_seconds"])
        models.add(answer["models_trained"])
        assert answer["complete"] == answer["n_trials"]
    outside = [100 * (1 - training / wall) for wall, training in zip(walls, trainings, strict=True)]
    rows = [
        ("the whole run", seconds_text(median(walls)), range_text(walls)),
        ("training", seconds_text(median(trainings)), range_text(trainings)),
        ("outside training, % of the run", seconds_text(median(outside)), range_text(outside)),
    ]
    keep(
        Measurement(
            name="default_run",
            title="The default run",
            method=METHOD,
            columns=("what", "median, seconds", "range"),
            rows=rows,
            figures={"wall_seconds": walls, "train_seconds": trainings, "models_trained": sorted(models)},
        )
    )
