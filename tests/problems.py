"""Small problems that several tests train on."""

import numpy as np

from tuner.config.schema import Holdout, KFold
from tuner.data.dataset import Dataset
from tuner.data.folds import make_folds
from tuner.training.trainer import TrainingPlan
from tuner.trial import TrialParams


def dataset(n_rows=101, n_features=3, n_positive=20, seed=0):
    """Two overlapping normal classes; about the size that shows every edge in little time."""
    rng = np.random.default_rng(seed)
    y = np.zeros(n_rows, np.int32)
    y[rng.choice(n_rows, n_positive, replace=False)] = 1
    X = rng.normal(size=(n_rows, n_features)) * np.arange(1, n_features + 1) + 0.8 * y[:, None] + 2.0
    return Dataset(
        X=np.ascontiguousarray(X, np.float32),
        y=y,
        feature_names=tuple(f"x{i}" for i in range(n_features)),
        target="y",
        classes=("0", "1"),
        label_type="int",
        source="made up",
        sha256="0" * 64,
    )


def plan(table=None, *, n_splits=2, n_repeats=1, holdout=None, seed=0, longest=20, n_checkpoints=4):
    """A training plan on `table`, by k-fold or, with `holdout` training rows, by holdout."""
    table = dataset() if table is None else table
    section = (
        KFold(n_splits=n_splits, n_repeats=n_repeats)
        if holdout is None
        else Holdout(kind="holdout", n_train=holdout, n_repeats=n_repeats)
    )
    folds = make_folds(table.y, section)
    return TrainingPlan(dataset=table, folds=folds, seed=seed, longest=longest, n_checkpoints=n_checkpoints)


def trial(number=0, **changes):
    """The parameters of one trial; `changes` replaces any of them."""
    values = {
        "minority_weight": 10.0,
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
