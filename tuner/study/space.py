"""What may be searched, resolved to numbers once, and the trials that come before any sampler is asked.

A key of the search space is fixed, a range or a list of choices (`distributions.py`). Points are trials whose
parameters are known beforehand (`points.py`). What weights the classes depends on how many there are (`weighting.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from optuna.distributions import CategoricalDistribution, FloatDistribution

from tuner.config.schema import SearchSpace, StudySection, TrainingSection
from tuner.config.values import Range
from tuner.study.distributions import (
    AUTO_HIGH,
    Distribution,
    describe,
    greatest,
    limits,
    middle,
    resolved_range,
)
from tuner.study.points import (
    Params,
    Point,
    baseline_points,
    grid_notice,
    grid_points,
    listed_points,
    one_point_notice,
)
from tuner.study.summary import Origin, is_weight_parameter
from tuner.study.weighting import (
    Weighting,
    make_weighting,
    parameter_names,
    refuse_other_weights,
    stored_trial,
    trial_values,
)
from tuner.trial import Task, TrialParams

LATER: Params = {"dropout": 0.0}
"""Parameters that were added after there were studies, and the value that trained those; specs leave it out."""


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
        weighting: how more than two classes, or labels, are weighted; None for two classes.
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
    weighting: Weighting | None = None

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
        values = {**self.fixed, **params}
        weights = () if self.weighting is None else self.weighting.weights(values)
        return stored_trial(number, values | ({"class_weights": weights} if weights else {}))

    def stored(self, trial: TrialParams, params: Mapping[str, Any]) -> Params:
        """Return every value of a trial as it is stored: what it is trained with, and what its weights come from."""
        origins = {name: value for name, value in {**self.fixed, **params}.items() if is_weight_parameter(name)}
        return {**origins, **trial_values(trial)}

    def middle(self) -> Params:
        """Return the middle of every searched range, as the baselines use it."""
        return {name: middle(distribution) for name, distribution in self.distributions.items()}

    def largest(self) -> Params:
        """Return the greatest value of every searched range or list; the first choice where there is no greatest."""
        return {name: greatest(distribution) for name, distribution in self.distributions.items()}

    @property
    def longest_training(self) -> int:
        """The greatest number of epochs any trial may ask for."""
        return self.resolve(0, self.largest()).epochs

    def describe(self) -> dict[str, dict[str, object]]:
        """Return the search parameters as plain data: `low`, `high`, `log` (and `step`), or `choices`."""
        return {name: describe(distribution) for name, distribution in self.distributions.items()}

    def spec(self) -> dict[str, object]:
        """Return all that decides which parameters a trial gets, as plain data."""
        return {
            "search": self.describe(),
            "fixed": {name: value for name, value in self.fixed.items() if LATER.get(name) != value},
            "points": [dict(point.params) for point in self.points if point.origin != "sampled"],
            "study": {"sampler": self.sampler, "seed": self.seed, "batch_size": self.batch_size},
        }


def resolve_space(
    search: SearchSpace,
    training: TrainingSection,
    study: StudySection,
    *,
    imbalance_ratio: float,
    task: Task = "binary",
    classes: Sequence[str] = (),
    class_counts: Sequence[int] = (),
    n_rows: int = 0,
) -> ResolvedSpace:
    """Resolve what may be searched for a table.

    Args:
        search: the search space as configured; a key set here wins over `training`.
        training: values of the keys that `search` does not name.
        study: sampler, seed, batch size, `baseline_params` and `trials`.
        imbalance_ratio: of two classes, negative rows / positive rows.
        task: two classes, more, or several labels.
        classes: names of the classes or labels; of two classes for messages only.
        class_counts: rows that have each; not needed for two classes.
        n_rows: rows of the table; needed for labels only.

    Raises:
        ConfigError: an empty range, a baseline or listed trial that cannot be, a grid over something uncountable, a key
            of weights that does not go with the table.
    """
    weighting = make_weighting(task, classes=classes, class_counts=class_counts, n_rows=n_rows)
    refuse_other_weights(search, training, study, weighting=weighting, classes=classes)
    distributions, fixed = _distributions(search, training, imbalance_ratio=imbalance_ratio, weighting=weighting)
    is_one_point = all(distribution.single() for distribution in distributions.values())
    notices: tuple[str, ...] = ()
    if study.trials is not None:
        distributions, fixed, points = listed_points(
            study.trials, distributions, fixed, imbalance_ratio=imbalance_ratio, weighting=weighting
        )
    else:
        points, notices = baseline_points(
            distributions, fixed, study.baseline_params, imbalance_ratio=imbalance_ratio, weighting=weighting
        )
        if is_one_point:
            points = points or (Point(origin="sampled", params={name: middle(d) for name, d in distributions.items()}),)
            notices += one_point_notice(study.n_trials)
        elif study.sampler == "grid":
            points = grid_points(distributions, points, study.seed)
            notices += grid_notice(len(points), study.n_trials)
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
        weighting=weighting,
    )


def _distributions(
    search: SearchSpace, training: TrainingSection, *, imbalance_ratio: float, weighting: Weighting | None
) -> tuple[dict[str, Distribution], Params]:
    distributions: dict[str, Distribution] = {}
    fixed: Params = {}
    for name in parameter_names(weighting):
        if weighting is not None and name in weighting.deviations:
            if search.weight_deviation is not None:
                distributions[name] = _deviation(search.weight_deviation)
            continue
        value = getattr(search, name)
        if value is None:
            fixed[name] = getattr(training, name)
        elif isinstance(value, Range | list):
            distributions[name] = resolved_range(value, imbalance_ratio=imbalance_ratio)
        else:
            fixed[name] = value
    return distributions, fixed


def _deviation(value: Range[float] | list[float] | float) -> Distribution:
    """Return the values of one deviation: a factor, so a range is logarithmic whether it says so or not."""
    if isinstance(value, Range):
        return FloatDistribution(value.low, value.high, log=True)
    return resolved_range(value if isinstance(value, list) else [value])


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


def exponent_range(space: ResolvedSpace) -> Distribution:
    """Return where the exponent of the weights is searched; as by default where the study fixes or lists it."""
    own = None if space.listed else space.distributions.get("weight_exponent")
    return resolved_range(SearchSpace.model_fields["weight_exponent"].default) if own is None else own
