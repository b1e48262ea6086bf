"""Claims about numbers as people read them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_summaries import make_summary, make_trial, pruned_trial

from tuner.report.numbers import number_text, pruned_text


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
