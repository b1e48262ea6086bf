"""What may be searched, resolved to numbers once, and the trials that come before any sampler is asked.

A key of the search space is fixed, a range or a list of choices; ranges and lists become Optuna distributions under the
same name. Points are trials whose parameters are known beforehand: the baselines, a whole grid, or `study.trials`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from tuner.config.schema import PARAMS, SearchSpace, StudySection, TrainingSection
from tuner.config.values import Range, Scalar
from tuner.errors import ConfigError
from tuner.study.summary import Origin
from tuner.trial import TrialParams

Distribution = FloatDistribution | IntDistribution | CategoricalDistribution
Params = dict[str, Any]

AUTO_HIGH = 10.0
"""`high: auto` of the minority weight, in imbalance ratios."""

BASELINES: dict[Origin, float] = {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}
"""Weights every study tries first, as powers of the imbalance ratio."""

MAX_GRID = 100_000

LATER: Params = {"dropout": 0.0}
"""Parameters that were added after there were studies, and the value that trained those; specs leave it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A trial known beforehand: every search parameter has a value."""

    origin: Origin
    params: Params


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedSpace:
    """A search space without open questions.

    Attributes:
        distributions: the search parameters, in the order of the schema.
        fixed: value of everything else a trial can set.
        points: parameters of the first trials: trial number i is `points[i]`.
        only_points: no trial comes after the points (a grid, `study.trials`, a space of one point).
        listed: the points are `study.trials`, so `n_trials` does not count.
        sampler, seed, batch_size: how the trials after the points are drawn.
        notices: what was left out, in words.
    """

    distributions: dict[str, Distribution]
    fixed: Params
    points: tuple[Point, ...]
    only_points: bool
    listed: bool
    sampler: str
    seed: int
    batch_size: int
    notices: tuple[str, ...] = ()

    def n_trials(self, section: StudySection) -> int:
        """Return how many trials the study shall hold: `n_trials`, but all points at most; exactly those listed."""
        if self.listed:
            return len(self.points)
        return min(section.n_trials, len(self.points)) if self.only_points else section.n_trials

    def origin(self, number: int, params: Params) -> Origin:
        """Return where the parameters of a trial come from; somebody may have queued others in the place of a point."""
        is_point = number < len(self.points) and self.points[number].params == params
        return self.points[number].origin if is_point else "sampled"

    def resolve(self, number: int, params: Mapping[str, Any]) -> TrialParams:
        """Return everything trial `number` is trained with: its search parameters and the fixed values."""
        return TrialParams(number=number, **{**self.fixed, **params})

    def middle(self) -> Params:
        """Return the middle of every searched range, as the baselines use it."""
        return {name: _middle(distribution) for name, distribution in self.distributions.items()}

    def largest(self) -> Params:
        """Return the greatest value of every searched range or list; the first choice where there is no greatest."""
        return {name: _greatest(distribution) for name, distribution in self.distributions.items()}

    @property
    def longest_training(self) -> int:
        """The greatest number of epochs any trial may ask for."""
        return self.resolve(0, self.largest()).epochs

    def describe(self) -> dict[str, dict[str, object]]:
        """Return the search parameters as plain data: `low`, `high`, `log` (and `step`), or `choices`."""
        return {name: _describe(distribution) for name, distribution in self.distributions.items()}

    def spec(self) -> dict[str, object]:
        """Return all that decides which parameters a trial gets, as plain data."""
        return {
            "search": self.describe(),
            "fixed": {name: value for name, value in self.fixed.items() if LATER.get(name) != value},
            "points": [dict(point.params) for point in self.points if point.origin != "sampled"],
            "study": {"sampler": self.sampler, "seed": self.seed, "batch_size": self.batch_size},
        }


def resolve_space(
    search: SearchSpace, training: TrainingSection, study: StudySection, *, imbalance_ratio: float
) -> ResolvedSpace:
    """Resolve what may be searched for a table of a given imbalance ratio.

    Args:
        search: the search space as configured; a key set here wins over `training`.
        training: values of the keys that `search` does not name.
        study: sampler, seed, batch size, `baseline_params` and `trials`.
        imbalance_ratio: negative rows / positive rows.

    Raises:
        ConfigError: an empty range, a baseline or listed trial that cannot be, a grid over something uncountable.
    """
    distributions, fixed = _distributions(search, training, imbalance_ratio)
    is_one_point = all(distribution.single() for distribution in distributions.values())
    notices: tuple[str, ...] = ()
    if study.trials is not None:
        distributions, fixed, points = _listed(study.trials, distributions, fixed, imbalance_ratio)
    else:
        points, notices = _baselines(distributions, fixed, study.baseline_params, imbalance_ratio)
        if is_one_point:
            points = points or (
                Point(origin="sampled", params={name: _middle(d) for name, d in distributions.items()}),
            )
            notices += _one_point_notice(study.n_trials)
        elif study.sampler == "grid":
            points = _grid(distributions, points, study.seed)
            notices += _grid_notice(len(points), study.n_trials)
    return ResolvedSpace(
        distributions=distributions,
        fixed=fixed,
        points=points,
        only_points=study.trials is not None or study.sampler == "grid" or is_one_point,
        listed=study.trials is not None,
        sampler=study.sampler,
        seed=study.seed,
        batch_size=study.batch_size,
        notices=notices,
    )


def trial_values(trial: TrialParams) -> dict[str, object]:
    """Return every training and search value of a trial by name."""
    return {name: getattr(trial, name) for name in PARAMS}


def contains(distribution: Distribution, value: object) -> bool:
    """Return whether a distribution can take a value."""
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    if not isinstance(value, int | float) or not distribution.low <= value <= distribution.high:
        return False
    return isinstance(distribution, FloatDistribution) or (value - distribution.low) % distribution.step == 0


def _distributions(
    search: SearchSpace, training: TrainingSection, imbalance_ratio: float
) -> tuple[dict[str, Distribution], Params]:
    distributions: dict[str, Distribution] = {}
    fixed: Params = {}
    for name in PARAMS:
        value = getattr(search, name)
        if value is None:
            fixed[name] = getattr(training, name)
        elif isinstance(value, Range | list):
            distributions[name] = resolved_range(value, imbalance_ratio=imbalance_ratio)
        else:
            fixed[name] = value
    return distributions, fixed


def resolved_range(value: Range[Any] | list[Any], *, imbalance_ratio: float = 1.0) -> Distribution:
    """Return a range or list of choices of a config as Optuna has it; the ratio resolves `high: auto`."""
    if isinstance(value, list):
        return CategoricalDistribution(tuple(value))
    low, high = value.low, value.high
    if high == "auto":
        high = AUTO_HIGH * imbalance_ratio
        if high < low:
            raise ConfigError(
                f"search_space.minority_weight.high is auto, 10 x the imbalance ratio of this table = {high:g},"
                f" which is below low, {low:g}.\nGive high as a number, or lower low."
            )
    if isinstance(low, int):
        step = value.step or 1
        return IntDistribution(low, low + (high - low) // step * step, log=value.log, step=step)
    return FloatDistribution(low, high, log=value.log)


def _middle(distribution: Distribution) -> Scalar | None:
    """Return the middle of a range, geometric where log, rounded for whole numbers; the first of a list of choices."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[0]
    low, high = distribution.low, distribution.high
    middle = math.sqrt(low) * math.sqrt(high) if distribution.log else (low + high) / 2
    if isinstance(distribution, IntDistribution):
        return low + distribution.step * round((middle - low) / distribution.step)
    return min(max(middle, low), high)


def _greatest(distribution: Distribution) -> Scalar | None:
    if not isinstance(distribution, CategoricalDistribution):
        return distribution.high
    numbers = [choice for choice in distribution.choices if isinstance(choice, int | float)]
    return max(numbers) if len(numbers) == len(distribution.choices) else distribution.choices[0]


def _describe(distribution: Distribution) -> dict[str, object]:
    if isinstance(distribution, CategoricalDistribution):
        return {"choices": list(distribution.choices)}
    described: dict[str, object] = {"low": distribution.low, "high": distribution.high, "log": distribution.log}
    if isinstance(distribution, IntDistribution) and distribution.step != 1:
        described["step"] = distribution.step
    return described


def words(distribution: Distribution) -> str:
    """Return a range or list of choices for people."""
    if isinstance(distribution, CategoricalDistribution):
        return ", ".join(repr(choice) for choice in distribution.choices)
    step = f" in steps of {distribution.step:g}" if distribution.step not in (None, 1) else ""
    return f"{distribution.low:g} to {distribution.high:g}{step}"


def _baselines(
    distributions: Mapping[str, Distribution], fixed: Params, given: Mapping[str, Scalar], imbalance_ratio: float
) -> tuple[tuple[Point, ...], tuple[str, ...]]:
    """Return trials with no weights, root-balanced and balanced weights that agree in everything else.

    The weights are ratios to the weight of the majority class, so "none" means equal weights whatever that is.
    """
    others = {name: d for name, d in distributions.items() if name != "minority_weight"}
    base = {name: _middle(d) for name, d in others.items()} | {**_baseline_params(given, others)}
    if "minority_weight" not in distributions:
        weight = fixed["minority_weight"]
        return (), (f"minority_weight is fixed at {weight:g}: the study has no baselines to compare with",)
    majority_weight = {**fixed, **base}["majority_weight"]
    points: list[Point] = []
    notices: list[str] = []
    for origin, power in BASELINES.items():
        weight = majority_weight * imbalance_ratio**power
        params = {name: base.get(name, weight) for name in distributions}
        if not contains(distributions["minority_weight"], weight):
            where = words(distributions["minority_weight"])
            notices.append(f'baseline "{origin}", minority_weight {weight:g}, is not among {where} and is skipped')
        elif all(params != point.params for point in points):
            points.append(Point(origin=origin, params=params))
    return tuple(points), tuple(notices)


def _baseline_params(given: Mapping[str, Scalar], others: Mapping[str, Distribution]) -> Mapping[str, Scalar]:
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


def _listed(
    trials: Sequence[Mapping[str, Scalar]],
    distributions: Mapping[str, Distribution],
    fixed: Params,
    imbalance_ratio: float,
) -> tuple[dict[str, Distribution], Params, tuple[Point, ...]]:
    """Return the space that `study.trials` span; what no entry names takes its fixed value or the middle."""
    default = {name: fixed[name] if name in fixed else _middle(distributions[name]) for name in PARAMS}
    names = [name for name in PARAMS if any(name in trial for trial in trials)]
    values = [{**default, **trial} for trial in trials]
    origins = _listed_origins(values, imbalance_ratio)
    points = tuple(
        Point(origin=origin, params={name: trial[name] for name in names})
        for origin, trial in zip(origins, values, strict=True)
    )
    spanned = {name: _span([point.params[name] for point in points]) for name in names}
    return spanned, {name: value for name, value in default.items() if name not in spanned}, points


def _listed_origins(trials: Sequence[Params], imbalance_ratio: float) -> list[Origin]:
    """Return which baseline the weights of each trial are, the first time they are; "listed" otherwise."""
    free = {imbalance_ratio**power: origin for origin, power in reversed(BASELINES.items())}
    origins: list[Origin] = []
    for trial in trials:
        weight = trial["minority_weight"] / trial["majority_weight"]
        found = next((ratio for ratio in free if math.isclose(weight, ratio, rel_tol=1e-9)), None)
        origins.append("listed" if found is None else free.pop(found))
    return origins


def _span(values: list[Any]) -> Distribution:
    if isinstance(values[0], bool | str):
        return CategoricalDistribution(tuple(dict.fromkeys(values)))
    if isinstance(values[0], int):
        return IntDistribution(min(values), max(values))
    return FloatDistribution(min(values), max(values))


def _grid(distributions: Mapping[str, Distribution], baselines: tuple[Point, ...], seed: int) -> tuple[Point, ...]:
    """Return every combination once: the baselines, then the others in an order shuffled by `seed`."""
    endless = [name for name, d in distributions.items() if not _is_countable(d)]
    if endless:
        raise ConfigError(
            f"study.sampler: grid cannot count the values of {', '.join(endless)}.\n"
            "Give each a list of choices or a whole-number range with step, or set study.sampler: tpe."
        )
    values = [_values(d) for d in distributions.values()]
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


def _is_countable(distribution: Distribution) -> bool:
    return isinstance(distribution, CategoricalDistribution) or (
        isinstance(distribution, IntDistribution) and not distribution.log
    )


def _values(distribution: Distribution) -> list[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    if isinstance(distribution, IntDistribution):
        return list(range(distribution.low, distribution.high + 1, distribution.step))
    raise TypeError(f"a range of fractions has no list of values: {distribution}")


def _grid_notice(size: int, n_trials: int) -> tuple[str, ...]:
    if size >= n_trials:
        return ()
    return (f"the grid has {size} points, so the study ends after {size} trials, not study.n_trials={n_trials}",)


def _one_point_notice(n_trials: int) -> tuple[str, ...]:
    if n_trials == 1:
        return ()
    return (f"the search space is one point, so the study ends after 1 trial, not study.n_trials={n_trials}",)


def limits(distribution: Distribution) -> tuple[float, float]:
    """Return the least and the greatest value of a range or list of numbers."""
    if isinstance(distribution, CategoricalDistribution):
        numbers = [float(choice) for choice in distribution.choices if isinstance(choice, int | float)]
        return min(numbers), max(numbers)
    return float(distribution.low), float(distribution.high)


def weight_range(space: ResolvedSpace, imbalance_ratio: float) -> Distribution:
    """Return where the weight is searched, as a ratio to the weight of the other class.

    As in the study, whatever it sets the other weight to; as by default where the study fixes or lists the weight.
    """
    own = None if space.listed else space.distributions.get("minority_weight")
    if own is None:
        return FloatDistribution(min(1.0, imbalance_ratio), max(1.0, AUTO_HIGH * imbalance_ratio), log=True)
    searched = space.distributions.get("majority_weight")
    least, most = limits(searched) if searched is not None else 2 * (float(space.fixed["majority_weight"]),)
    if isinstance(own, CategoricalDistribution):
        ratios = {float(cast(float, choice)) / majority for choice in own.choices for majority in (least, most)}
        return CategoricalDistribution(tuple(sorted(ratios)))
    return FloatDistribution(own.low / most, own.high / least, log=own.log)


def place(distribution: Distribution, position: float) -> Any:
    """Return the value at a position in [0, 1) of a range or list: even steps, logarithmic where the range is."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(position * len(distribution.choices))]
    low, high = distribution.low, distribution.high
    if isinstance(distribution, FloatDistribution):
        value = low * (high / low) ** position if distribution.log else low + (high - low) * position
        return min(max(value, low), high)
    if distribution.log:  # Optuna's own convention: half a step more on both sides
        value = (low - 0.5) * ((high + 0.5) / (low - 0.5)) ** position
        return min(max(round(value), low), high)
    return low + distribution.step * int(position * ((high - low) // distribution.step + 1))
