"""The plan and the data, explained before anything trains."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import ceil

from tuner.data.checks import Finding
from tuner.run import Prepared
from tuner.study.lifecycle import predicted_bytes
from tuner.training.stack import Program, program_of, stack_bytes, trials_per_stack
from tuner.trial import TrialParams

STEP_SECONDS = 1.4e-6
"""Cost of one step of one model that no arithmetic explains, on one core of the machine it was measured on."""

FLOPS = 4.5e10
"""Operations a second of one core of that machine on wide layers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What `check` explains: plain data, in the order it is shown. Memory and time are estimates."""

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
    predictions_bytes: int
    memory_bytes: int
    seconds: float
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
        fewest_minority_rows=min(int(dataset.y[rows].sum()) for rows in folds.valid),
        metric=config.scoring.metric,
        n_trials=n_trials,
        search_space=space.describe(),
        fixed=dict(space.fixed),
        baselines=[dict(point.params) for point in space.points if point.origin != "sampled"],
        predictions_bytes=predicted_bytes(folds.plan, n_trials) if keep else 0,
        memory_bytes=_memory(prepared, threads),
        seconds=n_trials * _trial_seconds(prepared) / threads,
        notices=list(space.notices),
        findings=prepared.findings(),
    )


def _fold_words(prepared: Prepared) -> str:
    plan = prepared.folds.plan
    if plan.kind == "holdout":
        rows = len(prepared.folds.train[0])
        return f"holdout: the first {rows:,} rows train, {plan.n_scored_rows:,} test, {plan.n_repeats} seeds"
    return f"stratified {plan.n_splits}-fold x {plan.n_repeats} repeats"


def _largest(prepared: Prepared) -> TrialParams:
    """Return the parameters of the widest, longest trial the search space allows."""
    return prepared.space.resolve(0, prepared.space.largest())


def _memory(prepared: Prepared, threads: int) -> int:
    """Return the bytes of the table and of as many of the largest stacks as train at once."""
    program = program_of(_largest(prepared), n_rows=max(map(len, prepared.folds.train)))
    n_folds = prepared.folds.plan.n_folds
    stack = stack_bytes(
        program,
        n_models=trials_per_stack(n_folds) * n_folds,
        n_features=prepared.dataset.X.shape[1],
        n_steps=ceil(max(map(len, prepared.folds.train)) / program.batch_size),
        n_checkpoints=prepared.config.training.checkpoints,
        v=max(map(len, prepared.folds.valid)),
    )
    return 3 * prepared.dataset.X.nbytes + threads * stack


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
