"""The threshold to recommend, and what it achieves on rows that did not choose it.

The recommended cut is chosen on the out-of-fold logits of all repeats together: the rows called at a cut are counted
over the repeats, so that one cut on one scale of logits serves whichever model is used. What it achieves is judged by
cuts chosen in the same way on other rows (`crossfit.py`).

Every rule but the number of alerts is a measure of the rows called that no further negative row makes greater, so
that its best cut lies just below the score of a positive row: `scoring.best_cuts`. What a rule bounds is minus
infinity where it fails. The number of alerts is a rank among all scores.

Axes    R repeats, N scored rows
Source  Clopper & Pearson 1934, Biometrika 26
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from tuner.analysis.crossfit import judging_parts, turns
from tuner.analysis.probabilities import corrected_probability
from tuner.config.evidence import (
    AlertsAtMost,
    MaximizeMetric,
    MinimizeCost,
    PrecisionAtLeast,
    RecallAtLeast,
    ThresholdSection,
)
from tuner.config.schema import ScoringSection
from tuner.evidence import Achieved, Pair, ThresholdChoice
from tuner.intervals import corrected_interval
from tuner.scoring import DECISION_METRICS, Counts, Floats, Measure, best_cuts

Labels = NDArray[np.int32]
Logits = NDArray[np.floating]

FEWEST_POSITIVE = 20
"""Positive rows below which a threshold is anybody's guess."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A rule of the config, made ready.

    Attributes:
        name: of what the decisions are measured by: a metric, "cost_per_row", "recall", "precision" or "alerts".
        value: that measure of some counts.
        cut: from labels `(V,)` and logits `(V,)` to the logit cut; infinite where no row is called, or every row.
        nobody: why there is none to recommend where the cut calls no row; a bound on recall always has one.
    """

    name: str
    value: Measure
    cut: Callable[[Labels, Logits], float]
    nobody: str = ""


def choose_threshold(
    y: Labels,
    logits: Logits,
    *,
    split_of: NDArray[np.integer],
    rule: ThresholdSection,
    scoring: ScoringSection,
    shift: float | None,
    fewest_positive: int,
    test_over_train: float,
    seed: int,
) -> ThresholdChoice:
    """Return the threshold that a rule recommends for a trial, or why there is none.

    Args:
        y: labels 0 and 1 of the scored rows, shape `(N,)`.
        logits: out-of-fold logits, finite, shape `(R, N)`.
        split_of: in which fold of its repeat each row was scored, shape `(R, N)`.
        rule: the config's section. A number of alerts is of N rows, and less in proportion where fewer rows choose.
        scoring: the scored metric, for `metric: null`; f1 stands in for a ranking metric, and for recall, which is
            always 1 at its best threshold.
        shift: the logit shift of the recommended correction of probabilities, None for none.
        fewest_positive: positive rows of the smallest training set.
        test_over_train: as in `corrected_interval`.
        seed: of the parts that judge each other where a repeat has a single split.

    Returns:
        The record. A cut that calls every row is the largest float32 below the lowest logit. There is none, with the
        reason, below 20 positive rows to train on or to choose on, and where the rule is served best, or only, by
        calling no row: what probability 0.5 achieves is then still told.
    """
    goal = _goal(rule, scoring, n_rows=len(y))
    parts = judging_parts(y, split_of, seed=seed)
    choice = ThresholdChoice(
        rule=rule.model_dump(),
        measure=goal.name,
        logit=None,
        probability=None,
        corrected_probability=None,
        achieved=None,
        at_half=None,
        reason=_too_few(y, parts, fewest_positive),
    )
    if choice["reason"] is not None:
        return choice
    judge = partial(_achieved, y, split_of=split_of, goal=goal, test_over_train=test_over_train)
    choice["at_half"] = judge(logits > 0.0)
    cut = goal.cut(np.tile(y, len(logits)), logits.ravel())
    if cut == np.inf:
        choice["reason"] = goal.nobody
        return choice
    if cut == -np.inf:
        cut = float(np.nextafter(np.float32(logits.min()), np.float32(-np.inf)))
    choice["logit"] = cut
    choice["probability"] = float(corrected_probability(cut, 0.0))
    choice["corrected_probability"] = None if shift is None else float(corrected_probability(cut, shift))
    choice["achieved"] = judge(_called_elsewhere(y, logits, parts, goal))
    return choice


def clopper_pearson(k: float, n: float, level: float = 0.95) -> Pair:
    """Return Clopper and Pearson's interval of a share: `k` of `n`.

    Args:
        k, n: 0 <= k <= n, n above 0. They need not be whole: beta quantiles go on between them.
        level: two-sided coverage, in (0, 1); at least that, whatever the share is.

    Raises:
        ValueError: counts or a level outside these bounds.
    """
    if not (0.0 <= k <= n and n > 0.0 and 0.0 < level < 1.0):
        raise ValueError(f"clopper_pearson needs 0 <= k <= n, n > 0 and 0 < level < 1, got {k!r}, {n!r}, {level!r}")
    tail = (1.0 - level) / 2
    low = 0.0 if k == 0 else float(betaincinv(k, n - k + 1, tail))
    high = 1.0 if k == n else float(betaincinv(k + 1, n - k, 1.0 - tail))
    return [low, high]


def _too_few(y: Labels, parts: NDArray[np.int64], fewest_positive: int) -> str | None:
    """Return why no threshold is chosen, None where there are rows enough to train on and to choose on."""
    if fewest_positive < FEWEST_POSITIVE:
        return _few("the training rows of a fold hold", fewest_positive, "positive")
    for label, kind in ((1, "positive"), (0, "negative")):
        fewest = min(int(np.count_nonzero(y[turn.others] == label)) for turn in turns(parts))
        if fewest < FEWEST_POSITIVE:
            return _few("the rows that choose a threshold for the others hold", fewest, kind)
    return None


def _few(where: str, n_rows: int, kind: str) -> str:
    rows = f"{n_rows} {kind} row{'' if n_rows == 1 else 's'}"
    return f"{where} {rows}, fewer than the {FEWEST_POSITIVE} that a threshold needs."


# --- rules


def _goal(rule: ThresholdSection, scoring: ScoringSection, *, n_rows: int) -> Goal:
    match rule:
        case MaximizeMetric():
            return _maximize(rule, scoring)
        case MinimizeCost():
            cost = partial(_cost_per_row, rule)
            return Goal(
                name="cost_per_row",
                value=cost,
                cut=partial(_best_cut, lambda counts: -cost(counts)),
                nobody="no threshold costs less than to call no row at all.",
            )
        case RecallAtLeast(at_least=share):
            return Goal(
                name="recall",
                value=lambda counts: counts.recall,
                cut=partial(_best_cut, lambda counts: np.where(counts.recall >= share, -_called(counts), -np.inf)),
            )
        case PrecisionAtLeast(at_least=share):
            return Goal(
                name="precision",
                value=_precision,
                cut=partial(_best_cut, partial(_recall_if_precise, share)),
                nobody=f"at no threshold are {100 * share:.6g} % of the rows called positive.",
            )
        case AlertsAtMost(at_most=at_most):
            return Goal(
                name="alerts",
                value=_called,
                cut=lambda _, logits: _cut_calling_at_most(at_most * len(logits) // n_rows, logits),
                nobody=f"so many rows share the highest score that a threshold calls none or more than {at_most:,}.",
            )


def _maximize(rule: MaximizeMetric, scoring: ScoringSection) -> Goal:
    name, beta = (scoring.metric, scoring.beta) if rule.metric is None else (rule.metric, rule.beta)
    if name not in DECISION_METRICS or name == "recall":
        name, beta = "f1", 1.0
    metric = DECISION_METRICS[name]
    return Goal(
        name=name,
        value=lambda counts: metric(counts, beta),
        cut=partial(_best_cut, lambda counts: metric(counts, beta)),
        nobody=f"no threshold has a greater {name} than to call no row at all.",
    )


def _best_cut(measure: Measure, y: Labels, logits: Logits) -> float:
    return float(best_cuts(measure, y, logits[None])[0])


def _called(counts: Counts) -> Floats:
    return counts.tp + counts.fp


def _precision(counts: Counts) -> Floats:
    return DECISION_METRICS["precision"](counts, 1.0)


def _recall_if_precise(share: float, counts: Counts) -> Floats:
    """Recall where the precision is met; to call no row is better than to miss it, and worse than to meet it."""
    return np.where(_called(counts) == 0, -1.0, np.where(_precision(counts) >= share, counts.recall, -np.inf))


def _cost_per_row(rule: MinimizeCost, counts: Counts) -> Floats:
    positive = rule.true_positive * counts.tp + rule.false_negative * (counts.n_positive - counts.tp)
    negative = rule.false_positive * counts.fp + rule.true_negative * (counts.n_negative - counts.fp)
    return (positive + negative) / (counts.n_positive + counts.n_negative)


def _cut_calling_at_most(n_alerts: int, logits: Logits) -> float:
    """Return the lowest cut above which there are no more than `n_alerts` logits, halfway to the next one called."""
    if n_alerts >= len(logits):
        return -np.inf
    highest_left = np.partition(logits, len(logits) - 1 - n_alerts)[len(logits) - 1 - n_alerts]
    called = logits[logits > highest_left]
    return float(called.min()) / 2 + float(highest_left) / 2 if len(called) else np.inf


# --- what decisions achieve


def _called_elsewhere(y: Labels, logits: Logits, parts: NDArray[np.int64], goal: Goal) -> NDArray[np.bool_]:
    """Return which rows are called at cuts chosen on the other parts of their repeat. Shape `(R, N)`."""
    called = np.zeros(logits.shape, np.bool_)
    for turn in turns(parts):
        own = logits[turn.repeat]
        cut = np.float64(goal.cut(y[turn.others], own[turn.others]))  # a Python float would be rounded to float32
        called[turn.repeat, turn.own] = own[turn.own] > cut
    return called


def _achieved(
    y: Labels,
    called: NDArray[np.bool_],
    *,
    split_of: NDArray[np.integer],
    goal: Goal,
    test_over_train: float,
) -> Achieved:
    """Return what decisions `(R, N)` achieve.

    Shares and their intervals are of the counts of one repeat: means over the repeats, not rounded. The value is that
    of the column of its name, with its interval; a number of alerts has the interval of the share of N rows. Any
    other measure is a mean over folds with its corrected interval, or, of a single split, over repeats.
    """
    tp = float(np.count_nonzero(called & (y == 1))) / len(called)
    n_alerts = float(np.count_nonzero(called)) / len(called)
    n_positive = int(np.count_nonzero(y == 1))
    recall, recall_ci95 = tp / n_positive, clopper_pearson(tp, n_positive)
    precision = tp / n_alerts if n_alerts else None
    precision_ci95 = clopper_pearson(tp, n_alerts) if n_alerts else None
    value: float
    ci95: Pair | None
    if goal.name == "recall":
        value, ci95 = recall, recall_ci95
    elif goal.name == "precision":
        value, ci95 = precision or 0.0, precision_ci95
    elif goal.name == "alerts":
        value, ci95 = n_alerts, [len(y) * end for end in clopper_pearson(n_alerts, len(y))]
    else:
        value, ci95 = _mean_over_folds(y, called, split_of=split_of, goal=goal, test_over_train=test_over_train)
    return Achieved(
        recall=recall,
        recall_ci95=recall_ci95,
        precision=precision,
        precision_ci95=precision_ci95,
        n_alerts=n_alerts,
        value=value,
        ci95=ci95,
    )


def _mean_over_folds(
    y: Labels, called: NDArray[np.bool_], *, split_of: NDArray[np.integer], goal: Goal, test_over_train: float
) -> tuple[float, Pair | None]:
    """Return the mean of a measure over all folds and its corrected interval, None of a single fold."""
    values = [
        float(goal.value(_counts(y[split == one], own[split == one])))
        for own, split in zip(called, split_of, strict=True)
        for one in np.unique(split)
    ]
    interval = corrected_interval(values, test_over_train=test_over_train)
    return interval.mean, [interval.low, interval.high] if len(values) > 1 else None


def _counts(y: Labels, called: NDArray[np.bool_]) -> Counts:
    n_positive = int(np.count_nonzero(y == 1))
    tp, fp = (np.asarray(np.count_nonzero(called & (y == label)), np.float64) for label in (1, 0))
    return Counts(tp, fp, n_positive, len(y) - n_positive)
