"""Small tables to find something in, or nothing."""

import numpy as np

from tuner.config.cv import KFold
from tuner.data.checks import examine
from tuner.data.dataset import Column, make_dataset
from tuner.data.folds import make_folds

N_ROWS = 200


def table(*, y=None, classes=("no", "yes"), task="binary", more=None, **columns):
    """Return a table with two columns of noise and `columns`: numbers, booleans, or lists of texts with None as a gap.

    Every fifth row is positive unless `y` is given; `more` are arguments of `make_dataset`.
    """
    y = np.arange(N_ROWS) % 5 == 0 if y is None else np.asarray(y)
    rng = np.random.default_rng(0)
    cells = {"a": rng.normal(size=len(y)), "b": rng.normal(size=len(y)), **columns}
    read = [_column(name, values) for name, values in cells.items()]
    return make_dataset(
        np.stack([values for _, values in read], axis=1),
        y,
        columns=tuple(column for column, _ in read),
        target="y",
        classes=classes,
        label_type="str",
        source="a table",
        task=task,
        **(more or {}),
    )


def _column(name, values):
    if isinstance(values, list):
        levels = sorted({text for text in values if text is not None})
        codes = [np.nan if text is None else levels.index(text) for text in values]
        return Column(name=name, kind="categorical", levels=tuple(levels)), np.array(codes)
    values = np.asarray(values)
    return Column(name=name, kind="boolean" if values.dtype == bool else "numeric"), values.astype(float)


def folds_of(dataset, section=None):
    roles = {name: getattr(dataset, name) for name in ("group", "time", "fold")}
    return make_folds(dataset.y, section or KFold(n_repeats=1), classes=dataset.classes, **roles)


def found(dataset, section=None):
    """Return everything found in a table, cut into five folds once unless a section says otherwise."""
    return examine(dataset, folds_of(dataset, section))
