"""What a report may know and draw of a table: counts, and a projection of at most 2,000 rows on two axes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tuner.data.dataset import Dataset
from tuner.data.duplicates import row_groups
from tuner.data.moments import BLOCK_ROWS, column_moments
from tuner.trial import DataSummary

MAX_POINTS = 2_000

Axes = tuple[str, str]


def summarize(dataset: Dataset, *, store_sample: bool) -> DataSummary:
    """Return what the study stores of `dataset`; without any row, and without axes, where `store_sample` is false."""
    n_rows, n_features = dataset.X.shape
    axes: Axes = ("", "")
    points = np.zeros((0, 2))
    rows = np.zeros(0, np.int64)
    if store_sample:
        rows = _sample(dataset.y)
        axes, points = _project(dataset, rows)
    return DataSummary(
        source=dataset.source,
        n_rows=n_rows,
        n_features=n_features,
        target=dataset.target,
        classes=dataset.classes,
        class_counts=dataset.class_counts,
        label_type=dataset.label_type,
        sha256=dataset.sha256,
        n_duplicate_rows=n_rows - int(row_groups(dataset.X).max()) - 1,
        axes=axes,
        points=tuple((_short(first), _short(second)) for first, second in points.tolist()),
        point_classes=tuple(dataset.y[rows].tolist()),
    )


def _sample(y: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the rows to draw, ascending: the rarer class whole up to half the budget, the other fills the rest."""
    if len(y) <= MAX_POINTS:
        return np.arange(len(y))
    rng = np.random.default_rng(0)
    by_size = sorted((np.flatnonzero(y == label) for label in (1, 0)), key=len)
    n_rarer = min(len(by_size[0]), MAX_POINTS // 2)
    sizes = (n_rarer, MAX_POINTS - n_rarer)
    chosen = [rng.choice(rows, size, replace=False) for rows, size in zip(by_size, sizes, strict=True)]
    return np.sort(np.concatenate(chosen))


def _project(dataset: Dataset, rows: NDArray[np.int64]) -> tuple[Axes, NDArray[np.float64]]:
    """Return the names of two axes and the `rows` on them, shape `(n, 2)`."""
    X, names = dataset.X, dataset.feature_names
    points = X[rows].astype(np.float64)
    if len(names) == 1:
        return (names[0], ""), np.hstack([points, np.zeros_like(points)])
    if len(names) == 2:
        return (names[0], names[1]), points
    moments = column_moments(X)
    directions, shares = _principal_axes(X, moments.mean, moments.scale)
    axes = (f"PC1 ({100 * shares[0]:.0f} %)", f"PC2 ({100 * shares[1]:.0f} %)")
    return axes, (points - moments.mean) / moments.scale @ directions


def _principal_axes(
    X: NDArray[np.float32], mean: NDArray[np.float64], scale: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the first two principal directions of the standardized columns and their shares of the variance.

    Shapes `(F, 2)` and `(2,)`. Signs are fixed: the largest loading of each direction is positive.
    """
    correlation = np.zeros((X.shape[1], X.shape[1]))
    for start in range(0, len(X), BLOCK_ROWS):
        block = (X[start : start + BLOCK_ROWS] - mean) / scale
        correlation += block.T @ block
    values, vectors = np.linalg.eigh(correlation / len(X))
    directions = vectors[:, [-1, -2]]
    largest = directions[np.abs(directions).argmax(axis=0), [0, 1]]
    total = values.sum()
    shares = values[[-1, -2]] / total if total > 0 else np.zeros(2)
    return directions * np.where(largest < 0, -1.0, 1.0), np.maximum(shares, 0.0)


def _short(value: float) -> float:
    """Return `value` to six digits, more than a picture shows, to keep the database small."""
    return float(f"{value:.6g}")
