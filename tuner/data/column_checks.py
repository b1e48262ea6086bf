"""What the columns of a table are worth: left out or kept, empty, repeated, and what they may say about the folds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tuner.data.dataset import Column, Dataset
from tuner.data.finding import Finding
from tuner.data.folds import Folds
from tuner.data.problems import named, quoted
from tuner.data.strata import count_kinds, name_kinds, rows_of_kind

MANY_MISSING = 0.5
"""Share of missing cells from which a column is mostly empty."""

FEW_SIGMAS, TIMES = 6.0, 3.0
"""How far, and how many times, the odds of a missing cell must differ between a class and the rest."""

_OWNER = re.compile(
    r"(^|[\W_])(customer|client|patient|person|subject|user|member|account|household|family|student|employee|device"
    r"|machine|session|visit|policy|card|vehicle|company|firm|site|hospital)([\W_]*(id|ids|key|no|nr|num|number|code))?$",
    re.IGNORECASE,
)
"""Names of columns that say to whom or what a row belongs."""

OWNER_ROWS = (1.5, 50.0)
"""Rows of one owner on average, from and to, where the column is more than a category and less than a row number."""

MIN_OWNERS = 20

QUOTE = '"'
"""In the evidence of a column's kind, around a cell that is no number."""


def columns_left_out(dataset: Dataset) -> list[Finding]:
    """Return which columns are no features because they identify rows, or hold one value; those dropped are known."""
    findings = []
    for kind, subject, advice in (
        ("id", "left out as ids", "To keep one that describes rows, say what it is in dataset.columns"),
        (
            "constant",
            "left out as constant",
            "They cannot help a model; to keep one, say what it is in dataset.columns",
        ),
    ):
        own = [(name, why.partition(": ")[2]) for name, why in dataset.left_out if why.startswith(f"{kind}: ")]
        if own:
            kept = f"{own[0][0]}: {'categorical' if QUOTE in own[0][1] else 'numeric'}"
            listed = named([f"{quoted(name)} ({why})" for name, why in own])
            findings.append(Finding(level="info", subject=subject, evidence=listed, advice=f"{advice}, as {kept}."))
    return findings


def row_numbers(dataset: Dataset) -> list[Finding]:
    """Return a warning for each feature that counts the rows."""
    findings = []
    for column, values in _raw_columns(dataset):
        is_number = column.kind == "numeric" and _name_of(dataset, column) == column.name
        if is_number and len(values) > 2 and _counts_rows(values):
            findings.append(
                Finding(
                    level="warning",
                    subject=f"column {quoted(column.name)} looks like a row number or id",
                    evidence=f"{len(values)} distinct whole numbers in row order, from {values[0]:g} to {values[-1]:g}",
                    advice="If it identifies rows and does not describe them, name it in dataset.drop.",
                )
            )
    return findings


def _counts_rows(values: NDArray[np.float32]) -> bool:
    """Whether whole numbers rise, or fall, from row to row; a missing cell does neither."""
    first, last = values[:100], np.sign(values[1] - values[0])
    if last == 0 or not (np.sign(np.diff(first)) == last).all():
        return False
    return bool((np.sign(np.diff(values)) == last).all() and (values == np.floor(values)).all())


def constant_columns(dataset: Dataset) -> list[Finding]:
    """Return which features hold one value and no missing cell."""
    constant = [column.name for column, values in _raw_columns(dataset) if _is_constant(values)]
    if not constant:
        return []
    return [
        Finding(
            level="info",
            subject="constant columns" if len(constant) > 1 else "constant column",
            evidence=named([quoted(name) for name in constant]),
            advice="They cannot help a model; name them in dataset.drop to save time.",
        )
    ]


def _is_constant(values: NDArray[np.float32]) -> bool:
    return bool((values[:1000] == values[0]).all() and (values == values[0]).all())


def missing_cells(dataset: Dataset) -> list[Finding]:
    """Return which columns are mostly empty, and which are empty more often in one class than in the rest."""
    empty, telling = [], []
    for column, values in _raw_columns(dataset):
        gaps = np.isnan(values)
        n_missing = int(np.count_nonzero(gaps))
        if not n_missing:
            continue
        name = _name_of(dataset, column)
        if n_missing > MANY_MISSING * len(gaps):
            empty.append((n_missing / len(gaps), name))
        if (words := _difference(dataset, gaps)) is not None:
            telling.append(f"{quoted(name)} ({words})")
    findings = []
    if empty:
        listed = [f"{quoted(name)} ({100 * share:.3g} %)" for share, name in sorted(empty, reverse=True)]
        findings.append(
            Finding(
                level="warning",
                subject="columns that are mostly empty",
                evidence=f"cells without a value: {named(listed)}",
                advice="Name them in dataset.drop, unless an empty cell itself says something: that is a feature, too.",
            )
        )
    if telling:
        findings.append(
            Finding(
                level="info",
                subject="missing cells differ between classes",
                evidence=named(telling),
                advice="Whether a cell is missing is a feature; make sure that it is known before the outcome is.",
            )
        )
    return findings


def _difference(dataset: Dataset, gaps: NDArray[np.bool_]) -> str | None:
    """Return where a column is empty much more often, or less often, than in all other rows; None where it is not."""
    y = dataset.y
    n, n_all, missing = count_kinds(y), len(y), int(gaps.sum())
    if y.ndim == 2:
        n = n[: y.shape[1]]
    own = np.array([np.count_nonzero(gaps[rows_of_kind(y, kind)]) for kind in range(len(n))])
    share = missing / n_all
    with np.errstate(divide="ignore", invalid="ignore"):
        sigmas = np.abs(own - n * share) / np.sqrt(n * (1 - n / n_all) * share * (1 - share))
        rest, n_rest = missing - own, n_all - n
        odds = np.abs(np.log((own + 0.5) / (n - own + 0.5) * (n_rest - rest + 0.5) / (rest + 0.5)))
    strength = np.where((sigmas >= FEW_SIGMAS) & (odds >= np.log(TIMES)), sigmas, 0.0)
    kind = int(np.argmax(strength))
    if not strength[kind]:
        return None
    kind = 1 if len(n) == 2 and y.ndim == 1 else kind
    own_share, other = own[kind] / n[kind], (missing - own[kind]) / (n_all - n[kind])
    who = name_kinds(y, dataset.classes)[kind]
    return f"missing in {100 * own_share:.3g} % of rows {who}, in {100 * other:.3g} % of the others"


def copied_columns(dataset: Dataset) -> list[Finding]:
    """Return which columns hold the same cells as an earlier one."""
    first: dict[tuple[bytes, bool], str] = {}
    copies = []
    for column, values in _raw_columns(dataset):
        if _is_constant(values):
            continue
        key = (hashlib.blake2b(np.ascontiguousarray(values).data).digest(), bool(column.levels))
        other = first.setdefault(key, column.name)
        if other != column.name:
            copies.append(f"{quoted(column.name)} repeats {quoted(other)}")
    if not copies:
        return []
    advice = "One of each is enough: name the others in dataset.drop to save time."
    return [Finding(level="info", subject="columns that repeat others", evidence=named(copies), advice=advice)]


def dates_without_order(dataset: Dataset, folds: Folds) -> list[Finding]:
    """Return that the table has dates, where the folds pay no heed to the order of time."""
    dates = [spec.name for spec in dataset.specs if spec.kind == "date"]
    if not dates or folds.plan.splitter != "stratified" or folds.plan.kind == "holdout":
        return []
    return [
        Finding(
            level="info",
            subject="dates, and folds that mix past and future",
            evidence=named([quoted(name) for name in dates]),
            advice=f"If the future is predicted from the past, set cv.time: {dates[0]}.",
        )
    ]


def owners(dataset: Dataset, folds: Folds) -> list[Finding]:
    """Return which columns say by their name and their values that several rows belong to one person or thing."""
    if folds.plan.splitter != "stratified" or folds.plan.kind == "holdout":
        return []
    found = []
    for column, values in _raw_columns(dataset):
        if column.kind == "text" or not _OWNER.search(column.name) or np.isnan(values).any():
            continue
        n_owners = len(np.unique(values))
        is_whole = bool(column.levels) or bool((values == np.floor(values)).all())
        if is_whole and n_owners >= MIN_OWNERS and OWNER_ROWS[0] <= len(values) / n_owners <= OWNER_ROWS[1]:
            found.append((column.name, f"{n_owners:,} values, {len(values) / n_owners:.1f} rows of each on average"))
    return [
        Finding(
            level="info",
            subject=f"column {quoted(name)} may say which rows belong together",
            evidence=words,
            advice=f"If rows of one value are alike and new rows have new values, set cv.group: {name}.",
        )
        for name, words in found
    ]


def _raw_columns(dataset: Dataset) -> Iterator[tuple[Column, NDArray[np.float32]]]:
    """Yield each column and its cells; of the parts of a date, the day alone, which has all of them."""
    parts = tuple(f"{spec.name}: " for spec in dataset.specs if spec.kind == "date")
    for place, column in enumerate(dataset.columns):
        if not (parts and column.name.startswith(parts) and not column.name.endswith(": days")):
            yield column, dataset.X[:, place]


def _name_of(dataset: Dataset, column: Column) -> str:
    """Return the name in the file: a date's column of days goes by the date's name."""
    dates = {f"{spec.name}: days": spec.name for spec in dataset.specs if spec.kind == "date"}
    return dates.get(column.name, column.name)
