"""Claims about numbers as people read them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_summaries import make_summary, make_trial, pruned_trial

from tuner.report.numbers import MINUS, number_text, p_text, pair_text, pruned_text, signed_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.0, "1"),
        (0.042166, "0.04217"),
        (-31.6228, "-31.62"),
        (9999.4, "9999"),
        (9999.7, "10,000"),
        (12345.6, "12,346"),
        (-1234567.0, "-1,234,567"),
        (1e-7, "1e-07"),
        (1e30, "1e+30"),
    ],
)
def test_number_reads_without_an_exponent_where_it_can(value, text):
    assert number_text(value) == text


@given(st.floats(1e-4, 9e14))
def test_ordinary_number_has_no_exponent_and_at_least_four_right_digits(value):
    text = number_text(value)
    assert re.fullmatch(r"[0-9,]+(\.[0-9]+)?", text)
    assert float(text.replace(",", "")) == pytest.approx(value, rel=5.1e-4)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0123, "+0.012"), (-0.0123, f"{MINUS}0.012"), (0.0004, "0.000"), (-0.0004, "0.000"), (-0.0006, f"{MINUS}0.001")],
)
def test_difference_has_a_sign_unless_it_rounds_to_nothing(value, text):
    assert signed_text(value, 3) == text


@pytest.mark.parametrize(
    ("pair", "text"),
    [([-0.5, 0.25], f"{MINUS}0.50 to 0.25"), (None, "none"), ([float("-inf"), float("inf")], "none")],
)
def test_interval_is_one_line_or_none(pair, text):
    assert pair_text(pair, 2).replace("\N{NO-BREAK SPACE}", " ") == text
    assert " " not in pair_text(pair, 2)


@pytest.mark.parametrize(
    ("value", "text"), [(0.0421, "0.042"), (0.0009, "<0.001"), (0.0, "<0.001"), (1.0, "1.000"), (None, "")]
)
def test_p_value_is_never_written_as_0(value, text):
    assert p_text(value) == text


@pytest.mark.parametrize(
    ("trials", "text"),
    [
        ([make_trial(0)], ""),
        ([pruned_trial(0)], "1 after 1 of 3 repeats"),
        (
            [pruned_trial(0, 2), pruned_trial(1), make_trial(2), pruned_trial(3)],
            "2 after 1 of 3 repeats, 1 after 2 of 3",
        ),
    ],
)
def test_pruned_trials_are_counted_by_the_repeats_they_had(trials, text):
    assert pruned_text(make_summary(trials=tuple(trials))) == text
