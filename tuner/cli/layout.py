"""How text for people is laid out: rows of a label and what it says, sentences within a width, values."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping

from tuner.cli.printable import indented
from tuner.report.numbers import number_text

WIDTH = 100
"""Columns within which sentences are wrapped."""

BESIDE = WIDTH - len("threshold  ")
"""Columns that are left beside the label of a row."""


def aligned(rows: Iterable[tuple[str, str]]) -> str:
    """Return rows of a label and a text, the texts below each other."""
    rows = list(rows)
    width = max(len(label) for label, _ in rows)
    return "\n".join(f"{label:<{width}}  {indented(text, width + 2)}".rstrip() for label, text in rows)


def wrapped(text: str, width: int) -> str:
    """Return a text in lines of at most `width` columns, no word of it broken."""
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)


def params_text(params: Mapping[str, object]) -> str:
    """Return parameters in one line, each behind its name."""
    return ", ".join(f"{name} {value_text(value)}" for name, value in params.items())


def value_text(value: object) -> str:
    """Return one value of a parameter."""
    return number_text(value) if isinstance(value, float) else str(value)
