"""The one style of the pictures: figures without pyplot, colors, legends, text of the user's drawn as plain text.

Colors are those of Okabe & Ito, told apart with any kind of color vision; every role keeps its color and its marker in
all pictures. Class labels and axis names come from the user's table: they are drawn as plain text, never as math.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import NullFormatter

INK, MUTED, RULE = "#1b2733", "#5b6875", "#dfe4e9"
MAJORITY, MINORITY = "#8aa4bd", "#d55e00"
BLUE, GREEN, PURPLE, ORANGE, YELLOW = "#0072b2", "#009e73", "#cc79a7", "#d55e00", "#e69f00"
BEST_STYLE = (ORANGE, "*")
WIDTH = 8.0
DOTS_PER_INCH = 200
LABEL_LENGTH = 28
LEGEND_LENGTH = 104
"""Letters that a row of a legend holds, with six for each mark."""


def png_bytes(figure: Figure) -> bytes:
    """Return a figure as PNG at twice the size it is read at."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH)
    return buffer.getvalue()


def new_figure(x_label: str = "", y_label: str = "", *, height: float) -> tuple[Figure, Axes]:
    """Return an empty picture in the one style; height in inches at 8 inches of width."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    style_axes(axes, x_label, y_label)
    return figure, axes


def style_axes(axes: Axes, x_label: str = "", y_label: str = "") -> None:
    """Give axes the one style: a faint grid, no frame, labels as plain text."""
    axes.set_axisbelow(True)
    axes.grid(color=RULE, linewidth=0.8)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(RULE)
    axes.tick_params(colors=MUTED, length=0, labelsize=9)
    axes.set_xlabel(x_label, color=MUTED, fontsize=10, parse_math=False)
    axes.set_ylabel(y_label, color=MUTED, fontsize=10, parse_math=False)
    axes.ticklabel_format(useOffset=False)


def weight_axis(axes: Axes, *, lowest: float, highest: float) -> None:
    """Make the horizontal axis one of weights: logarithmic, with plain numbers, more of them within one decade."""
    axes.set_xscale("log")
    axes.tick_params(which="minor", length=0, labelsize=8, labelcolor=MUTED)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}" if highest < 10 * lowest else NullFormatter())


def within_the_metric(axes: Axes, metric: str) -> None:
    """Cut the axis at what the metric can be: intervals of few folds reach beyond it and would flatten the curves."""
    lowest = -np.inf if metric.startswith("neg_") else -1.0 if metric == "matthews_corrcoef" else 0.0
    highest = 0.0 if metric.startswith("neg_") else 1.0
    low, high = axes.get_ylim()
    margin = 0.02 * (min(high, highest) - max(low, lowest))
    axes.set_ylim(max(low, lowest - margin), min(high, highest + margin))


def mark_style(color: str, shape: str, *, size: float = 1.0) -> dict[str, Any]:
    """Return the style of a mark; a star is drawn larger than the others, to look as large."""
    return {
        "marker": shape,
        "color": color,
        "markersize": (17 if shape == "*" else 9) * size,
        "markeredgecolor": "white",
        "markeredgewidth": 1.0,
    }


def add_legend(axes: Axes) -> None:
    """Put a legend above the picture, where it hides nothing."""
    handles, labels = axes.get_legend_handles_labels()
    longest = max(map(len, labels), default=0)
    legend = axes.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=min(4, LEGEND_LENGTH // (longest + 6)) if longest < 30 else 1,
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        borderaxespad=0.2,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def drawable(text: str, *, length: int = LABEL_LENGTH) -> str:
    """Shorten a text of the user's to one line, with a mark for each character that the font cannot draw."""
    line = " ".join(text.split())
    short = line if len(line) <= length else line[: length - 1] + "\N{HORIZONTAL ELLIPSIS}"
    font = get_font(findfont(FontProperties()))
    return "".join(letter if font.get_char_index(ord(letter)) else "\N{REPLACEMENT CHARACTER}" for letter in short)
