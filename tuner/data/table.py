"""Load a table of one's own: what its columns are, its labels, and the columns that decide about folds and weights.

What is wrong is reported at once: first everything about the names in the header, then everything about the cells.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tuner.config.dataset import OpenMLDataset, TableDataset
from tuner.data.columns import as_text, codes_of, columns_of, days_since_1970, out_of_range, read_columns
from tuner.data.dataset import DUPLICATES, Dataset, Roles, make_dataset
from tuner.data.duplicates import row_groups
from tuner.data.kinds import LEFT_OUT, ColumnSpec, Unreadable, infer
from tuner.data.labels import Labels, missing_labels, read_label_set, read_labels
from tuner.data.problems import named, problem_message, quoted
from tuner.data.raw import read_names, read_raw
from tuner.data.reading import cleaned, date_format_of, numbers_of, stamps_of
from tuner.errors import DataError

_HEADER_ADVICE = "Correct the names in the config and dataset.separator, or the header line."
_TARGET_ADVICE = "Correct the target column, or name another in dataset.target."
_CELLS_ADVICE = "Correct the cells, or leave columns out with dataset.drop."
_ROLES_ADVICE = "Correct the column, name another one, or remove the key."
_ROWS = "Row 1 is the first below the header."

MAX_LISTED = 20
"""Names of a header that a message spells out."""

Problems = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A file whose columns are known but not yet numbers: the header is right, and each column has a kind.

    `cells` are cleaned, those of targets as written; `specs` are of the columns that may be features. Left out are
    `n_unlabeled` rows without a label.
    """

    names: tuple[str, ...]
    cells: Mapping[str, pa.ChunkedArray]
    specs: tuple[ColumnSpec, ...]
    unreadable: tuple[Unreadable, ...]
    source: str
    n_rows: int
    n_unlabeled: int = 0


def open_table(section: TableDataset | OpenMLDataset, roles: Roles) -> Opened:
    """Read a file and infer the kinds of its columns.

    Raises:
        ConfigError, DataError: the file cannot be read, or the config names columns that it does not have.
    """
    names = read_names(section)
    problems = _header_problems(names, section, roles)
    if problems:
        raise DataError(problem_message(_source(section), problems, advice=_HEADER_ADVICE))
    raw = read_raw(section, keep=_special(section, roles))
    cells = {column.name: column.cells for column in raw.columns}
    n_unlabeled = 0
    if section.unlabeled == "drop":
        labeled = _labeled(cells, section)
        n_unlabeled = raw.n_rows - int(labeled.sum())
        cells = {name: column.filter(pa.array(labeled)) for name, column in cells.items()}
    special = _special(section, roles)
    clean = {
        name: column if name in section.targets else cleaned(column, section.missing, decimal=_decimal(section))
        for name, column in cells.items()
    }
    inferred = [
        infer(name, clean[name], given=section.columns.get(name))
        for name in names
        if name not in special and name not in section.drop
    ]
    specs = tuple(one for one in inferred if isinstance(one, ColumnSpec))
    unreadable = [one for one in inferred if isinstance(one, Unreadable)]
    unreadable += [bad for spec in specs if (bad := out_of_range(spec, clean[spec.name])) is not None]
    return Opened(
        names=tuple(names),
        cells=clean,
        specs=specs,
        unreadable=tuple(unreadable),
        source=raw.source,
        n_rows=raw.n_rows - n_unlabeled,
        n_unlabeled=n_unlabeled,
    )


def _labeled(cells: Mapping[str, pa.ChunkedArray], section: TableDataset | OpenMLDataset) -> NDArray[np.bool_]:
    """Return which rows have a label in every target. Shape `(N,)`.

    Raises:
        DataError: none has.
    """
    masks = []
    for name in section.targets:
        labels = pc.utf8_trim_whitespace(pc.fill_null(as_text(cells[name]), ""))
        markers = missing_labels([str(text) for text in pc.unique(labels).to_pylist()], section.missing)
        masks.append(~np.asarray(pc.is_in(labels, value_set=pa.array(sorted(markers), labels.type)).to_numpy()))
    labeled: NDArray[np.bool_] = np.all(masks, axis=0)
    if not labeled.any():
        targets = named([quoted(name) for name in section.targets])
        raise DataError(f"{_source(section)}: no row has a label in {targets}.\n{_TARGET_ADVICE}")
    return labeled


def load_table(section: TableDataset | OpenMLDataset, roles: Roles) -> Dataset:
    """Return the table that a section names.

    Raises:
        ConfigError: `section.separator` cannot separate columns.
        DataError: the file cannot be read, or its table cannot be used; one message names everything found.
    """
    return dataset_of(open_table(section, roles), section, roles)


def dataset_of(table: Opened, section: TableDataset | OpenMLDataset, roles: Roles) -> Dataset:
    """Return the table of an opened file.

    Raises:
        DataError: it cannot be used; one message names everything found.
    """
    labels, problems = _labels(table, section)
    advice = [_TARGET_ADVICE] if problems else []
    cell_problems = [(quoted(bad.name), bad.problem) for bad in table.unreadable]
    special, special_problems = _special_values(table, section, roles)
    features = [spec for spec in table.specs if spec.kind not in LEFT_OUT]
    cell_problems += _name_clashes(features)
    if not features and not table.unreadable:
        left = named([f"{quoted(spec.name)} ({spec.kind}: {spec.evidence})" for spec in table.specs])
        cell_problems.append(("features", f"none is left: {left}; say what a column is in dataset.columns"))
    if problems or cell_problems or special_problems:
        advice += [_CELLS_ADVICE] if cell_problems else []
        advice += [_ROLES_ADVICE] if special_problems else []
        found = [*problems, *cell_problems, *special_problems]
        advice.append(f"{_ROWS[:-1]}, rows without a label left out." if table.n_unlabeled else _ROWS)
        raise DataError(problem_message(table.source, found, advice="\n".join(advice)))
    read = read_columns(features, [table.cells[spec.name] for spec in features], table.n_rows)
    if roles.group == DUPLICATES and DUPLICATES not in table.names:
        special["group"] = row_groups(read.X)
    is_multilabel = len(labels) > 1
    return make_dataset(
        read.X,
        np.stack([one.y for one in labels], axis=1) if is_multilabel else labels[0].y,
        columns=read.columns,
        target=", ".join(section.targets),
        classes=tuple(section.targets) if is_multilabel else labels[0].classes,
        label_type="str" if is_multilabel else labels[0].label_type,
        source=table.source,
        task="multilabel" if is_multilabel else "binary" if len(labels[0].classes) == 2 else "multiclass",
        left_out=tuple((spec.name, f"{spec.kind}: {spec.evidence}") for spec in table.specs if spec.kind in LEFT_OUT),
        specs=tuple(features),
        n_unlabeled=table.n_unlabeled,
        **special,
    )


def _name_clashes(features: Sequence[ColumnSpec]) -> Problems:
    """Return columns that are called as a part of a date is."""
    made = {column.name: spec.name for spec in features if spec.kind == "date" for column in columns_of(spec)}
    return [
        (
            quoted(spec.name),
            f"the date {quoted(made[spec.name])} makes a column of this name, too; rename one of the two",
        )
        for spec in features
        if spec.name in made
    ]


def _source(section: TableDataset | OpenMLDataset) -> str:
    return str(section.path) if isinstance(section, TableDataset) else f"OpenML dataset {section.id}"


def _decimal(section: TableDataset | OpenMLDataset) -> str:
    return section.decimal if isinstance(section, TableDataset) else "."


def _special(section: TableDataset | OpenMLDataset, roles: Roles) -> set[str]:
    """Return the columns that are no features because they mean something else."""
    return {*section.targets, *filter(None, (section.weight, *roles.named.values()))}


def _header_problems(names: Sequence[str], section: TableDataset | OpenMLDataset, roles: Roles) -> Problems:
    problems = []
    repeated = [quoted(name) for name, count in Counter(names).items() if count > 1]
    if repeated:
        problems.append(("header", f"column names that occur more than once: {named(repeated)}"))
    wanted = [("dataset.target", name) for name in section.targets]
    wanted += [("dataset.drop", name) for name in section.drop]
    wanted += [("dataset.columns", name) for name in section.columns]
    wanted += [("dataset.weight", section.weight)] if section.weight is not None else []
    wanted += [(key, name) for key, name in roles.named.items() if (key, name) != ("cv.group", DUPLICATES)]
    problems += [(key, _unknown_column(name, names)) for key, name in wanted if name not in names]
    problems += [
        (key, f"{quoted(name)} is the target, too") for key, name in roles.named.items() if name in section.targets
    ]
    if not problems and not set(names) - _special(section, roles) - set(section.drop):
        text = f"no feature is left of {len(names)} columns without the target and dataset.drop"
        problems.append(("header", text))
    return problems


def _unknown_column(name: str, names: Sequence[str]) -> str:
    nearest = difflib.get_close_matches(name, names, n=1)
    if nearest:
        return f"no column {quoted(name)}; did you mean {quoted(nearest[0])}?"
    listed = ", ".join(map(quoted, names[:MAX_LISTED])) + (", ..." if len(names) > MAX_LISTED else "")
    return f"no column {quoted(name)}; the header has {len(names)}: {listed}"


def _labels(table: Opened, section: TableDataset | OpenMLDataset) -> tuple[list[Labels], Problems]:
    labels: list[Labels] = []
    problems: Problems = []
    for name in section.targets:
        cells = pc.fill_null(as_text(table.cells[name]), "").to_pandas()
        if len(section.targets) > 1:
            one = read_label_set(cells, missing=section.missing)
        else:
            one = read_labels(cells, positive=section.positive, missing=section.missing)
        if isinstance(one, str):
            problems.append((f"target {quoted(name)}", one))
        else:
            labels.append(one)
    return labels, problems


def _special_values(
    table: Opened, section: TableDataset | OpenMLDataset, roles: Roles
) -> tuple[dict[str, Any], Problems]:
    """Return sample weights, groups, times and folds by their name in `Dataset`, and what is wrong with them."""
    values: dict[str, Any] = {}
    problems: Problems = []
    if section.weight is not None:
        weights = numbers_of(table.cells[section.weight])
        limits = np.finfo(np.float32)
        bad = np.flatnonzero(~((weights >= limits.tiny) & (weights <= limits.max)))
        if bad.size:
            problems.append(("dataset.weight", _bad_cell(table, section.weight, int(bad[0]), "a number above 0")))
        values["sample_weight"] = weights
    for key, name in roles.named.items():
        if (key, name) == ("cv.group", DUPLICATES) and name not in table.names:
            continue
        clean = table.cells[name]
        gaps = np.flatnonzero(np.asarray(clean.is_null().to_numpy()))
        if gaps.size:
            problems.append((key, _bad_cell(table, name, int(gaps[0]), "a value in every row")))
        elif key == "cv.time":
            values["time"] = _times(clean)
            if not np.isfinite(values["time"]).all():
                row = int((~np.isfinite(values["time"])).argmax())
                problems.append((key, _bad_cell(table, name, row, "dates of one form, or numbers")))
        else:
            codes, levels = codes_of(clean)
            values[key.removeprefix("cv.")] = _in_order(codes.astype(np.int64), levels)
    return values, problems


def _times(clean: pa.ChunkedArray) -> Any:
    """Return numbers as they are, dates as days. Shape `(N,)`, NaN where a cell is neither, or unlike the first one."""
    values = numbers_of(clean)
    if not np.isnan(values[0]):
        return values
    return days_since_1970(stamps_of(clean, date_format_of(clean)))


def _in_order(codes: Any, levels: tuple[str, ...]) -> Any:
    """Return numbers of texts in the order of the numbers that they are, where all are some: 2 before 10."""
    try:
        order = np.argsort(np.argsort([float(level) for level in levels], kind="stable"))
    except ValueError:
        return codes
    return order[codes]


def _bad_cell(table: Opened, name: str, row: int, expected: str) -> str:
    cell = table.cells[name][row].as_py()
    found = "nothing" if cell is None else quoted(str(cell))
    return f"column {quoted(name)} must hold {expected}, got {found} in row {row + 1}"
