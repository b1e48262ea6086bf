"""Columns to the numbers that a model trains on; everything learned is learned from the training rows of each fold.

    number, true or false   its value; where training rows have missing cells, also whether it is missing
    category                one feature for each category with enough training rows, the most frequent ones; rarer and
                            unseen categories share the place where all of these are 0
    text                    one feature for each of the terms that most training rows hold

A feature that only some folds know is switched off in the others: `encoded.py`. Values and terms are scaled; what is 0
or 1 is centered and doubled, whatever its share, so that a rare category does not become a huge number and an even
split varies as much as a scaled value does.

Axes    J folds, N rows, F columns, W features
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tuner.config.dataset import EncodingSection, Scaling
from tuner.data.dataset import Dataset
from tuner.data.encoded import Constants, EncodedTable
from tuner.data.features import Cells, Feature, Numbers, make_features
from tuner.data.folds import Folds, RowNumbers, frozen_rows
from tuner.data.preprocessing import training_moments
from tuner.data.scaling import fit_power, median_and_spread
from tuner.errors import DataError
from tuner.trial import FoldPlan

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

FEWEST_TEXTS = 2
"""Training rows that must hold a term: what one row holds alone says nothing about others."""

FLAG_SCALE = 0.5
"""Scale of what is 0 or 1: the standard deviation of an even split."""


def encode_whole(dataset: Dataset, section: EncodingSection) -> EncodedTable:
    """Return a table as a model sees it that is trained on all rows: one fold, of all of them."""
    rows = frozen_rows(np.arange(len(dataset.y)))
    zero = frozen_rows(np.zeros(1, np.int32))
    plan = FoldPlan(kind="holdout", n_splits=1, n_repeats=1, test_over_train=0.0, n_scored_rows=len(rows), sha256="")
    return encode(
        dataset, Folds(train=(rows,), valid=(rows,), repeat=zero, split=zero, scored_rows=rows, plan=plan), section
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """Features of one column, which folds know them, and the share of training rows in which what is 0 or 1 is 1.

    `known` and `share` have a row for each distinct set of training rows; the share of values and terms is NaN.
    """

    features: list[Feature]
    known: Flags
    share: Floats


def encode(dataset: Dataset, folds: Folds, section: EncodingSection) -> EncodedTable:
    """Return a table as trainers see it under `folds`.

    Args:
        dataset: the table.
        folds: whose training rows are learned from; of resampled folds, the real rows among them.
        section: how columns become numbers.

    Raises:
        DataError: a fold finds nothing in its training rows that it could learn from.
    """
    row_sets = folds.train if folds.fitted is None else folds.fitted
    distinct = {id(rows): rows for rows in row_sets}
    place_of = {key: place for place, key in enumerate(distinct)}
    of_fold = [place_of[id(rows)] for rows in row_sets]
    cells = Cells(dataset.X, dataset.columns, section.max_ngram)
    blocks = [_block(cells, place, list(distinct.values()), section) for place in range(len(dataset.columns))]
    features = [feature for block in blocks for feature in block.features]
    X = make_features(cells, features)
    known = np.concatenate([block.known for block in blocks], axis=1)[of_fold]
    _require_features(dataset, known)
    X.setflags(write=False)
    mean, scale = _moments(X, np.concatenate([block.share for block in blocks], axis=1)[of_fold], folds)
    is_value = np.array([feature.kind == "value" for feature in features])
    scaled = _scaled(X, is_value, known, mean=mean, scale=scale, row_sets=row_sets, scaling=section.scaling)
    return EncodedTable(
        X=X,
        y=dataset.y,
        task=dataset.task,
        n_outputs=1 if dataset.task == "binary" else len(dataset.classes),
        names=tuple(feature.name for feature in features),
        scaled=scaled,
        unscaled=unscaled(scaled),
        sample_weight=dataset.sample_weight,
        features=tuple(features),
    )


def _require_features(dataset: Dataset, known: Flags) -> None:
    blind = np.flatnonzero(~known.any(axis=1))
    if blind.size:
        raise DataError(
            f"{dataset.source}: the training rows of fold {blind[0]} hold no number, and no category or word that is "
            "frequent enough to learn from.\nLower encoding.min_category_rows, or add rows or columns."
        )


def _block(cells: Cells, place: int, row_sets: Sequence[RowNumbers], section: EncodingSection) -> _Block:
    """Return the features of one column: all that any set of rows knows, and which sets know them."""
    column, own = cells.columns[place], cells.X[:, place]
    gaps, n_rows = np.isnan(own), np.array([[len(rows)] for rows in row_sets])
    missing = _of_each(row_sets, lambda rows: gaps[rows].sum(keepdims=True)) if gaps.any() else None
    if column.kind == "categorical":
        counts = _of_each(row_sets, lambda rows: _counts(own[rows], len(column.levels)))
        most, fewest = section.max_categories, section.min_category_rows
        known, kept = _kept(counts, most=most, fewest=fewest)
        features = [Feature(column=column.name, kind="level", text=column.levels[v]) for v in kept]
        block = _Block(features=features, known=known, share=counts[:, kept] / n_rows)
    elif column.kind == "text":
        words = cells.words[place]
        texts = _of_each(row_sets, lambda rows: _counts(own[rows], len(column.levels)))
        repeated = np.flatnonzero(_counts(own, len(column.levels)) @ words.presence >= FEWEST_TEXTS)
        counts = np.asarray(texts @ words.presence[:, repeated])
        known, kept = _kept(counts, most=section.text_features, fewest=FEWEST_TEXTS)
        features = [Feature(column=column.name, kind="term", text=words.terms[v]) for v in repeated[kept]]
        block = _Block(features=features, known=known, share=np.full(known.shape, np.nan))
    else:
        known = np.ones((len(row_sets), 1), np.bool_)
        if missing is not None:
            known = missing < n_rows
        share = np.full(known.shape, np.nan)
        block = _Block(features=[Feature(column=column.name, kind="value")], known=known, share=share)
    if missing is None or not missing.any():
        return block
    indicator = Feature(column=column.name, kind="missing")
    return _Block(
        features=[*block.features, indicator],
        known=np.hstack([block.known, missing > 0]),
        share=np.hstack([block.share, missing / n_rows]),
    )


def _of_each(row_sets: Sequence[RowNumbers], measure: Callable[[RowNumbers], NDArray[np.integer]]) -> NDArray[np.int64]:
    """Return what `measure` says of each set of rows, stacked."""
    return np.stack([measure(rows) for rows in row_sets]).astype(np.int64)


def _counts(codes: NDArray[np.float32], n_levels: int) -> NDArray[np.int64]:
    return np.bincount(codes[~np.isnan(codes)].astype(np.int64), minlength=n_levels)


def _kept(counts: NDArray[np.int64], *, most: int, fewest: int) -> tuple[Flags, NDArray[np.intp]]:
    """Return which levels or terms each fold keeps, of those that any keeps, and their places.

    Args:
        counts: training rows of each fold that have each, shape `(J, V)`.
        most, fewest: a fold keeps the `most` frequent ones of those that `fewest` rows or more have; of equally
            frequent ones the first.
    """
    known = np.zeros(counts.shape, np.bool_)
    order = np.argsort(-counts, axis=1, kind="stable")[:, :most]
    np.put_along_axis(known, order, values=True, axis=1)
    known &= counts >= fewest
    kept = np.flatnonzero(known.any(axis=0))
    return known[:, kept], kept


def _moments(X: Numbers, share: Floats, folds: Folds) -> tuple[Floats, Floats]:
    """Return mean and scale of every column in the training rows of each fold, both of shape `(J, W)`.

    What is 0 or 1 is counted already, so that only values and terms cost a pass over the rows.
    """
    is_flag = ~np.isnan(share[0])
    mean, scale = share, np.full(share.shape, FLAG_SCALE)
    if not is_flag.all():
        moments = training_moments(X[:, ~is_flag] if is_flag.any() else X, folds)
        mean[:, ~is_flag] = [fold.mean for fold in moments]
        scale[:, ~is_flag] = [fold.scale for fold in moments]
    return mean, scale


def _scaled(
    X: Numbers,
    is_value: Flags,
    known: Flags,
    *,
    mean: Floats,
    scale: Floats,
    row_sets: Sequence[RowNumbers],
    scaling: Scaling,
) -> Constants:
    if scaling == "robust":
        mean[:, is_value], scale[:, is_value] = median_and_spread(X, is_value, row_sets, mean, scale)
    constants = _constants(mean, mean, scale, known)
    if scaling != "power":
        return constants
    return replace(constants, power=fit_power(X, is_value, row_sets, constants))


def unscaled(scaled: Constants) -> Constants:
    """Return the constants of trials that do not scale columns: missing cells are filled all the same."""
    zeros = np.zeros(scaled.fill.shape)
    return _constants(scaled.fill, zeros, np.ones_like(zeros), scaled.active)


def _constants(fill: NDArray[np.floating], mean: Floats, scale: Floats, known: Flags) -> Constants:
    arrays = [
        np.where(known, fill, 0.0).astype(np.float32),
        np.where(known, mean, 0.0).astype(np.float32),
        np.where(known, scale, np.inf).astype(np.float32),
    ]
    for array in arrays:
        array.setflags(write=False)
    return Constants(fill=arrays[0], mean=arrays[1], scale=arrays[2])
