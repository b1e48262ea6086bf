"""Whole searches on tables without signal: how good the best trial looks, and what the corrections make of it.

The true area under the curve of any model on them is 0.5, so whatever a score says beyond that is bias.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import optuna
from numpy.typing import NDArray
from simulated_tables import Block, BlockPlan
from simulated_training import Evaluator, Figures, evaluator, forget_batches, space_of

from tuner.analysis.winners_curse import bias_corrected
from tuner.config.schema import Config
from tuner.study.sampling import Asker
from tuner.study.space import ResolvedSpace
from tuner.trial import TrialScore


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchStudy:
    """Searches on tables of one population, with a config's search space, metric, sampler and number of trials.

    Attributes:
        plan: tables and folds.
        settings: what of the config differs from the defaults, as JSON.
        n_bootstraps: samples of rows of the correction.
    """

    plan: BlockPlan
    settings: str = "{}"
    n_bootstraps: int = 1000


def searches(study: SearchStudy, number: int) -> list[Figures]:
    """Return one record for each table of a block: the score of its best trial, raw and corrected."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    config = Config.model_validate_json(study.settings)
    block = study.plan.draw(number)
    space = space_of(config, imbalance_ratio=study.plan.population.imbalance_ratio)
    evaluate = evaluator(
        block.dataset, block.folds, scoring=config.scoring, seed=number, longest=space.longest_training
    )
    records = []
    for table, rows in enumerate(block.tables):
        own = config.model_copy(update={"study": config.study.model_copy(update={"seed": 1000 * number + table})})
        own_space = space_of(own, imbalance_ratio=study.plan.population.imbalance_ratio)
        trials = search(own_space, evaluate, block, table, n_trials=config.study.n_trials)
        forget_batches(evaluate.objective.trainer)
        records.append(_record(study, config, block, table, trials, rows))
    return records


def search(
    space: ResolvedSpace, evaluate: Evaluator, block: Block, table: int, *, n_trials: int
) -> list[tuple[float, NDArray[np.float32]]]:
    """Return the score and the out-of-fold logits `(R, N)` of every complete trial of a search as `run` makes it.

    A batch is asked while the one before it counts as running, as in `tuner/study/loop.py`.
    """
    asker, folds, rows = Asker(space, []), block.of_table(table), block.tables[table]
    found: list[tuple[float, NDArray[np.float32]]] = []
    batches = [range(first, min(first + space.batch_size, n_trials)) for first in range(0, n_trials, space.batch_size)]
    asked = {0: asker.ask(batches[0])}
    for number, batch in enumerate(batches):
        if number + 1 < len(batches):
            asked[number + 1] = asker.ask(batches[number + 1])
        trials = [space.resolve(n, params) for n, params in zip(batch, asked.pop(number), strict=True)]
        scores: list[TrialScore] = evaluate(trials, folds)
        asker.tell({one.number: one.mean for one in scores})
        found += [(one.mean, one.logits[:, rows]) for one in scores if one.mean is not None]
    return found


def _record(
    study: SearchStudy,
    config: Config,
    block: Block,
    table: int,
    trials: list[tuple[float, NDArray[np.float32]]],
    rows: NDArray[np.int32],
) -> Figures:
    corrected = bias_corrected(
        block.y(rows),
        [logits for _, logits in trials],
        split_of=block.splits[table],
        scoring=config.scoring,
        n_bootstraps=study.n_bootstraps,
        seed=table,
    )
    if corrected is None:
        raise RuntimeError("no bias-corrected score on a table with rows enough of both classes")
    best = int(np.argmax([mean for mean, _ in trials]))
    return {
        "raw": trials[best][0],
        "first": trials[0][0],
        "best": best,
        "n_trials": len(trials),
        "corrected": corrected["mean"],
        "corrected_raw": corrected["raw"],
        "corrected_ci95": corrected["ci95"],
    }
