"""The pictures of the page, in the style of the report: SVG that is the same for the same figures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from tuner.report.canvas import INK, MUTED, RULE, WIDTH

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""Of Okabe & Ito, in the order of the lines."""
MARKERS = "osD^"

SVG = {"svg.fonttype": "none", "svg.hashsalt": "benchmarks", "font.family": "sans-serif"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a panel.

    `is_bound` draws a dashed one without markers, for what was asked or cannot be exceeded; `is_curve` leaves out the
    markers, `are_points` the line between them.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    is_bound: bool = False
    is_curve: bool = False
    are_points: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One pair of axes; x is logarithmic and whole numbers, or linear."""

    x_label: str
    y_label: str
    lines: Sequence[Line]
    log_y: bool = True
    log_x: bool = True


def draw(panels: Sequence[Panel]) -> bytes:
    """Return the panels as one SVG, at most three side by side."""
    n_columns = min(3, len(panels))
    n_rows = -(-len(panels) // n_columns)
    with rc_context(SVG):
        figure = Figure(figsize=(WIDTH, 2.9 * n_rows + 0.3), layout="constrained", facecolor="white")
        for place, panel in enumerate(panels, 1):
            _draw_panel(figure.add_subplot(n_rows, n_columns, place), panel)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _draw_panel(axes: Axes, panel: Panel) -> None:
    axes.set_axisbelow(True)
    axes.grid(color=RULE, linewidth=0.8)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(RULE)
    axes.tick_params(which="both", colors=MUTED, length=0, labelsize=9)
    axes.set_xlabel(panel.x_label, color=MUTED, fontsize=10)
    axes.set_ylabel(panel.y_label, color=MUTED, fontsize=10)
    axes.set_xscale("log" if panel.log_x else "linear")
    axes.set_yscale("log" if panel.log_y else "linear")
    for line, color, marker in zip(panel.lines, COLORS, MARKERS, strict=False):
        if line.is_bound:
            axes.plot(line.x, line.y, color=MUTED, linestyle="--", linewidth=1.2, label=line.label)
        else:
            width, own = 0.0 if line.are_points else 1.6, "" if line.is_curve else marker
            axes.plot(line.x, line.y, color=color, marker=own, markersize=5, linewidth=width, label=line.label)
    if panel.log_x:
        ticks = sorted({x for line in panel.lines for x in line.x})
        axes.set_xticks(ticks, labels=[f"{x:,.0f}" for x in ticks])
        axes.xaxis.set_minor_formatter(NullFormatter())
    values = [y for line in panel.lines for y in line.y]
    axes.yaxis.set_minor_formatter("{x:,g}" if max(values) < 10 * min(values) else NullFormatter())
    axes.yaxis.set_major_formatter("{x:,g}")
    if not panel.log_y:
        axes.set_ylim(bottom=0)
    if len(panel.lines) > 1:
        axes.legend(frameon=False, fontsize=9, labelcolor=INK)
