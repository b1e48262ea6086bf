"""All outer folds of a verdict: run those that are missing, store each as it ends, and say what they mean together."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.analysis.references import reference_logits
from tuner.analysis.verdict import ArmScores, Settings, conclude
from tuner.analysis.wording import Rate
from tuner.config.dataset import EncodingSection
from tuner.config.evidence import VerdictSection
from tuner.config.schema import ScoringSection
from tuner.data import resampling
from tuner.data.dataset import Dataset
from tuner.data.folds import Folds
from tuner.data.nested import NestedFolds, Resampling, inner_folds, nest_folds, require_rows
from tuner.events import EvidenceStep, Listener
from tuner.evidence import Verdict
from tuner.scoring import score
from tuner.study import records, verdicts
from tuner.study.distributions import words
from tuner.study.lifecycle import OpenStudy
from tuner.study.space import ResolvedSpace
from tuner.trial import Evaluate
from tuner.verdict.arms import Arm, Rates, fits, make_arms, make_design, resolve_rates
from tuner.verdict.outer_fold import FoldResult, OuterFold
from tuner.verdict.rules import make_rules, measure, refuse

AT_ONCE = 2
"""Outer folds under way at the same time, so that no core waits for the last stack of one."""

UNFIT = {
    "a row repeated for one label takes its other labels along": ("oversampling", "smote"),
    "focal loss is for two classes": ("focal_loss",),
}
"""Why arms do not go with more classes or with labels, and which."""

METHOD = 1
"""Part of the key: rises when the same settings would give other scores."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictPlan:
    """Everything that decides a verdict.

    Attributes:
        section: the verdict's own settings.
        scoring: what is maximized.
        space: of the study: what the arms search beside weight and learning rate.
        dataset: the table.
        encoding: how its columns become numbers.
        folds: the outer folds: those of the study.
        seed: of the study.
        band_weights: weights of the inner sweep behind the parsimony rule; 0 leaves it out.
        trainer: which one trains.
    """

    section: VerdictSection
    scoring: ScoringSection
    space: ResolvedSpace
    dataset: Dataset
    encoding: EncodingSection
    folds: Folds
    seed: int
    band_weights: int
    trainer: str


class Comparison:
    """A verdict about to be made. Making one checks that it can be; nothing is resampled yet.

    Args:
        plan: what decides it.

    Raises:
        ConfigError: the folds or the metric cannot carry a verdict.
        DataError: too few rows of a class.
    """

    def __init__(self, plan: VerdictPlan) -> None:
        refuse(plan.scoring, plan.folds.plan, plan.dataset.task)
        self.plan = plan
        self.notes: list[str] = []
        self.rates: Rates = resolve_rates(plan.section, plan.space)
        self.arms = self._possible()
        self.rules, notes = make_rules(
            plan.scoring,
            plan.dataset,
            plan.space,
            band_weights=plan.band_weights,
            searched=[self._searched(number) for number in range(len(plan.folds.train))],
        )
        self.notes += notes

    @cached_property
    def nested(self) -> NestedFolds:
        """The table and the folds that `evaluate` must train on."""
        plan = self.plan
        ways: list[Resampling] = list(dict.fromkeys(arm.way for arm in self.arms))
        outer = list(zip(plan.folds.train, plan.folds.valid, strict=True))
        return nest_folds(
            plan.dataset,
            outer,
            inner_splits=plan.section.inner_splits,
            seed=plan.seed,
            ways=ways,
            encoding=plan.encoding,
        )

    @property
    def scoring(self) -> ScoringSection:
        """What `evaluate` scores: decisions at a fixed threshold, 0.5 where the study takes the best one."""
        return self.rules.scoring

    @property
    def longest_training(self) -> int:
        """The greatest number of epochs an arm may ask for."""
        return self.plan.space.longest_training

    @property
    def key(self) -> str:
        """What this verdict is stored under: sha256 of all that decides the score of an arm on a fold."""
        plan = self.plan
        parts = {
            "method": METHOD,
            "section": plan.section.model_dump(mode="json", include={"n_trials", "inner_splits", "learning_rate"}),
            "scoring": plan.scoring.model_dump(mode="json"),
            "decisions": None if self.rules.decisions is None else self.rules.decisions.model_dump(mode="json"),
            "band_weights": plan.band_weights,
            "search": plan.space.describe(),
            "fixed": plan.space.fixed,
            "folds": plan.folds.plan.sha256,
            "data": plan.dataset.sha256,
            **_encoding_key(plan.encoding),
            "seed": plan.seed,
            "trainer": plan.trainer,
        }
        return hashlib.sha256(records.to_json(parts).encode()).hexdigest()

    def run(
        self, study: OpenStudy, evaluate: Evaluate, *, listen: Listener, should_stop: Callable[[], bool]
    ) -> Verdict | None:
        """Run the outer folds that are missing and return the verdict.

        Args:
            study: open; takes every fold as it ends.
            evaluate: trains on `nested`, scores in `scoring`.
            listen: hears one `EvidenceStep` per fold.
            should_stop: asked before each fold; where it answers true, none is begun and the answer may be None.

        Raises:
            Stopped, EngineError: from `evaluate`; finished folds are kept.
            StudyError: the database cannot be written.
        """
        n_folds = self.plan.folds.plan.n_folds
        stored = verdicts.stored_folds(study, self.key)
        wanted = {*self._arm_names(), *self.plan.section.references}

        def is_missing(fold: int) -> bool:
            return not wanted <= set(stored.get(fold, {}))

        missing = [fold for fold in range(n_folds) if is_missing(fold)]
        began, n_done = time.monotonic(), 0
        pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="outer")
        try:
            under_way: dict[Future[dict[str, dict[str, Any]]], int] = {}
            upcoming = iter(missing)
            while True:
                for fold in upcoming:
                    if should_stop():
                        break
                    under_way[pool.submit(self._fold, self.nested, fold, evaluate)] = fold
                    if len(under_way) == AT_ONCE:
                        break
                if not under_way:
                    break
                done = wait(under_way, return_when=FIRST_COMPLETED).done
                for future in sorted(done, key=lambda future: future.exception() is not None):  # store, then raise
                    fold, results = under_way.pop(future), future.result()
                    verdicts.keep_fold(study, self.key, fold, results)
                    stored[fold] = {**results, **stored.get(fold, {})}  # what is stored stays
                    n_done += 1
                    listen(EvidenceStep(text=self._progress(n_folds - len(missing) + n_done, began, n_done)))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        if any(is_missing(fold) for fold in range(n_folds)):
            return None
        self._note_repeats(verdicts.n_verdicts(study))
        return self._conclude([stored[fold] for fold in range(n_folds)])

    def _progress(self, n_finished: int, began: float, n_here: int) -> str:
        n_folds = self.plan.folds.plan.n_folds
        left = (time.monotonic() - began) / n_here * (n_folds - n_finished)
        return f"verdict: {n_finished} of {n_folds} outer folds" + (f", about {left:.0f} s left" if left else "")

    def _fold(self, nested: NestedFolds, number: int, evaluate: Evaluate) -> dict[str, dict[str, Any]]:
        plan = self.plan
        seed = int(np.random.SeedSequence((plan.seed, 2, number)).generate_state(1)[0])
        ratio = plan.dataset.imbalance_ratio
        design = make_design(plan.space, self.rates, n_trials=plan.section.n_trials, imbalance_ratio=ratio, seed=seed)
        fold = OuterFold(number=number, nested=nested, arms=self.arms, design=design, rules=self.rules)
        results = [*fold.run(evaluate), *self._references(fold, seed)]
        return {
            result.arm: {name: value for name, value in asdict(result).items() if name != "arm"} for result in results
        }

    def _references(self, fold: OuterFold, seed: int) -> Iterable[FoldResult]:
        table, y = fold.nested.table, self.plan.dataset.y
        number = fold.nested.outer(fold.nested.ways[0], fold.number)
        X, X_test = (table.scaled.transform(table.X[rows], number) for rows in (fold.train, fold.test))
        for name in self.plan.section.references:
            logits = reference_logits(name, X, y[fold.train], X_test, seed=seed % 2**31)
            yield FoldResult(
                arm=name,
                score=float(score(self.scoring, y[fold.test], logits[None])[0]),
                inner_score=0.0,
                weight=0.0,
                learning_rate=0.0,
                measures=measure(self.rules, y[fold.test], logits[None], None),
                n_models=1,
            )

    def _arm_names(self) -> list[str]:
        names = [arm.name for arm in self.arms]
        if self.rules.are_decisions_scored:
            names += [f"{name}_threshold" for name in ("none", "tuned") if name in names]
        return names

    def _possible(self) -> tuple[Arm, ...]:
        """Return the arms that this table and this installation can train, with a note about the others."""
        names, task = self.plan.section.arms, self.plan.dataset.task
        self.notes += [
            f"without {', '.join(left_out)}: {why}"
            for why, without in UNFIT.items()
            if (left_out := [name for name in names if name in without and not fits(name, task)])
        ]
        arms = make_arms(names, self.rates, task=task)
        if resampling.is_available() or all(arm.way == "none" for arm in arms):
            return arms
        missing = ", ".join(arm.name for arm in arms if arm.way != "none")
        self.notes.append(f"without {missing}: imbalanced-learn is not installed; pip install 'tuner[resampling]'")
        return tuple(arm for arm in arms if arm.way == "none")

    def _searched(self, number: int) -> NDArray[np.int32]:
        """Return the training rows of an outer fold that its inner folds score, once it is sure that there are any."""
        plan, train = self.plan, self.plan.folds.train[number]
        inner_splits, dataset = plan.section.inner_splits, plan.dataset
        is_smote = any(arm.way == "smote" for arm in self.arms)
        require_rows(
            dataset.y, train, inner_splits=inner_splits, number=number, is_smote=is_smote, classes=dataset.classes
        )
        if dataset.group is None and dataset.time is None:
            return train
        inner = inner_folds(dataset, train, inner_splits=inner_splits, seed=plan.seed, number=number, is_smote=is_smote)
        return np.concatenate([valid for _, valid in inner])

    def _note_repeats(self, n_verdicts: int) -> None:
        if n_verdicts > 1:
            self.notes.append(
                f"{n_verdicts} verdicts with different settings were begun for this study; choosing among them by "
                "their outcome would void the error rates"
            )

    def _conclude(self, folds: Sequence[dict[str, dict[str, Any]]]) -> Verdict:
        plan, rules = self.plan, self.rules
        names = [name for name in (*self._arm_names(), "smallest_of_band") if all(name in fold for fold in folds)]
        failures = {name: [fold[name]["failure"] for fold in folds if fold[name]["failure"]] for name in names}
        present = [name for name in names if not failures[name]]
        notes = [f"without {name}: {failed[0]}" for name, failed in failures.items() if failed]
        rates = self.rates
        return conclude(
            [_scores(name, folds) for name in present],
            [_scores(name, folds) for name in plan.section.references],
            Settings(
                metric=rules.scoring.metric,
                decision_metric="f1" if rules.decisions is None else rules.decisions.metric,
                margin=plan.section.margin,
                plan=plan.folds.plan,
                n_trials=plan.section.n_trials,
                rate=Rate(searched=None if rates.is_verdict_fixed else words(rates.searched), fixed=rates.fixed),
                honest="tuned_threshold" if rules.is_best_scored else "tuned",
                task=rules.task,
            ),
            notes=[*self.notes, *notes],
        )


def _encoding_key(encoding: EncodingSection) -> dict[str, object]:
    """Return what the encoding adds to the identity of a verdict: nothing by default, as before there was any."""
    return {} if encoding == EncodingSection() else {"encoding": encoding.model_dump()}


def _scores(name: str, folds: Sequence[dict[str, dict[str, Any]]]) -> ArmScores:
    rows = [fold[name] for fold in folds]
    return ArmScores(
        name=name,
        scores=np.array([row["score"] for row in rows]),
        n_training_runs=sum(row["n_models"] for row in rows),
        weights=np.array([row["weight"] for row in rows]),
        learning_rates=np.array([row["learning_rate"] for row in rows]),
        measures={key: np.array([row["measures"][key] for row in rows]) for key in rows[0]["measures"]},
    )
