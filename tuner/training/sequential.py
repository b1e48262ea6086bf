"""Train one model at a time with plain Keras: the specification of `stacked.py`.

Nothing here is clever on purpose. Each fold of each trial is a `keras.Sequential` of `Dense` layers, trained by
`fit(class_weight=...)` on the training rows of the fold, of which it has the columns that the fold knows. `fit` is
called once per epoch, because the order of rows is drawn by `seeds.py` instead of by Keras; what drops out is decided
by `dropout.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.data.encoded import EncodedTable
from tuner.training import seeds
from tuner.training.backend import keras, tf
from tuner.training.dropout import CountedDropout
from tuner.training.first_epoch import ClassSums, LabelSums, shares
from tuner.training.losses import LabelCrossentropy, keras_loss
from tuner.training.stack import checkpoint_epochs
from tuner.training.trainer import Predictions, TrainingPlan, class_weights_of
from tuner.trial import Task, TrialParams

Numbers = NDArray[np.float32]


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
        answers = []
        for params in stack:
            plan = self.plan
            due = checkpoint_epochs(params.epochs, longest=plan.longest, n_checkpoints=plan.n_checkpoints)
            logits = np.full((len(due), len(folds), *self.shape_of_logits), np.nan, np.float32)
            sums = list[NDArray[np.float64]]()
            for j, fold in enumerate(folds):
                answer = self.train_fold(params, fold, due=due, should_stop=should_stop)
                if answer is None:
                    return None
                logits[:, j, : len(plan.folds.valid[fold])] = answer[0]
                sums.append(answer[1])
            answers.append(Predictions(checkpoint_epochs=due, logits=logits, first_epoch=shares(np.stack(sums))))
        return answers

    @property
    def shape_of_logits(self) -> tuple[int, ...]:
        """Of one fold at one checkpoint: V, and of several outputs their number."""
        longest_fold, n_outputs = max(map(len, self.plan.folds.valid)), self.plan.table.n_outputs
        return (longest_fold,) if n_outputs == 1 else (longest_fold, n_outputs)

    def train_fold(
        self, params: TrialParams, fold: int, *, due: Sequence[int], should_stop: Callable[[], bool]
    ) -> tuple[Numbers, NDArray[np.float64]] | None:
        """Train one model and return its validation logits after each epoch in `due`, and sums of its first epoch.

        Returns:
            Logits of shape `(len(due), validation rows of the fold)`, of several outputs `(..., O)`, and the sums of
            `first_epoch.py` of shape `(K, Q)`, of labels `(L, 2, Q)`; None when `should_stop` answered true on the way.
        """
        plan, folds, table = self.plan, self.plan.folds, self.plan.table
        constants = table.constants(standardize=params.standardize)
        train, valid = folds.train[fold], folds.valid[fold]
        x, y = constants.transform(table.X[train], fold), table.y[train]
        x_valid = constants.transform(table.X[valid], fold)
        own = np.ones(len(train), np.float32) if table.sample_weight is None else table.sample_weight[train]
        class_weights = class_weights_of(params, table)
        place = {"seed": plan.seed, "repeat": int(folds.repeat[fold]), "split": int(folds.split[fold])}
        factors = tf.Variable(own)
        model, metrics = build_model(
            params,
            x.shape[1],
            task=table.task,
            n_outputs=table.n_outputs,
            dropout_key=seeds.dropout_key(**place),
            factors=factors,
        )
        initial = seeds.initial_weights(params, x.shape[1], n_outputs=table.n_outputs, **place)
        for variable, values in zip(model.trainable_variables, initial, strict=True):
            variable.assign(values)
        logits, sums = [], np.empty(0)
        for epoch in range(params.epochs):
            if should_stop():
                return None
            order = seeds.batch_order(len(train), **place, epoch=epoch)
            for layer in model.layers:
                if isinstance(layer, CountedDropout):
                    layer.begin_epoch(epoch)
            factors.assign(own[order])
            model.fit(
                x[order],
                y[order],
                batch_size=params.batch_size,
                shuffle=False,
                verbose=0,
                **_weights(table, class_weights, y[order], own[order]),
            )
            if epoch == 0:
                sums = np.moveaxis(np.concatenate([metric.sums.numpy() for metric in metrics], axis=1), -1, 0)
            if epoch + 1 in due:
                logits.append(keras.ops.convert_to_numpy(model(x_valid)))
        outputs = np.stack(logits)
        return outputs[..., 0] if table.n_outputs == 1 else outputs, sums if table.task == "multilabel" else sums[0]


def _weights(
    table: EncodedTable, class_weights: Sequence[float], y: NDArray[np.int32], sample_weight: Numbers
) -> dict[str, Any]:
    """Return the arguments of `fit` that weigh the rows; it takes weights of classes or of samples, never both.

    The weights of labels are part of the loss: they weigh the parts of a row.
    """
    if table.sample_weight is None:
        return {} if table.task == "multilabel" else {"class_weight": dict(enumerate(class_weights))}
    if table.task == "multilabel":
        return {"sample_weight": sample_weight}
    return {"sample_weight": sample_weight * np.array(class_weights, np.float32)[y]}


def build_model(
    params: TrialParams,
    n_features: int,
    *,
    task: Task,
    n_outputs: int,
    dropout_key: NDArray[np.uint32],
    factors: tf.Variable,
) -> tuple[keras.Model, tuple[ClassSums, ClassSums]]:
    """Return the compiled Keras model of one trial; its outputs are logits.

    With it, the metrics that sum what the rows of an epoch cost: as `fit` weighs them, and times `factors` alone, which
    are the sample weights in the order of the epoch.
    """
    regularizer = keras.regularizers.L2(params.l2) if params.l2 else None
    model = keras.Sequential([keras.Input((n_features,))])
    for i in range(params.hidden_layers):
        model.add(keras.layers.Dense(params.hidden_size, activation=params.activation, kernel_regularizer=regularizer))
        if params.dropout:
            model.add(CountedDropout(params.dropout, dropout_key, layer=i))
    model.add(keras.layers.Dense(n_outputs, kernel_regularizer=regularizer))
    optimizer = (
        keras.optimizers.Adam(params.learning_rate)
        if params.optimizer == "adam"
        else keras.optimizers.SGD(params.learning_rate, momentum=params.momentum)
    )
    loss = keras_loss(params, task)
    metrics: tuple[ClassSums, ClassSums]
    if task == "multilabel":
        bare, n_labels = LabelCrossentropy((1.0,) * n_outputs), n_outputs
        metrics = (
            LabelSums("weighted", loss, n_labels=n_labels, factors=None),
            LabelSums("unweighted", bare, n_labels=n_labels, factors=factors),
        )
    else:
        n_classes = max(2, n_outputs)
        metrics = (
            ClassSums("weighted", loss, n_classes=n_classes, factors=None),
            ClassSums("unweighted", loss, n_classes=n_classes, factors=factors),
        )
    model.compile(optimizer=optimizer, loss=loss, weighted_metrics=[metrics[0]], metrics=[metrics[1]])
    return model, metrics
