"""The table as trainers see it: shared columns of numbers, and what the training rows of each fold taught about them.

    x' = (x - mean[j]) / scale[j],  x = fill[j] where a cell is missing                                      (1)
    x" = (yeo_johnson(x', power[j]) - power_mean[j]) / power_scale[j],  where columns are scaled by power    (2)

Trainers apply (1) and (2) inside the model, so rows are stored once and not once per fold. A column that a fold must
not know (a category too rare among its training rows, say) has an infinite scale there: it is 0 in every row, and its
weights are no part of the fold's model.

Axes    N rows, W encoded columns, J folds, L labels
Source  Yeo & Johnson 2000, A new family of power transformations to improve normality or symmetry
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuner.data.features import Feature
from tuner.trial import Task

Numbers = NDArray[np.float32]

FLAT = 1e-6
"""An exponent of (2) this close to 0 counts as 0, where the power is a logarithm."""

LARGEST = 60.0
"""Exponent of e that (2) stops at: a row far beyond all training rows stays a finite float32 through a model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """Constants of equation (2), each of shape `(J, W)`, float32; exponent 1, mean 0, scale 1 leave a column alone."""

    exponent: Numbers
    mean: Numbers
    scale: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Constants:
    """Constants of equation (1), each of shape `(J, W)`, float32; `scale` above 0, infinite where a fold is blind."""

    fill: Numbers
    mean: Numbers
    scale: Numbers
    power: Power | None = None

    @property
    def active(self) -> NDArray[np.bool_]:
        """Which columns each fold sees. Shape `(J, W)`."""
        return np.isfinite(self.scale)

    def transform(self, X: Numbers, fold: int) -> Numbers:
        """Return rows `X`, shape `(n, W)`, as fold `fold` sees them: (1), then (2). Only the columns it sees."""
        seen = np.isfinite(self.scale[fold])
        rows = X if seen.all() else X[:, seen]
        rows = np.where(np.isnan(rows), self.fill[fold, seen], rows)
        rows = (rows - self.mean[fold, seen]) / self.scale[fold, seen]
        if self.power is None:
            return np.asarray(rows)
        bent = yeo_johnson(rows, self.power.exponent[fold, seen])
        scaled: Numbers = (bent - self.power.mean[fold, seen]) / self.power.scale[fold, seen]
        return scaled


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedTable:
    """Rows and labels for trainers.

    Attributes:
        X: shape `(N, W)`, float32, NaN where a number is missing; nothing in it was learned from other rows.
        y: int32; two classes `(N,)`, 1 positive; more classes `(N,)`, from 0; several labels `(N, L)`, 0 and 1.
        task: which of these.
        n_outputs: logits of a model: 1 for two classes, else one for each class or label.
        names: of the W columns, for people.
        scaled, unscaled: constants of the folds, with columns scaled and not.
        sample_weight: factor on the loss of each row, shape `(N,)`, float32; None where all count alike.
        features: what each of the W columns is made of; empty where nobody asked.
    """

    X: Numbers
    y: NDArray[np.int32]
    task: Task
    n_outputs: int
    names: tuple[str, ...]
    scaled: Constants
    unscaled: Constants
    sample_weight: Numbers | None = None
    features: tuple[Feature, ...] = ()

    def constants(self, *, standardize: bool) -> Constants:
        """Return the constants of trials that scale columns, or of those that do not."""
        return self.scaled if standardize else self.unscaled


def yeo_johnson(x: Numbers, exponent: Numbers | np.float32) -> Numbers:
    """Return the power transformation of `x`, float32; the exponent broadcasts against it."""
    size = np.log1p(np.abs(x))
    own = np.where(x < 0, 2 - exponent, exponent)
    flat = np.abs(own) < FLAT
    bent = np.where(flat, size, np.expm1(np.minimum(own * size, LARGEST)) / np.where(flat, 1, own))
    signed: Numbers = np.where(x < 0, -bent, bent).astype(np.float32, copy=False)
    return signed
