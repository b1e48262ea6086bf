"""The plan and the data, explained before anything trains."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from tuner.check import estimates
from tuner.check.training import training_findings
from tuner.data.checks import warnings_first
from tuner.data.dataset import Dataset
from tuner.data.finding import Finding
from tuner.errors import ConfigError
from tuner.prepared import Prepared
from tuner.study.predictions import check_predictions, predicted_bytes
from tuner.trial import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What `check` explains: plain data, in the order it is shown.

    `features` are columns of the file, `columns` how many there are of each kind, `left_out` those that are no features
    and why, `encoded_features` the numbers that a row becomes.

    `evidence_models` are trained when the search is done, `verdict_models` for a verdict, 0 where `run` makes none.
    `memory_bytes` and `seconds` are estimates; nobody has measured the sequential trainer, so its seconds are None.
    """

    study: str
    source: str
    rows: int
    features: int
    columns: dict[str, int]
    left_out: dict[str, str]
    encoded_features: int
    target: str
    classes: dict[str, int]
    positive_class: str | None
    imbalance_ratio: float
    folds: str
    models_per_trial: int
    fewest_minority_rows: int
    metric: str
    task: Task
    n_trials: int
    search_space: dict[str, dict[str, object]]
    fixed: dict[str, object]
    baselines: list[dict[str, object]]
    evidence_models: int
    verdict_models: int
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
    kinds = [column.kind for column in dataset.specs or dataset.columns]
    keep = config.study.predictions.keep
    memory_bytes = estimates.memory_bytes(prepared, threads)
    seconds = None if estimates.is_sequential(prepared) else estimates.seconds(prepared, threads)
    return Plan(
        study=config.study.name,
        source=dataset.source,
        rows=len(dataset.y),
        features=len(kinds),
        columns=dict(Counter(kinds)),
        left_out=dict(dataset.left_out),
        encoded_features=prepared.table.X.shape[1],
        target=dataset.target,
        classes=dict(zip(dataset.classes, dataset.class_counts, strict=True)),
        positive_class=dataset.classes[1] if dataset.task == "binary" else None,
        imbalance_ratio=dataset.imbalance_ratio,
        folds=_fold_words(prepared),
        models_per_trial=folds.plan.n_folds,
        fewest_minority_rows=min(_fewest_rows(dataset, rows) for rows in folds.valid),
        metric=config.scoring.metric,
        task=dataset.task,
        n_trials=n_trials,
        search_space=space.describe(),
        fixed=dict(space.fixed),
        baselines=[dict(point.params) for point in space.points if point.origin != "sampled"],
        evidence_models=estimates.evidence_models(prepared),
        verdict_models=estimates.verdict_models(prepared),
        trials_at_once=_at_once(prepared, threads),
        predictions_bytes=predicted_bytes(folds.plan, n_trials, prepared.table.n_outputs) if keep else 0,
        memory_bytes=memory_bytes,
        seconds=seconds,
        notices=[*space.notices, *_refusals(prepared, n_trials)],
        findings=warnings_first(
            [*prepared.findings(), *training_findings(prepared, memory_bytes=memory_bytes, seconds=seconds)]
        ),
    )


def _fewest_rows(dataset: Dataset, rows: NDArray[np.integer]) -> int:
    """Return how many of some rows the class has that has fewest; of labels, the label."""
    y = dataset.y[rows]
    counts = y.sum(axis=0) if dataset.task == "multilabel" else np.bincount(y, minlength=len(dataset.classes))
    return int(counts.min())


def _at_once(prepared: Prepared, threads: int) -> int:
    """Return how many trials train at the same time."""
    stacked = threads * min(prepared.config.study.batch_size, estimates.per_stack(prepared))
    return min(estimates.under_way(prepared), stacked)


def _fold_words(prepared: Prepared) -> str:
    plan = prepared.folds.plan
    if plan.kind == "holdout":
        rows = len(prepared.folds.train[0])
        seeds = f"{plan.n_repeats} seed{'s' * (plan.n_repeats > 1)}"
        return f"holdout: the first {rows:,} rows train, {plan.n_scored_rows:,} test, {seeds}"
    if plan.splitter in ("time", "predefined"):
        return f"{plan.n_splits} folds " + ("in order of time" if plan.splitter == "time" else "named by a column")
    return f"{plan.splitter} {plan.n_splits}-fold x {plan.n_repeats} repeat{'s' * (plan.n_repeats > 1)}"


def _refusals(prepared: Prepared, n_trials: int) -> list[str]:
    try:
        check_predictions(prepared.config.study, prepared.folds.plan, n_trials, prepared.table.n_outputs)
    except ConfigError as error:
        return [f"`run` will refuse this: {error}"]
    return []
