"""One picture of a table before anything trains: its classes, its rows on two axes, its missing cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from tuner.report.canvas import BLUE, INK, MUTED, WIDTH, drawable, style_axes
from tuner.report.layers import bars
from tuner.report.plots import fill_class_counts, fill_data
from tuner.trial import DataSummary

TITLE_HEIGHT = 0.35
SCATTER_HEIGHT = 4.6
"""In inches, as all heights."""

GAPS = LinearSegmentedColormap.from_list("gaps", ["#eef2f5", BLUE])


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """Which cells are missing.

    Attributes:
        names: columns with missing cells that are drawn, those with most of them first.
        shares: the share of missing cells of each.
        cells: 1 where a cell is missing, shape `(columns, rows)`; where no row may leave the table, one column of
            shares.
        n_others: further columns with missing cells, of which each has no more.
        n_complete: columns without a missing cell.
    """

    names: tuple[str, ...]
    shares: tuple[float, ...]
    cells: NDArray[np.float32]
    n_others: int
    n_complete: int


def draw_table(data: DataSummary, gaps: Gaps) -> Figure:
    """Return the picture of a table: class counts, the sample of rows where there is one, missing cells."""
    heights = [
        TITLE_HEIGHT + 0.5 + 0.32 * len(bars(data)),
        TITLE_HEIGHT + (0.35 + 0.24 * len(gaps.names) if gaps.names else 0.0),
    ]
    if data.points:
        heights.insert(1, TITLE_HEIGHT + SCATTER_HEIGHT)
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained", facecolor="white")
    parts = list(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0])
    fill_class_counts(_titled(parts[0], f"{data.n_rows:,} rows of {drawable(data.source, length=70)}"), data)
    if data.points:
        projected = " on the first two components" if data.axes[0].startswith("PC1 (") else ""
        axes = _titled(parts[1], f"{len(data.points):,} rows{projected}")
        _label(axes, data.axes)
        fill_data(axes, data)
    gap_axes = _titled(parts[-1], _gap_title(gaps))
    if gaps.names:
        _fill_gaps(gap_axes, gaps)
    else:
        gap_axes.set_axis_off()
    return figure


def _titled(part: SubFigure, title: str) -> Axes:
    part.suptitle(title, x=0.012, ha="left", fontsize=11, fontweight="bold", color=INK, parse_math=False)
    axes = part.add_subplot()
    style_axes(axes)
    return axes


def _label(axes: Axes, names: tuple[str, str]) -> None:
    style_axes(axes, *map(drawable, names))


def _gap_title(gaps: Gaps) -> str:
    if not gaps.names:
        return f"No cell of {_columns(gaps.n_complete)} is missing"
    complete = f"; {_columns(gaps.n_complete)} complete" if gaps.n_complete else ""
    others = f" and {gaps.n_others:,} more with fewer" if gaps.n_others else ""
    n_rows = gaps.cells.shape[1]
    what = f"in {n_rows:,} rows, in their order" if n_rows > 1 else "as shares"
    return f"Missing cells {what}: {_columns(len(gaps.names))}{others}{complete}"


def _columns(n: int) -> str:
    return f"{n:,} column{'s' * (n != 1)}"


def _fill_gaps(axes: Axes, gaps: Gaps) -> None:
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.set_xticks([])
    axes.imshow(gaps.cells, aspect="auto", interpolation="nearest", cmap=GAPS, vmin=0.0, vmax=1.0)
    places = range(len(gaps.names))
    axes.set_yticks(places, labels=[drawable(name) for name in gaps.names], parse_math=False)
    axes.tick_params(axis="y", labelsize=9, labelcolor=INK)
    for place, share in zip(places, gaps.shares, strict=True):
        axes.annotate(
            f"{share:.3%}" if share < 0.001 else f"{share:.1%}",
            (1.0, place),
            (6, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            color=MUTED,
            fontsize=9,
        )
    for edge in places[1:]:
        axes.axhline(edge - 0.5, color="white", linewidth=1.2)
