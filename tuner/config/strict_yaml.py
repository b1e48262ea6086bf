"""Read YAML as people mean it, and refuse what a config never needs.

Scalars follow the YAML 1.2 core schema: `1e-3` and `.5` are numbers; `yes`, `on`, `1_000`, `1:30` and dates stay text.
A whole number that begins with a zero is refused, for one reader takes it as octal and another as text. Refused too:
NaN and infinity, duplicate keys, anchors and aliases, tags, several documents, deep nesting, control characters.

Built on PyYAML's events, so that nothing is constructed but dict, list, str, int, float, bool and None.

Source  YAML 1.2.2, chapter 10.3, core schema
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import yaml

MAX_DEPTH = 20
"""Collections inside each other, the outermost included."""
MAX_INTEGER = 2**63 - 1
"""Whole numbers lie between plus and minus this, so that every database and file format can hold them."""

_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_UNPRINTABLE = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# How PyYAML begins to name a mistake, what to tell people instead, and whether the place it began at says more.
_SYNTAX = (
    ("found character '\\t'", "a tab cannot indent or begin a value; use spaces", False),
    ("mapping values are not allowed", "a colon where none can stand: check the indentation, or quote the text", False),
    ("could not find expected ':'", "expected a colon and a space after the key", False),
    ("expected <block end>", "the indentation does not fit the lines above", False),
    ("expected ',' or", "a bracket is not closed, or a comma is missing", True),
    ("expected the node content", "a value is missing, or a bracket has no partner", False),
    ("found unexpected end of stream", "a quote is not closed", True),
    ("found unknown escape", "a backslash in double quotes begins an escape; use single quotes", False),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a config: where it is, and what was received, what is expected, what to do."""

    where: str
    what: str


def parse_yaml(text: str) -> tuple[object, list[Problem]]:
    """Return the one value that `text` holds, None when it holds nothing, and every problem met on the way.

    The value is of use only when there is no problem. A problem's `where` is the line, counted from 1.
    """
    unprintable = _UNPRINTABLE.search(text.replace("\r\n", "\n"))
    if unprintable:
        line = text.replace("\r\n", "\n").count("\n", 0, unprintable.start()) + 1
        return None, [Problem(f"line {line}", _control(unprintable))]
    builder = _Builder(yaml.parse(text, Loader=yaml.SafeLoader))
    try:
        return builder.document(), builder.problems
    except yaml.MarkedYAMLError as error:
        return None, [*builder.problems, _syntax_problem(error, builder.line)]
    except (ValueError, OverflowError):  # from PyYAML: an escape beyond Unicode, a version of a thousand digits
        return None, [*builder.problems, Problem(f"line {builder.line}", "a number in an escape is out of range")]


def dump_yaml(value: dict[str, object]) -> str:
    """Return YAML that `parse_yaml` reads back equal: sections in block style, what they hold on one line each."""
    text: str = yaml.serialize(_node(value), Dumper=yaml.SafeDumper, allow_unicode=True, width=110)
    return text


def plain_scalar(text: str) -> bool | int | float | str | None:
    """Return what an unquoted scalar means.

    Raises:
        ValueError: it is no finite number, or could be read in two ways; says which.
    """
    for pattern, value in ((_NULL, None), (_TRUE, True), (_FALSE, False)):
        if pattern.fullmatch(text):
            return value
    if _LEADING_ZERO.fullmatch(text):
        raise ValueError(f"{_short(text)} begins with a zero; drop the zero, or quote it to make it text")
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"every number must be finite, got {text}")
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if not _FLOAT.fullmatch(text):
        return text
    number = float(text)
    if abs(number) == float("inf"):
        raise ValueError(f"{_short(text)} is beyond the range of a number")
    return number


@final
class _Builder:
    """Turns events into plain values, collecting what can be read past."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self.problems: list[Problem] = []
        self.line = 1
        self._events = events

    def document(self) -> object:
        value: object = None
        n_documents = 0
        while not isinstance(event := self._next(), yaml.StreamEndEvent):
            if isinstance(event, yaml.DocumentStartEvent):
                n_documents += 1
                if n_documents > 1:
                    raise yaml.MarkedYAMLError(problem="a second document begins here; a config is one document")
            elif isinstance(event, yaml.NodeEvent):
                value = self._value(event, depth=0)
        return value

    def _next(self) -> yaml.Event:
        event = next(self._events)
        if event.start_mark is not None:
            self.line = event.start_mark.line + 1
        return event

    def _value(self, event: yaml.Event, *, depth: int) -> object:
        if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            raise yaml.MarkedYAMLError(problem="aliases (*) are not allowed; write the value out")
        if event.anchor is not None:
            self._problem("anchors (&) are not allowed; write the value out where it is needed")
        if event.tag is not None:
            self._problem(f"tags ({_short(event.tag)}) are not allowed; write the plain value")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if depth == MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem=f"nested deeper than {MAX_DEPTH} levels")
        return (self._mapping if isinstance(event, yaml.MappingStartEvent) else self._sequence)(depth + 1)

    def _scalar(self, event: yaml.ScalarEvent) -> bool | int | float | str | None:
        unprintable = _UNPRINTABLE.search(event.value)
        if unprintable:
            self._problem(_control(unprintable))
        if event.style is not None:
            return event.value
        try:
            return plain_scalar(event.value)
        except ValueError as error:
            self._problem(str(error))
            return None

    def _sequence(self, depth: int) -> list[object]:
        items = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._value(event, depth=depth))
        return items

    def _mapping(self, depth: int) -> dict[str, object]:
        entries: dict[str, object] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise yaml.MarkedYAMLError(problem="a key must be plain text")
            self._value(event, depth=depth)
            key = event.value
            if key in entries:
                self._problem(f"duplicate key {_short(key)}, first on line {lines[key]}; keep one of the two")
            lines.setdefault(key, self.line)
            entries[key] = self._value(self._next(), depth=depth)
        return entries

    def _problem(self, what: str) -> None:
        self.problems.append(Problem(f"line {self.line}", what))


def _syntax_problem(error: yaml.MarkedYAMLError, line: int) -> Problem:
    """Return the problem in our words, at PyYAML's mark, or at `line` where it has none."""
    problem, mark = error.problem or str(error), error.problem_mark
    for beginning, what, at_context in _SYNTAX:
        if problem.startswith(beginning):
            problem, mark = what, error.context_mark if at_context else mark
            break
    return Problem(f"line {mark.line + 1 if mark else line}", problem)


def _control(match: re.Match[str]) -> str:
    return f"control character U+{ord(match.group()):04X}; remove it"


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


def _integer(text: str) -> int:
    if len(text) > 24 or abs(int(text)) > MAX_INTEGER:
        raise ValueError(f"whole numbers must lie within +-(2^63 - 1), got {_short(text)}")
    return int(text)


def _node(value: object, *, depth: int = 0) -> yaml.Node:
    if isinstance(value, dict):
        entries = [(_scalar_node(key), _node(item, depth=depth + 1)) for key, item in value.items()]
        return yaml.MappingNode("tag:yaml.org,2002:map", entries, flow_style=depth > 1)
    if isinstance(value, list):
        items = [_node(item, depth=depth + 1) for item in value]
        return yaml.SequenceNode("tag:yaml.org,2002:seq", items, flow_style=True)
    return _scalar_node(value)


def _scalar_node(value: object) -> yaml.Node:
    if not isinstance(value, str):
        return yaml.representer.SafeRepresenter().represent_data(value)
    try:
        means_itself = plain_scalar(value) == value
    except ValueError:
        means_itself = False
    return yaml.ScalarNode("tag:yaml.org,2002:str", value, style=None if means_itself else '"')
