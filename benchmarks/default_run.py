"""The default run, everything included: `python benchmarks/default_run.py` takes it three times, keeps the result."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from commands import run
from recording import ROOT, Measurement, circumstances, range_text, record, seconds_text

DEFAULT = ROOT / "configs" / "default.yaml"
RUNS = 3

METHOD = """\
`python -m tuner run configs/default.yaml --json` in an empty folder, from the start of the process to its end: data,
100 trials x 15 models of up to 200 epochs, database, report and exports. *Training* is the time in which at least one
stack was training, compilation too; all else is *outside training*: imports, search, metrics, database, report. Medians
of three; `python benchmarks/default_run.py` takes this benchmark alone."""


def measure(folder: Path, *, config: Path = DEFAULT, n_runs: int = RUNS) -> Measurement:
    """Run a config in new folders below `folder`.

    Raises:
        RuntimeError: a run failed, or did not finish all of its trials.
    """
    runs = [run(config, folder / str(number)) for number in range(n_runs)]
    for each in runs:
        if each.answer["complete"] != each.answer["n_trials"]:
            raise RuntimeError(f"{each.answer['complete']} of {each.answer['n_trials']} trials are complete")
    walls = [each.seconds for each in runs]
    trainings = [each.answer["train_seconds"] for each in runs]
    outside = [100 * (1 - training / wall) for training, wall in zip(trainings, walls, strict=True)]
    rows = {
        "outside training, % of the run": outside,
        "the whole run, seconds": walls,
        "training, seconds": trainings,
        "most memory, MB": [each.peak_bytes / 1e6 for each in runs],
    }
    return Measurement(
        name="default_run",
        title="The default run",
        method=METHOD,
        columns=("what", "median", "range"),
        rows=[(what, seconds_text(median(values)), range_text(values)) for what, values in rows.items()],
        figures={
            "wall_seconds": walls,
            "train_seconds": trainings,
            "models_trained": sorted({each.answer["models_trained"] for each in runs}),
            "peak_bytes": [each.peak_bytes for each in runs],
        },
    )


if __name__ == "__main__":
    so_far = circumstances()
    with TemporaryDirectory() as folder:
        print(record(measure(Path(folder)), so_far()))
