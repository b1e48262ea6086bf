"""What a cell says, whatever the others say."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tuner.config.dataset import MISSING
from tuner.data.reading import (
    DATE_FORMATS,
    booleans_of,
    cleaned,
    common_date_format,
    date_format_of,
    numbers_of,
    stamps_of,
)

NAN = float("nan")
MOMENT = dt.datetime(2020, 2, 29, 13, 5, 7)


def cells(*values, kind=None):
    return pa.chunked_array([pa.array(list(values), kind or pa.string())])


@pytest.mark.parametrize("gap", MISSING)
@pytest.mark.parametrize("around", ["", " ", "\t", "\u00a0 "])
def test_every_spelling_of_a_missing_cell_is_none_with_spaces_around_it_too(gap, around):
    assert cleaned(cells(f"{around}{gap}{around}", " a "), MISSING).to_pylist() == [None, "a"]


@pytest.mark.parametrize("word", ["NONE", "Null", "NAN", "na", "-", "missing", "nil", "??"])
def test_other_words_and_other_cases_are_cells(word):
    assert cleaned(cells(word), MISSING).to_pylist() == [word]


def test_spellings_of_the_config_replace_the_others_but_an_empty_cell_stays_missing():
    assert cleaned(cells("?", "-999", " - ", "", "  "), (" - ", "-999")).to_pylist() == ["?", None, None, None, None]


def test_numbers_among_the_spellings_are_missing_in_native_columns_as_in_files():
    missing = ("", "nan", "-999", "x")
    assert cleaned(cells(1, -999, None, kind=pa.int64()), missing).to_pylist() == [1, None, None]
    assert cleaned(cells(1.5, -999.0, 0.0, kind=pa.float32()), missing).to_pylist() == [1.5, None, 0.0]
    assert cleaned(cells(True, False, kind=pa.bool_()), ("1",)).to_pylist() == [True, False]


def test_a_decimal_comma_becomes_a_point_where_all_else_is_a_number():
    written = ["1,5", "-0,25", "+3,0e-2", "7", "1,000,5", "a,b", "Paris, 5", ""]
    expected = ["1.5", "-0.25", "+3.0e-2", "7", "1,000,5", "a,b", "Paris, 5", None]
    assert cleaned(cells(*written), MISSING, decimal=",").to_pylist() == expected
    assert cleaned(cells("1,5"), MISSING).to_pylist() == ["1,5"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7), ("-7", -7), ("+7", 7), ("007", 7), ("1.", 1), (".5", 0.5), ("-.5", -0.5), ("+1.5e3", 1500),
        ("2E-2", 0.02), ("18446744073709551616", 2.0**64), ("1e400", np.inf), ("-inf", -np.inf), ("Infinity", np.inf),
        ("1_000", NAN), ("0x1A", NAN), ("1,5", NAN), ("12 kg", NAN), ("--1", NAN), (".", NAN), ("e5", NAN), ("NAN", NAN),
    ],
)  # fmt: skip
def test_a_number_is_the_same_alone_and_among_words_and_signs(text, number):
    assert np.array_equal(numbers_of(cells(text)), [number], equal_nan=True)
    assert np.array_equal(numbers_of(cells("a", text, "+1", None)), [NAN, number, 1, NAN], equal_nan=True)


def test_decimals_are_read_to_the_last_bit_on_either_way():
    numbers = np.random.default_rng(0).normal(size=2000) * 10.0 ** np.arange(-1000, 1000).clip(-250, 250)
    texts = [repr(number) for number in numbers.tolist()]
    np.testing.assert_array_equal(numbers_of(cells(*texts)), numbers)
    np.testing.assert_array_equal(numbers_of(cells(*texts, "no number"))[:-1], numbers)


def test_native_numbers_and_truth_values_are_numbers_and_times_are_none():
    assert numbers_of(cells(1, None, kind=pa.int32()))[0] == 1
    assert np.isnan(numbers_of(cells(1, None, kind=pa.int32()))[1])
    assert numbers_of(cells(True, False, kind=pa.bool_())).tolist() == [1, 0]
    assert np.isnan(numbers_of(cells(MOMENT, None, kind=pa.timestamp("us")))).all()
    assert np.isnan(numbers_of(cells(MOMENT.date(), kind=pa.date32()))).all()


def test_true_and_false_have_many_spellings():
    true = ["true", "TRUE", "T", "yes", "Y", "on", "1", "1.0"]
    false = ["false", "False", "f", "NO", "n", "off", "0", "0.0"]
    assert booleans_of(cells(*true)).tolist() == [1] * len(true)
    assert booleans_of(cells(*false)).tolist() == [0] * len(false)
    assert np.isnan(booleans_of(cells("2", "maybe", None))).all()
    assert np.array_equal(booleans_of(cells(1, 0, None, 2, kind=pa.int64())), [1, 0, NAN, NAN], equal_nan=True)
    assert np.array_equal(booleans_of(cells(True, None, kind=pa.bool_())), [1, NAN], equal_nan=True)


@pytest.mark.parametrize("date_format", DATE_FORMATS)
def test_dates_of_every_format_are_found_and_read(date_format):
    moments = [MOMENT, dt.datetime(1999, 12, 31)]
    texts = [moment.replace(tzinfo=dt.UTC).strftime(date_format) for moment in moments]
    assert common_date_format(texts) == date_format
    has_time, has_seconds = "%H" in date_format or "%I" in date_format, "%S" in date_format
    expected = [
        m if has_seconds else m.replace(second=0) if has_time else m.replace(hour=0, minute=0, second=0)
        for m in moments
    ]
    assert stamps_of(cells(*texts, None), date_format).tolist() == [*map(pd.Timestamp, expected), pd.NaT]


def test_times_with_a_zone_become_utc():
    texts = cells("2020-06-01T00:30:00+02:00", "2020-01-01T00:00:00Z")
    expected = [pd.Timestamp("2020-05-31 22:30"), pd.Timestamp("2020-01-01")]
    assert date_format_of(texts) == "%Y-%m-%dT%H:%M:%S%z"
    assert stamps_of(texts, date_format_of(texts)).tolist() == expected
    native = cells(*(moment.to_pydatetime() for moment in expected), kind=pa.timestamp("ms", tz="Europe/Berlin"))
    assert stamps_of(native, None).tolist() == expected


@pytest.mark.parametrize("kind", [pa.date32(), pa.date64(), pa.timestamp("s"), pa.timestamp("ns", tz="UTC")])
def test_native_dates_without_a_time_of_day_have_the_format_of_days(kind):
    days = cells(dt.datetime(2020, 2, 29), None, kind=kind)
    assert date_format_of(days) == "%Y-%m-%d"
    assert stamps_of(days, "%Y-%m-%d").tolist() == [pd.Timestamp("2020-02-29"), pd.NaT]
    assert stamps_of(days, "%d.%m.%Y %H:%M").tolist() == [pd.Timestamp("2020-02-29"), pd.NaT]


def test_native_times_of_day_have_no_format_and_their_text_is_that_of_iso_8601():
    assert date_format_of(cells(MOMENT, kind=pa.timestamp("us"))) is None
    texts = cells("2020-02-29", "2020-02-29T13:05:07.5", "2020-02-29 13:05+01:00", "29.02.2020", "later", None)
    assert stamps_of(texts, None).tolist() == [
        pd.Timestamp("2020-02-29"), pd.Timestamp("2020-02-29 13:05:07.5"), pd.Timestamp("2020-02-29 12:05"),
        pd.NaT, pd.NaT, pd.NaT,
    ]  # fmt: skip


@pytest.mark.parametrize("date_format", [None, "%Y-%m-%d"])
def test_numbers_and_truth_values_are_no_dates(date_format):
    assert stamps_of(cells(2020, None, kind=pa.int64()), date_format).isna().all()
    assert stamps_of(cells(1e9, kind=pa.float64()), date_format).isna().all()
    assert stamps_of(cells(True, kind=pa.bool_()), date_format).isna().all()


def test_dates_that_no_format_joins_are_read_as_the_first_one():
    assert common_date_format(["2020-01-01", "01.02.2020"]) is None
    assert common_date_format(["a", "2020-01-01"]) is None
    assert date_format_of(cells("01.02.2020", "2020-01-01")) == "%d.%m.%Y"
    assert date_format_of(cells(None, None)) == "%Y-%m-%d"
    assert date_format_of(cells("soon")) == "%Y-%m-%d"


def test_dates_far_from_today_are_dates():
    texts = cells("0001-01-01", "9999-12-31")
    assert stamps_of(texts, date_format_of(texts)).dt.year.tolist() == [1, 9999]
