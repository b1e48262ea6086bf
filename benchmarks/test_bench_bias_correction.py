"""The bias-corrected score of a whole search: seconds, and the same by scoring the rows of every sample anew."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from statistics import median

import numpy as np
from recording import Measurement, range_text, seconds_text

from tuner.analysis.winners_curse import bias_corrected
from tuner.config.schema import ScoringSection
from tuner.evidence import BiasCorrected
from tuner.scoring import score

SIZES = ((100, 10_000, 100), (100, 10_000, 1_000), (20, 150_000, 1_500))
"""Trials, rows, and how many of the rows are positive."""

SCORINGS = {
    "ROC AUC": ScoringSection(metric="roc_auc"),
    "average precision": ScoringSection(metric="average_precision"),
    "log loss": ScoringSection(metric="neg_log_loss"),
    "F1": ScoringSection(metric="f1"),
    "F1 at its best threshold": ScoringSection(metric="f1", threshold="best"),
}

METHOD = """\
Seconds for the bootstrap bias-corrected score from out-of-fold logits of 5 folds x 3 repeats without ties, on every
core. *One by one* scores the rows of a sample as a run scores the rows of a fold, drawn rows repeated, fold by fold,
for every trial; a few samples of one trial are timed, times samples, times trials. Metrics take turns. Asked: ROC AUC
for 1,000 samples of 100 trials on 10,000 rows in less than 20 seconds."""


def test_bias_correction_of_a_search_takes_seconds(keep: Callable[[Measurement], None], quick: bool) -> None:
    sizes, n_bootstraps, n_rounds = (((3, 300, 30),), 20, 1) if quick else (SIZES, 1000, 3)
    taken: dict[str, dict[str, list[float]]] = {}
    for size in sizes:
        taken |= _timed(size, n_bootstraps=n_bootstraps, n_rounds=n_rounds)
    keep(
        Measurement(
            name="bias_correction",
            title="Bias-corrected score of a search",
            method=METHOD,
            columns=("metric, trials x rows, positive, samples", "seconds", "range", "one by one, seconds"),
            rows=[
                (name, seconds_text(median(own["tuner"])), range_text(own["tuner"]), seconds_text(median(own["loop"])))
                for name, own in taken.items()
            ],
            figures={"seconds": taken},
        )
    )
    for own in taken.values():
        assert quick or median(own["tuner"]) < median(own["loop"])


def _timed(size: tuple[int, int, int], *, n_bootstraps: int, n_rounds: int) -> dict[str, dict[str, list[float]]]:
    """Return the seconds of both, by metric, on one problem."""
    n_trials, n_rows, n_positive = size
    y, logits, split_of = _problem(*size)
    taken: dict[str, dict[str, list[float]]] = {}
    for _ in range(n_rounds):
        for metric, scoring in SCORINGS.items():
            name = f"{metric}, {n_trials} x {n_rows:,}, {n_positive:,}, {n_bootstraps:,}"
            own = taken.setdefault(name, {"tuner": [], "loop": []})
            began = time.perf_counter()
            record = bias_corrected(
                y,
                logits,
                split_of=split_of,
                scoring=scoring,
                n_bootstraps=n_bootstraps,
                seed=0,
                threads=len(os.sched_getaffinity(0)),
            )
            own["tuner"].append(time.perf_counter() - began)
            _check(record, n_trials=n_trials, n_bootstraps=n_bootstraps)
            own["loop"].append(_one_by_one(y, logits[0], split_of, scoring) * n_trials * n_bootstraps)
    return taken


def _check(record: BiasCorrected | None, *, n_trials: int, n_bootstraps: int) -> None:
    assert record is not None
    assert (record["n_trials"], record["n_bootstraps"]) == (n_trials, n_bootstraps)
    assert record["ci95"][0] <= record["mean"] <= record["ci95"][1]


def _one_by_one(y: np.ndarray, logits: np.ndarray, split_of: np.ndarray, scoring: ScoringSection) -> float:
    """Return the seconds that one trial on one sample takes."""
    rng, n_samples = np.random.default_rng(0), 3
    classes = [np.flatnonzero(y == label) for label in (0, 1)]
    began = time.perf_counter()
    for _ in range(n_samples):
        drawn = np.concatenate([rng.choice(rows, len(rows)) for rows in classes])
        for own, folds in zip(logits, split_of[:, drawn], strict=True):
            for fold in range(folds.max() + 1):
                rows = drawn[folds == fold]
                score(scoring, y[rows], own[None, rows])
    return (time.perf_counter() - began) / n_samples


def _problem(n_trials: int, n_rows: int, n_positive: int) -> tuple[np.ndarray, list[np.ndarray], np.ndarray]:
    """Return labels, the logits of trials that agree in the main, and stratified folds, `(3, n_rows)`."""
    rng = np.random.default_rng(0)
    y = np.zeros(n_rows, np.int32)
    y[rng.choice(n_rows, n_positive, replace=False)] = 1
    split_of = np.empty((3, n_rows), np.int32)
    for own in split_of:
        for label in (0, 1):
            rows = np.flatnonzero(y == label)
            own[rng.permutation(rows)] = np.arange(len(rows)) % 5
    common = rng.normal(size=n_rows) + 2 * y - 1.5
    logits = [(common + 0.5 * rng.normal(size=(3, n_rows))).astype(np.float32) for _ in range(n_trials)]
    return y, logits, split_of
