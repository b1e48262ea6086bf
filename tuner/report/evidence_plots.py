"""The pictures of the evidence: three scores of one search, the band of weights, reliability, the arms of a verdict."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from tuner.evidence import Contrast, Correction, Pair, ProbabilityCorrection, Verdict, WeightBand
from tuner.report.canvas import (
    BEST_STYLE,
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    WIDTH,
    YELLOW,
    add_legend,
    drawable,
    mark_style,
    new_figure,
    style_axes,
    weight_axis,
    within_the_metric,
)
from tuner.report.numbers import number_text, score_digits, score_text
from tuner.report.scores import score_lines
from tuner.report.verdict import is_primary
from tuner.report.words import band_kind
from tuner.study.summary import StudySummary

NAMES = ("honest_score", "weight_band", "reliability", "verdict")
"""Every picture of the evidence, in the order of the report."""

SCORE_STYLE = {"honest": (BLUE, "o"), "partly corrected": (GREEN, "D"), "optimistic": BEST_STYLE}
CORRECTION_STYLE = {
    "raw": (ORANGE, "o"),
    "analytic": (BLUE, "s"),
    "intercept": (GREEN, "D"),
    "sigmoid": (PURPLE, "^"),
    "isotonic": (YELLOW, "v"),
}
ROW_STYLE = {"primary": (ORANGE, "o"), "arm": (BLUE, "o"), "reference": (MUTED, "o")}
PROBABILITY_TICKS = (1e-5, 1e-4, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99, 0.997, 0.999)
FEWEST_WEIGHTS = 2
LABEL_WIDTH = 34


def draw_evidence(summary: StudySummary) -> dict[str, Figure]:
    """Return every picture that the evidence of a study can fill, by name, in the order of the report."""
    figures, evidence = {}, summary.evidence
    lines = score_lines(summary)
    if lines and lines[0].kind != "optimistic":
        figures["honest_score"] = draw_honest_score(summary)
    if (band := evidence.get("weight_band")) is not None and len(band["points"]) >= FEWEST_WEIGHTS:
        figures["weight_band"] = draw_weight_band(summary, band)
    if (correction := evidence.get("probability_correction")) is not None:
        figures["reliability"] = draw_reliability(correction)
    if (verdict := evidence.get("verdict")) is not None:
        figures["verdict"] = draw_verdict(verdict)
    return figures


def draw_honest_score(summary: StudySummary) -> Figure:
    """Draw the scores of one search below each other, each with its interval."""
    lines, digits = score_lines(summary), score_digits(summary)
    figure, axes = new_figure(f"mean {drawable(summary.metric)}", height=0.75 + 0.42 * len(lines))
    rows = range(len(lines))[::-1]
    for row, line in zip(rows, lines, strict=True):
        color, shape = SCORE_STYLE[line.kind]
        _interval_bar(axes, row, line.ci95, color=color)
        axes.plot(line.mean, row, **mark_style(color, shape), zorder=4)
        text = score_text(line.mean, digits)
        axes.annotate(text, (line.mean, row), (0, 9), textcoords="offset points", ha="center", fontsize=9, color=INK)
    _name_rows(axes, [line.label for line in lines])
    axes.set_ylim(-0.5, len(lines) - 0.25)
    return figure


def draw_weight_band(summary: StudySummary, band: WeightBand) -> Figure:
    """Draw the mean score over the weight with its corrected interval, the band shaded, best and smallest marked."""
    points = sorted(band["points"], key=lambda point: point["weight"])
    weights = np.array([point["weight"] for point in points])
    means = np.array([point["mean"] for point in points])
    figure, axes = new_figure(_band_axis(summary, band), f"mean {drawable(summary.metric)}", height=4.0)
    if band_kind(band) == "weight":
        weight_axis(axes, lowest=weights.min(), highest=weights.max())
    if band["low"] < band["high"]:
        axes.axvspan(band["low"], band["high"], color=BLUE, alpha=0.1, linewidth=0, label="band")
    intervals = [point["ci95"] for point in points if point["ci95"] is not None]
    if len(intervals) == len(points):
        lows, highs = np.array(intervals).T
        axes.fill_between(weights, lows, highs, color=MUTED, alpha=0.18, linewidth=0, label="95 % interval")
    axes.plot(weights, means, color=INK, linewidth=1.6, marker="o", markersize=4, zorder=3)
    for key, label, style in (("recommended", "nearest to no weighting", (BLUE, "s")), ("best", "best", BEST_STYLE)):
        weight = band["recommended"] if key == "recommended" else band["best"]
        mean = means[int(np.flatnonzero(weights == weight)[0])]
        name = f"{label} ({number_text(weight)})"
        axes.plot(weight, mean, **mark_style(*style), linestyle="none", label=name, zorder=4)
    within_the_metric(axes, summary.metric)
    add_legend(axes)
    return figure


def _band_axis(summary: StudySummary, band: WeightBand) -> str:
    if band_kind(band) == "exponent":
        return "weight exponent"
    majority, minority = (f"class {drawable(name)}" for name in summary.data.classes)
    return f"weight of {minority} relative to {majority}"


def draw_reliability(correction: ProbabilityCorrection) -> Figure:
    """Draw the share of positive rows over the mean probability of each bin, both on a logit scale.

    On it the logarithm of a weight is a shift to the side. Shares and probabilities of 0 or 1 lie on the edge, hollow.
    """
    figure, axes = new_figure("mean probability of the bin", "share of positive rows", height=4.6)
    low, high = _logit_edges(correction["corrections"])
    for axis, set_scale, set_limits in (
        (axes.xaxis, axes.set_xscale, axes.set_xlim),
        (axes.yaxis, axes.set_yscale, axes.set_ylim),
    ):
        set_scale("logit")
        set_limits(low, high)
        axis.set_major_locator(FixedLocator([tick for tick in PROBABILITY_TICKS if low < tick < high]))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(NullLocator())
    axes.plot([low, high], [low, high], color=MUTED, linewidth=1.0, linestyle="--", label="perfect calibration")
    for one in correction["corrections"]:
        _reliability_curve(axes, one, edges=(low, high), is_chosen=one["name"] in ("raw", correction["method"]))
    add_legend(axes)
    return figure


def _logit_edges(corrections: Sequence[Correction]) -> tuple[float, float]:
    """The ends of both axes: a little beyond every probability and share that is neither 0 nor 1."""
    values = [value for one in corrections for bin_ in one["bins"] for value in bin_[:2] if 0.0 < value < 1.0]
    odds = np.array([value / (1.0 - value) for value in [*values, 0.5]])
    low, high = odds.min() / 2, odds.max() * 2
    return float(low / (1.0 + low)), float(high / (1.0 + high))


def _reliability_curve(axes: Axes, one: Correction, *, edges: tuple[float, float], is_chosen: bool) -> None:
    color, shape = CORRECTION_STYLE.get(one["name"], (MUTED, "o"))
    points = np.array([bin_[:2] for bin_ in one["bins"]], np.float64).reshape(-1, 2)
    on_edge = ((points <= 0.0) | (points >= 1.0)).any(axis=1)
    x, y = np.clip(points, *edges).T
    inside = np.where(on_edge, np.nan, y)
    width, alpha = (1.8, 1.0) if is_chosen else (1.0, 0.55)
    style = mark_style(color, shape, size=0.75 if is_chosen else 0.5)
    axes.plot(x, inside, **style, linewidth=width, alpha=alpha, label=one["name"], zorder=3 + is_chosen)
    hollow = style | {"markeredgecolor": color, "color": "white", "linestyle": "none"}
    axes.plot(x[on_edge], y[on_edge], **hollow, zorder=5, clip_on=False)


def draw_verdict(verdict: Verdict) -> Figure:
    """Draw the score of every arm and reference, and beside it the paired differences to no weights.

    Without an arm that has a difference there is only the first half.
    """
    rows = _verdict_rows(verdict)
    has_differences = any(row.difference is not None for row in rows)
    figure = Figure(figsize=(WIDTH, 1.0 + 0.36 * len(rows)), layout="constrained", facecolor="white")
    axes = figure.subplots(1, 1 + has_differences, sharey=True, squeeze=False)[0]
    style_axes(axes[0], f"mean {drawable(verdict['metric'])}")
    if has_differences:
        style_axes(axes[1], "minus no weights, paired")
        _draw_differences(axes[1], rows, verdict["margin"])
    _draw_scores(axes[0], rows)
    return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the verdict's picture: a score, a difference, or both."""

    label: str
    mean: float | None
    ci95: Pair | None
    difference: Contrast | None
    kind: Literal["primary", "arm", "reference"]


def _verdict_rows(verdict: Verdict) -> list[Row]:
    """Arms, then the primary contrast where it is no arm's own difference, then references."""
    primary, is_own = verdict["primary"], False
    rows = []
    for arm in verdict["arms"]:
        is_own |= is_primary(arm, verdict)
        kind: Literal["primary", "arm"] = "primary" if is_primary(arm, verdict) else "arm"
        rows.append(
            Row(label=arm["label"], mean=arm["mean"], ci95=arm["ci95"], difference=arm["against_none"], kind=kind)
        )
    if primary is not None and not is_own:
        rows.append(Row(label=primary["contrast"], mean=None, ci95=None, difference=primary, kind="primary"))
    rows += [
        Row(label=one["label"], mean=one["mean"], ci95=one["ci95"], difference=None, kind="reference")
        for one in verdict["references"]
    ]
    return rows


def _draw_scores(axes: Axes, rows: Sequence[Row]) -> None:
    low, high = _reach([row for row in rows if row.kind != "reference"] or rows)
    for height, row in enumerate(reversed(rows)):
        if row.mean is None:
            continue
        color, shape = ROW_STYLE[row.kind]
        if low <= row.mean <= high:
            _interval_bar(axes, height, row.ci95, color=color)
            axes.plot(row.mean, height, **mark_style(color, shape, size=0.8), zorder=4)
        else:
            _point_outside(axes, height, row.mean, is_below=row.mean < low)
    axes.set_xlim(low, high)
    _name_rows(axes, [row.label for row in rows])


def _reach(rows: Sequence[Row]) -> tuple[float, float]:
    """The ends of the axis of scores: every mean and interval of the arms, and a little more."""
    ends = [value for row in rows if row.mean is not None for value in (row.mean, *(row.ci95 or ()))]
    margin = 0.05 * (max(ends) - min(ends)) or 0.01
    return min(ends) - margin, max(ends) + margin


def _point_outside(axes: Axes, height: int, value: float, *, is_below: bool) -> None:
    """Say where a reference lies that is too far off to be drawn: a dummy would flatten all arms."""
    place, sign, align = (
        (0.01, "\N{LEFTWARDS ARROW} ", "left") if is_below else (0.99, "\N{RIGHTWARDS ARROW} ", "right")
    )
    transform = axes.get_yaxis_transform()
    axes.text(place, height, f"{sign}{value:.3f}", transform=transform, ha=align, va="center", fontsize=9, color=MUTED)


def _draw_differences(axes: Axes, rows: Sequence[Row], margin: float) -> None:
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.axvspan(-margin, margin, color=MUTED, alpha=0.15, linewidth=0)
    axes.axvline(0.0, color=MUTED, linewidth=1.0)
    for height, row in enumerate(reversed(rows)):
        if row.difference is not None:
            color, shape = ROW_STYLE[row.kind]
            _interval_bar(axes, height, row.difference["ci95"], color=color)
            axes.plot(row.difference["difference"], height, **mark_style(color, shape, size=0.8), zorder=4)


def _interval_bar(axes: Axes, height: float, pair: Pair | None, *, color: str) -> None:
    if pair is not None:
        axes.plot(pair, [height, height], color=color, linewidth=1.8, solid_capstyle="butt", zorder=3)


def _name_rows(axes: Axes, labels: Sequence[str]) -> None:
    """Write one label for each row, the first on top, and leave out the grid between them."""
    texts = [textwrap.fill(drawable(label, length=2 * LABEL_WIDTH), LABEL_WIDTH) for label in reversed(labels)]
    axes.set_yticks(range(len(labels)), labels=texts, parse_math=False)
    axes.tick_params(axis="y", labelsize=9, labelcolor=INK)
    axes.grid(visible=False, axis="y")
    axes.set_ylim(-0.6, len(labels) - 0.4)
