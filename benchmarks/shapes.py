"""Networks of growing width on tables of 10,000 rows, 8,000 of which train: what `vmap` and `ceiling` time."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from tuner.config.cv import KFold
from tuner.config.dataset import SyntheticDataset
from tuner.config.schema import Config, SearchSpace, TrainingSection

BATCH_SIZE = 32
CV = KFold(n_splits=5, n_repeats=3)
MODELS = CV.n_splits * CV.n_repeats
"""Models of a trial."""

TRAIN_ROWS = 8_000


class Shape(NamedTuple):
    """Inputs and hidden units of a network."""

    features: int
    hidden: int

    def __str__(self) -> str:
        return f"{self.features} x {self.hidden}"

    @property
    def operations(self) -> int:
        """Operations of one model in one epoch: 4 per first-layer weight and 6 per later weight, per row."""
        return TRAIN_ROWS * (4 * self.features * self.hidden + 6 * self.hidden)

    def config(self, epochs: int) -> Config:
        """Return trials of this shape that train up to `epochs` and are predicted once, at their end."""
        return Config(
            dataset=SyntheticDataset(n_features=self.features, n_informative=self.features, n_clusters_per_class=1),
            cv=CV,
            search_space=SearchSpace(hidden_size=self.hidden, epochs=epochs),
            training=TrainingSection(batch_size=BATCH_SIZE, checkpoints=1),
        )


def write_problem(shape: Shape, path: Path, *, epochs: int, n_trials: int) -> None:
    """Write to an .npz what `vmapped.py` trains: rows, their order, constants of the folds, initial and class weights.

    All of it is as the stacked trainer has it, so that both must end with the same logits.
    """
    from batches import trial_weights

    from tuner.prepared import prepare
    from tuner.training.seeds import batch_order, initial_weights

    prepared = prepare(shape.config(epochs))
    X, y, folds, scaled = prepared.table.X, prepared.table.y, prepared.folds, prepared.table.scaled
    trial = prepared.space.resolve(0, {"minority_weight": 1.0})
    places = [
        {"seed": prepared.config.study.seed, "repeat": int(repeat), "split": int(split)}
        for repeat, split in zip(folds.repeat, folds.split, strict=True)
    ]
    orders = [
        [rows[batch_order(len(rows), **place, epoch=epoch)] for rows, place in zip(folds.train, places, strict=True)]
        for epoch in range(epochs)
    ]
    drawn = [initial_weights(trial, shape.features, **place) for place in places]
    hidden_kernel, hidden_bias, output_kernel, output_bias = map(np.stack, zip(*drawn, strict=True))
    np.savez(
        path,
        table=np.column_stack([X, y.astype(np.float32)]),
        mean=scaled.mean[:MODELS],
        scale=scaled.scale[:MODELS],
        orders=np.array(orders, np.int32).reshape(epochs, len(places), -1, BATCH_SIZE),
        valid=np.array(folds.valid, np.int32),
        learning_rate=np.float32(trial.learning_rate),
        class_weights=np.array(trial_weights(prepared, n_trials), np.float32),
        hidden_kernel=hidden_kernel,
        hidden_bias=hidden_bias,
        output_kernel=output_kernel[..., 0],
        output_bias=output_bias[..., 0],
    )
