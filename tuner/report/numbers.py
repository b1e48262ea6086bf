"""Numbers as people read them: four digits, no exponent where a plain number is as short; counts in words."""

from __future__ import annotations

from tuner.study.summary import StudySummary

FEWEST_GROUPED, FIRST_EXPONENT = 1e4, 1e15


def number_text(value: float) -> str:
    """Return four significant digits, `0.04217`, or the whole number with commas from 10,000 on, `12,346`."""
    rounded = abs(float(f"{value:.4g}"))
    return f"{value:,.0f}" if FEWEST_GROUPED <= rounded < FIRST_EXPONENT else f"{value:.4g}"


def pruned_text(summary: StudySummary) -> str:
    """Return how many trials racing ruled out when: `41 after 1 of 3 repeats, 2 after 2 of 3`; "" where none was."""
    parts = [
        f"{count:,} after {repeats} of {summary.folds.n_repeats}" for repeats, count in summary.pruned_after.items()
    ]
    return ", ".join([f"{parts[0]} repeats", *parts[1:]]) if parts else ""
