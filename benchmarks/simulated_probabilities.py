"""Undoing the weight on tables whose true probabilities are known.

The excess log loss of probabilities q is the mean over a large test set of the divergence of q from the true ones,

    p log(p / q) + (1 - p) log((1 - p) / (1 - q))                                                         (1)

which is 0 for q = p and has no noise of labels. Models are those of the folds of a table; the correction is chosen and
fitted on the table's out-of-fold logits, as every run does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, xlogy
from simulated_tables import Block, BlockPlan, Floats
from simulated_training import Figures, space_of, with_test_set

from tuner.analysis.probabilities import probability_correction
from tuner.config.schema import Config

Logits = list[list[tuple[NDArray[np.floating], NDArray[np.floating]]]]
"""For each weight and fold: those of the fold's own rows, and of the test set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbabilityStudy:
    """Weights on tables of one population, everything else fixed.

    Attributes:
        plan: tables and folds.
        weights: of class 1; 1 among them.
        settings: what of the config differs from the defaults, as JSON: every parameter has one value.
    """

    plan: BlockPlan
    weights: tuple[float, ...]
    settings: str = "{}"


def mlp_probabilities(study: ProbabilityStudy, number: int) -> list[Figures]:
    """Return one record for each table of a block: for each weight, the excess log loss in each way to correct it."""
    config = Config.model_validate_json(study.settings)
    plan, block = study.plan, study.plan.draw(number)
    space = space_of(config, imbalance_ratio=plan.population.imbalance_ratio)
    trials = [space.resolve(i, {"minority_weight": weight}) for i, weight in enumerate(study.weights)]
    trainer = with_test_set(block.dataset, block.folds, block.test, seed=number, longest=trials[0].epochs)
    return [
        _record(study, block, table, trainer.logits(trials, block.of_table(table))) for table in range(plan.n_tables)
    ]


def logistic_probabilities(study: ProbabilityStudy, number: int) -> list[Figures]:
    """Return the same of unpenalized logistic regression, converged."""
    block = study.plan.draw(number)
    X = block.dataset.X.astype(np.float64)
    records = []
    for table in range(study.plan.n_tables):
        logits = []
        for weight in study.weights:
            of_folds = []
            for fold in block.of_table(table):
                train, valid = block.folds.train[fold], block.folds.valid[fold]
                slopes = _logistic(X[train], block.y(train), weight)
                of_folds.append((slopes[0] + X[valid] @ slopes[1:], slopes[0] + X[block.test] @ slopes[1:]))
            logits.append(of_folds)
        records.append(_record(study, block, table, logits))
    return records


def _logistic(X: Floats, y: NDArray[np.int32], weight: float) -> Floats:
    """Return intercept and slopes by Newton's method, rows of class 1 weighted."""
    columns = np.column_stack([np.ones(len(X)), X])
    row_weight = np.where(y == 1, weight, 1.0)
    slopes = np.zeros(columns.shape[1])
    for _ in range(100):
        probability = expit(columns @ slopes)
        gradient = columns.T @ (row_weight * (probability - y))
        curvature = columns.T @ ((row_weight * probability * (1.0 - probability))[:, None] * columns)
        step = np.linalg.solve(curvature, gradient)
        slopes = slopes - step
        if np.abs(step).max() < 1e-9:
            return slopes
    raise RuntimeError("logistic regression did not converge")


def _record(study: ProbabilityStudy, block: Block, table: int, logits: Logits) -> Figures:
    plan, rows, folds = study.plan, block.tables[table], block.of_table(table)
    truth = plan.population.probability(block.dataset.X[block.test].astype(np.float64))
    by_weight = []
    for weight, of_folds in zip(study.weights, logits, strict=True):
        own = np.empty(block.splits[table].shape, np.float64)
        for fold, (values, _) in zip(folds, of_folds, strict=True):
            own[(fold - folds[0]) // plan.n_splits, block.folds.valid[fold] - rows[0]] = values
        found = probability_correction(
            block.y(rows), own, split_of=block.splits[table], weight_ratio=weight, seed=table
        )
        test = np.stack([values for _, values in of_folds]).astype(np.float64)
        shifts = {
            "raw": 0.0,
            "analytic": found["analytic_shift"],
            "fitted": found["fitted_shift"],
            "recommended": found["logit_shift"],
        }
        excess = {name: excess_log_loss(truth, test + shift) for name, shift in shifts.items()}
        by_weight.append({"weight": weight, "method": found["method"], "shifts": shifts, "excess": excess})
    return {"by_weight": by_weight}


def excess_log_loss(truth: Floats, logits: Floats) -> float:
    """Return the mean of equation (1) over all rows and models.

    Args:
        truth: true probabilities, inside (0, 1), shape `(N,)`.
        logits: of the probabilities judged, shape `(..., N)`.
    """
    entropy = -(xlogy(truth, truth) + xlogy(1.0 - truth, 1.0 - truth))
    return float((np.logaddexp(0.0, logits) - truth * logits - entropy).mean())


def base_rate_entropy(prevalence: float) -> float:
    """Return the log loss of the prevalence itself, in nats."""
    return -(prevalence * np.log(prevalence) + (1.0 - prevalence) * np.log1p(-prevalence))
