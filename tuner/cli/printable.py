"""What may reach a terminal: labels, columns and paths come from a person's files and could steer it."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return text with its line breaks, and with every other control character spelled out, such as `\\x1b`."""
    return "\n".join("".join(map(_spelled, line)) for line in text.split("\n"))


def indented(text: str, width: int) -> str:
    """Return text whose lines after the first begin `width` columns in."""
    return text.replace("\n", "\n" + " " * width)


def _spelled(letter: str) -> str:
    return letter if letter.isprintable() else letter.encode("unicode_escape").decode()
