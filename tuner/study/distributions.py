"""What one parameter may be: a range or a list of choices, as Optuna's distributions.

A key of the search space is fixed, a range or a list; ranges and lists become distributions under the same name.
"""

from __future__ import annotations

import math
from typing import Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from tuner.config.values import Range, Scalar
from tuner.errors import ConfigError

Distribution = FloatDistribution | IntDistribution | CategoricalDistribution

AUTO_HIGH = 10.0
"""`high: auto` of the minority weight, in imbalance ratios."""


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


def contains(distribution: Distribution, value: object) -> bool:
    """Return whether a distribution can take a value."""
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    if not isinstance(value, int | float) or not distribution.low <= value <= distribution.high:
        return False
    return isinstance(distribution, FloatDistribution) or (value - distribution.low) % distribution.step == 0


def middle(distribution: Distribution) -> Scalar | None:
    """Return the middle of a range, geometric where log, rounded for whole numbers; the first of a list of choices."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[0]
    low, high = distribution.low, distribution.high
    middle = math.sqrt(low) * math.sqrt(high) if distribution.log else (low + high) / 2
    if isinstance(distribution, IntDistribution):
        return low + distribution.step * round((middle - low) / distribution.step)
    return min(max(middle, low), high)


def greatest(distribution: Distribution) -> Scalar | None:
    """Return the greatest value of a range or list; the first choice where there is no greatest."""
    if not isinstance(distribution, CategoricalDistribution):
        return distribution.high
    numbers = [choice for choice in distribution.choices if isinstance(choice, int | float)]
    return max(numbers) if len(numbers) == len(distribution.choices) else distribution.choices[0]


def limits(distribution: Distribution) -> tuple[float, float]:
    """Return the least and the greatest value of a range or list of numbers."""
    if isinstance(distribution, CategoricalDistribution):
        numbers = [float(choice) for choice in distribution.choices if isinstance(choice, int | float)]
        return min(numbers), max(numbers)
    return float(distribution.low), float(distribution.high)


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


def span(values: list[Any]) -> Distribution:
    """Return the smallest range, or list of choices, that holds some values of one parameter."""
    if isinstance(values[0], bool | str):
        return CategoricalDistribution(tuple(dict.fromkeys(values)))
    if isinstance(values[0], int):
        return IntDistribution(min(values), max(values))
    return FloatDistribution(min(values), max(values))


def is_countable(distribution: Distribution) -> bool:
    """Return whether a grid can hold every value."""
    return isinstance(distribution, CategoricalDistribution) or (
        isinstance(distribution, IntDistribution) and not distribution.log
    )


def all_values(distribution: Distribution) -> list[Any]:
    """Return every value of a countable range or list, in order."""
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    if isinstance(distribution, IntDistribution):
        return list(range(distribution.low, distribution.high + 1, distribution.step))
    raise TypeError(f"a range of fractions has no list of values: {distribution}")


def describe(distribution: Distribution) -> dict[str, object]:
    """Return `low`, `high`, `log` (and `step`), or `choices`, as plain data."""
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
