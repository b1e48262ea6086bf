"""Columns that alone predict the target almost perfectly: most were filled in when the outcome was known.

A column of numbers is a score as it is, once from the bottom and once from the top; missing cells count as less than
everything, as more than everything, and not at all, so that a column which is empty in one class alone is found, too.
Numbers whose middle is one class, categories and true or false are scored by the share of the class among the rows of
the same value in the other parts of the table: out of part, so that many categories fake nothing.

A few rows are predicted perfectly by chance where columns are many. So a column counts where the expected number of
columns which would do as well by chance is below `MAX_BY_CHANCE`, from (1).

    P(AUC >= 1 - e) <= min(C(d + m, m), (d + 1) exp(pi sqrt(2 d / 3))) / C(n, m),    d = e m (n - m)      (1)

This counts the orders of m rows among n in which at most d pairs stand the wrong way round: partitions of the numbers
up to d into at most m parts.

Axes    n rows, m of the class or the rest, whichever are fewer; K classes
Source  Mann & Whitney 1947 for the orders; Hardy & Ramanujan 1918 for the bound on partitions
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, lgamma, log, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from tuner.data.dataset import Dataset
from tuner.data.finding import Finding
from tuner.data.problems import named, quoted

LEAK_AUC = 0.999
MAX_BY_CHANCE = 0.01
FEWEST_ROWS = 3
"""Rows of a class, and of the rest, without which nothing is said about it."""

MAX_ROWS = 200_000
"""Rows that are looked at, drawn at random: the AUC of a leak is known to a thousandth long before."""

MAX_CELLS = 1_000_000
"""Rows times classes that are looked at in one column."""

MOST_ROWS = 0.9
"""Of more than two classes, those that a column tells from the rest hold so many rows where it leaks the target."""

LEAST_COVERED = 0.5
"""Share of the rows that must hold a value for their AUC to count alone."""

N_PARTS = 5
N_BINS, BIN_ROWS = 256, 10
"""Bins that numbers are put into to be scored like categories, and rows that a bin should hold."""

Cells = NDArray[np.float32]
Flags = NDArray[np.bool_]
Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """How well a column alone tells one class from the rest.

    Attributes:
        auc: ROC AUC.
        covered: the share of rows that it is of.
        is_by_value: whether the score of a row is the share of the class at its value, not the value itself.
    """

    auc: float
    covered: float = 1.0
    is_by_value: bool = False

    @property
    def distance(self) -> float:
        """From chance, in either direction."""
        return max(self.auc, 1.0 - self.auc)


def leaking_columns(dataset: Dataset) -> list[Finding]:
    """Return a warning for each column that leaks the target, and what is known of single classes. Text is left out."""
    rows = _drawn_rows(dataset)
    targets = _targets(dataset, rows)
    places = [place for place, column in enumerate(dataset.columns) if column.kind != "text"]
    n_tests = 2 * len(places) * len(targets)
    of = "" if len(rows) == len(dataset.y) else f", on {len(rows):,} rows drawn at random"
    findings = []
    for place in places:
        column = dataset.columns[place]
        strengths = _strengths(dataset.X[rows, place], targets, is_number=column.kind == "numeric")
        leaks = {
            k: one for k, one in strengths.items() if one.distance >= LEAK_AUC and _is_certain(one, targets[k], n_tests)
        }
        if leaks:
            share = sum(targets[k].mean() for k in leaks)
            findings.append(_worded(dataset, column.name, leaks, is_whole=share >= MOST_ROWS, of=of))
    return findings


def _worded(dataset: Dataset, column: str, leaks: dict[int, Strength], *, is_whole: bool, of: str) -> Finding:
    subject, strengths = f"column {quoted(column)}", list(leaks.values())
    if dataset.task == "binary":
        return _leak(f"{subject} predicts the target almost alone", _auc_words(strengths[0]) + of)
    which = named([quoted(dataset.classes[k]) for k in leaks])
    at_least = "at least " * (len(leaks) > 1)
    words = f"its ROC AUC by itself is {at_least}{min(one.distance for one in strengths):.4f} for {which}{of}"
    if dataset.task == "multilabel":
        return _leak(f"{subject} predicts a label almost alone", words)
    if is_whole:
        return _leak(f"{subject} predicts the target almost alone", f"{words}, each against the rest")
    return Finding(
        level="info",
        subject=f"{subject} tells a class from the rest almost alone",
        evidence=words,
        advice="Where it is part of what defines the class, nothing is wrong; else name it in dataset.drop.",
    )


def _leak(subject: str, evidence: str) -> Finding:
    advice = "If it is known only once the outcome is, name it in dataset.drop."
    return Finding(level="warning", subject=subject, evidence=evidence, advice=advice)


def _auc_words(strength: Strength) -> str:
    if strength.is_by_value:
        return (
            f"the share of the positive class at its values, known from other rows, has a ROC AUC of {strength.auc:.4f}"
        )
    words = f"its ROC AUC by itself is {strength.auc:.4f}"
    return words if strength.covered == 1.0 else f"{words} where it holds a value ({100 * strength.covered:.3g} %)"


def _drawn_rows(dataset: Dataset) -> NDArray[np.intp]:
    """Return the rows to look at, ascending; where these are not all, some of every class, about their share."""
    n_rows = len(dataset.y)
    wanted = min(MAX_ROWS, max(1000, MAX_CELLS // len(dataset.classes)))
    if n_rows <= wanted:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(0).choice(n_rows, wanted, replace=False))


def _targets(dataset: Dataset, rows: NDArray[np.intp]) -> list[Flags]:
    """Return which rows are of each class, or have each label, that is to be told from the rest."""
    y = dataset.y[rows]
    if dataset.task == "multilabel":
        return [y[:, label] == 1 for label in range(y.shape[1])]
    return [y == k for k in ([1] if dataset.task == "binary" else range(len(dataset.classes)))]


def _fewest(is_of: Flags) -> int:
    n_of = int(np.count_nonzero(is_of))
    return min(n_of, len(is_of) - n_of)


def _is_certain(strength: Strength, is_of: Flags, n_tests: int) -> bool:
    """Whether so few columns would do as well by chance that it cannot be that."""
    n = int(strength.covered * len(is_of))
    return log(n_tests) + log_chance(n, min(_fewest(is_of), n // 2)) < log(MAX_BY_CHANCE)


def log_chance(n: int, m: int) -> float:
    """Return the logarithm of (1) for an AUC of `LEAK_AUC`, in one direction; infinite where m is too small."""
    if m < FEWEST_ROWS:
        return inf
    d = int((1.0 - LEAK_AUC) * m * (n - m))
    few_parts = lgamma(d + m + 1) - lgamma(d + 1) - lgamma(m + 1)
    partitions = log(d + 1) + pi * sqrt(2.0 * d / 3.0)
    orders = lgamma(n + 1) - lgamma(m + 1) - lgamma(n - m + 1)
    return min(few_parts, partitions) - orders


def _strengths(cells: Cells, targets: list[Flags], *, is_number: bool) -> dict[int, Strength]:
    """Return how well cells tell flagged rows from the rest, by target, each time by the strongest way of reading them.

    Targets of which there are too few rows are left out.
    """
    codes = _codes(cells, is_number=is_number)
    return {
        k: max(_readings(cells, codes, is_of, is_number=is_number), key=lambda one: one.distance)
        for k, is_of in enumerate(targets)
        if _fewest(is_of) >= FEWEST_ROWS
    }


def _readings(cells: Cells, codes: Codes, is_of: Flags, *, is_number: bool) -> Iterator[Strength]:
    if is_number:
        gaps = np.isnan(cells)
        if gaps.any():
            there, of_there = cells[~gaps], is_of[~gaps]
            if _fewest(of_there) >= FEWEST_ROWS and len(there) >= LEAST_COVERED * len(cells):
                yield Strength(auc=roc_auc(there, of_there), covered=len(there) / len(cells))
            for value in (-np.inf, np.inf):
                yield Strength(auc=roc_auc(np.where(gaps, np.float32(value), cells), is_of))
        else:
            yield Strength(auc=roc_auc(cells, is_of))
    # Shares rise with the class by construction: below one half they only say that the parts of the table differ.
    yield Strength(auc=max(0.5, roc_auc(_shares(codes, is_of), is_of)), is_by_value=True)


def roc_auc(scores: NDArray[np.floating], is_of: Flags) -> float:
    """Return the ROC AUC of scores, ties counted half.

    Args:
        scores: shape `(n,)`, none of them NaN.
        is_of: rows that should score high; some are, and some are not. Shape `(n,)`.
    """
    inside, outside = np.sort(scores[is_of]), np.sort(scores[~is_of])
    if len(inside) > len(outside):  # the few are looked up among the many
        return 1.0 - _share_of_pairs(outside, inside)
    return _share_of_pairs(inside, outside)


def _share_of_pairs(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Return in which share of pairs the value of `a` is the greater one. Both ascending."""
    below = np.searchsorted(b, a, side="left").mean()
    not_above = np.searchsorted(b, a, side="right").mean()
    return float((below + not_above) / 2.0 / len(b))


def _codes(cells: Cells, *, is_number: bool) -> Codes:
    """Return the number of each cell's value, missing cells as one; of many numbers, that of its bin."""
    values, codes, counts = np.unique(cells, return_inverse=True, return_counts=True)
    n_bins = min(N_BINS, max(2, len(cells) // BIN_ROWS))
    if is_number and len(values) > n_bins:
        middles = np.cumsum(counts) - 0.5 * counts
        bins = (middles * n_bins / len(cells)).astype(np.int64)
        bins[np.isnan(values)] = n_bins
        codes = bins[codes]
    return codes.astype(np.int64)


def _shares(codes: Codes, is_of: Flags) -> NDArray[np.float64]:
    """Return for each row the share of flagged rows among those of its value in the other parts of the table.

    A value that no other part knows has the share of all rows. Parts are drawn, flagged rows evenly among them.
    """
    part = np.empty(len(codes), np.int64)
    rng = np.random.default_rng(0)
    for flag in (False, True):
        rows = np.flatnonzero(is_of == flag)
        part[rows] = rng.permutation(len(rows)) % N_PARTS
    n_values = int(codes.max()) + 1
    place = part * n_values + codes
    n = np.bincount(place, minlength=N_PARTS * n_values).reshape(N_PARTS, n_values)
    n_of = np.bincount(place[is_of], minlength=N_PARTS * n_values).reshape(N_PARTS, n_values)
    others, others_of = n.sum(axis=0) - n, n_of.sum(axis=0) - n_of
    shares: NDArray[np.float64] = np.where(others > 0, others_of / np.maximum(others, 1), is_of.mean())
    return shares[part, codes]
