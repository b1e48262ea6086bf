"""Who is timed by `test_bench_training.py`: `python contenders.py NAME`, a process for each.

All train the same network on the tutorial's problem, when asked as `turns.py` says, and tell how many models at once.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from turns import serve

from tuner.config.cv import KFold
from tuner.config.dataset import SyntheticDataset
from tuner.config.schema import Config, EngineSection, SearchSpace, TrainingSection

EPOCHS = 100
"""Epochs of a trial; contenders that take long train fewer and are extrapolated."""
CV = KFold(n_splits=5, n_repeats=3)
MODELS = CV.n_splits * CV.n_repeats
"""Models of a trial."""
TUTORIAL = Config(
    dataset=SyntheticDataset(),
    cv=CV,
    search_space=SearchSpace(hidden_size=10, epochs=EPOCHS),
    training=TrainingSection(batch_size=32, learning_rate=0.01),
)

Train = Callable[[int], object]


def stacked(threads: int | None) -> tuple[Train, int]:
    """Return a batch of trials, as many as a study asks for at once, on `threads` or all cores."""
    from batches import full_batch, make_batch

    config = TUTORIAL.model_copy(update={"engine": EngineSection(threads=threads)})
    return make_batch(config, n_trials=full_batch(config, at_least=config.study.batch_size))


def keras_fit(config: Config, **settings: Any) -> tuple[Train, int]:
    """Return `keras.Sequential.fit` on one fold, compiled with `settings`, on TensorFlow's own choice of threads."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras

    X, y, weight = first_fold(config)
    units, training = config.search_space.hidden_size, config.training
    model = keras.Sequential(
        [keras.Input((X.shape[1],)), keras.layers.Dense(units, "relu"), keras.layers.Dense(1, "sigmoid")]
    )
    model.compile(optimizer=keras.optimizers.SGD(training.learning_rate), loss="binary_crossentropy", **settings)
    class_weight = {0: 1.0, 1: weight}

    def train(epochs: int) -> object:
        return model.fit(X, y, batch_size=training.batch_size, epochs=epochs, class_weight=class_weight, verbose=0)

    return train, 1


def sklearn_fit() -> tuple[Train, int]:
    """Return scikit-learn's `MLPClassifier.fit` on one fold."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is given, not found
    X, y, weight = first_fold(TUTORIAL)
    model = MLPClassifier(
        (TUTORIAL.search_space.hidden_size,),
        solver="sgd",
        learning_rate_init=TUTORIAL.training.learning_rate,
        momentum=0.0,
        alpha=0.0,
        batch_size=TUTORIAL.training.batch_size,
        n_iter_no_change=EPOCHS,
        random_state=0,
    )
    weights = np.where(y == 1, weight, 1.0)

    def train(epochs: int) -> object:
        return model.set_params(max_iter=epochs).fit(X, y, sample_weight=weights)

    return train, 1


def first_fold(config: Config) -> tuple[NDArray[np.float32], NDArray[np.int32], float]:
    """Return the standardized training rows of the first fold, their labels, and the imbalance ratio as weight."""
    from tuner.data.dataset import load_dataset
    from tuner.data.encoding import encode
    from tuner.data.folds import make_folds

    dataset = load_dataset(config.dataset)
    folds = make_folds(dataset.y, config.cv)
    rows = folds.train[0]
    table = encode(dataset, folds, config.encoding)
    return table.scaled.transform(table.X[rows], 0), dataset.y[rows], dataset.imbalance_ratio


CONTENDERS: dict[str, Callable[[], tuple[Train, int]]] = {
    "stacked": partial(stacked, None),
    "stacked_one_thread": partial(stacked, 1),
    "keras": partial(keras_fit, TUTORIAL),
    "keras_tuned": partial(keras_fit, TUTORIAL, jit_compile=True, steps_per_execution=250),
    "sklearn": sklearn_fit,
}


if __name__ == "__main__":
    trains, n_models = CONTENDERS[sys.argv[1]]()
    serve(trains, lambda: {"models": n_models})
