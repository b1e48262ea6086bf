"""The stacked trainer against the same training under `jax.vmap`, on the same cores, with the same results."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
import pytest
from recording import ROOT, Measurement, range_text, seconds_text
from shapes import MODELS, Shape, write_problem
from turns import Ask, process

JAX = ROOT / "benchmarks" / ".venv" / "bin" / "python"
"""Where `make bench` installs JAX, apart from TensorFlow."""

EPOCHS = {Shape(2, 10): 50, Shape(8, 32): 20, Shape(30, 64): 6}
"""Epochs that are timed, so many that drawing initial weights does not show."""
TRIALS = 8
FINALISTS = 2
FIRST_EPOCHS = 2
"""Epochs after which logits are compared; later a rounding may turn a unit on or off, and paths part."""
AGREEMENT = 1e-4

METHOD = f"""\
10,000 rows, 5 folds x 3 repeats of 8,000 training rows, batches of 32, SGD. Both sides start from the same weights, see
the same batches, and predict the validation rows once, at the end; after {FIRST_EPOCHS} epochs their logits must agree
within {AGREEMENT:g}, or there is no result. Orders of rows are drawn, and programs compiled, before anything is
timed. *Stacked* is {TRIALS} trials, or what fills every core. *vmap* is one model's step under `jax.vmap`, an epoch of
steps under `lax.scan`, one program under `jit` with donated weights. Of its variants - 15 or 120 models in a program,
the axis of models first or last, one program or one on each core - the {FINALISTS} fastest of a first round go on to
the five that count, taken in turns, and the better one counts. On one core both sides are confined to it. Asked: a
ratio of at least 1, which is stacked no slower. JAX {{jax}}."""


@dataclass(slots=True)
class Contender:
    """A process that trains, and its microseconds for a model and an epoch, round by round."""

    name: str
    ask: Ask
    logits: Path
    microseconds: list[float] = field(default_factory=list)

    def time(self, epochs: int) -> None:
        answer = self.ask(epochs)
        self.microseconds.append(1e6 * answer["seconds"] / answer["models"] / epochs)


def test_stacked_trainer_is_timed_against_vmap_with_equal_logits(
    keep: Callable[[Measurement], None], quick: bool, tmp_path: Path
) -> None:
    if not JAX.exists():
        pytest.skip(f"there is no JAX at {JAX}; `make bench` installs it")
    found = [
        _compare(shape, cores, epochs=2 if quick else epochs, n_rounds=1 if quick else 5, folder=tmp_path)
        for shape, epochs in EPOCHS.items()
        for cores in (1, len(os.sched_getaffinity(0)))
    ]
    keep(
        Measurement(
            name="vmap",
            title="Against `jax.vmap`",
            method=METHOD.format(jax=found[0]["jax"]),
            columns=(
                "features x hidden",
                "cores",
                "vmap / stacked",
                "range",
                "stacked, microseconds a model and epoch",
                "vmap",
                "its variant",
                "largest difference of logits",
            ),
            rows=[
                (
                    each["shape"],
                    str(each["cores"]),
                    f"{median(each['ratios']):.2f}",
                    range_text(each["ratios"]),
                    seconds_text(median(each["stacked"])),
                    seconds_text(median(each["vmap"])),
                    each["variant"],
                    f"{each['difference']:.1g}",
                )
                for each in found
            ],
            figures={"comparisons": found},
        )
    )


def _compare(shape: Shape, cores: int, *, epochs: int, n_rounds: int, folder: Path) -> dict[str, object]:
    """Return what both sides took for one shape on so many cores."""
    problem = folder / f"{shape}.npz"
    write_problem(shape, problem, epochs=epochs, n_trials=TRIALS * cores)
    with ExitStack() as stack:
        ours = _stacked(stack, shape, cores, epochs, folder / f"{shape}, {cores}")
        others = [_vmap(stack, problem, cores, *variant, folder=folder) for variant in _variants(cores)]
        for each in (ours, *others):
            version = each.ask(min(FIRST_EPOCHS, epochs)).get("jax")
        difference = max(_difference(ours, other) for other in others)
        assert difference < AGREEMENT
        for other in others:
            other.time(epochs)
        finalists = sorted(others, key=lambda other: other.microseconds[0])[:FINALISTS]
        for other in finalists:
            other.microseconds.clear()
        for _ in range(n_rounds):
            for each in (ours, *finalists):
                each.time(epochs)
    best = min(finalists, key=lambda other: median(other.microseconds))
    return {
        "shape": str(shape),
        "cores": cores,
        "ratios": [b / a for a, b in zip(ours.microseconds, best.microseconds, strict=True)],
        "stacked": ours.microseconds,
        "vmap": best.microseconds,
        "variant": best.name,
        "difference": difference,
        "jax": version,
    }


def _variants(cores: int) -> list[tuple[int, int, int]]:
    """Return (trials in a program, programs, axis) of everything that is tried."""
    sizes = [(1, 1), (TRIALS, 1)] if cores == 1 else [(1, cores), (TRIALS, 1), (TRIALS, cores)]
    return [(*size, axis) for size in sizes for axis in (0, -1)]


def _stacked(stack: ExitStack, shape: Shape, cores: int, epochs: int, place: Path) -> Contender:
    logits = place.with_name(place.name + ".npy")
    spec = {"shape": shape, "epochs": epochs, "trials": TRIALS, "logits": str(logits)}
    ask = stack.enter_context(process("stacks.py", json.dumps(spec), place.with_name(place.name + ".log"), cores=cores))
    return Contender(name="stacked", ask=ask, logits=logits)


def _vmap(
    stack: ExitStack, problem: Path, cores: int, trials: int, programs: int, axis: int, *, folder: Path
) -> Contender:
    name = f"{MODELS * trials} models x {programs}, axis {'first' if axis == 0 else 'last'}"
    logits = folder / f"{name}.npy"
    spec = {"problem": str(problem), "trials": trials, "programs": programs, "axis": axis}
    arguments = json.dumps({**spec, "logits": str(logits)})
    ask = stack.enter_context(process("vmapped.py", arguments, folder / f"{name}.log", cores=cores, python=str(JAX)))
    return Contender(name=name, ask=ask, logits=logits)


def _difference(ours: Contender, other: Contender) -> float:
    """Return the largest difference between logits of the trials that both have."""
    a, b = np.load(ours.logits), np.load(other.logits)
    common = min(len(a), len(b))
    return float(np.abs(a[:common] - b[:common]).max())
