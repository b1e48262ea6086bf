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

from tuner.evidence import Conclusion

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


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_text, value)) and value[0] != value[1]


def _is_point(value: object) -> bool:
    return (
        isinstance(value, dict)
        and _is_weight(value.get("weight"))
        and _is_number(value.get("mean"))
        and (value.get("ci95") is None or _is_interval(value["ci95"]))
    )


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
POINTS: Expectation = (
    "a list of objects with weight, mean and ci95",
    lambda value: isinstance(value, list) and all(map(_is_point, value)),
)

REQUIRED: Mapping[str, Expectation] = {
    "study": TEXT,
    "created_at": TEXT,
    "target": TEXT,
    "classes": ("a list of two different texts", _is_pair),
    "label_type": _one_of(*LABEL_TYPES),
    "positive_class": TEXT,
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
SCORE_FIELDS = tuple(key.removeprefix("score.") for key in REQUIRED if key.startswith("score."))

EVIDENCE: Mapping[str, Mapping[str, Expectation]] = {
    "corrected_score": {
        "bbc": _or_null(OBJECT),
        "bbc.mean": NUMBER,
        "bbc.ci95": INTERVAL,
        "nested": _or_null(OBJECT),
        "nested.mean": NUMBER,
        "nested.ci95": _or_null(INTERVAL),
    },
    "weight_band": {"low": WEIGHT, "high": WEIGHT, "best": WEIGHT, "recommended": WEIGHT, "points": POINTS},
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
    found = _wrong(record, REQUIRED)
    for key, expected in EVIDENCE.items():
        if record.get(key) is not None:
            found += _wrong(record, {key: _or_null(OBJECT)} | {f"{key}.{name}": one for name, one in expected.items()})
    return found or [*_label_problems(record), *_evidence_problems(record)]


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
    if record["positive_class"] != classes[1]:
        found.append(f"positive_class  must be the second of classes, {classes[1]!r}, got {record['positive_class']!r}")
    if set(weights) != set(classes):
        found.append(f"class_weight  must have the keys {classes}, got {list(weights)}")
    expected, is_right = WEIGHT
    found += [
        f"class_weight.{label}  must be {expected}, got {json.dumps(weight)[:80]}"
        for label, weight in weights.items()
        if not is_right(weight)
    ]
    try:
        if len({LABEL_TYPES[label_type](label) for label in classes}) < 2:
            found.append(f"classes  must be two different labels of type {label_type}, got {classes}")
    except (KeyError, ValueError):
        found.append(f"classes  must be labels of type {label_type}, got {classes}")
    return found


def _evidence_problems(record: dict[str, Any]) -> list[str]:
    found = []
    if (band := record.get("weight_band")) and not band["low"] <= min(band["best"], band["recommended"]):
        found.append(f"weight_band.low  must not be above best and recommended, got {band['low']}")
    if (band := record.get("weight_band")) and not band["high"] >= max(band["best"], band["recommended"]):
        found.append(f"weight_band.high  must not be below best and recommended, got {band['high']}")
    if (choice := record.get("threshold")) and choice["probability"] is None and choice["reason"] is None:
        found.append("threshold.reason  must be text where probability is null, got null")
    return found
