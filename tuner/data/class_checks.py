"""Whether the classes of a table can be weighted and scored: rows of each in every fold, and which is positive."""

from __future__ import annotations

import numpy as np

from tuner.data.dataset import Dataset
from tuner.data.finding import Finding
from tuner.data.folds import Folds
from tuner.data.problems import named, quoted
from tuner.data.strata import count_kinds, name_kinds

MIN_ROWS = 5
"""Rows of each class that a fold should score."""

MIN_TRAINING_ROWS = 10
"""Rows of each class that a fold should train on."""

BALANCED, IMBALANCED = 1.1, 1.5
"""Ratio of the largest to the smallest class up to which they count as balanced, and from which as not."""


def few_rows(dataset: Dataset, folds: Folds) -> list[Finding]:
    """Return a warning where a fold scores or trains on only a few rows of a class, or of one side of a label."""
    scored = np.min([count_kinds(dataset.y, rows) for rows in folds.valid], axis=0)
    trained = np.min([count_kinds(dataset.y, rows) for rows in folds.train], axis=0)
    few = np.flatnonzero((scored < MIN_ROWS) | (trained < MIN_TRAINING_ROWS))
    if not few.size:
        return []
    names = name_kinds(dataset.y, dataset.classes)
    listed = [f"{names[k]} {scored[k]} scored and {trained[k]} trained on" for k in few.tolist()]
    return [
        Finding(
            level="warning",
            subject="few rows of a class in a fold",
            evidence=f"in the fold with fewest rows {named(listed)}",
            advice=_more_rows(folds),
        )
    ]


def _more_rows(folds: Folds) -> str:
    if folds.plan.kind == "holdout":
        return "Move cv.n_train, or add rows; expect scores that depend on single rows."
    if folds.plan.splitter == "predefined":
        return "Join folds in the column of cv.fold, or add rows; expect wide intervals."
    return "Lower cv.n_splits, raise cv.n_repeats, or add rows; expect wide intervals."


def larger_positive_class(dataset: Dataset) -> list[Finding]:
    """Return a warning where the positive of two classes is the larger one."""
    if dataset.task != "binary" or dataset.class_counts[1] <= dataset.class_counts[0]:
        return []
    negative, positive = dataset.class_counts
    return [
        Finding(
            level="warning",
            subject=f"the positive class {quoted(dataset.classes[1])} is the larger one",
            evidence=f"{positive} positive and {negative} negative rows, imbalance ratio {dataset.imbalance_ratio:.3g}",
            advice="A minority weight above 1 favors the majority here; set dataset.positive to the rare class.",
        )
    ]


def balancing_sample_weights(dataset: Dataset) -> list[Finding]:
    """Return a warning where sample weights already make the classes count alike."""
    if dataset.sample_weight is None or dataset.task == "multilabel":
        return []
    counts = np.array(dataset.class_counts)
    sums = np.bincount(dataset.y, weights=dataset.sample_weight, minlength=len(counts))
    before, after = float(counts.max() / counts.min()), float(sums.max() / sums.min())
    if before < IMBALANCED or after > BALANCED:
        return []
    return [
        Finding(
            level="warning",
            subject="sample weights already balance the classes",
            evidence=f"the largest class has {before:.3g} times the rows of the smallest, with dataset.weight "
            f"{after:.3g} times",
            advice="Class weights multiply them, so 1 is balanced here; remove dataset.weight to search from there.",
        )
    ]
