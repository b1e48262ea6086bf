"""What every run works out when its search is done: one record of `evidence.py` after the other, stored with the study.

The response curve over the weight and the noise of the two best trials train further models, on the study's own folds;
the partly corrected score, the way to undo the weight and the threshold take kept predictions. A record that is stored
stands as long as all that decides it is the same (its basis), so that running a finished study again trains nothing.

Axes    N scored rows, R repeats, T trials, S seeds, J folds
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import cast, overload

import numpy as np
from numpy.typing import NDArray

from tuner.analysis.band import exponent_grid, weight_band, weight_grid
from tuner.analysis.noise import noise_budget
from tuner.analysis.per_class import class_scores
from tuner.analysis.probabilities import probability_correction
from tuner.analysis.thresholds import choose_threshold
from tuner.analysis.winners_curse import bias_corrected
from tuner.config.evidence import EvidenceSection, ThresholdSection
from tuner.config.schema import ScoringSection
from tuner.data.folds import Folds, folds_of_seed
from tuner.events import EvidenceStep, Listener, Notice
from tuner.evidence import BandKind, ProbabilityCorrection
from tuner.study import records
from tuner.study.distributions import limits
from tuner.study.lifecycle import OpenStudy
from tuner.study.space import ResolvedSpace, exponent_range, weight_range
from tuner.study.summary import StudySummary, TrialRecord, load_summary
from tuner.study.weighting import stored_trial
from tuner.trial import Evaluate, TrialParams

METHOD = 1
"""Part of every basis: rises when the same study would give another record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppraisalPlan:
    """Everything that decides the evidence beside the trials.

    Attributes:
        section: what is worked out, and how thoroughly.
        rule: of the threshold to recommend.
        scoring: what was maximized.
        space: that was searched.
        y: labels of the table.
        folds: those of the study, and behind them the same ones under other seeds: `folds.with_seeds`.
        seed: of the study.
        threads: cores to use for statistics.
    """

    section: EvidenceSection
    rule: ThresholdSection
    scoring: ScoringSection
    space: ResolvedSpace
    y: NDArray[np.int32]
    folds: Folds
    seed: int
    threads: int


def appraise(
    study: OpenStudy, plan: AppraisalPlan, evaluate: Evaluate, *, listen: Listener, should_stop: Callable[[], bool]
) -> None:
    """Work out and store what is missing of the evidence, and remove what no longer holds.

    Args:
        study: open; at least one of its trials should be complete, else there is nothing to work out.
        plan: what decides it.
        evaluate: trains on `plan.folds`.
        listen: hears one `EvidenceStep` before each part that takes its time.
        should_stop: asked now and then; where it answers true, a part may be missing.

    Raises:
        Stopped, EngineError: from `evaluate`; records stored until then are kept.
        StudyError: the database cannot be read or written.
    """
    work = _Work(study, plan, evaluate, listen, should_stop)
    parts: dict[str, Callable[[], object]] = {
        "weight_band": work.band,
        "noise_budget": work.noise,
        "bias_corrected": work.bias,
        "probability_correction": work.correction,
        "threshold": work.threshold,
        "per_class": work.classes,
    }
    kept = {kind for kind, part in parts.items() if part() is not None}
    study.remove_evidence([kind for kind in parts if kind not in kept])


class _Work:
    """The parts of one appraisal; each returns its record, stored, or None where the study cannot give it."""

    def __init__(
        self,
        study: OpenStudy,
        plan: AppraisalPlan,
        evaluate: Evaluate,
        listen: Listener,
        should_stop: Callable[[], bool],
    ) -> None:
        self.study, self.plan, self.evaluate = study, plan, evaluate
        self.listen, self.should_stop = listen, should_stop
        self.summary: StudySummary = load_summary(study.path, study.plan.section.name)
        self.best: TrialRecord | None = self.summary.best

    def band(self) -> object:
        best, n_points, plan = self.best, self.plan.section.band_weights, self.summary.folds
        sweep = None if best is None or not n_points or plan.n_folds < 2 else self._sweep(best, n_points)
        if best is None or sweep is None:
            return None
        number, kind, grid = best.number, sweep.kind, sweep.grid

        def make() -> object:
            self._say(f"weight band: {len(grid)} {kind}s at the other parameters of trial {number}")
            scores = self.evaluate(sweep.batch, range(plan.n_folds))
            table = np.full((len(grid), plan.n_folds), np.nan)
            for i, score in enumerate(scores):
                if score.failure is None:
                    table[i] = score.fold_scores[-1]
            band = weight_band(grid, table, plan=plan, trial=number, kind=kind)
            if band is not None and kind == "exponent":
                band["recommended_weights"] = list(sweep.batch[grid.index(band["recommended"])].class_weights)
            return band

        return self._stored("weight_band", {"trial": number, "params": best.resolved, "grid": grid}, make)

    def _sweep(self, best: TrialRecord, n: int) -> _Sweep | None:
        """Return what the band trains; None where all of the range weights alike."""
        space, params = self.plan.space, _params(best)
        if space.weighting is None:
            low, high = limits(weight_range(space, self.summary.data.imbalance_ratio))
            if low == high:
                return None
            majority = params.majority_weight
            grid = weight_grid(low, high, n=n, also=[params.minority_weight / majority])
            batch = [replace(params, number=i, minority_weight=weight * majority) for i, weight in enumerate(grid)]
            return _Sweep("weight", grid, batch)
        low, high = limits(exponent_range(space))
        if low == high:
            return None
        grid = exponent_grid(low, high, n=n, also=[cast(float, best.resolved["weight_exponent"])])
        weights = [space.weighting.weights({**best.resolved, "weight_exponent": exponent}) for exponent in grid]
        if len(set(weights)) == 1:
            return None
        batch = [replace(params, number=i, class_weights=own) for i, own in enumerate(weights)]
        return _Sweep("exponent", grid, batch)

    def noise(self) -> object:
        n_seeds, plan = self.plan.section.noise_seeds, self.summary.folds
        first, ranked = (
            self.best,
            sorted(self.summary.scored, key=lambda trial: (-cast(float, trial.value), trial.number)),
        )
        second = next((trial for trial in ranked if first is not None and trial.resolved != first.resolved), None)
        if first is None or second is None or not n_seeds or plan.kind == "holdout":
            return None
        numbers = (first.number, second.number)

        def make() -> object:
            self._say(f"noise budget: trials {numbers[0]} and {numbers[1]} under {n_seeds - 1} more seeds")
            rows = [first.fold_scores[-1] - second.fold_scores[-1]]
            for seed in range(1, n_seeds):
                pair = self.evaluate([_params(first), _params(second)], folds_of_seed(plan, seed))
                failed = next((score for score in pair if score.failure is not None), None)
                if failed is not None:
                    self.listen(Notice(text=f"no noise budget: trial {failed.number} {failed.failure}, seed {seed}"))
                    return None
                rows.append(pair[0].fold_scores[-1] - pair[1].fold_scores[-1])
            return noise_budget(np.stack(rows), plan=plan, trials=numbers)

        return self._stored("noise_budget", {"trials": numbers, "n_seeds": n_seeds}, make)

    def bias(self) -> object:
        n_bootstraps, numbers = self.plan.section.bootstraps, [trial.number for trial in self.summary.scored]
        missing = [number for number in numbers if number not in self._kept]
        if not n_bootstraps or not numbers or missing:
            if missing and self._kept:
                text = f"{len(missing)} of {len(numbers)} trials have no kept predictions"
                self.listen(Notice(text=f"no partly corrected score: {text}"))
            return None
        if self.summary.folds.splitter == "grouped":
            text = "its samples of rows would tear groups apart; a verdict keeps them together"
            self.listen(Notice(text=f"no partly corrected score: {text}"))
            return None

        def make() -> object:
            self._say(f"partly corrected score: {n_bootstraps:,} samples of rows, {len(numbers)} trials")
            return bias_corrected(
                self._y,
                _KeptLogits(self.study.path, self.summary.name, numbers),
                split_of=self._split_of,
                scoring=self.plan.scoring,
                n_bootstraps=n_bootstraps,
                seed=self.plan.seed,
                n_classes=len(self.summary.data.classes),
                threads=self.plan.threads,
                should_stop=self.should_stop,
            )

        return self._stored("bias_corrected", {"trials": numbers, "n_bootstraps": n_bootstraps}, make)

    def correction(self) -> ProbabilityCorrection | None:
        best = self.best
        if best is None or best.number not in self._kept or not self._is_binary:
            return None
        params = _params(best)

        def make() -> object:
            return probability_correction(
                self._y,
                self._best_logits,
                split_of=self._split_of,
                weight_ratio=params.minority_weight / params.majority_weight,
                seed=self.plan.seed,
            )

        record = self._stored("probability_correction", {"trial": best.number}, make)
        return cast(ProbabilityCorrection | None, record)

    def threshold(self) -> object:
        best, rule = self.best, self.plan.rule
        if best is None or best.number not in self._kept or not self._is_binary:
            return None

        def make() -> object:
            correction = self.correction()
            return choose_threshold(
                self._y,
                self._best_logits,
                split_of=self._split_of,
                rule=rule,
                scoring=self.plan.scoring,
                shift=None if correction is None else correction["logit_shift"],
                fewest_positive=min(int(self.plan.y[rows].sum()) for rows in self.plan.folds.train),
                test_over_train=self.summary.folds.test_over_train,
                seed=self.plan.seed,
            )

        return self._stored("threshold", {"trial": best.number, "rule": rule.model_dump()}, make)

    def classes(self) -> object:
        best = self.best
        if best is None or best.number not in self._kept or self._is_binary:
            return None

        def make() -> object:
            return class_scores(
                self._y,
                self._best_logits,
                labels=self.summary.data.classes,
                weights=_params(best).class_weights,
                trial=best.number,
            )

        return self._stored("per_class", {"trial": best.number}, make)

    def _stored(self, kind: str, basis: dict[str, object], make: Callable[[], object]) -> object:
        """Return the stored record of a basis, made where there is none."""
        key = hashlib.sha256(records.to_json({"method": METHOD, **basis}).encode()).hexdigest()
        record = self.study.evidence(kind, key)
        if record is None:
            record = make()
            if record is not None:
                self.study.keep_evidence(kind, key, record)
        return record

    @property
    def _is_binary(self) -> bool:
        return self.summary.data.task == "binary"

    def _say(self, text: str) -> None:
        self.listen(EvidenceStep(text=text))

    @property
    def _y(self) -> NDArray[np.int32]:
        return self.plan.y[self.plan.folds.scored_rows]

    @cached_property
    def _kept(self) -> set[int]:
        """Trials whose predictions are in the database; `study.predictions.keep` may have changed on the way."""
        with self.study.transaction() as (connection, study_id):
            return records.trials_with_logits(connection, study_id)

    @cached_property
    def _split_of(self) -> NDArray[np.int64]:
        """In which fold of its repeat each row was scored. Shape `(R, N)`."""
        folds = self.plan.folds
        out = np.zeros((folds.plan.n_repeats, len(folds.scored_rows)), np.int64)
        for j in range(folds.plan.n_folds):
            out[folds.repeat[j], np.searchsorted(folds.scored_rows, folds.valid[j])] = folds.split[j]
        return out

    @cached_property
    def _best_logits(self) -> NDArray[np.float32]:
        if self.best is None:
            raise ValueError("a study without a best trial has no logits of it")
        return records.load_logits(self.study.path, self.summary.name, self.best.number)


@dataclass(frozen=True, slots=True)
class _Sweep:
    """The weights or exponents of a band, ascending, and what is trained with each."""

    kind: BandKind
    grid: tuple[float, ...]
    batch: list[TrialParams]


@dataclass(frozen=True, slots=True)
class _KeptLogits(Sequence[NDArray[np.float32]]):
    """The kept predictions of trials, read one by one. Each has shape `(R, N)`, or `(R, N, K)`."""

    path: Path
    study: str
    numbers: Sequence[int]

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> NDArray[np.float32]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[NDArray[np.float32]]: ...
    def __getitem__(self, index: int | slice) -> NDArray[np.float32] | Sequence[NDArray[np.float32]]:
        if isinstance(index, slice):
            return _KeptLogits(self.path, self.study, self.numbers[index])
        return records.load_logits(self.path, self.study, self.numbers[index])


def _params(trial: TrialRecord) -> TrialParams:
    """Return what a stored trial was trained with."""
    return stored_trial(trial.number, trial.resolved)
