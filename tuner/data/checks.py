"""What a person should know about a table and its folds before training: leaks, duplicates, too few rows.

Nothing here is an error, and nothing is changed; each finding says what, how we know, and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tuner.data.dataset import Dataset
from tuner.data.duplicates import row_groups
from tuner.data.folds import Folds
from tuner.data.problems import named, quoted

LEAK_AUC = 0.999
MIN_MINORITY_ROWS = 5
MAX_CROSSING_SHARE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing worth knowing: what it is about, the evidence, and what to do. A warning may make scores misleading."""

    level: Literal["info", "warning"]
    subject: str
    evidence: str
    advice: str


def examine(dataset: Dataset, folds: Folds) -> list[Finding]:
    """Return everything found in `dataset` and `folds`, warnings first."""
    findings = [
        *_leaking_columns(dataset),
        *_id_columns(dataset),
        *_crossing_duplicates(dataset, folds),
        *_few_minority_rows(dataset, folds),
        *_larger_positive_class(dataset),
        *_constant_columns(dataset),
    ]
    return sorted(findings, key=lambda finding: finding.level != "warning")


def column_auc(X: NDArray[np.float32], y: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the ROC AUC of each column of `X` used as a score of class 1, ties counted half.

    Args:
        X: shape `(N, F)`, finite.
        y: labels 0 and 1, both present. Shape `(N,)`.

    Returns:
        Shape `(F,)`.
    """
    positive, negative = X[y == 1], np.sort(X[y == 0], axis=0)
    aucs = np.empty(X.shape[1])
    for column in range(X.shape[1]):
        scores = np.sort(positive[:, column])
        below = np.searchsorted(negative[:, column], scores, side="left").mean()
        not_above = np.searchsorted(negative[:, column], scores, side="right").mean()
        aucs[column] = (below + not_above) / 2 / len(negative)
    return aucs


def _leaking_columns(dataset: Dataset) -> list[Finding]:
    aucs = column_auc(dataset.X, dataset.y)
    strength = np.maximum(aucs, 1.0 - aucs)
    return [
        Finding(
            level="warning",
            subject=f"column {quoted(dataset.feature_names[column])} predicts the target almost alone",
            evidence=f"its ROC AUC by itself is {aucs[column]:.4f}",
            advice="If it is known only once the outcome is, name it in dataset.drop.",
        )
        for column in np.flatnonzero(strength >= LEAK_AUC)
    ]


def _id_columns(dataset: Dataset) -> list[Finding]:
    findings = []
    for column, name in enumerate(dataset.feature_names):
        values = dataset.X[:, column]
        increasing = values[1:] > values[:-1]
        monotone = increasing.all() or (values[1:] < values[:-1]).all()
        if len(values) > 2 and monotone and (values == np.floor(values)).all():
            findings.append(
                Finding(
                    level="warning",
                    subject=f"column {quoted(name)} looks like a row number or id",
                    evidence=f"{len(values)} distinct whole numbers in row order, from {values[0]:g} to {values[-1]:g}",
                    advice="If it identifies rows and does not describe them, name it in dataset.drop.",
                )
            )
    return findings


def _crossing_duplicates(dataset: Dataset, folds: Folds) -> list[Finding]:
    groups = row_groups(dataset.X)
    n_duplicates = len(groups) - int(groups.max()) - 1
    if n_duplicates == 0:
        return []
    n_crossing = sum(_n_seen(groups, train, valid) for train, valid in zip(folds.train, folds.valid, strict=True))
    n_scored = sum(len(valid) for valid in folds.valid)
    share = n_crossing / n_scored
    return [
        Finding(
            level="warning" if share > MAX_CROSSING_SHARE else "info",
            subject="duplicated rows cross folds" if n_crossing else "duplicated rows",
            evidence=f"rows that repeat the features of an earlier one: {n_duplicates} of {len(groups)}; "
            f"validation rows that also occur among the training rows of their fold: {100 * share:.2g} %",
            advice="Where they are copies of one case, remove all but one: scores are too good with them.",
        )
    ]


def _n_seen(groups: NDArray[np.int64], train: NDArray[np.int32], valid: NDArray[np.int32]) -> int:
    seen = np.zeros(int(groups.max()) + 1, np.bool_)
    seen[groups[train]] = True
    return int(seen[groups[valid]].sum())


def _few_minority_rows(dataset: Dataset, folds: Folds) -> list[Finding]:
    fewest = min(int(np.bincount(dataset.y[valid], minlength=2).min()) for valid in folds.valid)
    if fewest >= MIN_MINORITY_ROWS:
        return []
    return [
        Finding(
            level="warning",
            subject="few minority rows per fold",
            evidence=f"only {fewest} in the fold with fewest validation rows of the rarer class",
            advice="Lower cv.n_splits, raise cv.n_repeats, or add rows; expect wide intervals.",
        )
    ]


def _larger_positive_class(dataset: Dataset) -> list[Finding]:
    negative, positive = dataset.class_counts
    if positive <= negative:
        return []
    return [
        Finding(
            level="warning",
            subject=f"the positive class {quoted(dataset.classes[1])} is the larger one",
            evidence=f"{positive} positive and {negative} negative rows, imbalance ratio {dataset.imbalance_ratio:.3g}",
            advice="A minority weight above 1 favors the majority here; set dataset.positive to the rare class.",
        )
    ]


def _constant_columns(dataset: Dataset) -> list[Finding]:
    constant = np.flatnonzero(dataset.X.max(axis=0) == dataset.X.min(axis=0))
    if not constant.size:
        return []
    return [
        Finding(
            level="info",
            subject="constant columns" if constant.size > 1 else "constant column",
            evidence=named([quoted(dataset.feature_names[column]) for column in constant]),
            advice="They cannot help a model; name them in dataset.drop to save time.",
        )
    ]
