"""Numbers as people read them: four digits, no exponent where a plain number is as short; scores, intervals, counts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tuner.intervals import Interval
from tuner.study.summary import StudySummary

FEWEST_GROUPED, FIRST_EXPONENT = 1e4, 1e15
MINUS, NO_BREAK = "\N{MINUS SIGN}", "\N{NO-BREAK SPACE}"


def number_text(value: float) -> str:
    """Return four significant digits, `0.04217`, or the whole number with commas from 10,000 on, `12,346`."""
    rounded = abs(float(f"{value:.4g}"))
    return f"{value:,.0f}" if FEWEST_GROUPED <= rounded < FIRST_EXPONENT else f"{value:.4g}"


def score_digits(summary: StudySummary) -> int:
    """Return the decimals that show two digits of the best trial's half-width: at least 3, at most 6."""
    best = summary.best
    half_width = best.interval.half_width if best is not None and best.interval is not None else math.inf
    if not (math.isfinite(half_width) and half_width > 0):
        return 3
    return min(6, max(3, 1 - math.floor(math.log10(half_width))))


def score_text(value: float, digits: int) -> str:
    """Return a score with a true minus."""
    return f"{value:.{digits}f}".replace("-", MINUS)


def signed_text(value: float, digits: int) -> str:
    """Return a difference of scores with its sign; what rounds to 0 has none."""
    text = f"{value:+.{digits}f}".replace("-", MINUS)
    return text if float(text[1:]) else text[1:]


def pair_text(pair: Sequence[float] | None, digits: int) -> str:
    """Return the two ends of an interval on one line, `0.938 to 0.984`; "none" where there is none."""
    if pair is None or not all(map(math.isfinite, pair)):
        return "none"
    low, high = pair
    return f"{score_text(low, digits)}{NO_BREAK}to{NO_BREAK}{score_text(high, digits)}"


def interval_text(interval: Interval, digits: int) -> str:
    """Return an interval as `pair_text` does."""
    return pair_text((interval.low, interval.high), digits)


def p_text(value: float | None) -> str:
    """Return a p-value with three decimals; "" where there is none."""
    if value is None:
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: `1 fold`, `15 folds`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def pruned_text(summary: StudySummary) -> str:
    """Return how many trials racing ruled out when: `41 after 1 of 3 repeats, 2 after 2 of 3`; "" where none was."""
    parts = [
        f"{count:,} after {repeats} of {summary.folds.n_repeats}" for repeats, count in summary.pruned_after.items()
    ]
    return ", ".join([f"{parts[0]} repeats", *parts[1:]]) if parts else ""


def chance_text(probability: float) -> str:
    """Return a probability that is told apart from 1, however close: 0.9997 is "1 - 0.0003"."""
    text = number_text(probability)
    return text if probability < 0.9995 else f"1 - {1.0 - probability:.2g}"
