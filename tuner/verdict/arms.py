"""What competes in a verdict, and the candidates of its searches.

All arms of an outer fold share one design: points of a scrambled Sobol sequence over everything that is searched. An
arm takes from each point the hidden size, the epochs, the learning rate and so on, and sets weight and loss its own
way. So arms differ in nothing else, have equally many candidates, and are compared on common random numbers; nothing
adapts, so a search may be trained in any order and stopped anywhere.

Two classes are weighted by the ratio of their weights, more of them, or several labels, by one exponent.

Source  Sobol 1967; Owen 1998 (scrambling), as in scipy.stats.qmc
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from tuner.config.evidence import Arm as ArmName
from tuner.config.evidence import VerdictSection
from tuner.config.values import Range
from tuner.data.nested import Resampling
from tuner.study.distributions import Distribution, limits, place, resolved_range
from tuner.study.points import BASELINES, Params
from tuner.study.space import ResolvedSpace, exponent_range, weight_range
from tuner.study.weighting import Weighting, make_weighting
from tuner.trial import Task, TrialParams

Weights = Literal["none", "sqrt", "balanced", "tuned"]

FOCAL_GAMMA = resolved_range(Range[float](low=0.5, high=5.0, log=True))
"""Searched by the arm of focal loss in place of the weight; its authors recommend 2 and tried 0.5 to 5."""

RATES_AROUND = (0.1, 30.0)
"""Learning rates searched where the config names one, as multiples of it."""

WEIGHT_KEYS = ("minority_weight", "majority_weight", "weight_exponent")
OWN_KEYS = (*WEIGHT_KEYS, "learning_rate", "focal_gamma")

ONLY_FOR: dict[ArmName, tuple[Task, ...]] = {
    "oversampling": ("binary", "multiclass"),
    "smote": ("binary", "multiclass"),
    "focal_loss": ("binary",),
}
"""Tasks of the arms that do not go with all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One competitor.

    Attributes:
        name: as in `evidence.ArmResult`.
        weighting: its class weight: 1, the root of the imbalance ratio, the ratio, or searched. Of more classes, or
            labels, the exponent: 0, 0.5, 1, or searched.
        way: how its training rows are resampled.
        is_focal: whether focal loss with a searched gamma replaces cross-entropy.
        rate: the fixed learning rate, None where it is searched.
    """

    name: str
    weighting: Weights = "none"
    way: Resampling = "none"
    is_focal: bool = False
    rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Learning rates of a verdict.

    Attributes:
        searched: where arms search it.
        fixed: the rate that the config trains with, None where it is searched there too.
        is_verdict_fixed: all arms train at `fixed`, which `verdict.learning_rate` names.
    """

    searched: Distribution
    fixed: float | None
    is_verdict_fixed: bool


def resolve_rates(section: VerdictSection, space: ResolvedSpace) -> Rates:
    """Return which learning rates are searched: those of the verdict's own key, or those of the study."""
    own, given = space.distributions.get("learning_rate"), section.learning_rate
    fixed = float(space.fixed["learning_rate"]) if own is None else _only(own)
    if given is not None:
        searched = None if isinstance(given, float | int) else resolved_range(given)
        one = float(given) if isinstance(given, float | int) else _only(resolved_range(given))
        if searched is None or one is not None:
            rate = cast(float, one)
            return Rates(searched=_rates_around(rate), fixed=rate, is_verdict_fixed=True)
        return Rates(searched=searched, fixed=fixed, is_verdict_fixed=False)
    if own is None or fixed is not None:
        return Rates(searched=_rates_around(cast(float, fixed)), fixed=fixed, is_verdict_fixed=False)
    return Rates(searched=own, fixed=None, is_verdict_fixed=False)


def _only(distribution: Distribution) -> float | None:
    """Return the one rate of a range or list that holds no other."""
    low, high = limits(distribution)
    return low if low == high else None


def _rates_around(rate: float) -> Distribution:
    low, high = (factor * rate for factor in RATES_AROUND)
    return resolved_range(Range[float](low=low, high=high, log=True))


def fits(name: ArmName, task: Task) -> bool:
    """Return whether an arm can compete on tables of a task."""
    return task in ONLY_FOR.get(name, (task,))


def make_arms(names: Sequence[ArmName], rates: Rates, *, task: Task = "binary") -> tuple[Arm, ...]:
    """Return the arms that search, those that tell the weight from the step last; without those of other tasks."""
    rate = rates.fixed if rates.is_verdict_fixed else None
    arms = [_arm(name, rate) for name in names if fits(name, task)]
    if "none" in names and rates.is_verdict_fixed:
        arms.append(Arm(name="none_larger_step"))
    elif "none" in names and rates.fixed is not None:
        arms.append(Arm(name="none_fixed_rate", rate=rates.fixed))
        arms.append(Arm(name="tuned_fixed_rate", weighting="tuned", rate=rates.fixed))
    return tuple(arms)


def _arm(name: ArmName, rate: float | None) -> Arm:
    match name:
        case "none" | "sqrt" | "balanced" | "tuned":
            return Arm(name=name, weighting=name, rate=rate)
        case "oversampling" | "smote":
            return Arm(name=name, way=name, rate=rate)
        case "focal_loss":
            return Arm(name=name, is_focal=True, rate=rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """The candidates of one outer fold: point i of every arm differs in weight, loss and rate alone.

    `others` holds what a trial sets beside `OWN_KEYS` and deviations; the other lists have equal length. Weights are
    ratios to `majority_weight`, which is the study's where that is fixed: it scales every step. Of more classes, or
    labels, they are exponents, `deviations` holds those of the arm tuned where the study searches them, and `weighting`
    is that of the whole table.
    """

    others: list[Params]
    rates: list[float]
    weights: list[float]
    gammas: list[float]
    majority_weight: float = 1.0
    deviations: list[Params] | None = None
    weighting: Weighting | None = None

    def weighting_of(self, y: NDArray[np.int32]) -> Weighting | None:
        """Return how the rows with these labels weight their classes; None for two classes.

        Args:
            y: classes, shape `(n,)`, or labels, shape `(n, L)`, of the outer training rows.
        """
        if self.weighting is None:
            return None
        task, classes = self.weighting.task, self.weighting.classes
        counts = np.bincount(y, minlength=len(classes)) if task == "multiclass" else y.sum(axis=0)
        return make_weighting(task, classes=classes, class_counts=counts.tolist(), n_rows=len(y))

    def candidates(
        self, arm: Arm, *, imbalance_ratio: float, first_number: int, weighting: Weighting | None = None
    ) -> list[TrialParams]:
        """Return the candidates of an arm, numbered from `first_number`.

        Args:
            arm: which.
            imbalance_ratio: negative rows / positive rows of the outer training rows; of two classes.
            first_number: trial number of point 0.
            weighting: of the outer training rows, of more classes or labels; None for two classes.
        """
        gammas = self.gammas if arm.is_focal else [0.0] * len(self.others)
        return [
            TrialParams(
                number=first_number + i,
                learning_rate=self.rates[i] if arm.rate is None else arm.rate,
                focal_gamma=gammas[i],
                **(
                    self._weights_of_two(arm, i, imbalance_ratio)
                    if weighting is None
                    else weights_of_more(weighting, self.exponent(arm, i), self.deviations_of(arm, i))
                ),
                **others,
            )
            for i, others in enumerate(self.others)
        ]

    def _weights_of_two(self, arm: Arm, point: int, imbalance_ratio: float) -> Params:
        fixed_weight = {"none": 1.0, "sqrt": imbalance_ratio**0.5, "balanced": imbalance_ratio}
        return {
            "minority_weight": self.majority_weight * fixed_weight.get(arm.weighting, self.weights[point]),
            "majority_weight": self.majority_weight,
        }

    def exponent(self, arm: Arm, point: int) -> float:
        """Return the exponent of an arm at a point, of more classes or labels."""
        return self.weights[point] if arm.weighting == "tuned" else BASELINES[arm.weighting]

    def deviations_of(self, arm: Arm, point: int) -> Params:
        """Return the deviations of an arm at a point; none but those of the arm that searches its weights."""
        return {} if self.deviations is None or arm.weighting != "tuned" else self.deviations[point]


def weights_of_more(weighting: Weighting, exponent: float, deviations: Params) -> Params:
    """Return what a trial sets to weight more than two classes, or labels."""
    weights = weighting.weights({"weight_exponent": exponent, **deviations})
    return {"minority_weight": 1.0, "majority_weight": 1.0, "class_weights": weights}


def searched_deviations(space: ResolvedSpace) -> dict[str, Distribution]:
    """Return where deviations of classes or labels are searched: as in the study; nowhere where it lists trials."""
    if space.weighting is None or space.listed:
        return {}
    return {name: d for name, d in space.distributions.items() if name in space.weighting.deviations}


def make_design(space: ResolvedSpace, rates: Rates, *, n_trials: int, imbalance_ratio: float, seed: int) -> Design:
    """Return the candidates of one outer fold.

    Args:
        space: of the study; what is fixed there is fixed here.
        rates: of the verdict.
        n_trials: candidates.
        imbalance_ratio: of the whole table; bounds the weights of two classes where the study does not search them.
        seed: of the scrambling.
    """
    is_of_two = space.weighting is None
    names = () if space.weighting is None else space.weighting.deviations
    deviating = searched_deviations(space)
    others = {name: d for name, d in space.distributions.items() if name not in OWN_KEYS and name not in names}
    searched: Mapping[str, Distribution] = {
        **others,
        "learning_rate": rates.searched,
        "weight": weight_range(space, imbalance_ratio) if is_of_two else exponent_range(space),
        **({"focal_gamma": FOCAL_GAMMA} if is_of_two else deviating),
    }
    sobol = qmc.Sobol(len(searched), scramble=True, rng=np.random.default_rng(seed))
    points = sobol.random_base2((n_trials - 1).bit_length())[:n_trials]
    drawn: dict[str, list[Any]] = {
        name: [place(distribution, float(position)) for position in points[:, column]]
        for column, (name, distribution) in enumerate(searched.items())
    }
    fixed = {name: value for name, value in space.fixed.items() if name not in OWN_KEYS and name not in names}
    return Design(
        others=[{**fixed, **{name: drawn[name][i] for name in others}} for i in range(n_trials)],
        rates=[float(rate) for rate in drawn["learning_rate"]],
        weights=[float(weight) for weight in drawn["weight"]],
        gammas=drawn.get("focal_gamma", []),
        majority_weight=float(space.fixed.get("majority_weight", 1.0)) if is_of_two else 1.0,
        deviations=[{name: drawn[name][i] for name in deviating} for i in range(n_trials)] if deviating else None,
        weighting=space.weighting,
    )
