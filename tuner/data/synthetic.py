"""Generate a table with scikit-learn's `make_classification`.

Every setting keeps its own name there; settings that contradict each other never get past the config.
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import make_classification

from tuner.config.dataset import SyntheticDataset
from tuner.data.dataset import FLOAT32_LIMIT, Dataset, make_dataset
from tuner.errors import DataError


def load_synthetic(section: SyntheticDataset) -> Dataset:
    """Return the generated table: features x1, x2, ..., labels 0 and 1 of type int, target "y".

    Label 1 is the positive class unless label 0 came out rarer; then label 0 is.

    Raises:
        DataError: the generated table holds one class only, or values float32 cannot hold.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused below
        X, y = make_classification(n_classes=2, **section.model_dump(exclude={"kind", "store_sample"}))
    source = (
        f"make_classification(n_samples={section.n_samples}, n_features={section.n_features}, "
        f"random_state={section.random_state})"
    )
    n_positive = int(y.sum())
    if not 0 < n_positive < len(y):
        raise DataError(
            f"{source} generated {len(y)} rows of label {y[0]} and none of label {1 - y[0]}.\n"
            "Raise dataset.n_samples, make dataset.weights less extreme, or change dataset.random_state."
        )
    largest = float(np.abs(X).max())
    if not largest <= FLOAT32_LIMIT:
        raise DataError(
            f"{source} generated values up to {largest:.3g}; features must stay within {FLOAT32_LIMIT:.1e} (float32).\n"
            "Lower dataset.scale, dataset.shift or dataset.class_sep."
        )
    positive = 1 if 2 * n_positive <= len(y) else 0
    return make_dataset(
        X,
        y == positive,
        feature_names=tuple(f"x{column}" for column in range(1, section.n_features + 1)),
        target="y",
        classes=(str(1 - positive), str(positive)),
        label_type="int",
        source=source,
    )
