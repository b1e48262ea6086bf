"""What cells become in the columns of a dataset."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given as for_any
from hypothesis import settings
from hypothesis import strategies as st

from tuner.config.dataset import MISSING
from tuner.data.columns import as_text, codes_of, columns_of, days_since_1970, out_of_range, read_columns
from tuner.data.dataset import FLOAT32_LIMIT, Column
from tuner.data.kinds import LEFT_OUT, ColumnSpec, Unreadable, infer
from tuner.data.reading import cleaned, stamps_of

NAN = float("nan")


def cells(*values, kind=None):
    return cleaned(pa.chunked_array([pa.array(list(values), kind or pa.string())]), MISSING)


def read(*values, name="a", given=None, kind=None):
    own = cells(*values, kind=kind)
    return read_columns([infer(name, own, given=given)], [own], len(values))


def test_numbers_and_truth_values_are_themselves_and_a_missing_cell_is_nan():
    numbers = read("1.5", "?", "-2", given="numeric")
    np.testing.assert_array_equal(numbers.X, np.array([[1.5], [NAN], [-2]], np.float32))
    assert numbers.columns == (Column(name="a", kind="numeric"),)
    flags = read("yes", "", "no")
    np.testing.assert_array_equal(flags.X, np.array([[1], [NAN], [0]], np.float32))
    assert flags.columns == (Column(name="a", kind="boolean"),)


@pytest.mark.parametrize("kind", ["categorical", "text"])
def test_categories_and_texts_are_places_among_the_distinct_ones_ascending(kind):
    result = read("pear", "Apple", "?", "pear", "apple", given=kind)
    np.testing.assert_array_equal(result.X, np.array([[2], [0], [NAN], [2], [1]], np.float32))
    assert result.columns == (Column(name="a", kind=kind, levels=("Apple", "apple", "pear")),)


def test_whole_numbers_are_one_category_with_or_without_a_fraction_of_zeros():
    written = read("1.0", "2", "1", "02", "3.50", given="categorical")
    assert written.columns[0].levels == ("02", "1", "2", "3.50")
    assert written.X[:, 0].tolist() == [1, 2, 1, 0, 3]


def test_numbers_that_float32_cannot_tell_apart_are_refused():
    cells = [str(1_000_000_000 + i) for i in range(30)]
    own = cleaned(pa.chunked_array([cells]), MISSING)
    spec = infer("a", own, given="numeric")
    assert out_of_range(spec, own) == Unreadable(
        name="a",
        problem="30 different numbers from 1000000000 to 1000000029, of which float32 tells 1 apart; subtract an offset "
        "in the file, or say what the column is in dataset.columns",
    )
    apart = cleaned(pa.chunked_array([[str(1_000_000_000 + 1000 * i) for i in range(30)]]), MISSING)
    assert out_of_range(spec, apart) is None


def test_a_date_becomes_days_and_points_on_circles():
    result = read("1970-01-01", "", "2020-12-31")
    names = ["days", "day of year sin", "day of year cos", "day of week sin", "day of week cos"]
    assert result.columns == tuple(Column(name=f"a: {name}") for name in names)
    year, week = 2 * np.pi * 365 / 365.2425, 2 * np.pi * 3 / 7  # both days are Thursdays
    expected = [
        [0, 0, 1, np.sin(week), np.cos(week)],
        [NAN] * 5,
        [18627, np.sin(year), np.cos(year), np.sin(week), np.cos(week)],
    ]
    np.testing.assert_allclose(result.X, expected, rtol=1e-6, atol=1e-7)


def test_a_time_of_day_becomes_a_fraction_of_days_and_a_third_circle():
    result = read("1970-01-02 06:00", "1970-01-01 18:00")
    assert [column.name for column in result.columns][-2:] == ["a: hour sin", "a: hour cos"]
    np.testing.assert_allclose(result.X[:, 0], [1.25, 0.75])
    np.testing.assert_allclose(result.X[:, -2:], [[1, 0], [-1, 0]], atol=1e-6)


def test_december_is_next_to_january():
    points = read("2020-12-31", "2021-01-01", "2021-07-01").X[:, 1:3]
    assert np.linalg.norm(points[0] - points[1]) < 0.05
    assert np.linalg.norm(points[0] - points[2]) > 1.9


@pytest.mark.parametrize(
    ("texts", "kind", "native"),
    [
        (["2020-02-29", "1999-12-31", ""], pa.date32(), [dt.date(2020, 2, 29), dt.date(1999, 12, 31), None]),
        (
            ["29.02.2020", "31.12.1999", ""],
            pa.timestamp("s"),
            [dt.datetime(2020, 2, 29), dt.datetime(1999, 12, 31), None],
        ),
        (
            ["2020-02-29T23:30:00Z", "1999-12-31T00:00:00Z", ""],
            pa.timestamp("ms", tz="Asia/Tokyo"),
            [dt.datetime(2020, 2, 29, 23, 30, tzinfo=dt.UTC), dt.datetime(1999, 12, 31, tzinfo=dt.UTC), None],
        ),
        (["1.5", "2", ""], pa.float64(), [1.5, 2.0, None]),
        (["1", "2", ""], pa.int16(), [1, 2, None]),
        (["True", "False", ""], pa.bool_(), [True, False, None]),
        (["b", "a", ""], pa.string(), ["b", "a", None]),
    ],
)
def test_native_cells_become_the_same_columns_as_their_text(texts, kind, native):
    own, other = read(*texts), read(*native, kind=kind)
    np.testing.assert_array_equal(own.X, other.X)
    assert own.columns == other.columns


@pytest.mark.parametrize("kind", ["constant", "id", "drop"])
def test_columns_left_out_become_nothing(kind):
    spec = ColumnSpec(name="a", kind=kind, evidence="")
    assert columns_of(spec) == []
    result = read_columns([spec, ColumnSpec(name="b", kind="numeric", evidence="")], [cells("x"), cells("1")], 1)
    assert result.X.tolist() == [[1]]
    assert result.columns == (Column(name="b"),)


def test_columns_keep_their_order():
    names = ["n", "d", "c"]
    own = [cells("1", "2", "2"), cells("2020-01-01", "2020-01-02", ""), cells("x", "y", "x")]
    result = read_columns([infer(name, column) for name, column in zip(names, own, strict=True)], own, 3)
    assert [column.name.split(":")[0] for column in result.columns] == ["n", *["d"] * 5, "c"]
    assert result.X[:, 0].tolist() == [1, 2, 2]
    assert result.X[:, -1].tolist() == [0, 1, 0]
    assert result.X.dtype == np.float32


def test_no_row_is_no_row_in_every_kind():
    for kind in ("numeric", "boolean", "categorical", "date", "text"):
        empty = pa.chunked_array([], pa.string())
        spec = ColumnSpec(name="a", kind=kind, evidence="", format="%Y-%m-%d %H:%M")
        assert read_columns([spec], [empty], 0).X.shape == (0, 7 if kind == "date" else 1)


def test_days_count_from_1970_and_before():
    stamps = stamps_of(cells("1969-12-31 12:00", "1970-01-01 00:00", "?"), "%Y-%m-%d %H:%M")
    np.testing.assert_array_equal(days_since_1970(stamps), [-0.5, 0, NAN])


def test_native_cells_as_text_read_as_a_file_has_them():
    assert as_text(cells(1.0, 0.5, None, 1e20, kind=pa.float64())).to_pylist() == ["1", "0.5", None, "1e+20"]
    assert as_text(cells(1.0, 0.1, kind=pa.float32())).to_pylist() == ["1", "0.1"]
    assert as_text(cells(7, None, kind=pa.uint8())).to_pylist() == ["7", None]
    assert as_text(cells(True, False, None, kind=pa.bool_())).to_pylist() == ["True", "False", None]
    assert as_text(cells(dt.date(2020, 2, 29), kind=pa.date32())).to_pylist() == ["2020-02-29"]


def test_codes_do_not_depend_on_how_cells_are_chunked():
    whole = pa.chunked_array([pa.array(["b", None, "a", "b"])])
    parts = pa.chunked_array([pa.array(["b"]), pa.array([None], pa.string()), pa.array(["a", "b"])])
    for own in (whole, parts):
        codes, levels = codes_of(own)
        np.testing.assert_array_equal(codes, [1, NAN, 0, 1])
        assert levels == ("a", "b")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (["1", "inf"], '1 cell infinite or beyond 1.7e+38, the first "inf" in row 2'),
        (["-1e39", "?", "1e400"], '2 cells infinite or beyond 1.7e+38, the first "-1e39" in row 1'),
    ],
)
def test_numbers_that_no_float32_holds_are_refused(values, problem):
    spec = ColumnSpec(name="a", kind="numeric", evidence="")
    expected = f"{problem}; correct them or name them in dataset.missing"
    assert out_of_range(spec, cells(*values)) == Unreadable(name="a", problem=expected)


def test_numbers_within_float32_and_other_kinds_are_in_range():
    assert out_of_range(ColumnSpec(name="a", kind="numeric", evidence=""), cells("1.7e38", "?", "-1.7e38")) is None
    assert out_of_range(ColumnSpec(name="a", kind="categorical", evidence=""), cells("inf")) is None


HOSTILE = [
    "", " ", "?", "nan", "NAN", "inf", "-inf", "1e400", "-0", "+0", "0", "1", "1.0", "01", "1e5", "1,5", "٣", "²", "½", "1_0",
    "yes", "NO", "true", "t", "2020-01-01", "2020-02-30", "0000-00-00", "9999-12-31", "1/2/2020", "31/12/99", "2020-01-01T00:00:00Z",
    "2020-01-01 25:00", "1 Jan 2020", "\x00", "\ufeff", "\u2028", "a\nb", "x" * 200, "a b c d", "😀", "é", "e\u0301", "%", "{}",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@for_any(
    st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=6)), min_size=1, max_size=40),
    st.sampled_from([None, "numeric", "boolean", "categorical", "date", "text", "drop"]),
    st.sampled_from([".", ","]),
)
def test_any_cells_are_read_or_refused_and_what_is_read_is_finite_or_missing(texts, given, decimal):
    own = cleaned(pa.chunked_array([pa.array(texts, pa.string())]), MISSING, decimal=decimal)
    spec = infer("a", own, given=given)
    if isinstance(spec, Unreadable):
        assert given in (None, "numeric", "boolean", "date")
        return
    assert given in (None, spec.kind) or spec.evidence == "no cell holds a value"
    if out_of_range(spec, own) is not None:
        assert spec.kind == "numeric"
        return
    read = read_columns([spec], [own], len(texts))
    assert (read.X.shape[1] == 0) == (spec.kind in LEFT_OUT)
    gaps = np.asarray(own.is_null().to_numpy())
    assert (np.isnan(read.X) == gaps[:, None]).all()
    assert (np.abs(read.X[~gaps]) <= FLOAT32_LIMIT).all()
