"""What the arms of a verdict say together: contrasts, a conclusion by a rule fixed beforehand, one sentence.

One contrast is primary and decides: tuned - none, for a metric of decisions with both thresholds tuned. Weights help
(hurt) where its 95 % interval lies above (below) 0, and change nothing where its 90 % interval lies within +- margin;
otherwise it is too noisy to tell. All other contrasts are secondary: their intervals are Bonferroni's, their p-values
Holm's. They decide nothing; the sentence names those at one learning rate, so that a larger step is not taken for a
better weight.

How much more would settle it follows from the half-width of the corrected interval of J = n_splits x n_repeats folds

    h = t * s * sqrt(1/J + n_test/n_train),    floor = 1.96 * s * sqrt(n_test/n_train)                     (1)

More repeats shorten h to the floor and no further. More rows shorten both, roughly by the root of their number.

And why a metric of decisions changed at probability 0.5, exactly, with t* tuned for each on inner folds:

    dF(0.5) = dF(t*) + d[F(0.5) - F(t*)]                                                                    (2)

Axes    J outer folds
Source  intervals: `tuner.intervals`; two one-sided tests: Schuirmann 1987; Holm 1979, Scand. J. Statist. 6
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from tuner.analysis.wording import Rate, label, sentence
from tuner.evidence import ArmResult, Conclusion, Contrast, DecisionSplit, Nested, Pair, ReferenceResult, Verdict
from tuner.intervals import Interval, corrected_interval, paired_p_value, standard_error
from tuner.trial import FoldPlan, Task

Scores = NDArray[np.float64]

MAX_REPEATS = 10_000
"""Repeats beyond which nobody would go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmScores:
    """One arm or reference on all outer folds; arrays have shape `(J,)`.

    Attributes:
        name: as in `evidence.ArmResult`.
        scores: in the scored metric, greater is better.
        n_training_runs: models trained for it.
        weights, learning_rates: what its searches chose; of more than two classes, or labels, exponents.
        measures: other measures by name.
    """

    name: str
    scores: Scores
    n_training_runs: int
    weights: Scores
    learning_rates: Scores
    measures: dict[str, Scores]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a verdict was made with.

    Attributes:
        metric: the scored one.
        decision_metric: the metric of decisions whose threshold was tuned.
        margin: a difference this small changes nothing.
        plan: the outer folds.
        n_trials: candidates of the search of every arm in every fold.
        rate: learning rates.
        honest: the arm whose score is that of the search; with a tuned threshold where the study takes the best one.
        task: of the table; of more than two classes, or labels, weights are exponents.
    """

    metric: str
    decision_metric: str
    margin: float
    plan: FoldPlan
    n_trials: int
    rate: Rate
    honest: str = "tuned"
    task: Task = "binary"


def conclude(
    arms: Sequence[ArmScores], references: Sequence[ArmScores], settings: Settings, *, notes: Sequence[str] = ()
) -> Verdict:
    """Return the verdict.

    Args:
        arms: "tuned" among them; "smallest_of_band" is shown apart.
        references: models for perspective; nothing tests them.
        settings: what it was made with.
        notes: for people.

    Returns:
        The verdict; without the arm "none" there is nothing to compare with, and no conclusion.
    """
    found = {arm.name: arm for arm in arms}
    shown = [arm for arm in arms if arm.name != "smallest_of_band"]
    primary = primary_contrast(found, settings)
    secondary = _secondary_contrasts(shown, primary, settings)
    conclusion = None if primary is None else conclusion_of(primary, settings.margin)
    smallest = found.get("smallest_of_band")
    settle = None
    if primary is not None and conclusion == "too_noisy":
        differences = _differences(found, primary["contrast"])
        settle = what_would_settle_it(differences, plan=settings.plan, margin=settings.margin)
    contrasts = {**secondary, **({} if primary is None else {primary["contrast"]: primary})}
    verdict = Verdict(
        sentence=sentence(
            conclusion,
            primary,
            metric=settings.metric,
            decision_metric=settings.decision_metric,
            margin=settings.margin,
            rate=settings.rate,
            contrasts=contrasts,
            threshold=_usual_threshold(found),
            task=settings.task,
        ),
        conclusion=conclusion,
        primary=primary,
        arms=[_arm_result(arm, contrasts, settings) for arm in shown],
        references=[_reference_result(reference, settings) for reference in references],
        what_would_settle_it=settle,
        metric=settings.metric,
        margin=settings.margin,
        learning_rate=settings.rate.text,
        n_folds=settings.plan.n_folds,
        n_trials=settings.n_trials,
        nested=_nested(found[settings.honest], settings),
        smallest_of_band=None if smallest is None else _nested(smallest, settings),
        why_decisions_changed=decision_split(found, settings),
        fold_scores={one.name: one.scores.tolist() for one in (*arms, *references)},
        notes=[*notes, *_needless_search(found, conclusion)],
    )
    if settings.task != "binary":
        verdict["task"] = settings.task
    return verdict


def _needless_search(found: dict[str, ArmScores], conclusion: Conclusion | None) -> list[str]:
    """Return that a weight which takes no search did as well as the searched one, where weights help."""
    tuned = float(found["tuned"].scores.mean())
    means = {name: float(found[name].scores.mean()) for name in ("sqrt", "balanced") if name in found}
    if conclusion != "helps" or not means:
        return []
    name = max(means, key=means.__getitem__)
    weights = {"sqrt": "root-balanced weights", "balanced": "balanced weights"}[name]
    if means[name] < tuned:
        return []
    return [f"{weights}, which take no search, do as well on these folds: {means[name]:.4f}, searched ones {tuned:.4f}"]


def primary_contrast(found: dict[str, ArmScores], settings: Settings) -> Contrast | None:
    """Return the contrast that was fixed beforehand; None where its arms are not there."""
    for better, worse in (("tuned_threshold", "none_threshold"), ("tuned", "none")):
        if better in found and worse in found:
            return contrast(f"{better} - {worse}", found[better].scores - found[worse].scores, plan=settings.plan)
    return None


def contrast(name: str, differences: Scores, *, plan: FoldPlan) -> Contrast:
    """Return one paired difference with its corrected intervals, unadjusted.

    Args:
        name: "better - worse".
        differences: shape `(J,)`.
        plan: the folds.
    """
    at95, at90 = (corrected_interval(differences, test_over_train=plan.test_over_train, level=x) for x in (0.95, 0.9))
    return Contrast(
        contrast=name,
        difference=at95.mean,
        ci95=_pair(at95),
        ci90=_pair(at90),
        p_value=paired_p_value(differences, test_over_train=plan.test_over_train) if len(differences) > 1 else None,
    )


def conclusion_of(primary: Contrast, margin: float) -> Conclusion:
    """Return what the primary contrast says, by the rule that was fixed beforehand."""
    if primary["ci95"] is None or primary["ci90"] is None:
        return "too_noisy"
    if primary["ci95"][0] > 0.0:
        return "helps"
    if primary["ci95"][1] < 0.0:
        return "hurts"
    if -margin <= primary["ci90"][0] and primary["ci90"][1] <= margin:
        return "changes_nothing"
    return "too_noisy"


def _secondary_contrasts(
    arms: Sequence[ArmScores], primary: Contrast | None, settings: Settings
) -> dict[str, Contrast]:
    """Return every contrast beside the primary one: each arm minus none, and both arms at one learning rate."""
    found = {arm.name: arm for arm in arms}
    names = [f"{name} - none" for name in found if name != "none"] if "none" in found else []
    if {"none_fixed_rate", "tuned_fixed_rate"} <= set(found):
        names.append("tuned_fixed_rate - none_fixed_rate")
    names = [name for name in names if primary is None or name != primary["contrast"]]
    differences = [_differences(found, name) for name in names]
    plain = [contrast(name, values, plan=settings.plan) for name, values in zip(names, differences, strict=True)]
    adjusted = holm([one["p_value"] for one in plain if one["p_value"] is not None])
    for one, values, p_value in zip(plain, differences, adjusted, strict=True):
        level = 1.0 - 0.05 / len(names)
        one["ci95"] = _pair(corrected_interval(values, test_over_train=settings.plan.test_over_train, level=level))
        one["ci90"], one["p_value"] = None, p_value
    return {one["contrast"]: one for one in plain}


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's step-down p-values, in the order given."""
    m, adjusted, largest = len(p_values), [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(m), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (m - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def decision_split(found: dict[str, ArmScores], settings: Settings) -> DecisionSplit | None:
    """Return equation (2) for the arms tuned and none, None where one of them or a tuned threshold is not there."""
    metric = settings.decision_metric
    keys = f"{metric}_at_half", f"{metric}_at_threshold"
    if "none" not in found or any(key not in found[name].measures for key in keys for name in ("none", "tuned")):
        return None
    total, ranking = (found["tuned"].measures[key] - found["none"].measures[key] for key in keys)
    return DecisionSplit(
        metric=metric,
        total=contrast(f"{metric} at 0.5", total, plan=settings.plan),
        ranking=contrast(f"{metric} at the tuned threshold", ranking, plan=settings.plan),
        threshold=contrast(f"{metric} at 0.5 - {metric} at the tuned threshold", total - ranking, plan=settings.plan),
    )


def what_would_settle_it(differences: Scores, *, plan: FoldPlan, margin: float) -> str:
    """Return how many more repeats or rows would end the doubt, were the difference and its spread to stay.

    It ends where the 95 % interval leaves 0 or, for a difference within the margin, where the 90 % interval fits into
    it; whichever takes less.

    Args:
        differences: of the primary contrast, shape `(J,)`, J at least 2.
        plan: the folds.
        margin: as in the rule.
    """
    mean, std = float(np.abs(differences.mean())), float(differences.std(ddof=1))
    goals = [(0.95, mean), (0.90, margin - mean)]
    reachable = [(level, half) for level, half in goals if half > 0.0]
    is_repeatable = plan.splitter in ("stratified", "grouped")
    repeats = [
        n
        for level, half in reachable
        if is_repeatable and (n := repeats_needed(std, half, plan=plan, level=level)) is not None
    ]
    if repeats:
        more = max(1, min(repeats) - plan.n_repeats)
        return f"About {more:,} more repeat{'s' * (more > 1)} of the folds would, if the difference stays what it is."
    if not reachable:
        return "A difference of exactly 0 takes a larger margin, or another table."
    has = {
        level: corrected_interval(differences, test_over_train=plan.test_over_train, level=level).half_width
        for level, _ in reachable
    }
    factor = min((has[level] / half) ** 2 for level, half in reachable)
    first = "No number of repeats can settle this" if is_repeatable else "These folds cannot be repeated"
    return f"{first}; roughly {_factor(factor)} times as many rows would, if the difference stays what it is."


def repeats_needed(std: float, half_width: float, *, plan: FoldPlan, level: float) -> int | None:
    """Return the fewest repeats at which the corrected interval is no wider than this, None where none is enough.

    Args:
        std: spread of the differences from fold to fold.
        half_width: wanted.
        plan: the folds.
        level: two-sided coverage of the interval.
    """
    floor = float(ndtri(0.5 + level / 2)) * std * plan.test_over_train**0.5
    if floor >= half_width:
        return None

    def is_enough(n_repeats: int) -> bool:
        n = n_repeats * plan.n_splits
        quantile = float(stdtrit(n - 1, 0.5 + level / 2))
        return quantile * standard_error(std, n, plan.test_over_train) <= half_width

    if not is_enough(MAX_REPEATS):
        return None
    low, high = 0, MAX_REPEATS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def _differences(found: dict[str, ArmScores], name: str) -> Scores:
    better, worse = name.split(" - ")
    return found[better].scores - found[worse].scores


def _usual_threshold(found: dict[str, ArmScores]) -> float | None:
    """Return the median over the folds of the threshold tuned for models without weights."""
    none = found.get("none")
    if none is None or "threshold" not in none.measures:
        return None
    return float(np.median(none.measures["threshold"]))


def _arm_result(arm: ArmScores, contrasts: dict[str, Contrast], settings: Settings) -> ArmResult:
    mean, ci95 = _mean(arm, settings)
    return ArmResult(
        name=arm.name,
        label=label(arm.name, settings.rate, task=settings.task),
        mean=mean,
        ci95=ci95,
        against_none=contrasts.get(f"{arm.name} - none"),
        n_training_runs=arm.n_training_runs,
        weights=_spread(arm.weights),
        learning_rates=_spread(arm.learning_rates),
        measures=_means(arm),
    )


def _reference_result(reference: ArmScores, settings: Settings) -> ReferenceResult:
    mean, ci95 = _mean(reference, settings)
    text = label(reference.name, settings.rate, task=settings.task)
    return ReferenceResult(name=reference.name, label=text, mean=mean, ci95=ci95, measures=_means(reference))


def _nested(arm: ArmScores, settings: Settings) -> Nested:
    mean, ci95 = _mean(arm, settings)
    return Nested(mean=mean, ci95=ci95, n_folds=settings.plan.n_folds, n_trials=settings.n_trials)


def _mean(arm: ArmScores, settings: Settings) -> tuple[float, Pair | None]:
    interval = corrected_interval(arm.scores, test_over_train=settings.plan.test_over_train)
    return interval.mean, _pair(interval)


def _pair(interval: Interval) -> Pair | None:
    return [interval.low, interval.high] if interval.n > 1 else None


def _means(arm: ArmScores) -> dict[str, float]:
    return {name: float(values.mean()) for name, values in arm.measures.items()}


def _spread(chosen: Scores) -> tuple[float, float, float]:
    return float(chosen.min()), float(np.median(chosen)), float(chosen.max())


def _factor(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
