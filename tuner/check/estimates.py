"""What a run takes: memory at its peak and time, estimated before anything trains.

Bytes are counted array by array; what the libraries take was measured once. Time is rough: the machine decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import ceil, prod

import numpy as np

from tuner.analysis.winners_curse import TALLY_BYTES
from tuner.prepared import Prepared
from tuner.study.loop import AT_ONCE
from tuner.study.predictions import predicted_bytes
from tuner.training.stack import STREAM_BYTES, Program, program_of, stack_bytes, trials_per_stack
from tuner.trial import TrialParams
from tuner.verdict.arms import make_arms, resolve_rates

STEP_SECONDS = 1.4e-6
"""Cost of one step of one model that no arithmetic explains, on one core of the machine it was measured on."""

FLOPS = 4.5e10
"""Operations a second of one core of that machine on wide layers."""

TENSORFLOW_BYTES = 500_000_000
"""What is imported only after the table is loaded."""

RUN_BYTES = 130_000_000
"""What every run takes beside its imports, whatever the table: Keras and Optuna at work, SQLite, Matplotlib."""

COMPILER_BYTES = 30_000_000
"""What XLA takes from its first program on, most of it code."""

PROGRAM_BYTES = 12_000_000
"""What each compiled program takes."""

LOADING_BYTES = 26
"""What one cell takes while a table is read or generated: float64 twice and its text, or float64 three times."""


def is_sequential(prepared: Prepared) -> bool:
    """Whether every fold trains alone, with plain Keras."""
    return prepared.config.training.trainer == "sequential"


def under_way(prepared: Prepared) -> int:
    """Return the trials of as many full batches as are under way: no more are evaluated at the same time."""
    return min(AT_ONCE * prepared.config.study.batch_size, prepared.space.n_trials(prepared.config.study))


def per_stack(prepared: Prepared) -> int:
    """Return how many trials train in one stack."""
    return 1 if is_sequential(prepared) else trials_per_stack(prepared.folds.plan.n_folds)


def _lanes(prepared: Prepared, threads: int) -> int:
    """Return how many stacks may train at the same time: trials of different programs never share one."""
    return min(threads, under_way(prepared))


def _largest(prepared: Prepared) -> TrialParams:
    """Return the parameters of the widest, longest trial the search space allows."""
    return prepared.space.resolve(0, prepared.space.largest())


def memory_bytes(prepared: Prepared, threads: int) -> int:
    """Return the bytes that the run takes at its peak beside all of its imports: in training, or loading the table."""
    lanes, trial = _lanes(prepared, threads), predicted_bytes(prepared.folds.plan, 1, prepared.table.n_outputs)
    written = prepared.config.study.batch_size if prepared.config.study.predictions.keep else 0
    waiting = (under_way(prepared) + written) * trial
    training = _sequential_bytes if is_sequential(prepared) else _stacked_bytes
    running = RUN_BYTES + _table_bytes(prepared) + waiting + training(prepared, lanes) + _evidence_bytes(prepared)
    return max(LOADING_BYTES * prepared.dataset.X.size - TENSORFLOW_BYTES, running)


def _evidence_bytes(prepared: Prepared) -> int:
    """Return what the samples of rows behind the partly corrected score take: their counts, and what is drawn."""
    if not prepared.config.study.predictions.keep:
        return 0
    return 2 * min(TALLY_BYTES, 2 * prepared.folds.plan.n_scored_rows * prepared.config.evidence.bootstraps)


def _table_bytes(prepared: Prepared) -> int:
    """Return the bytes of columns, features where these are others, labels and row numbers; a holdout shares theirs."""
    dataset, table, folds = prepared.dataset, prepared.table, prepared.folds
    features = 0 if table.X is dataset.X else table.X.nbytes
    numbers = {id(rows): rows.nbytes for rows in (*folds.train, *folds.valid, folds.scored_rows)}
    return dataset.X.nbytes + features + dataset.y.nbytes + sum(numbers.values())


def _stacked_bytes(prepared: Prepared, lanes: int) -> int:
    """Return the bytes of the compiled programs, and of the table as a tensor beside what trains on it.

    That is the batch orders kept and `lanes` stacks. Before there are any, two more copies of the table are made.
    """
    table, folds, config, space = prepared.table, prepared.folds, prepared.config, prepared.space
    n_folds, n_rows = folds.plan.n_folds, max(map(len, folds.train))
    program = program_of(_largest(prepared), n_rows=n_rows)
    n_steps = ceil(n_rows / program.batch_size)
    stack = stack_bytes(
        program,
        n_folds=folds.plan.n_splits if config.racing.enabled else n_folds,
        n_features=table.X.shape[1],
        n_outputs=table.n_outputs,
        n_labels=1 if table.y.ndim == 1 else table.n_outputs,
        n_steps=n_steps,
        n_checkpoints=min(config.training.checkpoints, space.longest_training),
        v=max(map(len, folds.valid)),
    )
    tensors = table.X.nbytes + table.y.nbytes
    kept = min(STREAM_BYTES, 4 * n_folds * n_steps * program.batch_size * space.longest_training * _n_orders(prepared))
    compiled = COMPILER_BYTES + _n_programs(prepared) * PROGRAM_BYTES
    return compiled + tensors + max(kept + lanes * stack, 2 * tensors)


def _sequential_bytes(prepared: Prepared, lanes: int) -> int:
    """Return the bytes of `lanes` folds: their rows, standardized, in the order of an epoch and as tensors."""
    folds = prepared.folds
    n_checkpoints = min(prepared.config.training.checkpoints, prepared.space.longest_training)
    logits = 4 * n_checkpoints * folds.plan.n_folds * max(map(len, folds.valid)) * prepared.table.n_outputs
    return lanes * (5 * prepared.table.X.nbytes + logits)


def _n_orders(prepared: Prepared) -> int:
    """Return how many batch sizes are searched: each has batch orders of its own."""
    return len(_values(prepared.space.describe().get("batch_size", {"high": None})))


def _n_programs(prepared: Prepared) -> int:
    """Return how many programs the trials can need: the product of what each parameter makes of the largest trial."""
    space, n_rows = prepared.space, max(map(len, prepared.folds.train))

    def count(trials: Iterable[Mapping[str, object]]) -> int:
        return len({program_of(space.resolve(0, params), n_rows=n_rows) for params in trials})

    if space.only_points:
        return count(point.params for point in space.points)
    each = [
        count({**space.largest(), name: value} for value in _values(described))
        for name, described in space.describe().items()
    ]
    return min(prod(each), space.n_trials(prepared.config.study))


def _values(described: Mapping[str, object]) -> Sequence[object]:
    """Return all choices, up to 100 whole numbers from `low` to `high`, or the upper end of a range of fractions."""
    match described:
        case {"choices": [*choices]}:
            return choices
        case {"low": int() as low, "high": int() as high}:
            return sorted({round(value) for value in np.geomspace(low, high, 100).tolist()})
    return [described["high"]]


def evidence_models(prepared: Prepared) -> int:
    """Return the models behind the weight band and the noise budget."""
    evidence, plan = prepared.config.evidence, prepared.folds.plan
    seeds = max(0, evidence.noise_seeds - 1) if plan.kind != "holdout" else 0
    return (evidence.band_weights + 2 * seeds) * plan.n_folds


def verdict_models(prepared: Prepared) -> int:
    """Return the models of a verdict: of every arm and outer fold its search and its winner."""
    section, config = prepared.config.verdict, prepared.config
    if not section.enabled:
        return 0
    arms = make_arms(section.arms, resolve_rates(section, prepared.space), task=prepared.dataset.task)
    searched = len(arms) * section.n_trials + config.evidence.band_weights
    return prepared.folds.plan.n_folds * (searched * section.inner_splits + len(arms))


def seconds(prepared: Prepared, threads: int) -> float:
    """Return a rough time of everything that trains; models of inner folds see a part of the rows."""
    n_trials, n_folds = prepared.space.n_trials(prepared.config.study), prepared.folds.plan.n_folds
    n_models = n_trials * n_folds + evidence_models(prepared)
    inner = 1.0 - 1.0 / prepared.config.verdict.inner_splits
    return (
        (n_models + inner * verdict_models(prepared)) / n_folds * _trial_seconds(prepared) / _lanes(prepared, threads)
    )


def _trial_seconds(prepared: Prepared) -> float:
    """Return a rough time of a middling trial on one core: its steps, each with a fixed and an arithmetic part."""
    params = prepared.space.resolve(0, prepared.space.middle())
    program = program_of(params, n_rows=max(map(len, prepared.folds.train)))
    steps = sum(ceil(len(rows) / params.batch_size) for rows in prepared.folds.train) * params.epochs
    operations = _operations(program, prepared.table.X.shape[1], prepared.table.n_outputs)
    return steps * (STEP_SECONDS + params.batch_size * operations / FLOPS)


def _operations(program: Program, n_features: int, n_outputs: int) -> int:
    """Return the operations of one row, forward and back: 4 per first-layer weight and 6 per later weight."""
    later = (program.hidden_layers - 1) * program.width**2 + program.width * n_outputs
    return 4 * n_features * program.width + 6 * later
