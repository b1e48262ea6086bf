"""The pictures of a study: its table, its trials, their curves. Those of the evidence are in `evidence_plots.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from tuner.intervals import Interval, corrected_interval
from tuner.report import evidence_plots
from tuner.report.bands import weight_position
from tuner.report.canvas import (
    BEST_STYLE,
    BLUE,
    GREEN,
    INK,
    MAJORITY,
    MUTED,
    PURPLE,
    add_legend,
    drawable,
    mark_style,
    new_figure,
    weight_axis,
    within_the_metric,
)
from tuner.report.comparison import baselines
from tuner.report.layers import bars, class_name, layers
from tuner.study.summary import StudySummary, TrialRecord
from tuner.trial import DataSummary

MANY_TRIALS = 300
BASELINE_STYLE = {"none": (BLUE, "s"), "sqrt": (GREEN, "D"), "balanced": (PURPLE, "^")}

JITTER = 0.015
"""Share of the range that points on each other are moved by at most."""

NAMES = (*evidence_plots.NAMES, "class_counts", "data", "weight_score", "history", "learning_curves")
"""Every picture there is, in the order of the report."""


def draw_all(summary: StudySummary) -> dict[str, Figure]:
    """Return every picture this study can fill, by name, in the order of the report.

    Those of the evidence come first (`evidence_plots`). "class_counts" is always there; "data" where sample rows are
    stored; "weight_score" where scored trials differ in weight; "history" once a trial finished; "learning_curves" once
    one was scored.
    """
    figures = evidence_plots.draw_evidence(summary) | {"class_counts": draw_class_counts(summary)}
    if summary.data.points:
        figures["data"] = draw_data(summary)
    if len({weight_position(trial) for trial in summary.scored}) > 1:
        figures["weight_score"] = draw_weight_score(summary)
    if summary.n_finished:
        figures["history"] = draw_history(summary)
    if summary.scored:
        figures["learning_curves"] = draw_learning_curves(summary)
    return figures


def draw_class_counts(summary: StudySummary) -> Figure:
    """Draw the rows of each class as bars, with count and share."""
    figure, axes = new_figure(height=0.7 + 0.4 * len(bars(summary.data)))
    fill_class_counts(axes, summary.data)
    return figure


def fill_class_counts(axes: Axes, data: DataSummary) -> None:
    """Draw the rows of each class on axes in the one style."""
    shown = bars(data)
    positions = range(len(shown) - 1, -1, -1)
    axes.barh(positions, [bar.count for bar in shown], height=0.62, color=[bar.color for bar in shown])
    axes.set_yticks(positions, labels=[bar.label for bar in shown], parse_math=False)
    for position, bar in zip(positions, shown, strict=True):
        text = f"{bar.count:,}  ({bar.count / data.n_rows:.2%})"
        axes.annotate(text, (bar.count, position), (6, 0), textcoords="offset points", va="center", color=INK)
    axes.set_xlim(0, max(bar.count for bar in shown) * 1.22)
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.set_xticks([])
    axes.tick_params(axis="y", labelsize=10, labelcolor=INK)


def draw_data(summary: StudySummary) -> Figure:
    """Draw the stored sample of rows, small classes on top of large ones; of several labels, rows with the first."""
    figure, axes = new_figure(*map(drawable, summary.data.axes), height=4.6)
    fill_data(axes, summary.data)
    return figure


def _spread(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points on which many lie on each other moved a little, each its own way, so that all of them show."""
    if len(np.unique(points, axis=0)) > len(points) / 2:
        return points
    reach = JITTER * np.ptp(points, axis=0)
    return points + np.random.default_rng(0).uniform(-reach, reach, points.shape)


def fill_data(axes: Axes, data: DataSummary) -> None:
    """Draw the stored sample of rows on axes in the one style."""
    points, classes = _spread(np.asarray(data.points, np.float64)), np.asarray(data.point_classes)
    for place, layer in enumerate(layers(data)):
        chosen = points[np.isin(classes, layer.classes)]
        label = f"{layer.label}: {len(chosen):,} of {layer.n_rows:,} rows"
        x, y = chosen.T
        size, alpha, edge = layer.style
        axes.scatter(
            x, y, s=size, c=layer.color, alpha=alpha, edgecolors=edge, linewidths=0.6, label=label, zorder=2 + place
        )
    add_legend(axes)


def draw_weight_score(summary: StudySummary) -> Figure:
    """Draw the score of every scored trial against its weight; baselines marked, the best with its interval."""
    is_binary = summary.data.task == "binary"
    name = f"weight of {class_name(summary.data, 1)} relative to {class_name(summary.data, 0)}"
    figure, axes = new_figure(name if is_binary else "weight exponent", _score_label(summary), height=4.4)
    weights = np.array([weight_position(trial) for trial in summary.scored])
    if is_binary:
        weight_axis(axes, lowest=weights.min(), highest=weights.max())
    _draw_cloud(figure, axes, summary, weights)
    for mark in _marks(summary):
        position = weight_position(mark.trial)
        if mark.is_best and mark.trial.interval is not None and np.isfinite(mark.trial.interval.half_width):
            _error_bar(axes, position, mark.trial.interval, color=mark.color)
        axes.plot(
            position,
            _value(mark.trial),
            **mark_style(mark.color, mark.marker),
            linestyle="none",
            label=mark.label,
            zorder=4,
        )
    add_legend(axes)
    return figure


def _draw_cloud(figure: Figure, axes: Axes, summary: StudySummary, ratios: NDArray[np.float64]) -> None:
    """All scored trials, colored by hidden size or epochs where one of them was searched."""
    values = [_value(trial) for trial in summary.scored]
    size = 36 if len(values) <= MANY_TRIALS else 12
    name = next((name for name in ("hidden_size", "epochs") if name in summary.space), None)
    if name is None:
        axes.scatter(ratios, values, s=size, c=MUTED, alpha=0.6, linewidths=0)
        return
    colors = [float(cast(float, trial.resolved[name])) for trial in summary.scored]
    drawn = axes.scatter(ratios, values, s=size, c=colors, cmap="cividis", alpha=0.8, linewidths=0)
    bar = figure.colorbar(drawn, ax=axes, pad=0.015, aspect=32)
    bar.set_label(name, color=MUTED)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=MUTED, length=0, labelsize=9)
    bar.ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))


def draw_history(summary: StudySummary) -> Figure:
    """Draw the value of every trial in order, the best so far, and where trials failed or were pruned."""
    figure, axes = new_figure("trial", _score_label(summary), height=3.6)
    scored = sorted(summary.scored, key=lambda trial: trial.number)
    numbers, values = [trial.number for trial in scored], [_value(trial) for trial in scored]
    if scored:
        size = 22 if len(scored) <= MANY_TRIALS else 6
        best = np.maximum.accumulate(values)
        axes.scatter(numbers, values, s=size, c=MAJORITY, linewidths=0, label="trial", zorder=2)
        axes.step(numbers, best, where="post", color=INK, linewidth=1.6, label="best so far", zorder=3)
    else:
        axes.set_yticks([])
    for state, marker, color in (("failed", "x", "#b3261e"), ("pruned", "|", MUTED)):
        where = [trial.number for trial in summary.trials if trial.state == state]
        if where:
            label = f"{state} ({len(where):,})"
            height = axes.get_xaxis_transform()
            axes.plot(where, [0.03] * len(where), marker, color=color, transform=height, label=label, clip_on=False)
    axes.set_xlim(-0.6, max(trial.number for trial in summary.trials) + 0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    add_legend(axes)
    return figure


def draw_learning_curves(summary: StudySummary) -> Figure:
    """Draw the mean score after each checkpoint with its corrected 95 % interval, for the best and the baselines."""
    figure, axes = new_figure("epoch", _score_label(summary), height=4.0)
    for mark in _marks(summary):
        epochs = mark.trial.checkpoint_epochs
        intervals = [
            corrected_interval(scores, test_over_train=summary.folds.test_over_train)
            for scores in mark.trial.fold_scores
        ]
        means, lows, highs = (np.array([getattr(one, name) for one in intervals]) for name in ("mean", "low", "high"))
        axes.plot(
            epochs,
            means,
            **mark_style(mark.color, mark.marker, size=0.6),
            linewidth=1.8,
            label=mark.label,
            zorder=3 + mark.is_best,
        )
        if len(epochs) == 1 and np.isfinite(lows).all():
            _error_bar(axes, float(epochs[0]), intervals[0], color=mark.color)
        elif np.isfinite(lows).all():
            axes.fill_between(epochs, lows, highs, color=mark.color, alpha=0.13, linewidth=0)
    within_the_metric(axes, summary.metric)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    add_legend(axes)
    return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A trial that stands out in a picture, always with the same label, color and marker."""

    trial: TrialRecord
    label: str
    color: str
    marker: str
    is_best: bool


def _marks(summary: StudySummary) -> list[Mark]:
    """The scored baselines, then the best on top; a baseline that is itself the best is marked once."""
    best, marks = summary.best, []
    for trial in baselines(summary):
        if trial.interval is not None and trial is not best:
            color, marker = BASELINE_STYLE[trial.origin]
            marks.append(Mark(trial=trial, label=trial.origin, color=color, marker=marker, is_best=False))
    if best is not None:
        color, marker = BEST_STYLE
        origin = f", {best.origin}" if best.origin in BASELINE_STYLE else ""
        label = f"best (trial {best.number}{origin})"
        marks.append(Mark(trial=best, label=label, color=color, marker=marker, is_best=True))
    return marks


def _error_bar(axes: Axes, position: float, interval: Interval, *, color: str) -> None:
    reach = [[interval.mean - interval.low], [interval.high - interval.mean]]
    axes.errorbar(position, interval.mean, yerr=reach, fmt="none", color=color, elinewidth=1.6, capsize=4, zorder=3)


def _value(trial: TrialRecord) -> float:
    return cast(float, trial.value)


def _score_label(summary: StudySummary) -> str:
    return f"mean {drawable(summary.metric)} over {summary.folds.n_folds} folds"
