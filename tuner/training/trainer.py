"""What every trainer is given and what it answers: the contract of `stacked.py` and `sequential.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tuner.data.encoded import EncodedTable
from tuner.data.folds import Folds
from tuner.timing import Clock
from tuner.trial import FirstEpoch, TrialParams


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """What a trainer must know beside the trials.

    Attributes:
        table: the rows, and what each fold has learned of their columns.
        folds: which rows train and which are scored.
        seed: the study's seed; initial weights and batch orders follow from it.
        longest: the greatest number of epochs any trial of the study may ask for; places the checkpoints.
        n_checkpoints: points of the checkpoint grid, see `stack.checkpoint_epochs`.
        clock: where a trainer notes the phase "compile".
    """

    table: EncodedTable
    folds: Folds
    seed: int
    longest: int
    n_checkpoints: int
    clock: Clock = field(default_factory=Clock, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """Validation logits of one trial.

    Attributes:
        checkpoint_epochs: epochs after which rows were predicted, ascending; the last is the trial's own. Shape `(C,)`.
        logits: shape `(C, J', V)`, of several outputs `(C, J', V, O)`, float32; fold j fills its first
            `len(folds.valid[j])` places of V, the rest is NaN.
        first_epoch: what the class weights did in each fold, as the training steps measured it; None where none did.
    """

    checkpoint_epochs: tuple[int, ...]
    logits: NDArray[np.float32]
    first_epoch: FirstEpoch | None = None


class Trainer(Protocol):
    """Trains batches of trials; both implementations answer the same logits within float32 rounding."""

    def stacks(self, batch: Sequence[TrialParams], *, n_folds: int) -> list[tuple[TrialParams, ...]]:
        """Return the batch as groups to be trained together on `n_folds` folds each, longest first."""
        ...

    def train(
        self, stack: Sequence[TrialParams], *, folds: Sequence[int], should_stop: Callable[[], bool]
    ) -> list[Predictions] | None:
        """Train some folds of every trial of one stack.

        Safe to call from several threads.

        Args:
            stack: from `stacks`.
            folds: which folds j of the plan, ascending.
            should_stop: asked again and again on the way.

        Returns:
            One `Predictions` per trial, same order; None when `should_stop` answered true on the way.
        """
        ...


def class_weights_of(params: TrialParams, table: EncodedTable) -> tuple[float, ...]:
    """Return the weights of class 0 and 1, of every class, or of every label.

    Raises:
        ValueError: the trial is of another task than the table.
    """
    weights: tuple[float, ...]
    if table.task == "binary":
        weights = (params.majority_weight, params.minority_weight)
        is_of_task = not params.class_weights
    else:
        weights = params.class_weights
        is_of_task = len(weights) == table.n_outputs and params.minority_weight == params.majority_weight == 1.0
    if not is_of_task or (params.focal_gamma and table.task != "binary"):
        raise ValueError(
            f"a {table.task} table of {table.n_outputs} outputs cannot train {params}: two classes have "
            "minority_weight and majority_weight, more classes or labels as many class_weights as there are outputs, "
            "and no focal_gamma"
        )
    return weights
