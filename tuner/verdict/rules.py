"""How an outer fold is judged: what is scored, which thresholds are tuned, what is measured beside, what is refused.

Of two classes a threshold is tuned for a metric of decisions. Of more classes a row is called the class of greatest
probability, and each of several labels at one threshold for all arms: nothing is moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tuner.config.schema import ScoringSection
from tuner.data.dataset import Dataset
from tuner.errors import ConfigError, DataError
from tuner.scoring import CLASS_RANKINGS, RANKING_METRICS, score, score_at
from tuner.study.distributions import limits
from tuner.study.space import ResolvedSpace, exponent_range, weight_range
from tuner.trial import FoldPlan, Task
from tuner.verdict.arms import searched_deviations

MIN_POSITIVE = 20
"""Positive training rows below which no threshold is tuned: it would follow a handful of rows."""

LOSSES = {"log_loss": ("neg_log_loss", -1.0), "brier": ("neg_brier_score", -1.0)}

SCORED_BESIDE: dict[Task, dict[str, tuple[str, float]]] = {
    "binary": {"roc_auc": ("roc_auc", 1.0), "average_precision": ("average_precision", 1.0), **LOSSES},
    "multiclass": {
        "roc_auc_ovr": ("roc_auc_ovr", 1.0),
        "average_precision": ("average_precision", 1.0),
        **LOSSES,
        "balanced_accuracy": ("balanced_accuracy", 1.0),
        "f1_macro": ("f1_macro", 1.0),
        "accuracy": ("accuracy", 1.0),
    },
    "multilabel": {
        "roc_auc": ("roc_auc", 1.0),
        "average_precision": ("average_precision", 1.0),
        **LOSSES,
        "f1_at_half": ("f1", 1.0),
        "balanced_accuracy_at_half": ("balanced_accuracy", 1.0),
    },
}
"""Measures of every arm beside its score: the metric and its sign."""

FEW_CALLS = "calling every class but the largest for next to no row"

TRICKS: dict[str, str] = {
    "recall": "calling every row",
    "precision": "calling next to no row",
    "precision_macro": FEW_CALLS,
    "precision_weighted": FEW_CALLS,
}
"""Metrics that a rule without any skill wins, and the rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How an outer fold is judged.

    Attributes:
        scoring: what is maximized, decisions at a fixed threshold.
        decisions: the metric of decisions whose threshold is tuned, with `threshold: best`; None where none can be.
        is_best_scored: the study scores decisions at the best threshold of each fold, so the honest score and that of
            the parsimony rule are those at a tuned threshold.
        band_weights: weights of the inner sweep behind the arm "smallest_of_band"; 0 leaves it out.
        weight_limits: lowest and highest weight of that sweep; of more classes, or labels, exponent.
        task: two classes, more, or several labels.
    """

    scoring: ScoringSection
    decisions: ScoringSection | None
    band_weights: int
    weight_limits: tuple[float, float]
    is_best_scored: bool = False
    task: Task = "binary"

    @property
    def are_decisions_scored(self) -> bool:
        """Whether the scored metric is one of decisions, so that tuned thresholds are arms of their own."""
        return self.decisions is not None and self.decisions.metric == self.scoring.metric


def refuse(scoring: ScoringSection, plan: FoldPlan, task: Task) -> None:
    """Refuse what can carry no verdict.

    Args:
        scoring: what is maximized.
        plan: the outer folds.
        task: of the table.

    Raises:
        ConfigError: one split, or a metric that a rule without any skill wins.
    """
    if plan.kind == "holdout":
        raise ConfigError(
            "a verdict needs the folds of cross-validation, got cv.kind: holdout: one split says nothing about other "
            "rows.\nSet cv.kind: stratified_kfold."
        )
    metric = scoring.metric
    trick = TRICKS.get(metric)
    if trick is not None:
        instead = "f1_macro, " if task == "multiclass" else "f1, fbeta with a beta, "
        raise ConfigError(
            f"a verdict for {metric} would be won by {trick}, got scoring.metric: {metric}.\n"
            f"Choose {instead}balanced_accuracy or a metric of ranking."
        )


def make_rules(
    scoring: ScoringSection,
    dataset: Dataset,
    space: ResolvedSpace,
    *,
    band_weights: int,
    searched: Sequence[NDArray[np.int32]],
) -> tuple[Rules, list[str]]:
    """Return how outer folds are judged, and what to say of it.

    Args:
        scoring: as configured.
        dataset: the table.
        space: of the study.
        band_weights: weights of the inner sweep.
        searched: training rows of every outer fold that its inner folds score.

    Raises:
        DataError: thresholds must be tuned, and there are too few rows to.
    """
    ratio, notes = dataset.imbalance_ratio, list[str]()
    is_best_scored = scoring.threshold == "best"
    fixed = scoring.model_copy(update={"threshold": 0.5}) if is_best_scored else scoring
    if dataset.task != "binary":
        rules = Rules(
            scoring=fixed,
            decisions=None,
            band_weights=band_weights,
            weight_limits=limits(exponent_range(space)),
            task=dataset.task,
        )
        return rules, [_fixed_calls(fixed, dataset.task), *_deviating(space)]
    if is_best_scored:
        notes.append("arms without a tuned threshold call rows above probability 0.5, not at the best threshold")
    decisions, without = _decisions(fixed, dataset, searched)
    rules = Rules(
        scoring=fixed,
        decisions=decisions,
        band_weights=band_weights,
        weight_limits=limits(weight_range(space, ratio)),
        is_best_scored=is_best_scored,
    )
    return rules, [*notes, *without]


def _fixed_calls(scoring: ScoringSection, task: Task) -> str:
    """Return how rows are called where no threshold is tuned, and what follows for a metric of calls."""
    how = (
        "a row is called the class of greatest probability"
        if task == "multiclass"
        else f"a row has a label where its probability is above {scoring.threshold}"
    )
    text = f"no thresholds are moved: {how}"
    if scoring.metric in RANKING_METRICS or scoring.metric in CLASS_RANKINGS:
        return text
    return f"{text}; so a difference in {scoring.metric} may come from moved calls as well as from better ranking"


def _deviating(space: ResolvedSpace) -> list[str]:
    """Return what to say of deviations, where they are searched."""
    if not searched_deviations(space):
        return []
    kind = "class" if space.weighting is not None and space.weighting.task == "multiclass" else "label"
    return [
        f"where weights are searched, each {kind} has a deviation of its own as well; tables show the exponent alone"
    ]


def _decisions(
    scoring: ScoringSection, dataset: Dataset, searched: Sequence[NDArray[np.int32]]
) -> tuple[ScoringSection | None, list[str]]:
    """Return the metric of decisions whose threshold is tuned, and why there is none."""
    fewest = min(int(np.bincount(dataset.y[rows], minlength=2).min()) for rows in searched)
    if fewest >= MIN_POSITIVE:
        metric = "f1" if scoring.metric in RANKING_METRICS else scoring.metric
        return ScoringSection(metric=metric, beta=scoring.beta, threshold="best"), []
    if scoring.metric in RANKING_METRICS:
        return None, [
            f"no thresholds: an outer fold trains on {fewest} rows of a class, fewer than the {MIN_POSITIVE} needed"
        ]
    raise DataError(
        f"a verdict for {scoring.metric} tunes thresholds on the training rows of each outer fold, and one of "
        f"them holds {fewest} rows of a class, fewer than the {MIN_POSITIVE} that takes.\n"
        "Choose a metric of ranking, such as scoring.metric: roc_auc or average_precision."
    )


def measure(
    rules: Rules, y: NDArray[np.int32], logits: NDArray[np.floating], cut: NDArray[np.float64] | None
) -> dict[str, float]:
    """Return the measures of one arm on the test rows: order and probability, then decisions and the tuned threshold.

    Args:
        rules: what is measured.
        y: labels of the test rows, shape `(V,)`, or `(V, L)` for several.
        logits: shape `(1, V)`, or `(1, V, K)` for K classes or labels.
        cut: the tuned logit cut, shape `(1,)`; None where there is none.
    """
    measures = {
        name: sign * float(score(ScoringSection.model_validate({"metric": metric}), y, logits)[0])
        for name, (metric, sign) in SCORED_BESIDE[rules.task].items()
    }
    if rules.decisions is not None:
        name = rules.decisions.metric
        measures[f"{name}_at_half"] = float(score_at(rules.decisions, y, logits, np.zeros(1))[0])
        if cut is not None:
            measures[f"{name}_at_threshold"] = float(score_at(rules.decisions, y, logits, cut)[0])
            measures["threshold"] = float(expit(cut[0]))
    return measures
