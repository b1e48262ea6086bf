"""The table as the trainer sees it: float32 features, labels 0 and 1, names and a fingerprint.

Reading a table needs pandas or scikit-learn, holding one does not: this module imports NumPy alone, and `load_dataset`
imports the reader it needs when it is called.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tuner.config.schema import SklearnDataset, SyntheticDataset, TableDataset

LabelType = Literal["int", "float", "bool", "str"]

FLOAT32_LIMIT = float(np.finfo(np.float32).max) / 2
"""Greatest magnitude of a feature: half of what float32 holds, so that no difference of two values overflows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A binary classification table.

    Attributes:
        X: features, shape `(N, F)`, float32, finite, C-contiguous, not writeable.
        y: labels, shape `(N,)`, int32: 0 majority (negative), 1 minority (positive). Not writeable.
        feature_names: F names, in the order of the columns.
        target: name of the target column, "y" where a generator made it.
        classes: the original labels as text, negative first.
        label_type: the type the labels had.
        source: one line for people.
        sha256: of shape and bytes of X and y and the class labels.
    """

    X: NDArray[np.float32]
    y: NDArray[np.int32]
    feature_names: tuple[str, ...]
    target: str
    classes: tuple[str, str]
    label_type: LabelType
    source: str
    sha256: str

    @property
    def class_counts(self) -> tuple[int, int]:
        """Rows of class 0 and of class 1."""
        positive = int(self.y.sum())
        return len(self.y) - positive, positive

    @property
    def imbalance_ratio(self) -> float:
        """Negative rows divided by positive rows."""
        negative, positive = self.class_counts
        return negative / positive


def load_dataset(section: SyntheticDataset | TableDataset | SklearnDataset) -> Dataset:
    """Return the table that `section` describes.

    Raises:
        ConfigError: the section asks for something impossible, whatever the data.
        DataError: the table cannot be read or used as it is.
    """
    # Imported here so that a command which only holds a Dataset never pays for pandas and scikit-learn.
    match section.kind:
        case "synthetic":
            from tuner.data.synthetic import load_synthetic  # noqa: PLC0415

            return load_synthetic(section)
        case "table":
            from tuner.data.table import load_table  # noqa: PLC0415

            return load_table(section)
        case "sklearn":
            from tuner.data.bundled import load_bundled  # noqa: PLC0415

            return load_bundled(section)


def make_dataset(
    X: NDArray[np.floating],
    y: NDArray[np.integer] | NDArray[np.bool_],
    *,
    feature_names: tuple[str, ...],
    target: str,
    classes: tuple[str, str],
    label_type: LabelType,
    source: str,
) -> Dataset:
    """Return a frozen, hashed copy of checked arrays.

    Args:
        X: shape `(N, F)`, finite, no magnitude above `FLOAT32_LIMIT`.
        y: shape `(N,)`, 0 or False for the negative class, 1 or True for the positive one; both present.
        feature_names, target, classes, label_type, source: as in `Dataset`.
    """
    features = np.array(X, dtype=np.float32, order="C")
    labels = np.array(y, dtype=np.int32)
    features.setflags(write=False)
    labels.setflags(write=False)
    return Dataset(
        X=features,
        y=labels,
        feature_names=feature_names,
        target=target,
        classes=classes,
        label_type=label_type,
        source=source,
        sha256=_fingerprint(features, labels, classes),
    )


def _fingerprint(X: NDArray[np.float32], y: NDArray[np.int32], classes: tuple[str, str]) -> str:
    digest = hashlib.sha256(repr((X.shape, classes)).encode())
    digest.update(X.astype("<f4", copy=False).data)
    digest.update(y.astype("<i4", copy=False).data)
    return digest.hexdigest()
