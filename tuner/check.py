"""The plan and the data, explained before anything trains."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import ceil

import numpy as np

from tuner.data.checks import Finding
from tuner.errors import ConfigError
from tuner.run import Prepared
from tuner.study.lifecycle import check_predictions, predicted_bytes
from tuner.training.stack import STREAM_BYTES, Program, program_of, stack_bytes, trials_per_stack
from tuner.trial import TrialParams

STEP_SECONDS = 1.4e-6
"""Cost of one step of one model that no arithmetic explains, on one core of the machine it was measured on."""

FLOPS = 4.5e10
"""Operations a second of one core of that machine on wide layers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What `check` explains: plain data, in the order it is shown.

    `memory_bytes` and `seconds` are estimates; nobody has measured the sequential trainer, so its seconds are None.
    """

    study: str
    source: str
    rows: int
    features: int
    target: str
    classes: dict[str, int]
    positive_class: str
    imbalance_ratio: float
    folds: str
    models_per_trial: int
    fewest_minority_rows: int
    metric: str
    n_trials: int
    search_space: dict[str, dict[str, object]]
    fixed: dict[str, object]
    baselines: list[dict[str, object]]
    trials_at_once: int
    predictions_bytes: int
    memory_bytes: int
    seconds: float | None
    notices: list[str]
    findings: list[Finding]

    def as_dict(self) -> dict[str, object]:
        """Return the plan as JSON can hold it."""
        return asdict(self)


def make_plan(prepared: Prepared, *, threads: int) -> Plan:
    """Return what running `prepared` means; trains nothing.

    Args:
        prepared: from `run.prepare`.
        threads: stacks that train at the same time.
    """
    dataset, folds, space, config = prepared.dataset, prepared.folds, prepared.space, prepared.config
    n_trials = space.n_trials(config.study)
    keep = config.study.predictions.keep
    return Plan(
        study=config.study.name,
        source=dataset.source,
        rows=len(dataset.y),
        features=dataset.X.shape[1],
        target=dataset.target,
        classes=dict(zip(dataset.classes, dataset.class_counts, strict=True)),
        positive_class=dataset.classes[1],
        imbalance_ratio=dataset.imbalance_ratio,
        folds=_fold_words(prepared),
        models_per_trial=folds.plan.n_folds,
        fewest_minority_rows=min(int(np.bincount(dataset.y[rows], minlength=2).min()) for rows in folds.valid),
        metric=config.scoring.metric,
        n_trials=n_trials,
        search_space=space.describe(),
        fixed=dict(space.fixed),
        baselines=[dict(point.params) for point in space.points if point.origin != "sampled"],
        trials_at_once=min(_batch(prepared), threads * _trials_per_stack(prepared)),
        predictions_bytes=predicted_bytes(folds.plan, n_trials) if keep else 0,
        memory_bytes=_memory(prepared, threads),
        seconds=None if _is_sequential(prepared) else n_trials * _trial_seconds(prepared) / _lanes(prepared, threads),
        notices=[*space.notices, *_refusals(prepared, n_trials)],
        findings=prepared.findings(),
    )


def _fold_words(prepared: Prepared) -> str:
    plan = prepared.folds.plan
    if plan.kind == "holdout":
        rows = len(prepared.folds.train[0])
        seeds = f"{plan.n_repeats} seed{'s' * (plan.n_repeats > 1)}"
        return f"holdout: the first {rows:,} rows train, {plan.n_scored_rows:,} test, {seeds}"
    return f"stratified {plan.n_splits}-fold x {plan.n_repeats} repeat{'s' * (plan.n_repeats > 1)}"


def _is_sequential(prepared: Prepared) -> bool:
    return prepared.config.training.trainer == "sequential"


def _batch(prepared: Prepared) -> int:
    """Return the trials of a full batch: no more are evaluated at the same time."""
    return min(prepared.config.study.batch_size, prepared.space.n_trials(prepared.config.study))


def _trials_per_stack(prepared: Prepared) -> int:
    return 1 if _is_sequential(prepared) else trials_per_stack(prepared.folds.plan.n_folds)


def _lanes(prepared: Prepared, threads: int) -> int:
    """Return how many stacks may train at the same time: trials of different programs never share one."""
    return min(threads, _batch(prepared))


def _refusals(prepared: Prepared, n_trials: int) -> list[str]:
    try:
        check_predictions(prepared.config.study, prepared.folds.plan, n_trials)
    except ConfigError as error:
        return [f"`run` will refuse this: {error}"]
    return []


def _largest(prepared: Prepared) -> TrialParams:
    """Return the parameters of the widest, longest trial the search space allows."""
    return prepared.space.resolve(0, prepared.space.largest())


def _memory(prepared: Prepared, threads: int) -> int:
    """Return the bytes of the table, of the batch orders kept, and of the largest stacks, as many as train at once."""
    n_rows, n_folds = max(map(len, prepared.folds.train)), prepared.folds.plan.n_folds
    program = program_of(_largest(prepared), n_rows=n_rows)
    n_steps = ceil(n_rows / program.batch_size)
    stack = stack_bytes(
        program,
        n_models=_trials_per_stack(prepared) * n_folds,
        n_features=prepared.dataset.X.shape[1],
        n_steps=n_steps,
        n_checkpoints=prepared.config.training.checkpoints,
        v=max(map(len, prepared.folds.valid)),
    )
    orders = min(STREAM_BYTES, 4 * n_folds * n_steps * program.batch_size * prepared.space.longest_training)
    kept = 0 if _is_sequential(prepared) else orders
    return 3 * prepared.dataset.X.nbytes + kept + _lanes(prepared, threads) * stack


def _trial_seconds(prepared: Prepared) -> float:
    """Return a rough time of a middling trial on one core: its steps, each with a fixed and an arithmetic part."""
    params = prepared.space.resolve(0, prepared.space.middle())
    program = program_of(params, n_rows=max(map(len, prepared.folds.train)))
    steps = sum(ceil(len(rows) / params.batch_size) for rows in prepared.folds.train) * params.epochs
    return steps * (STEP_SECONDS + params.batch_size * _operations(program, prepared.dataset.X.shape[1]) / FLOPS)


def _operations(program: Program, n_features: int) -> int:
    """Return the operations of one row, forward and back: 4 per first-layer weight and 6 per later weight."""
    later = (program.hidden_layers - 1) * program.width**2 + program.width
    return 4 * n_features * program.width + 6 * later
