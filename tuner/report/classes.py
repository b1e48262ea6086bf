"""What page and terminal say of many classes, of labels and of columns: weights, imbalance, scores of each, kinds."""

from __future__ import annotations

from collections.abc import Sequence

from tuner.evidence import ClassScores, PerClass
from tuner.report.export import class_weights
from tuner.report.numbers import number_text
from tuner.report.words import Table
from tuner.study.summary import StudySummary, TrialRecord
from tuner.trial import DataSummary

MAX_CONFUSED = 20
"""Classes whose confusions still make a table that can be read."""

MAX_COLUMNS = 1_000
MAX_WEIGHTS = 8
"""Weights that are listed one by one on a terminal."""


def noun(data: DataSummary) -> str:
    """Return what rows are sorted into: "class" or "label"."""
    return "label" if data.task == "multilabel" else "class"


def imbalance_text(data: DataSummary) -> str:
    """Return how unequal the classes are, in words."""
    ratio = f"{data.imbalance_ratio:.4g}"
    if data.task == "binary":
        return f"{ratio} rows of class {data.classes[0]} for each of class {data.classes[1]}"
    largest, smallest = (data.classes[data.class_counts.index(pick(data.class_counts))] for pick in (max, min))
    if data.task == "multiclass":
        return f"{ratio} rows of the largest class, {largest}, for each of the smallest, {smallest}"
    return f"{ratio} rows without the rarest label, {smallest}, for each with it"


def weights_text(data: DataSummary, trial: TrialRecord) -> str:
    """Return the weights of a trial in one line: each with its class, or the least and the greatest of many."""
    pairs = list(zip(data.classes, class_weights(trial), strict=True))
    if len(pairs) <= MAX_WEIGHTS:
        return "{" + ", ".join(f"{label}: {number_text(weight)}" for label, weight in pairs) + "}"
    if len({weight for _, weight in pairs}) == 1:
        return f"{len(pairs)} weights, all {number_text(pairs[0][1])}"
    ends = (pick(pairs, key=lambda pair: pair[1]) for pick in (min, max))
    least, greatest = (f"{number_text(weight)} ({label})" for label, weight in ends)
    return f"{len(pairs)} weights, {least} to {greatest}"


def weights_code(data: DataSummary, weights: Sequence[float]) -> str:
    """Return weights as a line of Python: for Keras by index of the class, of labels by name."""
    if data.task == "multilabel":
        return f"label_weight = {dict(zip(data.classes, weights, strict=True))!r}"
    return f"class_weight = {dict(enumerate(weights))!r}"


def weights_table(data: DataSummary, trial: TrialRecord) -> Table | None:
    """Return label, rows and weight of each class of a trial; None for two classes, whose weights are a sentence."""
    if data.task == "binary":
        return None
    rows = [
        [label, f"{count:,}", number_text(weight)]
        for label, count, weight in zip(data.classes, data.class_counts, class_weights(trial), strict=True)
    ]
    return Table(head=[noun(data), "rows", "weight"], rows=rows, marked=None)


def weakest_text(data: DataSummary, per_class: PerClass) -> str:
    """Return which class or label is found worst, in words."""
    worst = min(per_class["rows"], key=lambda row: row["recall"])
    return f"{noun(data)} {worst['label']}, recall {worst['recall']:.3f} of {worst['n_rows']:,} rows"


def per_class_section(summary: StudySummary) -> dict[str, object] | None:
    """Return how well each class is told, as tables; None where that was not worked out."""
    per_class = summary.evidence.get("per_class")
    if per_class is None:
        return None
    name = noun(summary.data)
    scores = [row["recall"] for row in per_class["rows"]]
    return {
        "trial": per_class["trial"],
        "weakest": weakest_text(summary.data, per_class),
        "table": Table(
            head=[name, "rows", "weight", "precision", "recall", "F1", "ROC AUC"],
            rows=[_score_cells(row) for row in per_class["rows"]],
            marked=scores.index(min(scores)),
        ),
        "confusion": _confusion_table(per_class),
    }


def _score_cells(row: ClassScores) -> list[str]:
    precision = "never called" if row["precision"] is None else f"{row['precision']:.3f}"
    roc_auc = "" if row["roc_auc"] is None else f"{row['roc_auc']:.3f}"
    counts = [f"{row['n_rows']:,}", number_text(row["weight"])]
    return [row["label"], *counts, precision, f"{row['recall']:.3f}", f"{row['f1']:.3f}", roc_auc]


def _confusion_table(per_class: PerClass) -> Table | None:
    """Rows of each class by the class they were called; None where that is no question, or no table to read."""
    confusion = per_class["confusion"]
    if confusion is None or len(confusion) > MAX_CONFUSED:
        return None
    labels = [row["label"] for row in per_class["rows"]]
    cells = [[f"{count:,.1f}".removesuffix(".0") for count in counts] for counts in confusion]
    return Table(
        head=["rows of", *(f"called {label}" for label in labels)],
        rows=[[label, *counts] for label, counts in zip(labels, cells, strict=True)],
        marked=None,
    )


def columns_table(data: DataSummary) -> Table | None:
    """Return name and kind of each column, the first thousand; None for studies from before there were kinds."""
    if not data.columns:
        return None
    return Table(head=["column", "kind"], rows=[list(pair) for pair in data.columns[:MAX_COLUMNS]], marked=None)
