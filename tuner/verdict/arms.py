"""What competes in a verdict, and the candidates of its searches.

All arms of an outer fold share one design: points of a scrambled Sobol sequence over everything that is searched. An
arm takes from each point the hidden size, the epochs, the learning rate and so on, and sets weight and loss its own
way. So arms differ in nothing else, have equally many candidates, and are compared on common random numbers; nothing
adapts, so a search may be trained in any order and stopped anywhere.

Source  Sobol 1967; Owen 1998 (scrambling), as in scipy.stats.qmc
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from scipy.stats import qmc

from tuner.config.evidence import Arm as ArmName
from tuner.config.evidence import VerdictSection
from tuner.config.values import Range
from tuner.data.nested import Resampling
from tuner.study.space import Distribution, Params, ResolvedSpace, limits, place, resolved_range, weight_range
from tuner.trial import TrialParams

Weighting = Literal["none", "sqrt", "balanced", "tuned"]

FOCAL_GAMMA = resolved_range(Range[float](low=0.5, high=5.0, log=True))
"""Searched by the arm of focal loss in place of the weight; its authors recommend 2 and tried 0.5 to 5."""

RATES_AROUND = (0.1, 30.0)
"""Learning rates searched where the config names one, as multiples of it."""

WEIGHT_KEYS = ("minority_weight", "majority_weight")
OWN_KEYS = (*WEIGHT_KEYS, "learning_rate", "focal_gamma")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One competitor.

    Attributes:
        name: as in `evidence.ArmResult`.
        weighting: its class weight: 1, the root of the imbalance ratio, the ratio, or searched.
        way: how its training rows are resampled.
        is_focal: whether focal loss with a searched gamma replaces cross-entropy.
        rate: the fixed learning rate, None where it is searched.
    """

    name: str
    weighting: Weighting = "none"
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


def make_arms(names: Sequence[ArmName], rates: Rates) -> tuple[Arm, ...]:
    """Return the arms that search, those that tell the weight from the step last."""
    rate = rates.fixed if rates.is_verdict_fixed else None
    arms = [_arm(name, rate) for name in names]
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

    `others` holds what a trial sets beside `OWN_KEYS`; the other lists have equal length. Weights are ratios to
    `majority_weight`, which is the study's where that is fixed: it scales every step.
    """

    others: list[Params]
    rates: list[float]
    weights: list[float]
    gammas: list[float]
    majority_weight: float = 1.0

    def candidates(self, arm: Arm, *, imbalance_ratio: float, first_number: int) -> list[TrialParams]:
        """Return the candidates of an arm, numbered from `first_number`.

        Args:
            arm: which.
            imbalance_ratio: negative rows / positive rows of the outer training rows.
            first_number: trial number of point 0.
        """
        fixed_weight = {"none": 1.0, "sqrt": imbalance_ratio**0.5, "balanced": imbalance_ratio}
        return [
            TrialParams(
                number=first_number + i,
                minority_weight=self.majority_weight * fixed_weight.get(arm.weighting, self.weights[i]),
                majority_weight=self.majority_weight,
                learning_rate=self.rates[i] if arm.rate is None else arm.rate,
                focal_gamma=self.gammas[i] if arm.is_focal else 0.0,
                **others,
            )
            for i, others in enumerate(self.others)
        ]


def make_design(space: ResolvedSpace, rates: Rates, *, n_trials: int, imbalance_ratio: float, seed: int) -> Design:
    """Return the candidates of one outer fold.

    Args:
        space: of the study; what is fixed there is fixed here.
        rates: of the verdict.
        n_trials: candidates.
        imbalance_ratio: of the whole table; bounds the weights where the study does not search them.
        seed: of the scrambling.
    """
    searched: Mapping[str, Distribution] = {
        **{name: d for name, d in space.distributions.items() if name not in OWN_KEYS},
        "learning_rate": rates.searched,
        "minority_weight": weight_range(space, imbalance_ratio),
        "focal_gamma": FOCAL_GAMMA,
    }
    sobol = qmc.Sobol(len(searched), scramble=True, rng=np.random.default_rng(seed))
    points = sobol.random_base2((n_trials - 1).bit_length())[:n_trials]
    drawn: dict[str, list[Any]] = {
        name: [place(distribution, float(position)) for position in points[:, column]]
        for column, (name, distribution) in enumerate(searched.items())
    }
    fixed = {name: value for name, value in space.fixed.items() if name not in OWN_KEYS}
    others = [name for name in searched if name not in OWN_KEYS]
    return Design(
        others=[{**fixed, **{name: drawn[name][i] for name in others}} for i in range(n_trials)],
        rates=[float(rate) for rate in drawn["learning_rate"]],
        weights=[float(weight) for weight in drawn["minority_weight"]],
        gammas=drawn["focal_gamma"],
        majority_weight=float(space.fixed.get("majority_weight", 1.0)),
    )
