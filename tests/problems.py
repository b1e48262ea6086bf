"""Small problems that several tests train on."""

from dataclasses import replace

import numpy as np

from tuner.config.cv import Holdout, KFold
from tuner.config.dataset import EncodingSection
from tuner.data.dataset import make_dataset
from tuner.data.encoding import encode
from tuner.data.folds import make_folds
from tuner.training.trainer import TrainingPlan
from tuner.trial import TrialParams


def dataset(n_rows=101, n_features=3, n_positive=20, seed=0, far_out=0, **changes):
    """Two overlapping normal classes; about the size that shows every edge in little time.

    The first `far_out` rows lie ten thousand times as far from 0; `changes` replaces any argument of `make_dataset`.
    """
    rng = np.random.default_rng(seed)
    y = np.zeros(n_rows, np.int32)
    y[rng.choice(n_rows, n_positive, replace=False)] = 1
    X = rng.normal(size=(n_rows, n_features)) * np.arange(1, n_features + 1) + 0.8 * y[:, None] + 2.0
    X[:far_out] *= 1e4
    return _table(**{"X": X, "y": y, "classes": ("0", "1"), **changes})


def many_classes(n_classes, n_rows=101, seed=0, **changes):
    """Overlapping normal classes, each rarer than the one before."""
    rng = np.random.default_rng(seed)
    frequencies = np.arange(n_classes, 0.0, -1.0)
    y = rng.choice(n_classes, n_rows, p=frequencies / frequencies.sum())
    y[: 2 * n_classes] = np.repeat(np.arange(n_classes), 2)
    X = rng.normal(size=(n_rows, 3)) + np.stack([y, y % 2, -y], axis=1)
    return _table(X=X, y=y, classes=tuple(map(str, range(n_classes))), task="multiclass", **changes)


def many_labels(n_labels=3, n_rows=101, seed=0, **changes):
    """Labels of which a row has none, some or all."""
    rng = np.random.default_rng(seed)
    y = (rng.random((n_rows, n_labels)) < np.linspace(0.2, 0.6, n_labels)).astype(np.int32)
    X = rng.normal(size=(n_rows, n_labels)) + 0.8 * y
    return _table(X=X, y=y, classes=tuple(f"label{i}" for i in range(n_labels)), task="multilabel", **changes)


def _table(X, **values):
    names = tuple(f"x{i}" for i in range(X.shape[1]))
    return make_dataset(
        X, **{"feature_names": names, "target": "y", "label_type": "int", "source": "made up", **values}
    )


def sample_weights(n_rows=101, seed=0):
    """A factor for each row, from a fifth to five."""
    return np.random.default_rng(seed).uniform(0.2, 5.0, n_rows).astype(np.float32)


def with_gaps(table, seed=0):
    """The same table, in which every sixth cell is missing."""
    gaps = np.random.default_rng(seed).random(table.X.shape) < 1 / 6
    return replace(table, X=np.where(gaps, np.float32(np.nan), table.X))


def plan(table=None, *, n_splits=2, n_repeats=1, holdout=None, seed=0, longest=20, n_checkpoints=4, scaling="standard"):
    """A training plan on `table`, by k-fold or, with `holdout` training rows, by holdout."""
    table = dataset() if table is None else table
    section = (
        KFold(n_splits=n_splits, n_repeats=n_repeats)
        if holdout is None
        else Holdout(kind="holdout", n_train=holdout, n_repeats=n_repeats)
    )
    folds = make_folds(table.y, section)
    encoded = encode(table, folds, EncodingSection(scaling=scaling))
    return TrainingPlan(table=encoded, folds=folds, seed=seed, longest=longest, n_checkpoints=n_checkpoints)


def blind(the_plan, *columns_of_folds):
    """The same plan, in which each fold does not know some columns."""
    known = the_plan.table.scaled.active.copy()
    for fold, columns in enumerate(columns_of_folds):
        known[fold, list(columns)] = False

    def without(constants):
        return replace(constants, scale=np.where(known, constants.scale, np.float32(np.inf)))

    table = replace(the_plan.table, scaled=without(the_plan.table.scaled), unscaled=without(the_plan.table.unscaled))
    return replace(the_plan, table=table)


def trial(number=0, **changes):
    """The parameters of one trial; `changes` replaces any of them. With weights of classes, the minority has 1."""
    values = {
        "minority_weight": 1.0 if "class_weights" in changes else 10.0,
        "majority_weight": 1.0,
        "hidden_size": 10,
        "hidden_layers": 1,
        "epochs": 20,
        "batch_size": 16,
        "learning_rate": 0.01,
        "momentum": 0.0,
        "l2": 0.0,
        "optimizer": "sgd",
        "activation": "relu",
        "standardize": True,
    }
    return TrialParams(number=number, **{**values, **changes})


def never():
    """The `should_stop` of a test that is not about stopping."""
    return False


def all_folds(plan):
    """Every fold of a training plan."""
    return tuple(range(plan.folds.plan.n_folds))
