"""The weights of more than two classes, or of several labels: from one exponent, and a deviation of each.

Two classes have a weight each, `minority_weight` and `majority_weight`. K of them would be K directions to search, so
one exponent b sets them all, from no weights at 0 to balanced ones at 1, and deviations follow where they are asked
for:

    w_k = r_k ** b * d_k * s,    s = sum_k n_k r_k ** b / sum_k n_k r_k ** b d_k

The factor s keeps the summed weight of the rows where it is without deviations: what all of them have in common, which
would only be another learning rate, drops out.

Axes    K classes or labels
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.config.schema import PARAMS, SearchSpace, StudySection, TrainingSection
from tuner.config.values import Section
from tuner.errors import ConfigError
from tuner.study.summary import DEVIATION, is_weight_parameter
from tuner.trial import Task, TrialParams

WEIGHTS_OF_TWO = ("minority_weight", "majority_weight")
"""Keys of the search space that weight two classes."""

WEIGHTS_OF_MORE = ("weight_exponent", "weight_deviation")
"""Keys of the search space that weight more classes, or labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighting:
    """How the weights of K classes or labels follow from the parameters of a trial.

    Attributes:
        task: more than two classes, or several labels.
        classes: names of the classes or labels, all different.
        n_rows: rows that have each, n above: rows of a class, or rows with a label.
        ratios: r above. Of classes, rows of the largest by rows of each; of labels, rows without by rows with it.
    """

    task: Task
    classes: tuple[str, ...]
    n_rows: tuple[int, ...]
    ratios: tuple[float, ...]

    @property
    def deviations(self) -> tuple[str, ...]:
        """Names of the parameters that hold the deviation of each class or label."""
        return tuple(f"{DEVIATION}{name}" for name in self.classes)

    def weights(self, values: Mapping[str, Any]) -> tuple[float, ...]:
        """Return the weight of each class or label.

        Args:
            values: "weight_exponent", and every deviation or none.

        Returns:
            K weights above 0. Without deviations, or with equal ones, that of the largest class is exactly 1.
        """
        base = [ratio ** values["weight_exponent"] for ratio in self.ratios]
        deviations = [values.get(name, 1.0) for name in self.deviations]
        if len(set(deviations)) == 1:
            return tuple(base)
        deviating = [weight * deviation for weight, deviation in zip(base, deviations, strict=True)]
        rescaled = self._total(base) / self._total(deviating)
        return tuple(weight * rescaled for weight in deviating)

    def _total(self, weights: Sequence[float]) -> float:
        return sum(rows * weight for rows, weight in zip(self.n_rows, weights, strict=True))


def make_weighting(task: Task, *, classes: Sequence[str], class_counts: Sequence[int], n_rows: int) -> Weighting | None:
    """Return how K classes or labels are weighted; None for two classes, which have a weight each.

    Args:
        task: two classes, more, or several labels.
        classes: names of the classes or labels.
        class_counts: rows that have each, at least 1; of labels, not all rows.
        n_rows: rows of the table.
    """
    if task == "binary":
        return None
    if task == "multiclass":
        ratios = [max(class_counts) / count for count in class_counts]
    else:
        ratios = [(n_rows - count) / count for count in class_counts]
    return Weighting(task=task, classes=tuple(classes), n_rows=tuple(class_counts), ratios=tuple(ratios))


def parameter_names(weighting: Weighting | None) -> tuple[str, ...]:
    """Return the names of everything a trial can set, in the order in which it is shown: weights come first."""
    if weighting is None:
        return tuple(name for name in PARAMS if name not in WEIGHTS_OF_MORE)
    others = (name for name in PARAMS if name not in WEIGHTS_OF_TWO and name not in WEIGHTS_OF_MORE)
    return ("weight_exponent", *weighting.deviations, *others)


def refuse_other_weights(
    search: SearchSpace,
    training: TrainingSection,
    study: StudySection,
    *,
    weighting: Weighting | None,
    classes: Sequence[str],
) -> None:
    """Refuse keys that weight another kind of table, or that change nothing; those at their defaults are ignored.

    Args:
        search, training, study: as configured.
        weighting: of the table; None for two classes.
        classes: names of two classes, for the message.

    Raises:
        ConfigError: all of them, and what to use instead.
    """
    strange = WEIGHTS_OF_MORE if weighting is None else WEIGHTS_OF_TWO
    found = [f"search_space.{name}" for name in strange if _is_changed(search, name)]
    if weighting is not None and _is_changed(training, "majority_weight"):
        found.append("training.majority_weight")
    found += _named(study, strange)
    if found:
        table, instead = _table_and_key(weighting, classes)
        raise ConfigError(
            f"{', '.join(found)} {'does' if len(found) == 1 else 'do'} not go with {table}.\n"
            f"Remove {'it' if len(found) == 1 else 'them'}, and search {instead}. Nothing was run."
        )
    if weighting is not None:
        _refuse_idle_weights(search, study)


def _is_changed(section: Section, name: str) -> bool:
    """Whether a value is not the default: a config as run names every key, so being there says nothing."""
    return bool(getattr(section, name) != type(section).model_fields[name].get_default())


def _named(study: StudySection, names: Sequence[str]) -> list[str]:
    """Where `study.baseline_params` and `study.trials` name some keys."""
    places = {"study.baseline_params": study.baseline_params}
    places |= {f"study.trials[{i}]": trial for i, trial in enumerate(study.trials or ())}
    return [f"{place}.{name}" for place, params in places.items() for name in names if name in params]


def _table_and_key(weighting: Weighting | None, classes: Sequence[str]) -> tuple[str, str]:
    if weighting is None:
        names = f", {' and '.join(classes)}" if classes else ""
        return f"a table of two classes{names}", "search_space.minority_weight instead"
    kind = "classes" if weighting.task == "multiclass" else "labels"
    key = "search_space.weight_exponent instead: from 0, no weights, to 1, balanced ones"
    return f"a table of {len(weighting.classes)} {kind}", key


def _refuse_idle_weights(search: SearchSpace, study: StudySection) -> None:
    problems = [
        f"{place}: the baselines differ in nothing else; remove it"
        for place in _named(study, ["weight_exponent"])
        if place.startswith("study.baseline_params")
    ]
    same = _named(study, ["weight_deviation"])
    if isinstance(search.weight_deviation, float):
        same.insert(0, "search_space.weight_deviation")
    problems += [
        f"{place}: the same deviation for every class changes nothing, as weights are rescaled; remove it, or give"
        " search_space.weight_deviation a range"
        for place in same
    ]
    if problems:
        raise ConfigError("\n".join([*problems, "Nothing was run."]))


def trial_values(trial: TrialParams) -> dict[str, object]:
    """Return every value a trial is trained with by name: of two classes their weights, else `class_weights`."""
    strange = WEIGHTS_OF_MORE if not trial.class_weights else (*WEIGHTS_OF_MORE, *WEIGHTS_OF_TWO)
    values = {name: getattr(trial, name) for name in PARAMS if name not in strange}
    return {**values, "class_weights": list(trial.class_weights)} if trial.class_weights else values


def stored_trial(number: int, resolved: Mapping[str, Any]) -> TrialParams:
    """Return what a stored trial was trained with.

    Args:
        number: of the trial.
        resolved: its values as stored: those of `trial_values`, and what class weights were made from.
    """
    values = {name: value for name, value in resolved.items() if not is_weight_parameter(name)}
    if "class_weights" in values:
        weights = tuple(float(weight) for weight in values["class_weights"])
        values |= {"minority_weight": 1.0, "majority_weight": 1.0, "class_weights": weights}
    return TrialParams(number=number, **values)
