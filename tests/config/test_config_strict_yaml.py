"""What the YAML dialect of configs reads, and what it refuses."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.config.strict_yaml import MAX_DEPTH, Problem, dump_yaml, parse_yaml


def read(text):
    value, problems = parse_yaml(text)
    assert problems == []
    return value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E5", 100000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-1.5e+2", -150.0),
        ("+7", 7),
        ("0", 0),
        ("-0", 0),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("0x10", "0x10"),
        ("inf", "inf"),
        ("nan", "nan"),
        ("e5", "e5"),
        (".", "."),
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("true", True),
        ("FALSE", False),
        ("tRUE", "tRUE"),
        ("null", None),
        ("~", None),
        ("'1'", "1"),
        ('"true"', "true"),
        ("''", ""),
        ('"\\t"', "\t"),
        ("caf\u00e9 \U0001f600", "caf\u00e9 \U0001f600"),
    ],
)
def test_scalar_means_what_people_mean(text, value):
    result = read(f"key: {text}")["key"]
    assert result == value
    assert type(result) is type(value)


def test_keys_are_text_whatever_they_look_like():
    assert read("1: a\ntrue: b\n1.5: c") == {"1": "a", "true": "b", "1.5": "c"}


def test_windows_line_ends_and_empty_text_are_read():
    assert read("a: 1\r\nb: 2\r\n") == {"a": 1, "b": 2}
    assert read("") is None
    assert read("# only a comment\n") is None
    assert read("---\n...\n") is None


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("a: 1\na: 2", "line 2", "duplicate key a, first on line 1; keep one of the two"),
        ("a: {b: 1,\n b: 2}", "line 2", "duplicate key b, first on line 1; keep one of the two"),
        ("a: &x 1", "line 1", "anchors (&) are not allowed; write the value out where it is needed"),
        ("a: 1\nb: *x", "line 2", "aliases (*) are not allowed; write the value out"),
        ("a: !!str 1", "line 1", "tags (tag:yaml.org,2002:str) are not allowed; write the plain value"),
        (
            "a: !!python/object/apply:os.system [ls]",
            "line 1",
            "tags (tag:yaml.org,2002:python/object/apply...) are not allowed; write the plain value",
        ),
        ("a: .nan", "line 1", "every number must be finite, got .nan"),
        ("a: -.Inf", "line 1", "every number must be finite, got -.Inf"),
        ("a: 1e999", "line 1", "1e999 is beyond the range of a number"),
        ("a: 010", "line 1", "010 begins with a zero; drop the zero, or quote it to make it text"),
        (
            "a: 9" + "0" * 30,
            "line 1",
            "whole numbers must lie within +-(2^63 - 1), got 9000000000000000000000000000000",
        ),
        ("a: 9" + "0" * 5000, "line 1", "whole numbers must lie within +-(2^63 - 1), got 9" + "0" * 36 + "..."),
        (f"a: {2**63}", "line 1", "whole numbers must lie within +-(2^63 - 1), got 9223372036854775808"),
        ("a: 1\n\tb: 2", "line 2", "a tab cannot indent or begin a value; use spaces"),
        ("a: b: c", "line 1", "a colon where none can stand: check the indentation, or quote the text"),
        ("a:\n  b: 1\n c: 2", "line 3", "the indentation does not fit the lines above"),
        ("a: 1\nb: [1, 2\nc: 3", "line 2", "a bracket is not closed, or a comma is missing"),
        ("a: }", "line 1", "a value is missing, or a bracket has no partner"),
        ("a: 1\nb: 'x\nc: 3", "line 2", "a quote is not closed"),
        ('a: "C:\\data"', "line 1", "a backslash in double quotes begins an escape; use single quotes"),
        ('a: 1\nb: "\\UFFFFFFFF"', "line 2", "a number in an escape is out of range"),
        ('a: "x\\0y"', "line 1", "control character U+0000; remove it"),
        ('a: "\\ud800"', "line 1", "control character U+D800; remove it"),
        ("a: 1\r\nb: \x07", "line 2", "control character U+0007; remove it"),
        ("a: 1\n---\nb: 2", "line 2", "a second document begins here; a config is one document"),
        ("? [a]\n: 1", "line 1", "a key must be plain text"),
        ("[" * (MAX_DEPTH + 1), "line 1", "nested deeper than 20 levels"),
        ("- " * 100_000, "line 1", "nested deeper than 20 levels"),
    ],
)
def test_what_a_config_never_needs_is_refused_with_its_line(text, where, what):
    assert parse_yaml(text)[1] == [Problem(where, what)]


def test_deepest_allowed_nesting_is_read():
    value = read("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    for _ in range(MAX_DEPTH - 1):
        value = value[0]
    assert value == []


def test_all_problems_that_can_be_read_past_are_reported():
    assert [problem.where for problem in parse_yaml("a: .inf\na: 010\nb: !x 1\n c: d: e")[1]] == [
        "line 1",
        "line 2",
        "line 2",
        "line 3",
        "line 4",
    ]


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(1 - 2**63, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn")), max_size=20)
    | st.sampled_from(["1e-3", "010", "1_0", "yes", "null", "~", ".inf", "- a", "a: b", "#", "1:30", "", " x ", "*a"])
)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text("abc", min_size=1), SCALARS, max_size=3)


@given(st.dictionaries(st.text("abc1-", min_size=1, max_size=5), VALUES, max_size=4))
@settings(max_examples=200, deadline=None)
def test_what_is_dumped_is_read_back_equal(value):
    loaded = read(dump_yaml({"section": value}))["section"]
    assert loaded == value
    assert repr(loaded) == repr(value)


@given(st.text(st.sampled_from("ab:-[]{},&*!|>'\"%@#?~\\ \n\t0.e"), max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_text_gives_plain_values_or_problems_and_never_an_exception(text):
    value, problems = parse_yaml(text)
    assert problems or is_plain(value)


def is_plain(value):
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_plain(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(is_plain, value))
    return value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
