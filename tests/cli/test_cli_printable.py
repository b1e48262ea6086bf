"""Claims about what may reach a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.cli.printable import indented, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a label", "a label"),
        ("\x1b[2Jgone\x07", "\\x1b[2Jgone\\x07"),
        ("two\nlines", "two\nlines"),
        ("back\rto the start\t.", "back\\rto the start\\t."),
        ("\x9b2J", "\\x9b2J"),
        ("\u202eright to left", "\\u202eright to left"),
        ("\udcff", "\\udcff"),
        ("日本 é", "日本 é"),
    ],
)
def test_control_characters_are_spelled_out_and_line_breaks_kept(text, shown):
    assert printable(text) == shown


@given(st.text())
def test_whatever_is_shown_is_printable_and_can_be_encoded(text):
    shown = printable(text)
    assert all(line.isprintable() for line in shown.split("\n"))
    shown.encode("utf-8")


def test_lines_after_the_first_are_indented():
    assert indented("a\nb\nc", 3) == "a\n   b\n   c"
