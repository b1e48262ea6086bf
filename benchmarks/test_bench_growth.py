"""Seconds of a model and an epoch as the problem grows in each direction."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median

from growth import SIZES
from pictures import Line, Panel
from recording import Measurement, range_text, seconds_text
from turns import process

EPOCHS, ROUNDS = 5, 5
UNEVEN = 1.5
"""Seconds per row may grow by this factor from size to size; in theory by none."""

METHOD = """\
10,000 rows, 10 features, 5 folds x 3 repeats, 16 hidden units, batches of 32, and one of these grows at a time; all
columns of more than 10 features beyond the tenth are noise. Milliseconds are those of one model in one epoch: a batch
of trials that fills every core (where trials grow: as many as are said) for 5 epochs, divided by models and epochs.
Drawing the order of rows, one prediction of the validation rows and one metric are in them; compilation is not. The
sizes of a direction take turns; medians of five. *Growth* is what the time was multiplied by from the size before,
beside what the size was multiplied by."""


def test_seconds_of_a_model_grow_no_faster_than_rows(
    keep: Callable[[Measurement], None], quick: bool, tmp_path: Path
) -> None:
    timings = {axis: _time(axis, quick=quick, log=tmp_path / f"{axis}.log") for axis in SIZES}
    middles = {axis: {size: median(values) for size, values in sizes.items()} for axis, sizes in timings.items()}
    keep(
        Measurement(
            name="growth",
            title="Growth with rows, features, hidden size, folds and trials",
            method=METHOD,
            columns=("what grows", "to", "growth", "of size", "milliseconds", "range"),
            rows=[row for axis, sizes in middles.items() for row in _rows(axis, sizes, timings[axis])],
            figures={"milliseconds": timings},
            panels=tuple(
                Panel(
                    x_label=axis,
                    y_label="ms a model and epoch",
                    lines=[Line(label=axis, x=list(sizes), y=list(sizes.values()))],
                )
                for axis, sizes in middles.items()
            ),
        )
    )
    for (fewer, before), (more, after) in pairwise(middles["rows"].items()):
        assert after / more <= UNEVEN * before / fewer


def _time(axis: str, *, quick: bool, log: Path) -> dict[int, list[float]]:
    """Return milliseconds of a model and an epoch, round by round, for every size of an axis."""
    with process("growth.py", f"{axis} quick" if quick else axis, log) as ask:
        rounds = [ask(EPOCHS) for _ in range(2 if quick else 1 + ROUNDS)][1:]
    return {
        int(size): [1e3 * each["timings"][size] / each["models"][size] / EPOCHS for each in rounds]
        for size in rounds[0]["timings"]
    }


def _rows(axis: str, middles: dict[int, float], timings: dict[int, list[float]]) -> list[tuple[str, ...]]:
    before = [None, *middles]
    return [
        (
            axis,
            f"{size:,}",
            f"{middles[size] / middles[last]:.2f}" if last else "",
            f"{size / last:.2g}" if last else "",
            seconds_text(middles[size]),
            range_text(timings[size]),
        )
        for last, size in zip(before, middles, strict=False)
    ]
