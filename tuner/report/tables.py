"""Trials and fold scores as CSV.

Numbers keep every digit: what is read back equals what the database holds. A text cell that a spreadsheet would run as
a formula is prefixed with an apostrophe (CSV injection), and a line break inside a cell becomes a blank, so a record is
always one line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import pandas as pd

from tuner.study.summary import StudySummary, TrialRecord
from tuner.trial import FirstEpoch

SHARES = tuple(field.name for field in fields(FirstEpoch))
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def trials_table(summary: StudySummary) -> pd.DataFrame:
    """Return one row per trial: number, state, origin, score, search parameters, seconds, failure, why it was pruned.

    `folds` counts those scored. A pruned trial has no `value`, but a `partial_mean` over the folds it has. A value that
    does not exist (no score, or the spread of a single fold) is an empty cell.
    """
    trials = summary.trials
    columns: dict[str, Sequence[object]] = {
        "number": [trial.number for trial in trials],
        "state": [trial.state for trial in trials],
        "origin": [trial.origin for trial in trials],
        "value": [trial.value for trial in trials],
        "std": [trial.interval and _finite(trial.interval.std) for trial in trials],
        "ci95_low": [trial.interval and _finite(trial.interval.low) for trial in trials],
        "ci95_high": [trial.interval and _finite(trial.interval.high) for trial in trials],
        "folds": [trial.n_folds for trial in trials],
        "partial_mean": [trial.partial_mean for trial in trials],
        **{name: [trial.params.get(name) for trial in trials] for name in search_params(summary)},
        "seconds": [trial.seconds for trial in trials],
        "failure": [trial.failure for trial in trials],
        "pruned": [trial.pruned for trial in trials],
    }
    cells = {name: pd.Series([_safe(value) for value in values], dtype=object) for name, values in columns.items()}
    frame = pd.DataFrame(cells)
    frame.columns = pd.Index([_safe(name) for name in frame.columns])
    return frame


def folds_table(summary: StudySummary) -> pd.DataFrame:
    """Return one row per fold score: trial, epoch, repeat, fold (both counted from 0), score, shares of class 1.

    The shares are those of the first epoch, `trial.FirstEpoch`; they stand in the rows of the trial's last epoch. Of
    more than two classes, or of labels, each has columns of its own, `loss_share_<class>` and so on.
    """
    data = summary.data
    names = list(SHARES) if data.task == "binary" else [f"{name}_{label}" for name in SHARES for label in data.classes]
    parts = [
        _fold_rows(trial, summary.folds.n_splits, n_shares=len(names))
        for trial in summary.trials
        if trial.fold_scores.size
    ]
    columns = ["trial", "epoch", "repeat", "fold", "score", *map(_safe, names)]
    frame = pd.DataFrame(np.concatenate([np.zeros((0, len(columns))), *parts]), columns=columns)
    return frame.astype({"trial": np.int64, "epoch": np.int64, "repeat": np.int64, "fold": np.int64})


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """Return a table as CSV: UTF-8, comma, one header line, `\\n` at the end of each line."""
    return frame.to_csv(index=False, lineterminator="\n").encode("utf-8")


def search_params(summary: StudySummary) -> tuple[str, ...]:
    """Return the names of all search parameters: those of the space, then any that only some trial has."""
    names = dict.fromkeys(summary.space)
    for trial in summary.trials:
        names |= dict.fromkeys(trial.params)
    return tuple(names)


def _fold_rows(trial: TrialRecord, n_splits: int, *, n_shares: int) -> np.ndarray:
    """All fold scores of one trial, and its shares. Shape `(C * J, 5 + n_shares)`, checkpoint-major."""
    n_checkpoints, n_folds = trial.fold_scores.shape
    fold = np.tile(np.arange(n_folds), n_checkpoints)
    epoch = np.repeat(trial.checkpoint_epochs, n_folds)
    shares = np.full((fold.size, n_shares), np.nan)
    if trial.first_epoch is not None:
        shares[-n_folds:] = np.column_stack([getattr(trial.first_epoch, name) for name in SHARES])
    return np.column_stack(
        [np.full(fold.size, trial.number), epoch, fold // n_splits, fold % n_splits, trial.fold_scores.ravel(), shares]
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _safe(value: object) -> object:
    if not isinstance(value, str):
        return value
    prefix = "'" if value.startswith(FORMULA_STARTS) else ""
    return prefix + re.sub(r"[\r\n]+", " ", value)
