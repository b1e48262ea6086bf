"""What a person should know about a table and its folds before training: leaks, repeated rows, columns, classes.

Nothing here is an error, and nothing is changed; each finding says what, how we know, and what to do. What depends on
the training, too, is in `tuner/check/training.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from tuner.data.class_checks import balancing_sample_weights, few_rows, larger_positive_class
from tuner.data.column_checks import (
    columns_left_out,
    constant_columns,
    copied_columns,
    dates_without_order,
    missing_cells,
    owners,
    row_numbers,
)
from tuner.data.dataset import Dataset
from tuner.data.finding import Finding
from tuner.data.folds import Folds
from tuner.data.leaks import leaking_columns
from tuner.data.repeats import repeated_rows


def examine(dataset: Dataset, folds: Folds) -> list[Finding]:
    """Return everything found in `dataset` and `folds`, warnings first."""
    return warnings_first(
        [
            *leaking_columns(dataset),
            *row_numbers(dataset),
            *repeated_rows(dataset, folds),
            *few_rows(dataset, folds),
            *larger_positive_class(dataset),
            *balancing_sample_weights(dataset),
            *missing_cells(dataset),
            *columns_left_out(dataset),
            *constant_columns(dataset),
            *copied_columns(dataset),
            *dates_without_order(dataset, folds),
            *owners(dataset, folds),
        ]
    )


def warnings_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings, warnings before the rest, otherwise in their order."""
    return sorted(findings, key=lambda finding: finding.level != "warning")
