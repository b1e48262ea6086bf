"""Read `best_weights.json` back.

JSON keys are text, but Keras wants class indices (and ignores other keys in silence) and scikit-learn the original
labels (and raises on others); so `BestWeights` hands out one dict for each. Whatever is wrong with a file is said in
one message.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from tuner.errors import StudyError

SCHEMA = "tuner.best_weights/1"

Label = int | float | bool | str

LABEL_TYPES: Mapping[str, Callable[[str], Label]] = MappingProxyType(
    {"int": int, "float": float, "bool": {"False": False, "True": True}.__getitem__, "str": str}
)
"""How a label written as text gets back the type it had in the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The score of the best trial: mean over folds, spread, corrected 95 % interval.

    `std` and `ci95` are None where there was a single fold score.
    """

    metric: str
    mean: float
    std: float | None
    ci95: tuple[float, float] | None
    n_splits: int
    n_repeats: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BestWeights:
    """What `best_weights.json` says, read back.

    Attributes:
        study, created_at, trial, n_trials, seed, versions: where the weights come from.
        target: name of the target column.
        classes: the two labels as text, class 0 (negative) first.
        label_type: "int", "float", "bool" or "str": the type the labels had.
        positive_class: the label of class 1, as text.
        class_weight: loss weight by label as text; `for_keras` and `for_sklearn` give it the keys a library expects.
        params: every training and search value of the best trial.
        score: its score.
        dataset: "rows", "class_counts" and "sha256" of the table.
    """

    study: str
    created_at: str
    target: str
    classes: tuple[str, str]
    label_type: str
    positive_class: str
    class_weight: Mapping[str, float]
    params: Mapping[str, object]
    score: Score
    dataset: Mapping[str, object]
    trial: int
    n_trials: int
    seed: int
    versions: Mapping[str, str]

    def for_keras(self) -> dict[int, float]:
        """Return the weights for `keras.Model.fit(class_weight=...)`: by class index, in the order of `classes`."""
        return {index: self.class_weight[label] for index, label in enumerate(self.classes)}

    def for_sklearn(self) -> dict[Label, float]:
        """Return the weights for scikit-learn's `class_weight`: by the original label, with its original type.

        scikit-learn 1.9 reads a text label such as "1" as the number 1 and then finds no weight for it, and says so;
        fit on numbers there.
        """
        as_label = LABEL_TYPES[self.label_type]
        return {as_label(label): self.class_weight[label] for label in self.classes}


def read_best_weights(path: str | os.PathLike[str]) -> BestWeights:
    """Read `best_weights.json`. Keys that this version does not know are ignored.

    Raises:
        StudyError: the file cannot be read, is not strict JSON, has another schema, or holds a wrong value.
    """
    source = Path(path)
    record = _parse(source)
    problems = _problems(record)
    if problems:
        raise _unusable(
            source, f"is not a valid {SCHEMA} file:\n\n" + "\n".join(f"  {line}" for line in problems) + "\n"
        )
    fields = ("study", "created_at", "target", "label_type", "positive_class", "trial", "n_trials", "seed")
    score = record["score"]
    interval = None if score["ci95"] is None else tuple(score["ci95"])
    return BestWeights(
        **{name: record[name] for name in fields},
        params=MappingProxyType(record["params"]),
        dataset=MappingProxyType(record["dataset"]),
        versions=MappingProxyType(record["versions"]),
        classes=tuple(record["classes"]),
        class_weight=MappingProxyType({label: float(weight) for label, weight in record["class_weight"].items()}),
        score=Score(**{name: score[name] for name in SCORE_FIELDS} | {"ci95": interval}),
    )


def _unusable(source: Path, what: str) -> StudyError:
    return StudyError(f"{source} {what}\nWrite it again with `tuner export`.")


def _parse(source: Path) -> dict[str, Any]:
    """Read strict JSON of our schema: an object without duplicate keys, NaN or infinity."""
    try:
        record = json.loads(
            source.read_bytes().decode("utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant
        )
    except OSError as error:
        raise StudyError(f"{source} could not be read: {error.strerror or error}.\nCheck the path.") from error
    except (ValueError, RecursionError) as error:
        raise _unusable(source, f"is not valid JSON: {error}.") from error
    found = record.get("schema") if isinstance(record, dict) else None
    if found != SCHEMA:
        raise _unusable(source, f"has schema {found!r}, and this version of tuner reads {SCHEMA!r}.")
    return cast(dict[str, Any], record)


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {repeated!r} appears twice")
    return record


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _is_interval(value: object) -> bool:
    return value is None or (isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)))


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_text, value)) and value[0] != value[1]


TEXT, OBJECT = ("text", _is_text), ("an object", _is_object)
WHOLE, NUMBER = ("a whole number", _is_whole), ("a finite number", _is_number)
EXPECTED: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "study": TEXT,
    "created_at": TEXT,
    "target": TEXT,
    "classes": ("a list of two different texts", _is_pair),
    "label_type": (f"one of {', '.join(LABEL_TYPES)}", lambda value: _is_text(value) and value in LABEL_TYPES),
    "positive_class": TEXT,
    "class_weight": OBJECT,
    "params": OBJECT,
    "score": OBJECT,
    "score.metric": TEXT,
    "score.mean": NUMBER,
    "score.std": ("a finite number or null", lambda value: value is None or _is_number(value)),
    "score.ci95": ("a list of two finite numbers, or null", _is_interval),
    "score.n_splits": WHOLE,
    "score.n_repeats": WHOLE,
    "dataset": OBJECT,
    "trial": WHOLE,
    "n_trials": WHOLE,
    "seed": WHOLE,
    "versions": OBJECT,
}
SCORE_FIELDS = tuple(key.removeprefix("score.") for key in EXPECTED if key.startswith("score."))


def _problems(record: dict[str, Any]) -> list[str]:
    """Everything wrong with the record, one line each; what depends on other keys only once those are right."""
    problems = []
    for key, (expected, is_right) in EXPECTED.items():
        parent, _, name = key.rpartition(".")
        place = record.get(parent) if parent else record
        if not isinstance(place, dict):
            continue
        if name not in place:
            problems.append(f"{key}  is missing")
        elif not is_right(place[name]):
            problems.append(f"{key}  must be {expected}, got {json.dumps(place[name])[:80]}")
    return problems or _label_problems(record)


def _label_problems(record: dict[str, Any]) -> list[str]:
    classes, weights, label_type = record["classes"], record["class_weight"], record["label_type"]
    problems = []
    if record["positive_class"] != classes[1]:
        problems.append(
            f"positive_class  must be the second of classes, {classes[1]!r}, got {record['positive_class']!r}"
        )
    if set(weights) != set(classes):
        problems.append(f"class_weight  must have the keys {classes}, got {list(weights)}")
    problems += [
        f"class_weight.{label}  must be a number above 0, got {json.dumps(weight)[:80]}"
        for label, weight in weights.items()
        if not (_is_number(weight) and weight > 0)
    ]
    try:
        if len({LABEL_TYPES[label_type](label) for label in classes}) < 2:
            problems.append(f"classes  must be two different labels of type {label_type}, got {classes}")
    except (KeyError, ValueError):
        problems.append(f"classes  must be labels of type {label_type}, got {classes}")
    return problems
