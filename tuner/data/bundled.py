"""Tables that come with scikit-learn, as two classes.

breast_cancer   labels stay the whole numbers scikit-learn uses (0 malignant, 1 benign), so that exported weights fit
                `load_breast_cancer(return_X_y=True)` as it is; `positive` may also be given by name
digits          one digit against the rest; the labels are text, for example "8" and "rest"
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits

from tuner.config.dataset import SklearnDataset
from tuner.data.dataset import Dataset, make_dataset
from tuner.errors import ConfigError

DIGITS = tuple(str(digit) for digit in range(10))


def load_bundled(section: SklearnDataset) -> Dataset:
    """Return the bundled table `section.name`.

    Raises:
        ConfigError: `positive` names no class of the table, or is missing where there is no default.
    """
    return _breast_cancer(section) if section.name == "breast_cancer" else _digits(section)


def _breast_cancer(section: SklearnDataset) -> Dataset:
    bunch = load_breast_cancer()
    names = [str(name) for name in bunch.target_names]
    if section.positive is None:
        positive = int(np.bincount(bunch.target).argmin())
    elif str(section.positive) in names:
        positive = names.index(str(section.positive))
    elif str(section.positive) in ("0", "1"):
        positive = int(str(section.positive))
    else:
        raise ConfigError(
            f"dataset.positive must be 0 (malignant) or 1 (benign) for breast_cancer, got {section.positive!r}.\n"
            "Name one of the two, or leave it out: the rarer class, malignant, is the default."
        )
    return make_dataset(
        bunch.data,
        bunch.target == positive,
        feature_names=tuple(str(name) for name in bunch.feature_names),
        target="target",
        classes=(str(1 - positive), str(positive)),
        label_type="int",
        source="breast_cancer of scikit-learn (0 malignant, 1 benign)",
    )


def _digits(section: SklearnDataset) -> Dataset:
    digit = str(section.positive)
    if digit not in DIGITS:
        received = "nothing" if section.positive is None else repr(section.positive)
        raise ConfigError(
            f"dataset.positive must be a digit from 0 to 9 for digits, got {received}.\n"
            "Name the digit that stands against the rest, for example positive: 8."
        )
    bunch = load_digits()
    return make_dataset(
        bunch.data,
        bunch.target == int(digit),
        feature_names=tuple(str(name) for name in bunch.feature_names),
        target="target",
        classes=("rest", digit),
        label_type="str",
        source=f"digits of scikit-learn, {digit} against the rest",
    )
