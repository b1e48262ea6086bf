"""Columns that bring a type of their own: what each becomes, and which are refused."""

import datetime as dt
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tuner.data.native import frame_cells, plain_cells
from tuner.errors import DataError

DAY = dt.date(2024, 2, 29)
NOON = dt.datetime(2024, 2, 29, 12)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (pa.array([True, None]), pa.array([True, None])),
        (pa.array([1, None], pa.int8()), pa.array([1, None], pa.int8())),
        (pa.array([2**63], pa.uint64()), pa.array([2**63], pa.uint64())),
        (pa.array([1.5, np.inf, None]), pa.array([1.5, np.inf, None])),
        (pa.array([1.5, np.nan]), pa.array([1.5, None])),
        (pa.array(np.array([1.5, np.nan], np.float16)), pa.array([1.5, None], pa.float32())),
        (pa.array([Decimal("1.25"), None]), pa.array([1.25, None])),
        (pa.array([DAY]), pa.array([DAY])),
        (pa.array([NOON], pa.timestamp("ms", "UTC")), pa.array([NOON], pa.timestamp("ms", "UTC"))),
        (pa.array([dt.timedelta(seconds=90), None]), pa.array([90.0, None])),
        (pa.array([dt.time(12, 30)], pa.time32("s")), pa.array(["12:30:00"])),
        (pa.array(["a", "", None], pa.large_string()), pa.array(["a", "", None])),
        (pa.array(["a", None], pa.string_view()), pa.array(["a", None])),
        (pa.array(["b", "a", None, "b"]).dictionary_encode(), pa.array(["b", "a", None, "b"])),
        (pa.array([2, 1, None]).dictionary_encode(), pa.array(["2", "1", None])),
        (pa.nulls(2), pa.array([None, None], pa.string())),
    ],
    ids=lambda cells: str(cells.type),
)
def test_native_column_becomes_one_of_few_types(cells, expected):
    plain = plain_cells("c", pa.chunked_array([cells]), source="t.parquet")
    assert plain.type == expected.type
    assert plain.to_pylist() == expected.to_pylist()


@pytest.mark.parametrize(
    "cells",
    [
        pa.array([[1, 2], None]),
        pa.array([{"a": 1}]),
        pa.array([b"bytes"]),
        pa.array([[1.0]], pa.list_(pa.float64(), 1)),
        pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
        pa.DictionaryArray.from_arrays(pa.array([0]), pa.array([b"bytes"])),
    ],
    ids=lambda cells: str(cells.type),
)
def test_column_that_is_no_feature_is_refused_by_name(cells):
    with pytest.raises(DataError) as caught:
        plain_cells("c", pa.chunked_array([cells]), source="t.parquet")
    assert str(caught.value) == (
        f't.parquet, column "c": expected text, numbers, truth values or dates, got {cells.type}.\n'
        "Spread it over columns of their own, or name it in dataset.drop."
    )


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        (pd.Series([1, 2], index=[7, 7]), pa.array([1, 2])),
        (pd.Series([1.5, np.nan]), pa.array([1.5, None])),
        (pd.Series([1, None], dtype="Int64"), pa.array([1, None])),
        (pd.Series([True, None], dtype="boolean"), pa.array([True, None])),
        (pd.Series([True, None], dtype=object), pa.array([True, None])),
        (pd.Series(["a", None]), pa.array(["a", None])),
        (pd.Series(["a", np.nan, pd.NA, None], dtype=object), pa.array(["a", None, None, None])),
        (pd.Series(["b", "a", None], dtype="category"), pa.array(["b", "a", None])),
        (pd.Series([2, 1], dtype="category"), pa.array(["2", "1"])),
        (pd.cut(pd.Series([1.0, 9.0, np.nan]), [0, 5, 10]), pa.array(["(0, 5]", "(5, 10]", None])),
        (
            pd.Series([1, "a", np.float64(2.5), None, np.True_, DAY, UUID(int=1)], dtype=object),
            pa.array(["1", "a", "2.5", None, "True", "2024-02-29", "00000000-0000-0000-0000-000000000001"]),
        ),
        (pd.Series([NOON, None]), pa.array([NOON, None], pa.timestamp("us"))),
        (pd.Series([Decimal("0.5"), None], dtype=object), pa.array([0.5, None])),
        (pd.Series([None, None], dtype=object), pa.array([None, None], pa.string())),
        (pd.Series(["a", None], dtype="string[pyarrow]"), pa.array(["a", None])),
        (pd.Series([1, None], dtype="int64[pyarrow]"), pa.array([1, None])),
        (pd.Series(pd.arrays.SparseArray([0.0, 1.0])), pa.array([0.0, 1.0])),
        (pd.Series(pd.period_range("2024-01", periods=2, freq="M")), pa.array(["2024-01", "2024-02"])),
    ],
    ids=lambda cells: str(cells.dtype if isinstance(cells, pd.Series) else cells.type),
)
def test_pandas_column_of_any_dtype_becomes_one_of_few_types(series, expected):
    plain = frame_cells("c", series, source="the frame")
    assert plain.type == expected.type
    assert plain.to_pylist() == expected.to_pylist()


@pytest.mark.parametrize("values", [[[1], [2]], [{"a": 1}, {"a": 2}], [[1], "a"], [b"x", b"y"], [1 + 2j, 2.0]], ids=str)
def test_pandas_column_of_objects_that_are_no_cells_is_refused_by_name(values):
    with pytest.raises(DataError) as caught:
        frame_cells("c", pd.Series(values), source="the frame")
    assert str(caught.value).startswith('the frame, column "c": expected text, numbers, truth values or dates, got ')
