"""Trials whose parameters are known before any sampler is asked: the baselines, a whole grid, or `study.trials`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuner.config.values import Scalar
from tuner.errors import ConfigError
from tuner.study.distributions import Distribution, all_values, contains, is_countable, middle, span, words
from tuner.study.summary import Origin
from tuner.study.weighting import Weighting, parameter_names

Params = dict[str, Any]

BASELINES: dict[Origin, float] = {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}
"""Weights every study tries first, as powers of the imbalance ratio; each of more classes, or labels, has its own."""

MAX_GRID = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A trial known beforehand: every search parameter has a value."""

    origin: Origin
    params: Params


def baseline_points(
    distributions: Mapping[str, Distribution],
    fixed: Params,
    given: Mapping[str, Scalar],
    *,
    imbalance_ratio: float,
    weighting: Weighting | None,
) -> tuple[tuple[Point, ...], tuple[str, ...]]:
    """Return trials with no weights, root-balanced and balanced weights that agree in everything else, and notices.

    The weights of two classes are ratios to the weight of the majority class, so "none" means equal weights whatever
    that is. Of baselines that weight alike, the first alone is tried.

    Args:
        distributions: the search parameters.
        fixed: value of everything else.
        given: `study.baseline_params`, in place of the middle.
        imbalance_ratio: of two classes.
        weighting: of more classes, or of labels; None for two classes.

    Raises:
        ConfigError: `given` names something that is not searched, or a value that is not among those searched.
    """
    key = "minority_weight" if weighting is None else "weight_exponent"
    others = {name: d for name, d in distributions.items() if name != key}
    base = {name: middle(d) for name, d in others.items()} | {**_checked_params(given, others)}
    if key not in distributions:
        return (), (f"{key} is fixed at {fixed[key]:g}: the study has no baselines to compare with",)
    majority_weight = {**fixed, **base}["majority_weight"] if weighting is None else 1.0
    points: list[Point] = []
    notices: list[str] = []
    tried: list[object] = []
    for origin, power in BASELINES.items():
        value = majority_weight * imbalance_ratio**power if weighting is None else power
        params = {name: base.get(name, value) for name in distributions}
        weights = value if weighting is None else weighting.weights({**fixed, **params})
        if not contains(distributions[key], value):
            where = words(distributions[key])
            notices.append(f'baseline "{origin}", {key} {value:g}, is not among {where} and is skipped')
        elif weights not in tried:
            tried.append(weights)
            points.append(Point(origin=origin, params=params))
    return tuple(points), tuple(notices)


def _checked_params(given: Mapping[str, Scalar], others: Mapping[str, Distribution]) -> Mapping[str, Scalar]:
    problems: list[str] = []
    for name, value in given.items():
        where = f"study.baseline_params.{name}"
        if name not in others:
            problems.append(f"{where}: {name} is not searched; remove it, or give search_space.{name} a range")
        elif not contains(others[name], value):
            problems.append(f"{where}: must be among {words(others[name])} (search_space.{name}), got {value!r}")
    if problems:
        raise ConfigError("\n".join([*problems, "Nothing was run."]))
    return given


def listed_points(
    trials: Sequence[Mapping[str, Scalar]],
    distributions: Mapping[str, Distribution],
    fixed: Params,
    *,
    imbalance_ratio: float,
    weighting: Weighting | None,
) -> tuple[dict[str, Distribution], Params, tuple[Point, ...]]:
    """Return the space that `study.trials` span, what stays fixed, and the trials.

    What no entry names takes its fixed value or the middle of its range. Arguments are those of `baseline_points`.
    """
    default = {
        name: fixed[name] if name in fixed else middle(distributions[name])
        for name in parameter_names(weighting)
        if name in fixed or name in distributions
    }
    names = [name for name in default if any(name in trial for trial in trials)]
    values = [{**default, **trial} for trial in trials]
    origins = _listed_origins(values, imbalance_ratio=imbalance_ratio, weighting=weighting)
    points = tuple(
        Point(origin=origin, params={name: trial[name] for name in names})
        for origin, trial in zip(origins, values, strict=True)
    )
    spanned = {name: span([point.params[name] for point in points]) for name in names}
    return spanned, {name: value for name, value in default.items() if name not in spanned}, points


def _listed_origins(trials: Sequence[Params], *, imbalance_ratio: float, weighting: Weighting | None) -> list[Origin]:
    """Return which baseline the weights of each trial are, the first time they are; "listed" otherwise."""
    free: dict[Origin, tuple[float, ...]] = {}
    for origin, power in BASELINES.items():
        usual = (imbalance_ratio**power,) if weighting is None else weighting.weights({"weight_exponent": power})
        if usual not in free.values():
            free[origin] = usual
    origins: list[Origin] = []
    for trial in trials:
        own = _ratios(trial) if weighting is None else weighting.weights(trial)
        found = next((origin for origin, usual in free.items() if np.allclose(own, usual, rtol=1e-9, atol=0.0)), None)
        origins.append(found or "listed")
        if found:
            del free[found]
    return origins


def _ratios(trial: Params) -> tuple[float, ...]:
    return (trial["minority_weight"] / trial["majority_weight"],)


def grid_points(
    distributions: Mapping[str, Distribution], baselines: tuple[Point, ...], seed: int
) -> tuple[Point, ...]:
    """Return every combination once: the baselines, then the others in an order shuffled by `seed`.

    Raises:
        ConfigError: there is no end to the values of a parameter, or there are too many combinations.
    """
    endless = [name for name, d in distributions.items() if not is_countable(d)]
    if endless:
        raise ConfigError(
            f"study.sampler: grid cannot count the values of {', '.join(endless)}.\n"
            "Give each a list of choices or a whole-number range with step, or set study.sampler: tpe."
        )
    values = [all_values(d) for d in distributions.values()]
    size = math.prod(len(choices) for choices in values)
    if size > MAX_GRID:
        raise ConfigError(
            f"study.sampler: grid would have {size:,} points, more than {MAX_GRID:,}.\n"
            "Give fewer choices or larger steps, or set study.sampler: tpe."
        )
    known = [point.params for point in baselines]
    combinations = [dict(zip(distributions, chosen, strict=True)) for chosen in itertools.product(*values)]
    rest = [combinations[i] for i in np.random.default_rng(seed).permutation(size)]
    return baselines + tuple(Point(origin="sampled", params=params) for params in rest if params not in known)


def grid_notice(size: int, n_trials: int) -> tuple[str, ...]:
    """Return what to say of a grid that ends before the budget does."""
    if size >= n_trials:
        return ()
    return (f"the grid has {size} points, so the study ends after {size} trials, not study.n_trials={n_trials}",)


def one_point_notice(n_trials: int) -> tuple[str, ...]:
    """Return what to say of a space of one point, which ends before the budget does."""
    if n_trials == 1:
        return ()
    return (f"the search space is one point, so the study ends after 1 trial, not study.n_trials={n_trials}",)
