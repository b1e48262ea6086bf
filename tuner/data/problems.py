"""Word everything that is wrong with a table, or with the section that names it, as one message."""

from __future__ import annotations

from collections.abc import Sequence

MAX_NAMED = 5


def problem_message(where: str, problems: Sequence[tuple[str, str]], *, advice: str) -> str:
    """Return one message for all `problems`, each a pair (what it concerns, what is wrong), aligned in two columns.

    Args:
        where: the file or config section at fault.
        problems: at least one.
        advice: last line: what to do next.
    """
    width = max(len(subject) for subject, _ in problems)
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    lines = [f"  {subject:<{width}}   {text}" for subject, text in problems]
    return "\n".join([f"{where} has {count}", "", *lines, "", advice])


def named(items: Sequence[str]) -> str:
    """Return `items` joined by commas, the first five spelled out and the rest counted."""
    shown = ", ".join(items[:MAX_NAMED])
    return shown if len(items) <= MAX_NAMED else f"{shown} and {len(items) - MAX_NAMED} more"


def quoted(text: str) -> str:
    """Return `text` in double quotes, cut to 40 characters so that one cell cannot flood a message."""
    return f'"{text}"' if len(text) <= 40 else f'"{text[:37]}..."'
