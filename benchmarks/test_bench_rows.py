"""Growth with rows: seconds in proportion, memory bounded."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from statistics import median

from growth import EPOCHS
from recording import Measurement, range_text, seconds_text
from turns import process

ROWS = (10_000, 40_000, 160_000)
PEAK_BYTES = 4e9
"""The most memory the largest table may take."""
UNEVEN = 1.5
"""Seconds per row may grow by this factor from size to size; in theory by none."""

METHOD = """\
Tables of 10 columns, 5 folds, 16 hidden units, batches of 512, 3 epochs. Seconds are those of as many trials as fill a
stack on every core, scored, in turns, after a first time that does not count. *Peak* is the most memory the process
held; *without imports* leaves out what it held after them. Making the table and its folds is in it, beside training."""


def test_seconds_grow_no_faster_than_rows_and_memory_stays_bounded(
    keep: Callable[[Measurement], None], quick: bool, tmp_path: Path
) -> None:
    sizes = tuple(n_rows // 10 for n_rows in ROWS) if quick else ROWS
    with ExitStack() as stack:
        ask = {n: stack.enter_context(process("growth.py", str(n), tmp_path / f"{n}.log")) for n in sizes}
        rounds = [{n: ask[n](EPOCHS) for n in sizes} for _ in range(2 if quick else 6)]
    timings = {n: [each[n]["seconds"] for each in rounds[1:]] for n in sizes}
    seconds = {n: median(timings[n]) for n in sizes}
    last = rounds[-1]
    keep(
        Measurement(
            name="rows",
            title="Growth with rows",
            method=METHOD,
            columns=("rows", "seconds", "range", "microseconds a row", "peak, MB", "without imports, MB"),
            rows=[
                (
                    f"{n:,}",
                    seconds_text(seconds[n]),
                    range_text(timings[n]),
                    seconds_text(1e6 * seconds[n] / n),
                    f"{last[n]['peak_bytes'] / 1e6:,.0f}",
                    f"{(last[n]['peak_bytes'] - last[n]['after_imports_bytes']) / 1e6:,.0f}",
                )
                for n in sizes
            ],
            figures={str(n): {**last[n], "seconds": timings[n]} for n in sizes},
        )
    )
    for fewer, more in pairwise(sizes):
        assert seconds[more] / more <= UNEVEN * seconds[fewer] / fewer
    assert last[sizes[-1]]["peak_bytes"] < PEAK_BYTES
