"""Which trials train together, and what they take.

Models of a stack share one compiled program, so they must agree in everything that shapes it: the `Program`. The
program of a trial, and with it the order of every floating-point operation, follows from the config and the trial's
own parameters alone - never from its neighbors, free memory or a clock. Slices that a batch leaves over are filled
with copies that train nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tuner.trial import TrialParams

NARROWEST = 16
"""Widths are padded to powers of two from here on: few compilations, and at these sizes a wider layer costs little."""

MODELS_WANTED = 9
"""Stacks are filled up to this many models; more gain little on a CPU and make trials wait for their neighbors."""


STREAM_BYTES = 1 << 30
"""Batch orders kept for the trials to come; beyond this they are drawn again, which takes a fifth of the epoch."""

CALL_BYTES = 4 << 20
"""Row numbers of the epochs trained in one call; a signal waits for its end."""

BLOCK_BYTES = 16 << 20
"""Activations of the validation rows that are predicted in one call: 64 MiB took up to twice as long."""


@dataclass(frozen=True, slots=True)
class Program:
    """What all models of a stack have in common; one compilation each."""

    width: int
    hidden_layers: int
    activation: str
    optimizer: str
    batch_size: int
    momentum: bool
    l2: bool
    dropout: bool
    standardize: bool
    focal: bool


def program_of(params: TrialParams, *, n_rows: int) -> Program:
    """Return the program that trains `params` on folds of at most `n_rows` training rows; a batch holds no more."""
    return Program(
        width=max(NARROWEST, 1 << (params.hidden_size - 1).bit_length()),
        hidden_layers=params.hidden_layers,
        activation=params.activation,
        optimizer=params.optimizer,
        batch_size=min(params.batch_size, n_rows),
        momentum=params.optimizer == "sgd" and params.momentum > 0,
        l2=params.l2 > 0,
        dropout=params.dropout > 0,
        standardize=params.standardize,
        focal=params.focal_gamma > 0,
    )


def trials_per_stack(n_folds: int) -> int:
    """Return T, how many trials of `n_folds` folds train in one stack."""
    return max(1, MODELS_WANTED // n_folds)


def make_stacks(batch: Sequence[TrialParams], *, n_folds: int, n_rows: int) -> list[tuple[TrialParams, ...]]:
    """Group a batch into stacks of at most `trials_per_stack` trials of one program, longest training first.

    Within a program trials are ordered by epochs, so that slices wait little for their neighbors.

    Args:
        batch: the trials.
        n_folds: models of each trial.
        n_rows: training rows of the largest fold.
    """
    size = trials_per_stack(n_folds)
    groups: dict[Program, list[TrialParams]] = {}
    for params in sorted(batch, key=lambda params: (-params.epochs, params.number)):
        groups.setdefault(program_of(params, n_rows=n_rows), []).append(params)
    stacks = [tuple(group[i : i + size]) for group in groups.values() for i in range(0, len(group), size)]
    return sorted(stacks, key=lambda stack: -stack[0].epochs * stack[0].hidden_size)


def epochs_per_call(rows_per_epoch: int) -> int:
    """Return how many epochs of so many row numbers train in one call: its 0.3 ms are a tenth of a short epoch."""
    return max(1, min(8, CALL_BYTES // (4 * rows_per_epoch)))


def checkpoint_epochs(epochs: int, *, longest: int, n_checkpoints: int) -> tuple[int, ...]:
    """Return the epochs after which a trial is scored: a grid common to all trials, then the trial's own last epoch.

    Args:
        epochs: the trial's number of epochs.
        longest: the greatest number of epochs any trial of the study may ask for.
        n_checkpoints: points of the grid, evenly spaced up to `longest`.
    """
    grid = {math.ceil(longest * i / n_checkpoints) for i in range(1, n_checkpoints + 1)}
    return (*sorted(epoch for epoch in grid if epoch < epochs), epochs)


def stack_bytes(
    program: Program,
    *,
    n_folds: int,
    n_features: int,
    n_outputs: int,
    n_labels: int,
    n_steps: int,
    n_checkpoints: int,
    v: int,
) -> int:
    """Return the bytes one stack of `n_folds` folds needs at its peak, beside the table and the orders that are kept.

    Throughout: weights, gradients and optimizer slots (6 copies), activations of one batch forward and backward and
    what dropout keeps of them, its outputs with targets, weights and slopes (5 copies), the logits of all checkpoints.
    In turns: the batch orders of one call on their way into a tensor (3 copies), or those orders and what the first
    epoch records of every label of a row (3 numbers), or the activations of one block of validation rows and the
    logits of all (2 copies).

    Args:
        program: of the stack.
        n_folds: folds of each trial.
        n_features: columns of the encoded table.
        n_outputs: logits of a model.
        n_labels: labels of a row, 1 where it is of one class.
        n_steps: steps of the longest fold in one epoch.
        n_checkpoints: how often the longest trial is scored.
        v: validation rows of the largest fold.
    """
    n_models = n_folds * trials_per_stack(n_folds)
    hidden = program.hidden_layers * program.width
    weights = n_features * program.width + (program.hidden_layers - 1) * program.width**2 + hidden
    weights += (program.width + 1) * n_outputs
    batch = program.batch_size * (2 * n_features + (4 + program.dropout) * hidden + 5 * n_outputs)
    rows = n_folds * n_steps * program.batch_size
    orders = rows * epochs_per_call(rows)
    record = 3 * n_labels * trials_per_stack(n_folds) * (rows + n_folds * program.batch_size)
    block = block_rows(n_models, program.width, n_features, v, n_outputs=n_outputs) * (n_features + hidden + n_outputs)
    in_turns = max(3 * orders, orders + record, n_models * (block + 2 * v * n_outputs))
    return 4 * (n_models * (6 * weights + batch + n_checkpoints * v * n_outputs) + in_turns)


def block_rows(n_models: int, width: int, n_features: int, v: int, *, n_outputs: int = 1) -> int:
    """Return how many validation rows of each fold are predicted in one call: at most `BLOCK_BYTES` of activations.

    Outputs beyond the first are among them: with the first, the size of a block of two classes, and with it the last
    bit of a logit, would not be what it was in studies that are stored.
    """
    return max(1, min(v, BLOCK_BYTES // (4 * n_models * (width + n_features + n_outputs - 1))))
