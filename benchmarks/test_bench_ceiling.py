"""The trainer's operations a second as a share of what this machine can do."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from matmul import OPERATIONS
from pictures import Line, Panel
from recording import Measurement
from shapes import MODELS, Shape
from turns import process

SHAPES = (Shape(2, 10), Shape(8, 32), Shape(30, 64), Shape(60, 128), Shape(120, 256))
LIBRARIES = ("numpy", "tensorflow")
OPERATIONS_A_TURN = 10e9
"""Of each core; about half a second."""
MOST_EPOCHS = 60
ROUNDS = 5
ASKED = 0.5

METHOD = """\
The ceiling is the best of ten float32 products of 2048 x 2048 matrices on the same cores, by NumPy or TensorFlow,
whichever was faster. Operations of training are counted as 4 per weight of the first layer and 6 per later weight, for
each row; hidden units that pad a width count for nothing, and neither do gathering and standardizing rows, activations,
losses and updates. Trials that fill every core, 15 models each on 8,000 training rows in batches of 32; orders of rows
are drawn and programs compiled before, the validation rows are predicted once. Ceiling and training take turns; medians
of five. Asked: at least 50 % at 30 x 64 on all cores."""


def test_operations_a_second_are_compared_with_the_ceiling(
    keep: Callable[[Measurement], None], quick: bool, tmp_path: Path
) -> None:
    shapes = SHAPES[:3] if quick else SHAPES
    counts = sorted({1, len(os.sched_getaffinity(0))})
    measured = {cores: _measure(cores, shapes, n_rounds=1 if quick else ROUNDS, folder=tmp_path) for cores in counts}
    ceilings = {cores: ceiling for cores, (ceiling, _) in measured.items()}
    speeds = {cores: speed for cores, (_, speed) in measured.items()}
    shares = {cores: [speeds[cores][shape] / ceilings[cores] for shape in shapes] for cores in counts}
    keep(
        Measurement(
            name="ceiling",
            title="Share of what the machine can do",
            method=METHOD,
            columns=(
                "features x hidden",
                *(f"share on {_cores(cores)}" for cores in counts),
                *(f"GFLOP/s on {_cores(cores)}" for cores in counts),
            ),
            rows=[
                ("the ceiling", *["100%"] * len(counts), *(f"{ceilings[cores] / 1e9:.1f}" for cores in counts)),
                *(
                    (
                        str(shape),
                        *(f"{shares[cores][place]:.0%}" for cores in counts),
                        *(f"{speeds[cores][shape] / 1e9:.1f}" for cores in counts),
                    )
                    for place, shape in enumerate(shapes)
                ),
            ],
            figures={
                "ceiling": {str(cores): ceilings[cores] for cores in counts},
                "operations_a_second": {
                    str(cores): {str(shape): speeds[cores][shape] for shape in shapes} for cores in counts
                },
            },
            panels=(_panel(shapes, shares),),
        )
    )


def _measure(
    cores: int, shapes: Sequence[Shape], *, n_rounds: int, folder: Path
) -> tuple[float, Mapping[Shape, float]]:
    """Return operations a second: the ceiling, and the trainer's for every shape."""
    epochs = {shape: _epochs(shape) for shape in shapes}
    with ExitStack() as stack:
        products = [
            stack.enter_context(process("matmul.py", name, folder / f"{name} {cores}.log", cores=cores))
            for name in LIBRARIES
        ]
        train = {
            shape: stack.enter_context(
                process("stacks.py", _spec(shape, epochs[shape]), folder / f"{shape}, {cores}.log", cores=cores)
            )
            for shape in shapes
        }
        for ask in (*products, *train.values()):
            ask(1)
        for shape in shapes:
            train[shape](epochs[shape])  # draws the orders
        best = float("inf")
        speeds: dict[Shape, list[float]] = {shape: [] for shape in shapes}
        for _ in range(n_rounds):
            best = min(best, *(ask(2)["best"] for ask in products))
            for shape in shapes:
                answer = train[shape](epochs[shape])
                speeds[shape].append(answer["models"] * epochs[shape] * shape.operations / answer["seconds"])
    return OPERATIONS / best, {shape: median(values) for shape, values in speeds.items()}


def _epochs(shape: Shape) -> int:
    return max(1, min(MOST_EPOCHS, round(OPERATIONS_A_TURN / (MODELS * shape.operations))))


def _spec(shape: Shape, epochs: int) -> str:
    return json.dumps({"shape": shape, "epochs": epochs, "trials": None, "logits": None})


def _panel(shapes: Sequence[Shape], shares: Mapping[int, Sequence[float]]) -> Panel:
    widths = [shape.hidden for shape in shapes]
    return Panel(
        x_label="hidden units (features grow along)",
        y_label="share of the ceiling, %",
        lines=[
            *(Line(label=_cores(cores), x=widths, y=[100 * share for share in shares[cores]]) for cores in shares),
            Line(label="asked at 64", x=widths, y=[100 * ASKED] * len(widths), is_bound=True),
        ],
        log_y=False,
    )


def _cores(cores: int) -> str:
    return "1 core" if cores == 1 else f"{cores} cores"
