"""One outer fold of a verdict: every arm searches on inner folds, trains again on all training rows, and is scored.

The test rows take no part until the last step. Thresholds are chosen on the inner out-of-fold logits of the winner.

Axes    N rows of the table; an outer fold's training rows are those that its inner folds score, but for the first block
        in order of time
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tuner.analysis.band import exponent_grid, weight_band, weight_grid
from tuner.config.schema import ScoringSection
from tuner.data.nested import NestedFolds
from tuner.errors import EngineError
from tuner.evidence import BandKind
from tuner.scoring import cuts, score
from tuner.study.weighting import Weighting
from tuner.trial import Evaluate, FoldPlan, TrialParams, TrialScore
from tuner.verdict.arms import Arm, Design, weights_of_more
from tuner.verdict.rules import Rules, measure

TUNED_THRESHOLD = ("none", "tuned")
"""Arms that have a twin with a tuned threshold. Without them there is no verdict; any other arm may fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldResult:
    """One arm on one outer fold.

    Attributes:
        arm: its name.
        score: on the test rows, in the scored metric.
        inner_score: of the winner of its search, on inner folds: optimistic.
        weight, learning_rate: what its search chose, the weight as a ratio, the exponent of more classes or labels; 0
            for a reference.
        measures: other measures on the test rows, by name.
        n_models: models trained for it.
        failure: why there is no score; None where there is one.
    """

    arm: str
    score: float
    inner_score: float
    weight: float
    learning_rate: float
    measures: dict[str, float]
    n_models: int
    failure: str | None = None

    @classmethod
    def failed(cls, arm: str, reason: str, *, n_models: int) -> FoldResult:
        """Return the result of an arm that has none on this fold."""
        return cls(
            arm=arm,
            score=0.0,
            inner_score=0.0,
            weight=0.0,
            learning_rate=0.0,
            measures={},
            n_models=n_models,
            failure=reason,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """What an arm takes to the test rows: candidates, best first, their inner scores and weights, whether it is cut."""

    name: str
    arm: Arm
    ranked: list[TrialScore]
    values: list[float]
    weights: list[float]
    is_cut: bool
    n_models: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OuterFold:
    """Everything that decides one outer fold: number, folds, arms, candidates, rules."""

    number: int
    nested: NestedFolds
    arms: Sequence[Arm]
    design: Design
    rules: Rules

    @property
    def train(self) -> NDArray[np.int32]:
        """Real training rows."""
        folds = self.nested.folds
        fitted = folds.train if folds.fitted is None else folds.fitted
        return fitted[self.nested.outer(self.nested.ways[0], self.number)]

    @property
    def test(self) -> NDArray[np.int32]:
        """Test rows."""
        return self.nested.folds.valid[self.nested.outer(self.nested.ways[0], self.number)]

    @property
    def searched(self) -> NDArray[np.int32]:
        """Training rows that the inner folds score, ascending: all, or all but the first block in order of time."""
        inner = self.nested.inner(self.nested.ways[0], self.number)
        return np.sort(np.concatenate([self.nested.folds.valid[j] for j in inner]))

    def run(self, evaluate: Evaluate) -> list[FoldResult]:
        """Search, train again and score every arm.

        Args:
            evaluate: trains on the folds of `nested`; answers scores in `rules.scoring`.

        Returns:
            One result for each arm; with a failure for one that diverged throughout.

        Raises:
            EngineError: all candidates of an arm failed without which there is no verdict.
        """
        weighting = self.design.weighting_of(self._y(self.train))
        candidates = self._candidates(weighting)
        params = {trial.number: trial for batch in candidates.values() for trial in batch}
        entries, failed = self._search(candidates, evaluate)
        if self.rules.band_weights:
            entries += self._smallest_of_band(entries, params, weighting, evaluate)
        answers = self._train_again(entries, params, evaluate)
        return [
            *(self._scored(entry, *answers[entry.name]) for entry in entries if entry.name in answers),
            *(self._lost(entry) for entry in entries if entry.name not in answers),
            *failed,
        ]

    def _lost(self, entry: _Entry) -> FoldResult:
        """Return the result of an arm that diverged whenever it was trained on all training rows."""
        reason = (
            f"every candidate of the arm {entry.name} diverged when it was trained on all training rows of outer fold "
            f"{self.number}"
        )
        return self._refused(entry.name, reason, n_models=entry.n_models)

    def _refused(self, name: str, reason: str, *, n_models: int) -> FoldResult:
        """Return the result of an arm that has none, where there can be a verdict without it."""
        if name.removesuffix("_threshold") in TUNED_THRESHOLD:
            raise EngineError(f"{reason}.\nLower verdict.learning_rate.")
        return FoldResult.failed(name, reason, n_models=n_models)

    def _candidates(self, weighting: Weighting | None) -> dict[str, list[TrialParams]]:
        y, n = self._y(self.train), len(self.design.others)
        ratio = float((y == 0).sum() / (y == 1).sum()) if weighting is None else 1.0
        return {
            arm.name: self.design.candidates(arm, imbalance_ratio=ratio, first_number=i * n, weighting=weighting)
            for i, arm in enumerate(self.arms)
        }

    def _weights(self, arm: Arm, candidates: Sequence[TrialParams]) -> list[float]:
        """Return what each candidate of an arm is weighted by: a ratio; of more classes, or labels, an exponent."""
        if self.design.weighting is None:
            return [trial.minority_weight / trial.majority_weight for trial in candidates]
        return [self.design.exponent(arm, point) for point in range(len(candidates))]

    def _search(
        self, candidates: Mapping[str, list[TrialParams]], evaluate: Evaluate
    ) -> tuple[list[_Entry], list[FoldResult]]:
        """Return every arm's candidates ranked by their inner scores, also at tuned thresholds; and what failed."""
        found: dict[str, list[TrialScore]] = {}
        for way in self.nested.ways:
            of_way = [arm.name for arm in self.arms if arm.way == way]
            batch = [trial for name in of_way for trial in candidates[name]]
            scores = {score.number: score for score in evaluate(batch, self.nested.inner(way, self.number))}
            found |= {name: [scores[trial.number] for trial in candidates[name]] for name in of_way}
        entries, failed = [], []
        for arm in self.arms:
            if all(score.failure is not None for score in found[arm.name]):
                failed.append(self._all_failed(arm, found[arm.name]))
                continue
            inner, weights = [_mean(score) for score in found[arm.name]], self._weights(arm, candidates[arm.name])
            entries.append(self._entry(arm.name, arm, found[arm.name], inner, weights))
            if arm.name in TUNED_THRESHOLD and self.rules.are_decisions_scored:
                at_best = self._at_best_threshold(found[arm.name])
                entries.append(self._entry(f"{arm.name}_threshold", arm, found[arm.name], at_best, weights))
        return entries, failed

    def _all_failed(self, arm: Arm, scores: Sequence[TrialScore]) -> FoldResult:
        reason = (
            f"all {len(scores)} candidates of the arm {arm.name} failed in outer fold {self.number}; the first: "
            f"{scores[0].failure}"
        )
        return self._refused(arm.name, reason, n_models=len(scores) * self.nested.inner_splits)

    def _entry(
        self, name: str, arm: Arm, scores: Sequence[TrialScore], values: Sequence[float], weights: Sequence[float]
    ) -> _Entry:
        order = sorted(range(len(scores)), key=lambda i: -values[i])  # stable: the first among equals
        order = [i for i in order if scores[i].failure is None]
        return _Entry(
            name=name,
            arm=arm,
            ranked=[scores[i] for i in order],
            values=[values[i] for i in order],
            weights=[weights[i] for i in order],
            is_cut=name != arm.name,
            n_models=len(scores) * self.nested.inner_splits + 1,
        )

    def _at_best_threshold(self, scores: Sequence[TrialScore]) -> list[float]:
        """Return the metric of decisions of each candidate at its best threshold on all inner folds together."""
        rows = self.searched
        return [
            float("-inf")
            if one.failure is not None
            else float(score(self._decisions, self._y(rows), one.logits[:, rows])[0])
            for one in scores
        ]

    @property
    def _decisions(self) -> ScoringSection:
        if self.rules.decisions is None:
            raise ValueError("no threshold is tuned here")
        return self.rules.decisions

    def _y(self, rows: NDArray[np.int32]) -> NDArray[np.int32]:
        return self.nested.table.y[rows]

    def _smallest_of_band(
        self,
        entries: Sequence[_Entry],
        params: dict[int, TrialParams],
        weighting: Weighting | None,
        evaluate: Evaluate,
    ) -> list[_Entry]:
        """Return the arm of the parsimony rule: the smallest weight of the band around the tuned winner's."""
        tuned = next(entry for entry in entries if entry.name == "tuned")
        winner = params[tuned.ranked[0].number]
        sweep, trials = self._sweep(tuned, winner, weighting)
        batch = [replace(trial, number=max(params) + 1 + i) for i, trial in enumerate(trials)]
        scores = evaluate(batch, self.nested.inner("none", self.number))
        params |= {trial.number: trial for trial in batch}
        k, plan = self.nested.inner_splits, self._inner_plan()
        table = np.stack([np.full(k, np.nan) if one.failure is not None else one.fold_scores[-1] for one in scores])
        kind: BandKind = "weight" if weighting is None else "exponent"
        band = weight_band(sweep, table, plan=plan, trial=winner.number, kind=kind)
        if band is None:
            return []
        place = sweep.index(band["recommended"])
        n_models = tuned.n_models + len(batch) * k
        one = self._entry("smallest_of_band", tuned.arm, [scores[place]], [_mean(scores[place])], [sweep[place]])
        return [replace(one, is_cut=self.rules.is_best_scored, n_models=n_models)]

    def _sweep(
        self, tuned: _Entry, winner: TrialParams, weighting: Weighting | None
    ) -> tuple[list[float], list[TrialParams]]:
        """Return the weights, or exponents, of the inner sweep, and its trials at the winner's other parameters."""
        (low, high), n = self.rules.weight_limits, self.rules.band_weights
        if weighting is None:
            majority = winner.majority_weight
            sweep = list(weight_grid(low, high, n=n, also=[winner.minority_weight / majority]))
            return sweep, [replace(winner, minority_weight=weight * majority) for weight in sweep]
        sweep = list(exponent_grid(low, high, n=n, also=[tuned.weights[0]]))
        deviations = self.design.deviations_of(tuned.arm, winner.number % len(self.design.others))
        return sweep, [replace(winner, **weights_of_more(weighting, exponent, deviations)) for exponent in sweep]

    def _inner_plan(self) -> FoldPlan:
        """Return what the band must know of the inner folds."""
        k, n_scored, folds = self.nested.inner_splits, len(self.searched), self.nested.folds
        is_whole = n_scored == len(self.train)
        inner = self.nested.inner("none", self.number)
        return FoldPlan(
            kind="stratified_kfold" if is_whole else "time",
            n_splits=k,
            n_repeats=1,
            test_over_train=1.0 / (k - 1)
            if is_whole
            else float(np.mean([len(folds.valid[j]) / len(folds.train[j]) for j in inner])),
            n_scored_rows=n_scored,
            sha256="",
            splitter="stratified" if is_whole else "time",
        )

    def _train_again(
        self, entries: Sequence[_Entry], params: Mapping[int, TrialParams], evaluate: Evaluate
    ) -> dict[str, tuple[int, TrialParams, TrialScore]]:
        """Train every arm's winner on all training rows; one that diverges gives way to the next best candidate.

        Returns:
            For each arm that has one, the place of its winner among its candidates, and what was trained.
        """
        answers: dict[str, tuple[int, TrialParams, TrialScore]] = {}
        place = 0
        while waiting := [one for one in entries if one.name not in answers and place < len(one.ranked)]:
            for way in self.nested.ways:
                of_way = [entry for entry in waiting if entry.arm.way == way]
                batch = [replace(params[entry.ranked[place].number], number=i) for i, entry in enumerate(of_way)]
                if not batch:
                    continue
                for entry, trial, answer in zip(
                    of_way, batch, evaluate(batch, [self.nested.outer(way, self.number)]), strict=True
                ):
                    if answer.failure is None:
                        answers[entry.name] = place, trial, answer
            place += 1
        return answers

    def _scored(self, entry: _Entry, place: int, params: TrialParams, answer: TrialScore) -> FoldResult:
        logits = answer.logits[:, self.test]
        cut = None
        if self.rules.decisions is not None:
            inner = entry.ranked[place].logits[:, self.searched]
            cut = cuts(self.rules.decisions, self._y(self.searched), inner)
        measures = measure(self.rules, self._y(self.test), logits, cut)
        plain = float(answer.fold_scores[-1, 0])
        return FoldResult(
            arm=entry.name,
            score=measures[f"{self.rules.scoring.metric}_at_threshold"] if entry.is_cut else plain,
            inner_score=entry.values[place],
            weight=entry.weights[place],
            learning_rate=params.learning_rate,
            measures=measures,
            n_models=entry.n_models,
        )


def _mean(score: TrialScore) -> float:
    """Return the mean inner score, minus infinity of a candidate that failed."""
    return float("-inf") if score.mean is None else score.mean
