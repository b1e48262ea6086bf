"""What a report may know and draw of a table: counts, and a projection of at most 2,000 rows on two axes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import svds

from tuner.data.dataset import Dataset
from tuner.data.duplicates import row_groups
from tuner.data.encoded import EncodedTable
from tuner.data.moments import BLOCK_ROWS
from tuner.trial import DataSummary

MAX_POINTS = 2_000

Axes = tuple[str, str]


MAX_COLUMNS = 500
"""Up to so many columns the projection is that of all rows, beyond of the rows drawn."""


def summarize(dataset: Dataset, table: EncodedTable, *, store_sample: bool) -> DataSummary:
    """Return what the study stores of `dataset`; without any row, and without axes, where `store_sample` is false.

    Args:
        dataset: the table.
        table: the same from `encode_whole`, what a picture projects.
        store_sample: whether rows may leave the table.
    """
    n_rows, n_features = dataset.X.shape
    axes: Axes = ("", "")
    points = np.zeros((0, 2))
    rows = np.zeros(0, np.int64)
    label = dataset.y[:, 0] if dataset.task == "multilabel" else dataset.y
    if store_sample:
        rows = _sample(label)
        axes, points = _project(table, rows)
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
        point_classes=tuple(label[rows].tolist()),
        task=dataset.task,
        columns=tuple((spec.name, spec.kind) for spec in dataset.specs)
        or tuple((column.name, column.kind) for column in dataset.columns),
    )


def _sample(y: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the rows to draw, ascending: rarer classes whole up to their share of the budget, the largest the rest."""
    if len(y) <= MAX_POINTS:
        return np.arange(len(y))
    rng = np.random.default_rng(0)
    by_size = sorted((np.flatnonzero(y == label) for label in np.unique(y)[::-1]), key=len)
    chosen, left = [], MAX_POINTS
    for place, rows in enumerate(by_size):
        size = min(len(rows), left // (len(by_size) - place))
        chosen.append(rng.choice(rows, size, replace=False))
        left -= size
    return np.sort(np.concatenate(chosen))


def _project(table: EncodedTable, rows: NDArray[np.int64]) -> tuple[Axes, NDArray[np.float64]]:
    """Return the names of two axes and the `rows` on them, shape `(n, 2)`."""
    constants = table.scaled
    names = [name for name, is_seen in zip(table.names, constants.active[0].tolist(), strict=True) if is_seen]
    if len(names) <= 2:
        points = table.unscaled.transform(table.X[rows], 0).astype(np.float64)
        if points.shape[1] == 2:
            return (names[0], names[1]), points
        return (names[0], ""), np.hstack([points, np.zeros_like(points)])
    scaled = constants.transform(table.X[rows], 0).astype(np.float64)
    directions, shares = _principal_axes(table) if len(names) <= MAX_COLUMNS else _leading_axes(scaled)
    axes = (f"PC1 ({100 * shares[0]:.0f} %)", f"PC2 ({100 * shares[1]:.0f} %)")
    return axes, scaled @ directions


def _principal_axes(table: EncodedTable) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the first two principal directions of the scaled columns and their shares of the variance.

    Shapes `(W, 2)` and `(2,)`. Signs are fixed: the largest loading of each direction is positive.
    """
    n_seen = int(table.scaled.active[0].sum())
    covariance = np.zeros((n_seen, n_seen))
    for start in range(0, len(table.X), BLOCK_ROWS):
        block = table.scaled.transform(table.X[start : start + BLOCK_ROWS], 0).astype(np.float64)
        covariance += block.T @ block
    values, vectors = np.linalg.eigh(covariance / len(table.X))
    total = values.sum()
    shares = values[[-1, -2]] / total if total > 0 else np.zeros(2)
    return _with_signs(vectors[:, [-1, -2]]), np.maximum(shares, 0.0)


def _leading_axes(scaled: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the same of some rows alone, `(n, W)`, for tables of so many columns that all would take too long."""
    start = np.random.default_rng(0).standard_normal(min(scaled.shape))
    _, values, vectors = svds(scaled, k=2, v0=start)
    order = np.argsort(-values)
    return _with_signs(vectors[order].T), values[order] ** 2 / max(float(np.square(scaled).sum()), 1e-300)


def _with_signs(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    largest = directions[np.abs(directions).argmax(axis=0), [0, 1]]
    signed: NDArray[np.float64] = directions * np.where(largest < 0, -1.0, 1.0)
    return signed


def _short(value: float) -> float:
    """Return `value` to six digits, more than a picture shows, to keep the database small."""
    return float(f"{value:.6g}")
