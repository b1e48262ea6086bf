"""Say what is wrong with a config in words for people: all mistakes in one message, the nearest known key beside each.

pydantic finds the mistakes; its own sentences name Python types and branches of unions, and are never shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from textwrap import wrap
from typing import get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tuner.config.schema import Config, SearchSpace
from tuner.config.strict_yaml import Problem
from tuner.config.values import Section
from tuner.errors import ConfigError

KeyPath = tuple[str, ...]

_WIDTH = 118
_MAX_ROWS = 60

# What was expected, by pydantic's name of the error; ", got ..." follows. Braces hold the bounds that pydantic names.
_EXPECTED = {
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "path_type": "must be a path",
    "list_type": "must be a list",
    "model_type": "must hold keys",
    "model_attributes_type": "must hold keys",
    "scalar_type": "must be text, a number, true or false",
    "target": "must be the name of a column, or a list of names",
    "dict_type": "must hold names of columns as keys",
    "weight_or_auto": "must be a number above 0 or auto",
    "probability_or_best": "must be a probability between 0 and 1, or best",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must be one character",
    "string_too_long": "must be one character",
    "too_short": "must hold {min_length} or more values",
    "too_long": "must hold {max_length} or fewer values",
    "string_pattern_mismatch": "must be up to 100 letters, digits, dots, _ or -, the first a letter or digit",
}


def config_error(source: object, problems: Iterable[Problem]) -> ConfigError:
    """Return the one error that reports every problem of `source`, sorted by place, in two aligned columns."""
    rows = sorted(problems, key=lambda problem: _natural(problem.where))
    shown = rows[:_MAX_ROWS]
    indent = max(len(row.where) for row in shown) + 5
    lines = []
    for row in shown:
        first, *rest = wrap(row.what, max(_WIDTH - indent, 40), break_long_words=False, break_on_hyphens=False)
        lines += [f"  {row.where}".ljust(indent) + first, *(" " * indent + line for line in rest)]
    if len(rows) > len(shown):
        lines.append(f"  ... and {len(rows) - len(shown)} more")
    count = "1 problem" if len(rows) == 1 else f"{len(rows)} problems"
    body = "\n".join(lines)
    return ConfigError(f"{source} has {count}\n\n{body}\n\nNothing was run. See every key in configs/default.yaml.")


def schema_problems(error: ValidationError, overrides: Sequence[KeyPath]) -> list[Problem]:
    """Return one problem per mistake that pydantic found.

    Args:
        error: what validating a `Config` raised.
        overrides: key paths that came from `--set`; mistakes at or below them are placed there.
    """
    problems = []
    for details in error.errors(include_url=False):
        path, models = _place(details)
        flag = "--set " if any(path[: len(override)] == override for override in overrides) else ""
        problems.append(Problem(flag + dotted(path), _sentence(details, path, models)))
    return problems


def dotted(path: Iterable[str | int]) -> str:
    """Return a key path as people write it: `study.trials[0].epochs`, odd keys shortened and escaped."""
    text = ""
    for element in path:
        if isinstance(element, int):
            text += f"[{element}]"
        else:
            text += ("." if text else "") + _printable(element)
    return text


def show(value: object) -> str:
    """Return a received value for an error message: shortened, escaped, text marked as text."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "keys and values"
    if isinstance(value, str):
        return f'"{_printable(value)}" (text)'
    return json.dumps(value)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name most like `name`, None when none is close."""
    return next(iter(get_close_matches(name, list(known), n=1)), None)


def _place(details: ErrorDetails) -> tuple[tuple[str | int, ...], list[type[Section]]]:
    """Return the key path of a mistake without union branches, and the models that could stand there."""
    path: list[str | int] = []
    models: list[type[Section]] = [Config]
    location = details["loc"]
    for i, element in enumerate(location):
        owners = [model for model in models if element in model.model_fields]
        if isinstance(element, int) or path[-1:] == ["columns"]:  # whose keys are names of columns
            path.append(element)
        elif owners:
            path.append(element)
            models = [section for owner in owners for section in _sections(owner.model_fields[element].annotation)]
        elif details["type"] == "extra_forbidden" and i == len(location) - 1:
            path.append(element)
        else:
            models = [model for model in models if element in _kinds(model) or not _kinds(model)]
    if details["type"].startswith("union_tag") and any(_kinds(model) for model in models):
        path.append("kind")
    return tuple(path), models


def _sections(annotation: object) -> list[type[Section]]:
    """Return the models inside an annotation. The only mappings in a config hold parameters of trials."""
    if get_origin(annotation) is dict:
        return [SearchSpace]
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [section for argument in get_args(annotation) for section in _sections(argument)]


def _kinds(model: type[Section]) -> tuple[str, ...]:
    field = model.model_fields.get("kind")
    return get_args(field.annotation) if field else ()


def _sentence(details: ErrorDetails, path: Sequence[str | int], models: Sequence[type[Section]]) -> str:
    value, context = details["input"], details.get("ctx", {})
    match details["type"]:
        case "extra_forbidden":
            return _unknown_key(str(path[-1]), path[:-1], models)
        case "missing":
            sentence = "missing; it has no default"
        case "value_error":
            sentence = str(context["error"])
        case "literal_error":
            sentence = _not_a_choice(value, re.findall(r"'([^']*)'", context["expected"]))
        case "union_tag_invalid" | "union_tag_not_found":
            sentence = _no_such_kind(value, [kind for model in models for kind in _kinds(model)])
        case kind:
            bounds = {name: _bound(bound) for name, bound in context.items()}
            sentence = _EXPECTED[kind].format(**bounds) + _received(kind, value)
    return sentence


def _received(kind: str, value: object) -> str:
    if kind in ("string_type", "target") and isinstance(value, bool | int | float):
        return f", got {show(value)}; quote it to make it text"
    if kind == "model_type" and value is None:
        return ", got nothing; remove it to use the defaults"
    if kind in ("too_short", "too_long") and isinstance(value, list):
        return f", got {len(value)}"
    return f", got {show(value)}"


def _no_such_kind(section: dict[str, object], kinds: Sequence[str]) -> str:
    if not kinds:
        return f"must be one value or a list of values, got {show(section)}"
    if "kind" not in section:
        return f"missing; choose {_either(kinds)}"
    return _not_a_choice(section["kind"], kinds)


def _not_a_choice(value: object, choices: Sequence[str]) -> str:
    match = nearest(value, choices) if isinstance(value, str) else None
    return f"must be {_either(choices)}, got {show(value)}" + (f"; did you mean {match}?" if match else "")


def _unknown_key(key: str, parents: Sequence[str | int], models: Sequence[type[Section]]) -> str:
    """Return where the key belongs: to another kind, to another section, or misspelled to this one."""
    homes = {name: _sections(field.annotation) for name, field in Config.model_fields.items()}
    kinds = [kind for model in homes.get(dotted(parents), []) if key in model.model_fields for kind in _kinds(model)]
    if kinds:
        return f"unknown key here; it goes with kind: {_either(kinds)}"
    elsewhere = [key] if key in homes else []
    elsewhere += [f"{name}.{key}" for name, home in homes.items() if any(key in model.model_fields for model in home)]
    known = [name for model in models for name in model.model_fields]
    guess = _either(elsewhere) if elsewhere and key != "kind" else nearest(key, known)
    return f"unknown key; did you mean {guess}?" if guess else f"unknown key; known here: {', '.join(known)}"


def _either(names: Sequence[str]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _bound(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _printable(text: str) -> str:
    short = text if len(text) <= 40 else f"{text[:37]}..."
    return short if short.isprintable() else json.dumps(short)[1:-1]


def _natural(text: str) -> list[str | int]:
    return [int(part) if part.isdecimal() else part for part in re.split(r"([0-9]+)", text)]
