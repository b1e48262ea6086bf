"""Load a CSV or TSV file as a binary classification table of numeric columns.

What is wrong is reported at once: first everything about the names in the header, then everything about the cells.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tuner.config.schema import TableDataset
from tuner.data.dataset import FLOAT32_LIMIT, Dataset, make_dataset
from tuner.data.delimited import read_header, read_rows, separator_of
from tuner.data.labels import read_labels
from tuner.data.problems import named, problem_message, quoted
from tuner.errors import DataError

_HEADER_ADVICE = "Correct dataset.target, dataset.drop and dataset.separator, or the header line."
_TARGET_ADVICE = "Correct the target column, or name another in dataset.target."
_FEATURES_ADVICE = "Features must be numeric and complete: correct the cells, or name the columns in dataset.drop."
_ROWS = "Row 1 is the first below the header."


def load_table(section: TableDataset) -> Dataset:
    """Return the table in `section.path`; columns of true and false become 1 and 0.

    Raises:
        ConfigError: `section.separator` cannot separate columns.
        DataError: the file cannot be read, or its table cannot be used; one message names everything found.
    """
    separator = separator_of(section.path, section.separator)
    names = read_header(section.path, separator)
    problems = _header_problems(names, section)
    if problems:
        raise DataError(problem_message(str(section.path), problems, advice=_HEADER_ADVICE))
    target = names.index(section.target)
    kept = [column for column, name in enumerate(names) if column != target and name not in section.drop]
    frame = read_rows(section.path, separator=separator, n_columns=len(names), text_column=target)

    labels = read_labels(frame[target], positive=section.positive)
    X, problems = _features(frame[kept], [names[column] for column in kept])
    advice = [_FEATURES_ADVICE] if problems else []
    if isinstance(labels, str):
        problems = [(f"target {quoted(section.target)}", labels), *problems]
        advice = [_TARGET_ADVICE, *advice]
    if isinstance(labels, str) or problems:
        raise DataError(problem_message(str(section.path), problems, advice="\n".join([*advice, _ROWS])))
    return make_dataset(
        X,
        labels.y,
        feature_names=tuple(names[column] for column in kept),
        target=section.target,
        classes=labels.classes,
        label_type=labels.label_type,
        source=str(section.path),
    )


def _header_problems(names: Sequence[str], section: TableDataset) -> list[tuple[str, str]]:
    problems = []
    repeated = [quoted(name) for name, count in Counter(names).items() if count > 1]
    if repeated:
        problems.append(("header", f"column names that occur more than once: {named(repeated)}"))
    if section.target not in names:
        problems.append(("dataset.target", _unknown_column(section.target, names)))
    unknown = [name for name in section.drop if name not in names]
    problems += [("dataset.drop", _unknown_column(name, names)) for name in unknown]
    if not problems and not set(names) - {section.target, *section.drop}:
        text = f"no feature is left of {len(names)} columns without the target and dataset.drop"
        problems.append(("header", text))
    return problems


def _unknown_column(name: str, names: Sequence[str]) -> str:
    nearest = difflib.get_close_matches(name, names, n=1)
    if nearest:
        return f"no column {quoted(name)}; did you mean {quoted(nearest[0])}?"
    return f"no column {quoted(name)}; the header has {len(names)}: {named([quoted(column) for column in names])}"


def _features(frame: pd.DataFrame, names: Sequence[str]) -> tuple[NDArray[np.float32], list[tuple[str, str]]]:
    """Return the columns as float32, and what keeps columns from being features; it is empty when all are."""
    X = np.zeros(frame.shape, np.float32)
    text, missing, extreme = [], [], []
    for column, name in enumerate(names):
        cells = frame.iloc[:, column]
        values = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        gaps = cells.isna().to_numpy()
        not_number = np.flatnonzero(np.isnan(values) & ~gaps)
        too_large = np.flatnonzero(np.abs(values) > FLOAT32_LIMIT)
        if not_number.size:
            row = int(not_number[0])
            text.append(f"{quoted(name)} ({quoted(str(cells.iloc[row]))} in row {row + 1})")
        if gaps.any():
            missing.append(f"{quoted(name)} ({gaps.sum()}, first in row {gaps.argmax() + 1})")
        if too_large.size:
            row = int(too_large[0])
            extreme.append(f"{quoted(name)} ({values[row]:g} in row {row + 1})")
        if not (not_number.size or gaps.any() or too_large.size):
            X[:, column] = values
    found = [
        ("not numeric", text),
        ("missing cells", missing),
        (f"infinite or beyond {FLOAT32_LIMIT:.1e}", extreme),
    ]
    return X, [(subject, named(columns)) for subject, columns in found if columns]
