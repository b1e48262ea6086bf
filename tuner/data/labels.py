"""Turn the target column, read as text, into labels 0 and 1.

The type of the labels is inferred as pandas would: whole numbers, numbers, true/false, else text. Text is kept to the
letter, so a class named "None" stays a class where it is one of exactly two.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tuner.data.dataset import LabelType
from tuner.data.delimited import MISSING_MARKERS
from tuner.data.problems import named, quoted

_INT = re.compile(r"\s*[+-]?\d+\s*")
_FLOAT = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
_BOOLS = {"true": "True", "false": "False"}


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of two classes: `y` is True for the positive one, shape `(N,)`; `classes` are texts, negative first."""

    y: NDArray[np.bool_]
    classes: tuple[str, str]
    label_type: LabelType


def read_labels(cells: pd.Series[str], *, positive: object) -> Labels | str:
    """Return the labels, or one sentence saying why the column has none.

    Args:
        cells: the target column as text. Shape `(N,)`.
        positive: the positive class as the config has it, matched by its text; None for the rarer class (among equals
            the later in order).
    """
    codes, uniques = pd.factorize(cells, use_na_sentinel=False)
    texts = [str(text) for text in uniques]
    markers = _missing_markers(texts)
    gaps = [code for code, text in enumerate(texts) if text.strip() in markers]
    if gaps:
        missing = np.flatnonzero(np.isin(codes, gaps))
        return f"{_rows(len(missing))} without a label, the first in row {missing[0] + 1}; fill in or remove these rows"
    label_type = _label_type(texts)
    canonical = [_canonical(text, label_type) for text in texts]
    classes = sorted(set(canonical), key=float if label_type in ("int", "float") else str)
    if len(classes) != 2:
        return _not_two(classes)
    counts = np.bincount(np.array([classes.index(label) for label in canonical])[codes], minlength=2)
    if positive is None:
        chosen = 1 if counts[1] <= counts[0] else 0
    else:
        wanted = _canonical(str(positive), label_type)
        if wanted not in classes:
            return _unknown_positive(positive, classes)
        chosen = classes.index(wanted)
    is_positive = np.array([label == classes[chosen] for label in canonical])
    return Labels(is_positive[codes], (classes[1 - chosen], classes[chosen]), label_type)


def _missing_markers(texts: Sequence[str]) -> tuple[str, ...]:
    """Return what stands for a missing label: a word such as None is a class where it faces exactly one other word."""
    words = [text for text in texts if text.strip() not in MISSING_MARKERS]
    is_class = len(texts) == 2 and len(words) == 1 and _label_type(words) == "str"
    return ("",) if is_class else MISSING_MARKERS


def _label_type(texts: Sequence[str]) -> LabelType:
    if all(_INT.fullmatch(text) for text in texts):
        return "int"
    if all(_FLOAT.fullmatch(text) for text in texts):
        return "float"
    return "bool" if all(text.lower() in _BOOLS for text in texts) else "str"


def _canonical(text: str, label_type: LabelType) -> str:
    """Return the one spelling of a label, so that 01, 1 and (for whole numbers) 1.0 are the same label."""
    if label_type == "bool":
        return _BOOLS.get(text.lower(), text)
    if label_type == "str" or not _FLOAT.fullmatch(text):
        return text
    if label_type == "float":
        return str(float(text))
    if _INT.fullmatch(text):
        return str(int(text))
    return str(int(float(text))) if float(text).is_integer() else text


def _not_two(classes: Sequence[str]) -> str:
    if len(classes) == 1:
        return f"one class only, {quoted(classes[0])}; two are expected, so add rows of the other class"
    listed = named([quoted(label) for label in classes])
    return f"{len(classes)} classes ({listed}); two are expected, so join or remove classes"


def _unknown_positive(positive: object, classes: Sequence[str]) -> str:
    first, second = (quoted(label) for label in classes)
    received = f"{str(positive).lower()} (a truth value)" if isinstance(positive, bool) else quoted(str(positive))
    return f"its classes are {first} and {second}, but dataset.positive is {received}; name one of the two, in quotes"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"
