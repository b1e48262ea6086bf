"""Verdicts on simulated tables, beside the truth: what the same models score on a large test set.

The arms of a verdict run as they do in `tuner/verdict`, searches in inner folds included. Whatever an arm trains on an
outer fold's training rows is scored on that fold's test rows, as ever, and on a test set. Over all tables the mean of
the latter is the true score of the whole procedure at the training size of an outer fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import logit
from simulated_tables import Block, BlockPlan
from simulated_training import (
    Evaluator,
    Figures,
    Logits,
    WithTestSet,
    evaluator,
    forget_batches,
    space_of,
    with_test_set,
)

from tuner.analysis.verdict import ArmScores, Settings, conclude
from tuner.analysis.wording import Rate
from tuner.config.evidence import Arm as ArmName
from tuner.config.schema import Config, ScoringSection
from tuner.data.nested import NestedFolds, nest_folds
from tuner.scoring import RANKING_METRICS, score, score_at
from tuner.study.distributions import limits, words
from tuner.study.space import ResolvedSpace, weight_range
from tuner.trial import FoldPlan, TrialParams, TrialScore
from tuner.verdict.arms import make_arms, make_design, resolve_rates
from tuner.verdict.outer_fold import FoldResult, OuterFold
from tuner.verdict.rules import Rules

ARMS: list[ArmName] = ["none", "tuned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictStudy:
    """Verdicts on tables of one population.

    Attributes:
        name: of the scenario.
        plan: tables and outer folds.
        settings: what of the config differs from the defaults, as JSON.
        arms: those that run, by name; the ones with a tuned threshold come by themselves.
    """

    name: str
    plan: BlockPlan
    settings: str = "{}"
    arms: tuple[str, ...] = ("none", "tuned")


@dataclass(slots=True)
class _Watched:
    """`trial.Evaluate` that keeps the logits of the test set for every model of an outer fold.

    `kept` holds them in the order in which an outer fold trains its winners: by call, then by place in the batch.
    """

    inner: Evaluator
    outer: WithTestSet
    nested: NestedFolds
    scoring: ScoringSection
    kept: list[list[Logits | None]] = field(default_factory=list)

    def __call__(self, batch: Sequence[TrialParams], folds: Sequence[int] | None = None) -> list[TrialScore]:
        if folds is None or len(folds) > 1:
            return self.inner(batch, folds)
        rows, answers, kept = self.outer.valid[folds[0]], [], []
        for trial, [(own, test)] in zip(batch, self.outer.logits(batch, folds), strict=True):
            if not np.isfinite(own).all():
                answers.append(TrialScore.failed(trial.number, "training diverged"))
                kept.append(None)
                continue
            logits = np.full((1, len(self.nested.folds.scored_rows)), np.nan, np.float32)
            logits[0, rows] = own
            answers.append(
                TrialScore(
                    number=trial.number,
                    checkpoint_epochs=np.array([trial.epochs]),
                    fold_scores=score(self.scoring, self.nested.table.y[rows], own[None])[:, None],
                    logits=logits,
                    seconds=0.0,
                )
            )
            kept.append(test)
        self.kept.append(kept)
        return answers

    def of_results(self, results: Sequence[FoldResult]) -> list[Logits]:
        """Return the logits of the test set for each result of the outer fold that just ran, and forget them."""
        if lost := [result.failure for result in results if result.failure is not None]:
            raise RuntimeError(f"an arm has no score, so there is no truth to compare with: {lost[0]}")
        waiting, found = [result.arm for result in results], {}
        for call in self.kept:
            found |= {arm: logits for arm, logits in zip(waiting, call, strict=True) if logits is not None}
            waiting = [arm for arm in waiting if arm not in found]
        self.kept = []
        return [found[result.arm] for result in results]


def verdicts(study: VerdictStudy, number: int) -> list[Figures]:
    """Return one record for each table of a block: what its verdict says, and the true score of every arm."""
    config = Config.model_validate_json(study.settings)
    block, plan = study.plan.draw(number), study.plan
    ratio = plan.population.imbalance_ratio
    space = space_of(config, imbalance_ratio=ratio)
    folds = block.folds
    nested = nest_folds(
        block.dataset,
        list(zip(folds.train, folds.valid, strict=True)),
        inner_splits=config.verdict.inner_splits,
        seed=number,
    )
    rules = _rules(config, space, ratio)
    common = {"seed": number, "longest": space.longest_training}
    watched = _Watched(
        inner=evaluator(block.dataset, nested.folds, scoring=rules.scoring, **common),
        outer=with_test_set(block.dataset, nested.folds, block.test, **common),
        nested=nested,
        scoring=rules.scoring,
    )
    return [
        _table(study, config, space=space, rules=rules, block=block, watched=watched, place=(number, table))
        for table in range(plan.n_tables)
    ]


def _rules(config: Config, space: ResolvedSpace, ratio: float) -> Rules:
    scoring = config.scoring
    metric = "f1" if scoring.metric in RANKING_METRICS else scoring.metric
    return Rules(
        scoring=scoring,
        decisions=ScoringSection(metric=metric, beta=scoring.beta, threshold="best"),
        band_weights=0,
        weight_limits=limits(weight_range(space, ratio)),
    )


def _table(
    study: VerdictStudy,
    config: Config,
    *,
    space: ResolvedSpace,
    rules: Rules,
    block: Block,
    watched: _Watched,
    place: tuple[int, int],
) -> Figures:
    plan, (number, table) = study.plan, place
    rates = resolve_rates(config.verdict, space)
    arms = [arm for arm in make_arms(ARMS, rates) if arm.name in study.arms]
    of_folds: list[list[FoldResult]] = []
    true: dict[str, list[float]] = {}
    for fold in block.of_table(table):
        design = make_design(
            space,
            rates,
            n_trials=config.verdict.n_trials,
            imbalance_ratio=plan.population.imbalance_ratio,
            seed=int(np.random.SeedSequence((plan.seed, number, fold)).generate_state(1)[0]),
        )
        outer = OuterFold(number=fold, nested=watched.nested, arms=arms, design=design, rules=rules)
        results = outer.run(watched)
        of_folds.append(results)
        for result, logits in zip(results, watched.of_results(results), strict=True):
            true.setdefault(result.arm, []).append(_true(rules, result, block, logits))
    forget_batches(watched.inner.objective.trainer)
    forget_batches(watched.outer.trainer)
    verdict = conclude(
        [_arm(name, of_folds) for name in true],
        [],
        Settings(
            metric=rules.scoring.metric,
            decision_metric="f1" if rules.decisions is None else rules.decisions.metric,
            margin=config.verdict.margin,
            plan=FoldPlan(
                kind="stratified_kfold",
                n_splits=plan.n_splits,
                n_repeats=plan.n_repeats,
                test_over_train=1.0 / (plan.n_splits - 1),
                n_scored_rows=len(block.tables[table]),
                sha256="",
            ),
            n_trials=config.verdict.n_trials,
            rate=Rate(searched=words(rates.searched), fixed=rates.fixed),
        ),
    )
    split = verdict["why_decisions_changed"]
    secondary = {arm["name"]: arm["against_none"] for arm in verdict["arms"]}
    return {
        "conclusion": verdict["conclusion"],
        "primary": verdict["primary"],
        "secondary": secondary,
        "means": {arm["name"]: arm["mean"] for arm in verdict["arms"]},
        "true": {name: float(np.mean(values)) for name, values in true.items()},
        "weights": {arm["name"]: arm["weights"] for arm in verdict["arms"]},
        "rates": {arm["name"]: arm["learning_rates"] for arm in verdict["arms"]},
        "at_half": None if split is None else split["total"],
        "fold_scores": verdict["fold_scores"],
    }


def _true(rules: Rules, result: FoldResult, block: Block, logits: Logits) -> float:
    """Return the score of one trained arm on the test set, at its own tuned threshold where it has one."""
    y = block.y(block.test)
    if result.arm.endswith("_threshold") and rules.decisions is not None:
        return float(score_at(rules.decisions, y, logits[None], np.array([logit(result.measures["threshold"])]))[0])
    return float(score(rules.scoring, y, logits[None])[0])


def _arm(name: str, of_folds: Sequence[Sequence[FoldResult]]) -> ArmScores:
    rows = [next(result for result in results if result.arm == name) for results in of_folds]
    measures: dict[str, Any] = {key: np.array([row.measures[key] for row in rows]) for key in rows[0].measures}
    return ArmScores(
        name=name,
        scores=np.array([row.score for row in rows]),
        n_training_runs=sum(row.n_models for row in rows),
        weights=np.array([row.weight for row in rows]),
        learning_rates=np.array([row.learning_rate for row in rows]),
        measures=measures,
    )
