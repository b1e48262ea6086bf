"""How often the corrected interval of a paired difference holds the true one: two cheap learners, and the MLP.

The learners differ in nothing but the weight of class 1. Truth is the mean difference over many training sets as large
as a fold's: exact for linear scores on mixtures, on a large test set for the MLP.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from simulated_tables import BlockPlan, Floats, Population
from simulated_training import Figures, space_of, with_test_set

from tuner.config.cv import KFold
from tuner.config.schema import Config, ScoringSection
from tuner.data.folds import make_folds
from tuner.intervals import corrected_interval
from tuner.scoring import score

AREA = ScoringSection(metric="roc_auc")
LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairStudy:
    """Weight `weight` against weight 1 on tables of one population.

    Attributes:
        plan: tables and folds.
        weight: of class 1.
        settings: what of the config differs from the defaults, as JSON; for the MLP: every parameter has one value.
        penalty: of the ridge regression, times rows.
    """

    plan: BlockPlan
    weight: float
    settings: str = "{}"
    penalty: float = 1e-3


def ridge_pairs(study: PairStudy, number: int) -> list[Figures]:
    """Return one record for each table of a block: differences on its folds, and true ones on as many other tables."""
    plan, population = study.plan, study.plan.population
    rng = np.random.default_rng(np.random.SeedSequence((plan.seed, number, 1)))
    records = []
    for table in range(plan.n_tables):
        X, y = population.draw(rng)
        section = KFold(n_splits=plan.n_splits, n_repeats=plan.n_repeats, seed=1000 * number + table)
        folds = make_folds(y, section)
        differences = []
        for train, valid in zip(folds.train, folds.valid, strict=True):
            directions = _ridge_directions(X[train], y[train], study)
            plain, weighted = score(AREA, y[valid], directions @ X[valid].T)
            differences.append(float(weighted - plain))
        records.append({"differences": differences, "true": _true_ridge_difference(population, rng, study)})
    return records


def _true_ridge_difference(population: Population, rng: np.random.Generator, study: PairStudy) -> float:
    """Return the exact difference of one training set as large as that of a fold, apart from every table."""
    X, y = population.draw(rng)
    rows = make_folds(y, KFold(n_splits=study.plan.n_splits, n_repeats=1, seed=0)).train[0]
    plain, weighted = population.linear_auc(_ridge_directions(X[rows], y[rows], study))
    return float(weighted - plain)


def _ridge_directions(X: Floats, y: NDArray[np.int32], study: PairStudy) -> Floats:
    """Return the slopes of least squares on the labels, without and with the weight. Shape `(2, F)`."""
    columns = np.column_stack([np.ones(len(X)), X])
    ridge = study.penalty * len(X) * np.diag([0.0] + [1.0] * X.shape[1])
    slopes = []
    for weight in (1.0, study.weight):
        weighted = np.where(y == 1, weight, 1.0)[:, None] * columns
        slopes.append(np.linalg.solve(weighted.T @ columns + ridge, weighted.T @ y)[1:])
    return np.stack(slopes)


def mlp_pairs(study: PairStudy, number: int) -> list[Figures]:
    """Return one record for each table of a block: differences on its folds, and the mean one on the test set."""
    config = Config.model_validate_json(study.settings)
    plan, block = study.plan, study.plan.draw(number)
    space = space_of(config, imbalance_ratio=plan.population.imbalance_ratio)
    trials = [space.resolve(i, {"minority_weight": weight}) for i, weight in enumerate((1.0, study.weight))]
    trainer = with_test_set(block.dataset, block.folds, block.test, seed=number, longest=trials[0].epochs)
    records = []
    for table in range(plan.n_tables):
        folds = block.of_table(table)
        own, true = [], []
        for of_trial in trainer.logits(trials, folds):
            labels = [block.y(block.folds.valid[fold]) for fold in folds]
            own.append([float(score(AREA, y, z[None])[0]) for y, (z, _) in zip(labels, of_trial, strict=True)])
            true.append(score(AREA, block.y(block.test), np.stack([z for _, z in of_trial])))
        records.append(
            {
                "differences": (np.array(own[1]) - np.array(own[0])).tolist(),
                "true": float((true[1] - true[0]).mean()),
                "scores": [float(np.mean(one)) for one in own],
            }
        )
    return records


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How the intervals of many tables did.

    Attributes:
        truth, error: the true difference and its standard error.
        shares: of the tables whose corrected interval holds the truth, at `LEVELS`.
        naive: the same without the correction.
        width: mean length of the corrected 95 % interval.
        needed: the length that an interval of the normal law would need for 95 %: 3.92 times the spread of the means.
    """

    truth: float
    error: float
    shares: tuple[float, ...]
    naive: tuple[float, ...]
    width: float
    needed: float
    n_tables: int


def coverage(records: Sequence[Figures], *, test_over_train: float) -> Coverage:
    """Return how the intervals of all tables did.

    Args:
        records: from `ridge_pairs` or `mlp_pairs`.
        test_over_train: of the correction.
    """
    true = np.array([record["true"] for record in records])
    truth = float(true.mean())
    differences = [record["differences"] for record in records]
    means = [float(np.mean(one)) for one in differences]

    def holds(one: Sequence[float], ratio: float, level: float) -> bool:
        interval = corrected_interval(one, test_over_train=ratio, level=level)
        return interval.low <= truth <= interval.high

    def shares(ratio: float) -> tuple[float, ...]:
        return tuple(float(np.mean([holds(one, ratio, level) for one in differences])) for level in LEVELS)

    widths = [2 * corrected_interval(one, test_over_train=test_over_train).half_width for one in differences]
    return Coverage(
        truth=truth,
        error=float(true.std(ddof=1) / len(true) ** 0.5),
        shares=shares(test_over_train),
        naive=shares(0.0),
        width=float(np.mean(widths)),
        needed=float(3.92 * np.std(means, ddof=1)),
        n_tables=len(records),
    )
