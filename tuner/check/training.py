"""What may go wrong in training although the table is right: weights that cannot act, batches, memory, time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import ceil, exp, lgamma

import numpy as np

from tuner.data.finding import Finding
from tuner.data.problems import named, quoted
from tuner.data.strata import count_kinds, name_kinds
from tuner.prepared import Prepared
from tuner.study.summary import is_weight_parameter

LARGE = 100.0
"""Typical size of an unscaled column from which the first steps saturate a model: its outputs are many times 17, where
the slope of the loss is 0 in float32, and a weight times 0 is 0."""

MAX_SAMPLE_ROWS = 50_000
"""Rows, evenly spaced, from which the size of a column is known well enough."""

MOSTLY = 0.5
SELDOM = 0.1
"""Share of rows in rare categories from which it is mentioned, and of batches without a class that is aimed at."""

FEW_STEPS = 50
LONG_SECONDS = 6 * 3600.0
LIBRARY_BYTES = 700_000_000
"""What the libraries take beside the estimate."""

MAX_MEMORY_SHARE = 0.9


def training_findings(prepared: Prepared, *, memory_bytes: int, seconds: float | None) -> list[Finding]:
    """Return what is found in a config met by its table.

    Args:
        prepared: from `prepare`.
        memory_bytes, seconds: estimates for the run; None where nobody has measured.
    """
    return [
        *_settled_classes(prepared),
        *_large_columns(prepared),
        *_rare_categories(prepared),
        *_idle_search(prepared),
        *_batches(prepared),
        *_memory(memory_bytes, physical_memory()),
        *_time(seconds),
    ]


def _settled_classes(prepared: Prepared) -> list[Finding]:
    advice = "dataset.small_classes decides: refuse, merge or drop."
    return [Finding(level="info", subject="small classes", evidence=text, advice=advice) for text in prepared.notices]


def _large_columns(prepared: Prepared) -> list[Finding]:
    """Columns of large numbers that some trial takes as they are."""
    space, table = prepared.space, prepared.table
    choices = space.describe().get("standardize", {"choices": [space.fixed.get("standardize", True)]})["choices"]
    if all(choices if isinstance(choices, list | tuple) else [choices]):
        return []
    rows = table.X[:: ceil(len(table.X) / MAX_SAMPLE_ROWS)].astype(np.float64)
    held = np.maximum(np.count_nonzero(~np.isnan(rows), axis=0), 1)
    sizes = np.sqrt(np.nansum(rows**2, axis=0) / held)
    large = [w for w in np.argsort(-sizes).tolist() if sizes[w] >= LARGE]
    if not large:
        return []
    return [
        Finding(
            level="warning",
            subject="columns of large numbers that are not standardized",
            evidence="root mean square of " + named([f"{quoted(table.names[w])}: {sizes[w]:.3g}" for w in large]),
            advice="Set training.standardize: true; else a model saturates at once, and no class weight can act.",
        )
    ]


def _rare_categories(prepared: Prepared) -> list[Finding]:
    """Columns of which many rows are in categories that a fold does not keep."""
    section, found = prepared.config.encoding, list(_rare_shares(prepared))
    if not found:
        return []
    words = [f"{quoted(name)} ({n_levels:,} categories, {100 * share:.3g} %)" for share, name, n_levels in found]
    return [
        Finding(
            level="warning" if max(share for share, _, _ in found) >= MOSTLY else "info",
            subject="rows in categories too rare to be told apart",
            evidence=f"{named(words)}: beyond the {section.max_categories} most frequent ones, or of fewer than "
            f"{section.min_category_rows} training rows",
            advice="They count as one category. Raise encoding.max_categories, lower encoding.min_category_rows, or "
            "leave the column out.",
        )
    ]


def _rare_shares(prepared: Prepared) -> Iterator[tuple[float, str, int]]:
    """Yield the share of such rows in the first fold's view, the column and its number of categories."""
    dataset, table = prepared.dataset, prepared.table
    seen = table.scaled.active[0]
    kept = {(one.column, one.text) for one, known in zip(table.features, seen, strict=True) if known}
    for place, column in enumerate(dataset.columns):
        if column.kind != "categorical":
            continue
        codes = dataset.X[:, place]
        n_rows = np.bincount(codes[~np.isnan(codes)].astype(np.int64), minlength=len(column.levels))
        is_rare = np.array([(column.name, level) not in kept for level in column.levels], np.bool_)
        share = float(n_rows[is_rare].sum() / len(codes))
        if share >= SELDOM:
            yield share, column.name, len(column.levels)


def _idle_search(prepared: Prepared) -> list[Finding]:
    """A search in which every trial has the same class weights."""
    space = prepared.space
    if space.only_points:
        trials = [space.resolve(0, point.params) for point in space.points]
        varied = len({(one.minority_weight, one.majority_weight, one.class_weights) for one in trials}) > 1
    else:
        varied = any(
            not distribution.single() and (name.endswith("_weight") or is_weight_parameter(name))
            for name, distribution in space.distributions.items()
        )
    if varied:
        return []
    key = "minority_weight" if prepared.dataset.task == "binary" else "weight_exponent"
    return [
        Finding(
            level="info",
            subject="class weights are not searched",
            evidence=f"every trial has the same ({key} {_middle(prepared, key):g})",
            advice=f"Give search_space.{key} a range to learn what weights change.",
        )
    ]


def _middle(prepared: Prepared, key: str) -> float:
    space = prepared.space
    params = space.points[0].params if space.only_points else space.middle()
    return float({**space.fixed, **params}[key])


def _batches(prepared: Prepared) -> list[Finding]:
    """Batches that rarely hold a class, or so few of them that training hardly begins."""
    params = prepared.space.resolve(0, prepared.space.middle())
    y, folds = prepared.dataset.y, prepared.folds
    counts = [count_kinds(y, rows) for rows in folds.train]
    fold = int(np.argmin([one.min() / one.sum() for one in counts]))
    kind, n_rows = int(counts[fold].argmin()), len(folds.train[fold])
    n_of, size = int(counts[fold][kind]), min(params.batch_size, n_rows)
    n_steps = ceil(n_rows / size) * prepared.space.longest_training
    findings = []
    without = absence(n_rows, n_of, size)
    if without > MOSTLY:
        findings.append(
            Finding(
                level="info",
                subject=f"most batches hold no row {name_kinds(y, prepared.dataset.classes)[kind]}",
                evidence=f"{100 * without:.3g} % of batches of {size}, with {n_of:,} such rows among {n_rows:,} "
                "training rows",
                advice=f"With training.batch_size: {_wanted_size(n_rows, n_of)} it is 1 in 10; smaller batches learn "
                "of the class in few, large steps.",
            )
        )
    if n_steps < FEW_STEPS:
        findings.append(
            Finding(
                level="info",
                subject="few training steps",
                evidence=f"batches of {size} of {n_rows:,} training rows make {n_steps:,} steps in the longest trial",
                advice="Lower training.batch_size, or raise search_space.epochs.",
            )
        )
    return findings


def absence(n_rows: int, n_of: int, size: int) -> float:
    """Return the probability that a batch of `size` rows holds none of `n_of` rows among `n_rows`."""
    if n_of + size > n_rows:
        return 0.0
    rest = n_rows - n_of
    log_share = lgamma(rest + 1) - lgamma(rest - size + 1) - lgamma(n_rows + 1) + lgamma(n_rows - size + 1)
    return exp(log_share)


def _wanted_size(n_rows: int, n_of: int) -> int:
    """Return the least power of two with which a batch lacks the class in at most one of ten cases."""
    size = 1
    while absence(n_rows, n_of, size) > SELDOM:
        size *= 2
    return size


def physical_memory() -> int | None:
    """Return the bytes of memory of this machine; None where the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):  # no such call, or no such name: not a Unix, or a rare one
        return None


def _memory(memory_bytes: int, physical: int | None) -> list[Finding]:
    needed = memory_bytes + LIBRARY_BYTES
    if physical is None or needed <= MAX_MEMORY_SHARE * physical:
        return []
    return [
        Finding(
            level="warning",
            subject="the run may take more memory than there is",
            evidence=f"about {needed / 1e9:.3g} GB with all libraries; this machine has {physical / 1e9:.3g} GB",
            advice="Lower engine.threads, training.checkpoints, search_space.epochs or search_space.hidden_size.",
        )
    ]


def _time(seconds: float | None) -> list[Finding]:
    if seconds is None or seconds < LONG_SECONDS:
        return []
    return [
        Finding(
            level="info",
            subject="a long run",
            evidence=f"very roughly {seconds / 3600:.3g} hours of training",
            advice="Every finished trial is kept; a larger training.batch_size and fewer cv.n_repeats take less.",
        )
    ]
