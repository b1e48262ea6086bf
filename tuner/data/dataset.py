"""The table: float32 columns, labels, names and a fingerprint. What trainers see of it is made by `encoding.py`.

Reading a table needs pandas or scikit-learn, holding one does not: this module imports NumPy alone, and `load_dataset`
imports the reader it needs when it is called.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from tuner.errors import ConfigError
from tuner.trial import Task

if TYPE_CHECKING:
    from tuner.config.dataset import OpenMLDataset, SklearnDataset, SyntheticDataset, TableDataset
    from tuner.data.kinds import ColumnSpec

LabelType = Literal["int", "float", "bool", "str"]
Kind = Literal["numeric", "boolean", "categorical", "text"]

FLOAT32_LIMIT = float(np.finfo(np.float32).max) / 2
"""Greatest magnitude of a feature: half of what float32 holds, so that no difference of two values overflows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of `Dataset.X`.

    A numeric or boolean column holds its values. A categorical or text column holds the number of each cell's text in
    `levels`, the distinct texts in ascending order; a missing cell is NaN.
    """

    name: str
    kind: Kind = "numeric"
    levels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A classification table.

    Attributes:
        X: columns, shape `(N, F)`, float32, no infinite cell, NaN where a cell is missing. C-contiguous, not writeable.
        y: labels, int32, not writeable. Two classes: shape `(N,)`, 0 majority (negative), 1 minority (positive). More
            classes: shape `(N,)`, place in `classes`. Several labels: shape `(N, L)`, 1 where a row has the label.
        columns: what each of the F columns is.
        target: name of the target column, "y" where a generator made it; of several, their names joined by commas.
        classes: the original labels as text: of two, negative first; of more, in ascending order; the names of labels.
        label_type: the type the labels had.
        source: one line for people.
        sha256: of shape and bytes of X and y, the class labels, and the levels and sample weights if there are any.
        task: two classes, more, or several labels.
        sample_weight: factor on the loss of each row, above 0, shape `(N,)`, float32; None where all count alike.
        group: number of the group of each row, shape `(N,)`; None where rows are on their own.
        time: when each row was, in any unit, shape `(N,)`, float64; None where their order means nothing.
        fold: in which fold each row is scored, from 0, shape `(N,)`; None where a splitter decides.
        left_out: name of each column of the file that is no feature, and why.
        specs: how the columns of the file are read that are features; empty where they come as numbers.
        n_unlabeled: rows of the file without a label, which are left out.
    """

    X: NDArray[np.float32]
    y: NDArray[np.int32]
    columns: tuple[Column, ...]
    target: str
    classes: tuple[str, ...]
    label_type: LabelType
    source: str
    sha256: str
    task: Task = "binary"
    sample_weight: NDArray[np.float32] | None = None
    group: NDArray[np.int64] | None = None
    time: NDArray[np.float64] | None = None
    fold: NDArray[np.int64] | None = None
    left_out: tuple[tuple[str, str], ...] = ()
    specs: tuple[ColumnSpec, ...] = ()
    n_unlabeled: int = 0

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the F columns."""
        return tuple(column.name for column in self.columns)

    @property
    def class_counts(self) -> tuple[int, ...]:
        """Rows of each class; of several labels, rows that have each."""
        if self.task == "multilabel":
            return tuple(self.y.sum(axis=0).tolist())
        return tuple(np.bincount(self.y, minlength=len(self.classes)).tolist())

    @property
    def imbalance_ratio(self) -> float:
        """Rows of class 0 by rows of class 1; of more classes, of the largest by the smallest; of the rarest label."""
        counts = self.class_counts
        if self.task == "binary":
            return counts[0] / counts[1]
        return max(counts) / min(counts) if self.task == "multiclass" else (len(self.y) - min(counts)) / min(counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """Columns that decide about folds; none of them is a feature. `group` may be "duplicates": equal rows together."""

    group: str | None = None
    time: str | None = None
    fold: str | None = None

    @property
    def named(self) -> dict[str, str]:
        """The columns by their key in the config."""
        roles = {"cv.group": self.group, "cv.time": self.time, "cv.fold": self.fold}
        return {key: name for key, name in roles.items() if name is not None}


DUPLICATES = "duplicates"
"""As a group: the rows with the same features."""


def load_dataset(
    section: SyntheticDataset | TableDataset | SklearnDataset | OpenMLDataset, roles: Roles | None = None
) -> Dataset:
    """Return the table that `section` describes.

    Args:
        section: where it is and what its columns mean.
        roles: columns that decide about folds.

    Raises:
        ConfigError: the section asks for something impossible, whatever the data.
        DataError: the table cannot be read or used as it is.
    """
    # Imported here so that a command which only holds a Dataset never pays for pandas and scikit-learn.
    roles = roles or Roles()
    match section.kind:
        case "table" | "openml":
            from tuner.data.table import load_table  # noqa: PLC0415 - see above

            return load_table(section, roles)
        case "synthetic":
            from tuner.data.synthetic import load_synthetic  # noqa: PLC0415

            return with_roles(load_synthetic(section), roles)
        case "sklearn":
            from tuner.data.bundled import load_bundled  # noqa: PLC0415

            return with_roles(load_bundled(section), roles)


def with_roles(dataset: Dataset, roles: Roles) -> Dataset:
    """Return a table made of numbers alone with its groups: of equal rows, for it has no column of another meaning.

    Raises:
        ConfigError: another role is named.
    """
    if not roles.named:
        return dataset
    if roles != Roles(group=DUPLICATES):
        key, name = next((key, name) for key, name in roles.named.items() if (key, name) != ("cv.group", DUPLICATES))
        raise ConfigError(
            f"{key} is {name}, but {dataset.source} has features alone.\n"
            f"Remove {key}, or name a file in dataset; cv.group: duplicates goes with every table."
        )
    from tuner.data.duplicates import row_groups  # noqa: PLC0415 - only where rows are grouped

    return replace(dataset, group=row_groups(dataset.X))


def make_dataset(
    X: NDArray[np.floating],
    y: NDArray[np.integer] | NDArray[np.bool_],
    *,
    target: str,
    classes: tuple[str, ...],
    label_type: LabelType,
    source: str,
    feature_names: tuple[str, ...] = (),
    columns: tuple[Column, ...] = (),
    task: Task = "binary",
    sample_weight: NDArray[np.floating] | None = None,
    **roles: Any,
) -> Dataset:
    """Return a frozen, hashed copy of checked arrays.

    Args:
        X: shape `(N, F)`, no magnitude above `FLOAT32_LIMIT`.
        y: as in `Dataset`; of two classes also True for the positive one. Every class or label is present.
        feature_names: of numeric columns, where `columns` is not given.
        target, classes, label_type, source, columns, task, sample_weight, roles: as in `Dataset`.
    """
    features = np.array(X, dtype=np.float32, order="C")
    labels = np.array(y, dtype=np.int32)
    weights = None if sample_weight is None else np.array(sample_weight, dtype=np.float32)
    for array in (features, labels, weights):
        if array is not None:
            array.setflags(write=False)
    columns = columns or tuple(Column(name=name) for name in feature_names)
    return Dataset(
        X=features,
        y=labels,
        columns=columns,
        target=target,
        classes=classes,
        label_type=label_type,
        source=source,
        sha256=_fingerprint(features, labels, classes, columns=columns, weights=weights),
        task=task,
        sample_weight=weights,
        **roles,
    )


def _fingerprint(
    X: NDArray[np.float32],
    y: NDArray[np.int32],
    classes: tuple[str, ...],
    *,
    columns: tuple[Column, ...],
    weights: NDArray[np.float32] | None,
) -> str:
    digest = hashlib.sha256(repr((X.shape, classes)).encode())
    digest.update(X.astype("<f4", copy=False).data)
    digest.update(y.astype("<i4", copy=False).data)
    for column in columns:
        if column.levels:
            digest.update(repr((column.name, column.kind, column.levels)).encode())
    if weights is not None:
        digest.update(weights.astype("<f4", copy=False).data)
    return digest.hexdigest()
