"""Turn a target column, read as text, into numbered labels.

The type of the labels is inferred as pandas would: whole numbers, numbers, true/false, else text. Text is kept to the
letter, so a class named "None" stays a class where it is one of exactly two.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tuner.config.dataset import MISSING
from tuner.data.dataset import LabelType
from tuner.data.problems import named, quoted

_INT = re.compile(r"\s*[+-]?\d{1,400}\s*")
_FLOAT = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
_BOOLS = {"true": "True", "false": "False"}

POSITIVE_WORDS = ("1", "1.0", "true", "yes", "t", "y")
"""Of several labels, what says that a row has one."""


MAX_CLASSES = 100
"""More distinct labels are taken for a number to predict, or for ids."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of a column: `y` is the place of each row's class in `classes`, shape `(N,)`.

    Of two classes the negative one comes first; more are in ascending order.
    """

    y: NDArray[np.int64]
    classes: tuple[str, ...]
    label_type: LabelType


def read_labels(cells: pd.Series[str], *, positive: object, missing: Collection[str] = MISSING) -> Labels | str:
    """Return the labels, or one sentence saying why the column has none.

    Args:
        cells: the target column as text. Shape `(N,)`.
        positive: the positive one of two classes as the config has it, matched by its text; None for the rarer class
            (among equals the later in order).
        missing: texts that stand for a missing label, apart from spaces around them; an empty one always does.
    """
    codes, uniques = pd.factorize(cells, use_na_sentinel=False)
    texts = [str(text) for text in uniques]
    markers = missing_labels(texts, missing)
    gaps = [code for code, text in enumerate(texts) if text.strip() in markers]
    if gaps:
        missing = np.flatnonzero(np.isin(codes, gaps))
        first = missing[0] + 1
        return (
            f"{_rows(len(missing))} without a label, the first in row {first}; fill in, or set dataset.unlabeled: drop"
        )
    label_type = _label_type(texts)
    canonical = [_canonical(text, label_type) for text in texts]
    classes = sorted(set(canonical), key=float if label_type in ("int", "float") else str)
    if (problem := _no_classes(classes, label_type, len(cells))) is not None:
        return problem
    y = np.array([classes.index(label) for label in canonical])[codes]
    if len(classes) > 2:
        return Labels(y, tuple(classes), label_type) if positive is None else _no_positive(positive, classes)
    counts = np.bincount(y, minlength=2)
    chosen = 1 if counts[1] <= counts[0] else 0
    if positive is not None:
        wanted = _canonical(str(positive), label_type)
        if wanted not in classes:
            return _unknown_positive(positive, classes)
        chosen = classes.index(wanted)
    return Labels((y == chosen).astype(np.int64), (classes[1 - chosen], classes[chosen]), label_type)


def read_label_set(cells: pd.Series[str], *, missing: Collection[str] = MISSING) -> Labels | str:
    """Return one of several labels as 0 and 1, or one sentence saying why the column is none.

    1, true, yes, t and y are positive; of other words, the rarer one.
    """
    cells = cells.str.strip()
    texts = {str(text) for text in cells.unique()}
    positive = next((text for text in sorted(texts) if text.lower() in POSITIVE_WORDS), None)
    labels = read_labels(cells, positive=None, missing=missing)
    if isinstance(labels, str):
        return labels
    if len(labels.classes) == 2:
        return labels if positive is None else read_labels(cells, positive=positive, missing=missing)
    return f"{len(labels.classes)} classes ({named([quoted(label) for label in labels.classes])}); a label has two"


def _no_classes(classes: Sequence[str], label_type: LabelType, n_rows: int) -> str | None:
    """Return why distinct labels are no classes; None where they are."""
    if len(classes) < 2:
        return f"one class only, {quoted(classes[0])}; two are expected, so add rows of another class"
    if len(classes) > MAX_CLASSES or (label_type == "float" and len(classes) > 20):
        return _too_many(classes, n_rows)
    return _only_spaces(classes) if len({label.strip() for label in classes}) < len(classes) else None


def _only_spaces(classes: Sequence[str]) -> str:
    stripped = [label.strip() for label in classes]
    same = [quoted(label) for label in classes if stripped.count(label.strip()) > 1]
    return f"classes that differ by spaces around them only ({named(same)}); take these out of the file"


def missing_labels(texts: Sequence[str], missing: Collection[str]) -> Collection[str]:
    """Return what stands for a missing label: a word such as None is a class where it faces exactly one other word."""
    markers = {"", *(text.strip() for text in missing)}
    words = [text for text in texts if text.strip() not in markers]
    others = [text for text in texts if text.strip() in markers]
    is_class = len(words) == len(others) == 1 and _label_type(words) == "str"
    return {""} if is_class and any(map(str.isalpha, others[0])) else markers


def _label_type(texts: Sequence[str]) -> LabelType:
    if any(_FLOAT.fullmatch(text) and math.isinf(float(text)) for text in texts):
        return "str"  # as numbers, 1e400 and 1e500 would be one label
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


def _too_many(classes: Sequence[str], n_rows: int) -> str:
    listed = named([quoted(label) for label in classes])
    return (
        f"{len(classes):,} distinct values in {n_rows:,} rows ({listed}); at most {MAX_CLASSES} classes are expected, "
        "so this is a number to predict or an id: name a column of classes, or join its values into classes"
    )


def _no_positive(positive: object, classes: Sequence[str]) -> str:
    listed = named([quoted(label) for label in classes])
    return (
        f"{len(classes)} classes ({listed}), but dataset.positive is {quoted(str(positive))}, which goes with two; "
        "remove it for a weight of each class"
    )


def _unknown_positive(positive: object, classes: Sequence[str]) -> str:
    first, second = (quoted(label) for label in classes)
    received = f"{str(positive).lower()} (a truth value)" if isinstance(positive, bool) else quoted(str(positive))
    return f"its classes are {first} and {second}, but dataset.positive is {received}; name one of the two, in quotes"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"
