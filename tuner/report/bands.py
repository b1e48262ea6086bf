"""Where the best trial stands to its weight band, in words."""

from __future__ import annotations

from typing import cast

from tuner.evidence import WeightBand
from tuner.report.export import class_weights
from tuner.report.numbers import number_text
from tuner.report.words import band_kind
from tuner.study.summary import StudySummary, TrialRecord

SAME = 1e-9
"""Relative difference up to which two weights are one."""


def weight_position(trial: TrialRecord) -> float:
    """Return where a trial that was evaluated is drawn: the ratio of two weights, or the exponent of more."""
    if "weight_exponent" in trial.resolved:
        return float(cast(float, trial.resolved["weight_exponent"]))
    majority, minority = class_weights(trial)
    return minority / majority


def outside_text(summary: StudySummary, band: WeightBand) -> str:
    """Return that the best trial weights otherwise than its band says, and what that means; nothing where it does not.

    The best trial is the winner of one search; the sweep tried many weights at its other parameters.
    """
    best = summary.best
    if best is None or best.number != band["trial"]:
        return ""
    own = weight_position(best)
    if band["low"] * (1 - SAME) <= own <= band["high"] * (1 + SAME):
        return ""
    kind = band_kind(band)
    return (
        f"The {kind} of the best trial, {number_text(own)}, is not among them: at its other parameters these did "
        "better, so take one of the band, or search longer."
    )


def end_text(band: WeightBand) -> str:
    """Return that the best of the sweep is the greatest weight tried; nothing where it is not."""
    kind = band_kind(band)
    if band["best"] < max(point["weight"] for point in band["points"]) * (1 - SAME):
        return ""
    key = "search_space.weight_exponent" if kind == "exponent" else "search_space.minority_weight"
    return f"The best of the sweep is the greatest {kind} tried: widen {key}."
