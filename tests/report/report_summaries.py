"""Study summaries made in code: what the bookkeeping would read from a database, without one."""

from dataclasses import replace

import numpy as np

from tuner.intervals import corrected_interval
from tuner.study.summary import StudySummary, TrialRecord
from tuner.trial import DataSummary, FoldPlan

SPACE = {
    "minority_weight": {"low": 1.0, "high": 990.0, "log": True},
    "hidden_size": {"low": 4, "high": 64, "log": True},
    "epochs": {"low": 10, "high": 200, "log": False},
}
FIXED = {
    "majority_weight": 1.0,
    "hidden_layers": 1,
    "batch_size": 32,
    "learning_rate": 0.01,
    "momentum": 0.0,
    "l2": 0.0,
    "dropout": 0.0,
    "optimizer": "sgd",
    "activation": "relu",
    "standardize": True,
}
VERSIONS = {
    "tuner": "0.1.0",
    "keras": "3.15.1",
    "tensorflow": "2.21.0",
    "optuna": "5.0.0",
    "numpy": "2.4.6",
    "python": "3.11.9",
}
FOLDS = FoldPlan(
    kind="stratified_kfold", n_splits=5, n_repeats=3, test_over_train=0.25, n_scored_rows=10_000, sha256="f0" * 32
)
HOLDOUT = FoldPlan(kind="holdout", n_splits=1, n_repeats=20, test_over_train=0.0, n_scored_rows=5_000, sha256="ab" * 32)


def make_data(**changes: object) -> DataSummary:
    """Return the summary of a table of 10,000 rows, 1 % of them positive."""
    rng = np.random.default_rng(3)
    points = np.concatenate([rng.normal(size=(1_900, 2)), rng.normal(1.6, 0.5, size=(100, 2))])
    data = DataSummary(
        source="make_classification(n_samples=10000, weights=[0.99], random_state=4)",
        n_rows=10_000,
        n_features=2,
        target="y",
        classes=("0", "1"),
        class_counts=(9_900, 100),
        label_type="int",
        sha256="0123456789abcdef" * 4,
        n_duplicate_rows=0,
        axes=("x1", "x2"),
        points=tuple(map(tuple, points.tolist())),
        point_classes=(0,) * 1_900 + (1,) * 100,
    )
    return replace(data, **changes)


def make_trial(number: int, *, folds: FoldPlan = FOLDS, center: float | None = None, **changes: object) -> TrialRecord:
    """Return a complete trial whose score peaks near weight 32; `center` sets its mean score instead."""
    rng = np.random.default_rng(number)
    params = {
        "minority_weight": float(np.exp(rng.uniform(0, np.log(990)))),
        "hidden_size": int(rng.integers(4, 65)),
        "epochs": int(rng.integers(10, 201)),
    } | changes.pop("params", {})
    if center is None:
        center = 0.958 - 0.004 * np.log(params["minority_weight"] / 32) ** 2 + rng.normal(0, 0.002)
    n_checkpoints = changes.pop("n_checkpoints", 8)
    checkpoints = np.unique(np.linspace(1, params["epochs"], n_checkpoints + 1)[1:].round().astype(np.int64))
    progress = np.linspace(-0.06, 0, len(checkpoints)) if len(checkpoints) > 1 else np.zeros(1)
    fold_noise = np.random.default_rng(99).normal(0, 0.012, folds.n_folds)
    scores = center + progress[:, None] + fold_noise + rng.normal(0, 0.004, (len(checkpoints), folds.n_folds))
    interval = corrected_interval(scores[-1], test_over_train=folds.test_over_train)
    trial = TrialRecord(
        number=number,
        state="complete",
        origin="sampled",
        params=params,
        resolved=FIXED | params,
        value=interval.mean,
        checkpoint_epochs=checkpoints,
        fold_scores=scores,
        interval=interval,
        seconds=0.75 + 0.01 * number,
        started_at="2026-01-01T00:00:00Z",
        finished_at="2026-01-01T00:00:01Z",
    )
    return replace(trial, **changes)


def failed_trial(number: int, reason: str = "the loss became NaN in epoch 3") -> TrialRecord:
    """Return a trial that failed after it was drawn."""
    params = {"minority_weight": 900.0, "hidden_size": 8, "epochs": 20}
    return TrialRecord(
        number=number,
        state="failed",
        origin="sampled",
        params=params,
        resolved=FIXED | params,
        seconds=0.5,
        failure=reason,
    )


def pruned_trial(number: int, n_repeats: int = 1, **changes: object) -> TrialRecord:
    """Return a trial that racing ruled out after some repeats."""
    trial = make_trial(number, **changes)
    n_folds = n_repeats * FOLDS.n_splits
    scores = trial.fold_scores[:, :n_folds]
    return replace(
        trial,
        state="pruned",
        value=None,
        interval=None,
        partial_mean=float(scores[-1].mean()),
        fold_scores=scores,
        pruned=f"ruled out after {n_folds} of 15 folds: 0.0123 below trial 0, at least 0.001 at confidence 0.6",
    )


def foreign_trials(number: int) -> list[TrialRecord]:
    """Return two complete trials without fold scores: one another program added, and one of ours that it completed."""
    begun = {"origin": "none", "params": {"minority_weight": 1.0}, "resolved": FIXED | {"minority_weight": 1.0}}
    return [
        TrialRecord(number=number, state="complete", origin="sampled", params={}),
        TrialRecord(number=number + 1, state="complete", **begun),
    ]


def baseline_trials(folds: FoldPlan = FOLDS) -> list[TrialRecord]:
    """Return the three enqueued baselines, trials 0 to 2."""
    weights = {"none": 1.0, "sqrt": 99.0**0.5, "balanced": 99.0}
    return [
        make_trial(
            number, folds=folds, origin=origin, params={"minority_weight": weight, "hidden_size": 16, "epochs": 45}
        )
        for number, (origin, weight) in enumerate(weights.items())
    ]


def make_summary(*, n_trials: int = 100, folds: FoldPlan = FOLDS, **changes: object) -> StudySummary:
    """Return a study with the baselines, sampled trials and two failures; smaller where `n_trials` is below 6."""
    trials = baseline_trials(folds) + [make_trial(number, folds=folds) for number in range(3, n_trials)]
    trials = trials[:n_trials]
    if n_trials >= 6:
        trials[4], trials[5] = failed_trial(4), failed_trial(5, "out of memory")
    summary = StudySummary(
        name="default",
        metric="roc_auc",
        n_trials=n_trials,
        seed=0,
        created_at="2026-01-01T00:00:00Z",
        versions=VERSIONS,
        data=make_data(),
        folds=folds,
        space=SPACE,
        config={"study": {"name": "default", "n_trials": n_trials}, "scoring": {"metric": "roc_auc"}},
        trials=tuple(trials),
    )
    return replace(summary, **changes)
