"""What `best_weights.json` must hold: the contract "tuner.best_weights/1", checked key by key.

Keys are added over time, never changed. Those of the evidence are null, or absent in older files, where a study has
none; whatever is wrong with a file is found at once, one line per key.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, get_args

from tuner.evidence import BandKind, Conclusion

WEIGHTS_NAME = "best_weights.json"
"""Name of the export in a study's folder."""

SCHEMA = "tuner.best_weights/1"

Label = int | float | bool | str

LABEL_TYPES: Mapping[str, Callable[[str], Label]] = MappingProxyType(
    {"int": int, "float": float, "bool": {"False": False, "True": True}.__getitem__, "str": str}
)
"""How a label written as text gets back the type it had in the table."""

Expectation = tuple[str, Callable[[object], bool]]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _is_weight(value: object) -> bool:
    return _is_number(value) and value > 0  # type: ignore[operator]  # a number


def _is_probability(value: object) -> bool:
    return _is_number(value) and 0 <= value <= 1  # type: ignore[operator]  # a number


def _is_interval(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))


def _names(words: str, *, least: int, most: int = sys.maxsize) -> Expectation:
    def are_names(value: object) -> bool:
        if not isinstance(value, list) or not all(map(_is_text, value)):
            return False
        return least <= len(value) <= most and len(set(value)) == len(value)

    return f"a list of {words} different texts", are_names


def _is_exponent(value: object) -> bool:
    return _is_number(value) and value >= 0  # type: ignore[operator]  # a number


def _points(name: str, is_right: Callable[[object], bool]) -> Expectation:
    """Expect the points of a band, each at a value of that name."""

    def is_point(value: object) -> bool:
        return (
            isinstance(value, dict)
            and is_right(value.get(name))
            and _is_number(value.get("mean"))
            and (value.get("ci95") is None or _is_interval(value["ci95"]))
        )

    def are_points(value: object) -> bool:
        return isinstance(value, list) and all(map(is_point, value))

    return f"a list of objects with {name}, mean and ci95", are_points


def _one_of(*names: str) -> Expectation:
    return f"one of {', '.join(names)}", lambda value: isinstance(value, str) and value in names


def _or_null(expectation: Expectation) -> Expectation:
    words, is_right = expectation
    separator = ", or " if " of " in words else " or "
    return f"{words}{separator}null", lambda value: value is None or is_right(value)


TEXT: Expectation = ("text", _is_text)
OBJECT: Expectation = ("an object", _is_object)
WHOLE: Expectation = ("a whole number", _is_whole)
NUMBER: Expectation = ("a finite number", _is_number)
WEIGHT: Expectation = ("a number above 0", _is_weight)
PROBABILITY: Expectation = ("a number from 0 to 1", _is_probability)
INTERVAL: Expectation = ("a list of two finite numbers", _is_interval)
EXPONENT: Expectation = ("a number, at least 0", _is_exponent)

REQUIRED: Mapping[str, Expectation] = {
    "study": TEXT,
    "created_at": TEXT,
    "target": TEXT,
    "label_type": _one_of(*LABEL_TYPES),
    "class_weight": OBJECT,
    "params": OBJECT,
    "score": OBJECT,
    "score.metric": TEXT,
    "score.mean": NUMBER,
    "score.std": _or_null(NUMBER),
    "score.ci95": _or_null(INTERVAL),
    "score.n_splits": WHOLE,
    "score.n_repeats": WHOLE,
    "dataset": OBJECT,
    "trial": WHOLE,
    "n_trials": WHOLE,
    "seed": WHOLE,
    "versions": OBJECT,
}

TASKS: Mapping[str, Mapping[str, Expectation]] = {
    "binary": {
        "classes": _names("two", least=2, most=2),
        "positive_class": TEXT,
    },
    "multiclass": {
        "classes": _names("three or more", least=3),
        "positive_class": ("null", lambda value: value is None),
    },
    "multilabel": {
        "classes": _names("one or more", least=1),
        "positive_class": ("null", lambda value: value is None),
    },
}
"""What depends on how many classes there are; files without "task" are of two."""

SCORE_FIELDS = tuple(key.removeprefix("score.") for key in REQUIRED if key.startswith("score."))

BAND_FIELDS = ("low", "high", "best", "recommended")

BANDS: Mapping[str, Mapping[str, Expectation]] = {
    "weight": {**dict.fromkeys(BAND_FIELDS, WEIGHT), "points": _points("weight", _is_weight)},
    "exponent": {
        **dict.fromkeys(BAND_FIELDS, EXPONENT),
        "recommended_class_weight": OBJECT,
        "points": _points("exponent", _is_exponent),
    },
}
"""The evidence "weight_band" by its "kind", which a band of weights does not name."""

EVIDENCE: Mapping[str, Mapping[str, Expectation]] = {
    "corrected_score": {
        "bbc": _or_null(OBJECT),
        "bbc.mean": NUMBER,
        "bbc.ci95": INTERVAL,
        "nested": _or_null(OBJECT),
        "nested.mean": NUMBER,
        "nested.ci95": _or_null(INTERVAL),
    },
    "weight_band": BANDS["weight"],
    "threshold": {
        "rule": OBJECT,
        "measure": TEXT,
        "logit": _or_null(NUMBER),
        "probability": _or_null(PROBABILITY),
        "corrected_probability": _or_null(PROBABILITY),
        "achieved": _or_null(OBJECT),
        "reason": _or_null(TEXT),
    },
    "probability_correction": {
        "method": _one_of("analytic", "intercept"),
        "logit_shift": NUMBER,
        "analytic_shift": NUMBER,
        "fitted_shift": NUMBER,
    },
    "verdict": {
        "sentence": TEXT,
        "conclusion": _or_null(_one_of(*get_args(Conclusion))),
        "primary": _or_null(OBJECT),
        "primary.contrast": TEXT,
        "primary.difference": NUMBER,
        "primary.ci95": _or_null(INTERVAL),
        "primary.ci90": _or_null(INTERVAL),
        "metric": TEXT,
        "margin": NUMBER,
        "n_folds": WHOLE,
        "what_would_settle_it": _or_null(TEXT),
    },
}
"""What a study may have beside its best trial, by key; every one of them may be null or absent."""


def problems(record: dict[str, Any]) -> list[str]:
    """Return everything wrong with a record, one line each; what depends on other keys only once those are right."""
    task = record.get("task", "binary")
    expected_task, is_task = _one_of(*TASKS)
    found = [] if is_task(task) else [f"task  must be {expected_task}, got {json.dumps(task)[:80]}"]
    found += _wrong(record, {**(TASKS[task] if not found else {}), **REQUIRED})
    for key, expected in {**EVIDENCE, "weight_band": _expected_band(record.get("weight_band"))}.items():
        if record.get(key) is not None:
            found += _wrong(record, {key: _or_null(OBJECT)} | {f"{key}.{name}": one for name, one in expected.items()})
    return found or [*_label_problems(record), *_evidence_problems(record)]


def _expected_band(band: object) -> Mapping[str, Expectation]:
    kind = band.get("kind", "weight") if isinstance(band, dict) else "weight"
    return BANDS[kind] if kind in get_args(BandKind) else {"kind": _one_of(*BANDS)}


def _wrong(record: dict[str, Any], expectations: Mapping[str, Expectation]) -> list[str]:
    """One line per key that is missing or wrong; keys of what is no object are told by that object's own line."""
    found = []
    for key, (expected, is_right) in expectations.items():
        *parents, name = key.split(".")
        place: object = record
        for parent in parents:
            place = place.get(parent) if isinstance(place, dict) else None
        if not isinstance(place, dict):
            continue
        if name not in place:
            found.append(f"{key}  is missing")
        elif not is_right(place[name]):
            found.append(f"{key}  must be {expected}, got {json.dumps(place[name])[:80]}")
    return found


def _label_problems(record: dict[str, Any]) -> list[str]:
    classes, weights, label_type = record["classes"], record["class_weight"], record["label_type"]
    found = []
    task = record.get("task", "binary")
    if task == "binary" and record["positive_class"] != classes[1]:
        found.append(f"positive_class  must be the second of classes, {classes[1]!r}, got {record['positive_class']!r}")
    found += _weight_problems("class_weight", weights, classes)
    if task == "multilabel":  # classes are names of columns, not values of one
        return found
    try:
        if len({LABEL_TYPES[label_type](label) for label in classes}) < len(classes):
            number = "two" if task == "binary" else str(len(classes))
            found.append(f"classes  must be {number} different labels of type {label_type}, got {classes}")
    except (KeyError, ValueError):
        found.append(f"classes  must be labels of type {label_type}, got {classes}")
    return found


def _weight_problems(key: str, weights: dict[str, Any], classes: list[str]) -> list[str]:
    """One line for wrong labels, and one for every weight that is none."""
    found = []
    if set(weights) != set(classes):
        found.append(f"{key}  must have the keys {classes}, got {list(weights)}")
    expected, is_right = WEIGHT
    found += [
        f"{key}.{label}  must be {expected}, got {json.dumps(weight)[:80]}"
        for label, weight in weights.items()
        if not is_right(weight)
    ]
    return found


def _evidence_problems(record: dict[str, Any]) -> list[str]:
    found = []
    if (band := record.get("weight_band")) and not band["low"] <= min(band["best"], band["recommended"]):
        found.append(f"weight_band.low  must not be above best and recommended, got {band['low']}")
    if (band := record.get("weight_band")) and not band["high"] >= max(band["best"], band["recommended"]):
        found.append(f"weight_band.high  must not be below best and recommended, got {band['high']}")
    if (band := record.get("weight_band")) and "recommended_class_weight" in band:
        key = "weight_band.recommended_class_weight"
        found += _weight_problems(key, band["recommended_class_weight"], record["classes"])
    if (choice := record.get("threshold")) and choice["probability"] is None and choice["reason"] is None:
        found.append("threshold.reason  must be text where probability is null, got null")
    return found
