"""The seam between numerics and bookkeeping: a batch of `TrialParams` in, a batch of `TrialScore` out.

The numerics have never heard of Optuna or SQL, the bookkeeping has never heard of Keras; both know this module.

Axes    C checkpoints, J folds in all = n_repeats x n_splits (repeat-major), R repeats, N scored rows;
        J' and R' where only some of the folds and repeats were trained
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Optimizer = Literal["sgd", "adam"]
Activation = Literal["relu", "tanh"]
Task = Literal["binary", "multiclass", "multilabel"]
"""Two classes, more than two, or several labels of two classes each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialParams:
    """Everything that distinguishes one trial's training from another's, fully resolved.

    `minority_weight` and `majority_weight` multiply the loss of rows of class 1 and 0; pure ratios, never rescaled.
    `hidden_size` is the number of units in each of `hidden_layers` layers. `l2` is Keras' factor:
    loss += l2 * sum(kernel ** 2). `dropout` is Keras' rate, after every hidden layer; it has a default for
    trials that were stored before there was any. `focal_gamma` is that of focal loss, at least 0, and 0 is
    cross-entropy; no config names it and no study stores it: it is at home in one arm of the verdict.

    `class_weights` are for tables of more than two classes, where they multiply the loss of the rows of each class, in
    the order of the classes, and for tables of several labels, where they multiply the loss of the rows that have each
    label. They are empty for two classes; elsewhere `minority_weight` and `majority_weight` are 1.
    """

    number: int
    minority_weight: float
    majority_weight: float
    hidden_size: int
    hidden_layers: int
    epochs: int
    batch_size: int
    learning_rate: float
    momentum: float
    l2: float
    optimizer: Optimizer
    activation: Activation
    standardize: bool
    dropout: float = 0.0
    focal_gamma: float = 0.0
    class_weights: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstEpoch:
    """Which share class 1 had in what drove the first epoch of training, summed over all of its rows, in each fold.

    Of more than two classes it is the share of each, of labels that of the rows which have it in the label's own loss.
    Each of shape `(J',)`, or `(J', K)` for K classes or labels, float64, from 0 to 1; NaN where both classes together
    have a sum of 0 or one that is not finite. The weights acted where they lifted the odds of a share by their own
    ratio.

    Attributes:
        loss_share: of the loss, rows times their class weight.
        gradient_share: of the absolute slope of the loss at the logits, rows times their class weight.
        unweighted_loss_share, unweighted_gradient_share: the same of the same rows without the class weights.
    """

    loss_share: NDArray[np.float64]
    gradient_share: NDArray[np.float64]
    unweighted_loss_share: NDArray[np.float64]
    unweighted_gradient_share: NDArray[np.float64]

    def followed_by(self, other: FirstEpoch) -> FirstEpoch:
        """Return the shares of these folds and then of others."""
        return FirstEpoch(
            **{
                field.name: np.concatenate([getattr(self, field.name), getattr(other, field.name)])
                for field in fields(self)
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialScore:
    """What one trial scored, or the reason why it has no score.

    Attributes:
        number: the trial's number, as in its `TrialParams`.
        checkpoint_epochs: epochs after which the folds were scored, ascending, the trial's last one last. Shape `(C,)`.
        fold_scores: score of every fold asked for at every checkpoint, greater is better. Shape `(C, J')`, float64.
        logits: validation logits after the last epoch, one row of scored rows per repeat asked for; NaN on rows of
            folds that were not. Shape `(R', N)`, float32; `(R', N, K)` for K classes or labels.
        seconds: wall-clock seconds of training attributed to this trial.
        failure: why there is no score; the arrays are then empty. None when the trial has a score.
        pruned: why the rest of the folds is never trained; the arrays hold the folds there are. None when all are.
        first_epoch: what the class weights did in every fold asked for; None where it was not measured.
    """

    number: int
    checkpoint_epochs: NDArray[np.int64]
    fold_scores: NDArray[np.float64]
    logits: NDArray[np.float32]
    seconds: float
    failure: str | None = None
    pruned: str | None = None
    first_epoch: FirstEpoch | None = None

    @property
    def mean(self) -> float | None:
        """Mean over the folds there are, after the last epoch; None for a trial that failed."""
        return None if self.failure is not None else float(self.fold_scores.mean(axis=1)[-1])

    @classmethod
    def failed(cls, number: int, reason: str, *, seconds: float = 0.0) -> TrialScore:
        """Return the score of a trial that has none, with the reason."""
        return cls(
            number=number,
            checkpoint_epochs=np.zeros(0, np.int64),
            fold_scores=np.zeros((0, 0)),
            logits=np.zeros((0, 0), np.float32),
            seconds=seconds,
            failure=reason,
        )


class Evaluate(Protocol):
    """The seam: pure, writes nothing, may be called twice with the same batch and answers the same bits.

    Called from two threads at once, each with a batch of its own.
    """

    def __call__(self, batch: Sequence[TrialParams], folds: Sequence[int] | None = None) -> list[TrialScore]:
        """Return one `TrialScore` per `TrialParams`, in the same order.

        Args:
            batch: what to train and score.
            folds: which folds j, ascending; None for all.

        Raises:
            Stopped: a signal arrived; nothing of this batch is kept.
            EngineError: the machine could not do it.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSummary:
    """What a report may know and draw of a table, without its rows.

    Attributes:
        source: one line for people: a path, or the name of a generator.
        n_rows, n_features: size of the table used.
        target: name of the target column.
        classes: the class labels as text; of two, class 0 (majority or negative) first. Of several labels, their names.
        class_counts: rows of each class, same order; of several labels, rows that have each.
        label_type: "int", "float", "bool" or "str": the type the labels had in the table.
        sha256: of the bytes of X and y as trained on.
        n_duplicate_rows: rows whose features repeat those of an earlier row.
        axes: names of the two plotted axes, for example `("x1", "x2")` or `("PC1 (61 %)", "PC2 (17 %)")`.
        points: at most 2,000 rows projected on the axes, shape `(n, 2)` as nested tuples; empty where `store_sample`
            is false.
        point_classes: class of each point; of several labels, 1 where a row has the first.
        task: two classes, more, or several labels.
        columns: name and kind of each feature; empty in studies from before there were kinds.
    """

    source: str
    n_rows: int
    n_features: int
    target: str
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    label_type: Literal["int", "float", "bool", "str"]
    sha256: str
    n_duplicate_rows: int
    axes: tuple[str, str]
    points: tuple[tuple[float, float], ...]
    point_classes: tuple[int, ...]
    task: Task = "binary"
    columns: tuple[tuple[str, str], ...] = ()

    @property
    def imbalance_ratio(self) -> float:
        """Rows of class 0 by rows of class 1; of more classes, of the largest by the smallest; of the rarest label."""
        if self.task == "binary":
            return self.class_counts[0] / self.class_counts[1]
        if self.task == "multiclass":
            return max(self.class_counts) / min(self.class_counts)
        rarest = min(self.class_counts)
        return (self.n_rows - rarest) / rarest


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldPlan:
    """What the bookkeeping must know of the folds.

    Attributes:
        kind: "stratified_kfold": a fold trains on all rows that it does not score; "holdout"; "time"; or "nested": the
            folds that a verdict's searches train on.
        n_splits: folds per repeat; 1 for a holdout.
        n_repeats: repeats; for a holdout, seeds on the one fixed split.
        test_over_train: the correction term of `intervals.py`: validation rows / training rows of a fold, the mean
            where folds differ in size; 0 for a holdout, whose repeats share one split, so that its intervals are over
            training seeds.
        n_scored_rows: rows scored in each repeat, N above.
        sha256: of the index arrays.
        splitter: what decided which rows go together. Ordered by time, a fold trains on earlier rows alone, and the
            kind is "time"; elsewhere every row is scored once in each repeat.
    """

    kind: Literal["stratified_kfold", "holdout", "nested", "time"]
    n_splits: int
    n_repeats: int
    test_over_train: float
    n_scored_rows: int
    sha256: str
    splitter: Literal["stratified", "grouped", "time", "predefined"] = "stratified"

    @property
    def n_folds(self) -> int:
        """Folds in all, J."""
        return self.n_splits * self.n_repeats
