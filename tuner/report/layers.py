"""What the pictures of a table show: bars of its classes, layers of its points, and which color is whose.

Two classes have a color each. Of more, the largest have one of their own, small ones lie on top of large ones, and what
there are too many of is drawn together.
"""

from __future__ import annotations

from dataclasses import dataclass

from tuner.report.canvas import BLUE, GREEN, MAJORITY, MINORITY, MUTED, ORANGE, PURPLE, YELLOW, drawable
from tuner.report.classes import noun
from tuner.trial import DataSummary

MAX_BARS = 25
CLASS_COLORS = (MAJORITY, BLUE, GREEN, ORANGE, PURPLE, YELLOW, "#56b4e9", "#8c564b")
"""Colors of more than two classes, the largest class first."""

BEHIND, IN_FRONT, AMONG_MANY = (16.0, 0.5, "none"), (30.0, 0.95, "white"), (22.0, 0.8, "white")
"""Size, opacity and edge of points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One class or label of the counts, or all that have no bar of their own."""

    label: str
    count: int
    color: str


def bars(data: DataSummary) -> list[Bar]:
    """Return the bars from top to bottom: every class in its order; of very many, the largest, and what they leave."""
    colors = class_colors(data)
    order = list(range(len(data.classes)))
    if len(order) > MAX_BARS:
        order = sorted(order, key=lambda k: -data.class_counts[k])
    shown, rest = (order, []) if len(order) <= MAX_BARS else (order[: MAX_BARS - 1], order[MAX_BARS - 1 :])
    found = [Bar(label=class_name(data, k), count=data.class_counts[k], color=colors[k]) for k in shown]
    if rest:
        what = "labels, at most" if data.task == "multilabel" else "classes"
        pick = max if data.task == "multilabel" else sum
        count = pick(data.class_counts[k] for k in rest)
        found.append(Bar(label=f"{len(rest)} more {what}", count=count, color=MUTED))
    return found


def class_colors(data: DataSummary) -> list[str]:
    """Return the color of each class: of more than two, the largest have one of their own, the others share gray."""
    if data.task == "binary":
        return [MAJORITY, MINORITY]
    by_size = sorted(range(len(data.classes)), key=lambda k: (-data.class_counts[k], k))
    colors = [MUTED] * len(by_size)
    for k, color in zip(by_size, CLASS_COLORS, strict=False):
        colors[k] = color
    return colors


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Points of the scatter that look alike; `style` is their size, opacity and edge."""

    label: str
    n_rows: int
    classes: list[int]
    color: str
    style: tuple[float, float, str]


def layers(data: DataSummary) -> list[Layer]:
    """Return what is drawn, from back to front: as many layers as there are colors, and one of all smaller classes."""
    counts = data.class_counts
    if data.task == "multilabel":
        name = f"label {drawable(data.classes[0])}"
        without, with_it = f"without {name}", f"with {name}"
        return [
            Layer(label=without, n_rows=data.n_rows - counts[0], classes=[0], color=MAJORITY, style=BEHIND),
            Layer(label=with_it, n_rows=counts[0], classes=[1], color=MINORITY, style=IN_FRONT),
        ]
    if data.task == "binary":
        order, styles = [0, 1], [BEHIND, IN_FRONT]
    else:
        order = sorted(range(len(counts)), key=lambda k: (-counts[k], k))
        styles = [BEHIND, *[AMONG_MANY] * (len(order) - 1)]
    colors = class_colors(data)
    found = [
        Layer(label=class_name(data, k), n_rows=counts[k], classes=[k], color=colors[k], style=style)
        for k, style in zip(order, styles, strict=True)
    ]
    if len(found) <= len(CLASS_COLORS):
        return found
    others = order[len(CLASS_COLORS) :]
    label, n_rows = f"{len(others)} smaller classes", sum(counts[k] for k in others)
    return [
        *found[: len(CLASS_COLORS)],
        Layer(label=label, n_rows=n_rows, classes=others, color=MUTED, style=AMONG_MANY),
    ]


def class_name(data: DataSummary, index: int) -> str:
    """Return a class or label for a picture."""
    return f"{noun(data)} {drawable(data.classes[index])}"
