"""Training that grows in one direction: `python growth.py AXIS`, asked as `turns.py` says for a number of epochs.

Every size is trained once per request, in turns; the answer holds the seconds of each, and its models. `AXIS quick`
takes the smallest sizes.
"""

from __future__ import annotations

import sys
import time

from turns import serve

from tuner.config.cv import KFold
from tuner.config.dataset import SyntheticDataset
from tuner.config.schema import Config, SearchSpace, TrainingSection

SIZES = {
    "rows": (5_000, 20_000, 80_000, 320_000),
    "features": (2, 8, 32, 128),
    "hidden size": (4, 16, 64, 256),
    "folds": (5, 15, 30, 60),
    "trials": (1, 2, 8, 32),
}
QUICK = 2
"""Sizes of a quick benchmark."""


def config_of(axis: str, size: int) -> Config:
    """Return 10,000 rows, 10 features, 5 folds x 3 repeats and 16 hidden units, all but one of them."""
    sizes = {"rows": 10_000, "features": 10, "hidden size": 16, "folds": 15, axis: size}
    n_features = sizes["features"]
    return Config(
        dataset=SyntheticDataset(n_samples=sizes["rows"], n_features=n_features, n_informative=min(n_features, 10)),
        cv=KFold(n_splits=5, n_repeats=sizes["folds"] // 5),
        search_space=SearchSpace(hidden_size=sizes["hidden size"], epochs=100),
        training=TrainingSection(checkpoints=1),
    )


def main(axis: str, sizes: tuple[int, ...]) -> None:
    """Serve timings of all sizes of one axis."""
    from batches import full_batch, make_batch

    configs = {size: config_of(axis, size) for size in sizes}
    trains = {
        size: make_batch(config, n_trials=size if axis == "trials" else full_batch(config, at_least=1))
        for size, config in configs.items()
    }
    timings: dict[int, float] = {}

    def train(epochs: int) -> None:
        for size, (train_batch, _) in trains.items():
            began = time.perf_counter()
            train_batch(epochs)
            timings[size] = time.perf_counter() - began

    serve(train, lambda: {"timings": timings, "models": {size: n_models for size, (_, n_models) in trains.items()}})


if __name__ == "__main__":
    name = sys.argv[1].removesuffix(" quick")
    main(name, SIZES[name][: QUICK if name != sys.argv[1] else None])
