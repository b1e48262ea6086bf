"""Numbers as people read them: four digits, no exponent where a plain number is as short."""

from __future__ import annotations

FEWEST_GROUPED, FIRST_EXPONENT = 1e4, 1e15


def number_text(value: float) -> str:
    """Return four significant digits, `0.04217`, or the whole number with commas from 10,000 on, `12,346`."""
    rounded = abs(float(f"{value:.4g}"))
    return f"{value:,.0f}" if FEWEST_GROUPED <= rounded < FIRST_EXPONENT else f"{value:.4g}"
