"""Train one model at a time with plain Keras: the specification of `stacked.py`.

Nothing here is clever on purpose. Each fold of each trial is a `keras.Sequential` of `Dense` layers, trained by
`fit(class_weight=...)` on the standardized training rows of the fold. `fit` is called once per epoch, because the
order of rows is drawn by `seeds.py` instead of by Keras; what drops out is decided by `dropout.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tuner.data.preprocessing import fit_scaler
from tuner.training import seeds
from tuner.training.backend import keras
from tuner.training.dropout import CountedDropout
from tuner.training.first_epoch import ClassSums, shares
from tuner.training.focal import FocalCrossentropy
from tuner.training.stack import checkpoint_epochs
from tuner.training.trainer import Predictions, TrainingPlan
from tuner.trial import TrialParams


class SequentialTrainer:
    """The plain trainer; slow, obvious, and equal to the fast one."""

    def __init__(self, plan: TrainingPlan) -> None:
        self.plan = plan

    def stacks(self, batch: Sequence[TrialParams], *, n_folds: int) -> list[tuple[TrialParams, ...]]:
        """Return every trial as a group of its own, longest first."""
        return [(params,) for params in sorted(batch, key=lambda params: -params.epochs)]

    def train(
        self, stack: Sequence[TrialParams], *, folds: Sequence[int], should_stop: Callable[[], bool]
    ) -> list[Predictions] | None:
        """Train the folds of all trials, one after another; see `trainer.Trainer`."""
        plan = self.plan
        answers = []
        for params in stack:
            due = checkpoint_epochs(params.epochs, longest=plan.longest, n_checkpoints=plan.n_checkpoints)
            longest_fold = max(map(len, plan.folds.valid))
            logits = np.full((len(due), len(folds), longest_fold), np.nan, np.float32)
            sums = np.empty((len(folds), 2, 4))
            for j, fold in enumerate(folds):
                answer = self.train_fold(params, fold, due=due, should_stop=should_stop)
                if answer is None:
                    return None
                logits[:, j, : len(plan.folds.valid[fold])], sums[j] = answer
            answers.append(Predictions(checkpoint_epochs=due, logits=logits, first_epoch=shares(sums)))
        return answers

    def train_fold(
        self, params: TrialParams, fold: int, *, due: Sequence[int], should_stop: Callable[[], bool]
    ) -> tuple[NDArray[np.float32], NDArray[np.float64]] | None:
        """Train one model and return its validation logits after each epoch in `due`, and sums of its first epoch.

        Returns:
            Logits of shape `(len(due), validation rows of the fold)`, and the sums of `first_epoch.py` of shape
            `(2, 4)`; None when `should_stop` answered true on the way.
        """
        plan, folds = self.plan, self.plan.folds
        repeat, split = int(folds.repeat[fold]), int(folds.split[fold])
        scaler = fit_scaler(plan.dataset.X, folds, standardize=params.standardize)
        train, valid = folds.train[fold], folds.valid[fold]
        x, y = scaler.transform(plan.dataset.X[train], fold), plan.dataset.y[train]
        x_valid = scaler.transform(plan.dataset.X[valid], fold)
        key = seeds.dropout_key(seed=plan.seed, repeat=repeat, split=split)
        model, metrics = build_model(params, x.shape[1], dropout_key=key)
        initial = seeds.initial_weights(params, x.shape[1], seed=plan.seed, repeat=repeat, split=split)
        for variable, values in zip(model.trainable_variables, initial, strict=True):
            variable.assign(values)
        logits, sums = [], np.empty((2, 4))
        for epoch in range(params.epochs):
            if should_stop():
                return None
            order = seeds.batch_order(len(train), seed=plan.seed, repeat=repeat, split=split, epoch=epoch)
            for layer in model.layers:
                if isinstance(layer, CountedDropout):
                    layer.begin_epoch(epoch)
            model.fit(
                x[order],
                y[order],
                batch_size=params.batch_size,
                shuffle=False,
                class_weight={0: params.majority_weight, 1: params.minority_weight},
                verbose=0,
            )
            if epoch == 0:
                sums = np.concatenate([metric.sums.numpy() for metric in metrics], axis=1)
            if epoch + 1 in due:
                logits.append(keras.ops.convert_to_numpy(model(x_valid))[:, 0])
        return np.stack(logits), sums


def build_model(
    params: TrialParams, n_features: int, *, dropout_key: NDArray[np.uint32]
) -> tuple[keras.Model, tuple[ClassSums, ClassSums]]:
    """Return the compiled Keras model of one trial; its output is a logit.

    With it, the metrics that sum what the rows of an epoch cost: as `fit` weighs them, and as they are.
    """
    regularizer = keras.regularizers.L2(params.l2) if params.l2 else None
    model = keras.Sequential([keras.Input((n_features,))])
    for i in range(params.hidden_layers):
        model.add(keras.layers.Dense(params.hidden_size, activation=params.activation, kernel_regularizer=regularizer))
        if params.dropout:
            model.add(CountedDropout(params.dropout, dropout_key, layer=i))
    model.add(keras.layers.Dense(1, kernel_regularizer=regularizer))
    optimizer = (
        keras.optimizers.Adam(params.learning_rate)
        if params.optimizer == "adam"
        else keras.optimizers.SGD(params.learning_rate, momentum=params.momentum)
    )
    loss = (
        FocalCrossentropy(params.focal_gamma)
        if params.focal_gamma
        else keras.losses.BinaryCrossentropy(from_logits=True)
    )
    metrics = ClassSums("weighted", loss), ClassSums("unweighted", loss)
    model.compile(optimizer=optimizer, loss=loss, weighted_metrics=[metrics[0]], metrics=[metrics[1]])
    return model, metrics
