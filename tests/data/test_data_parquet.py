"""Parquet files: the columns needed, in the types they were stored with."""

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from tuner.config.dataset import TableDataset
from tuner.data.raw import read_names, read_raw
from tuner.errors import DataError


@pytest.fixture
def section(tmp_path, monkeypatch):
    """Write a table into the working directory and return the section that names it."""
    monkeypatch.chdir(tmp_path)

    def section(columns, *, name="t.parquet", **settings):
        parquet.write_table(pa.table(columns), name)
        return TableDataset(kind="table", path=Path(name), target="y", **settings)

    return section


@pytest.mark.parametrize("name", ["t.parquet", "t.pq", "T.PARQUET"])
def test_columns_keep_their_types_and_missing_cells_are_null(section, name):
    columns = {
        "whole": pa.array([1, None]),
        "number": pa.array([0.5, np.nan]),
        "word": pa.array(["a", None]).dictionary_encode(),
        "day": pa.array([dt.date(2024, 1, 1), None]),
        "y": pa.array([True, False]),
    }
    raw = read_raw(section(columns, name=name))
    assert {column.name: (str(column.cells.type), column.cells.to_pylist()) for column in raw.columns} == {
        "whole": ("int64", [1, None]),
        "number": ("double", [0.5, None]),
        "word": ("string", ["a", None]),
        "day": ("date32[day]", [dt.date(2024, 1, 1), None]),
        "y": ("bool", [True, False]),
    }
    assert (raw.source, raw.n_rows) == (name, 2)


def test_nested_column_is_refused_by_name_unless_it_is_dropped(section):
    columns = {"a": [1, 2], "b.c": [[1], [2]], "y": [0, 1]}
    with pytest.raises(DataError) as caught:
        read_raw(section(columns))
    assert str(caught.value) == (
        't.parquet, column "b.c": expected text, numbers, truth values or dates, got list<element: int64>.\n'
        "Spread it over columns of their own, or name it in dataset.drop."
    )
    assert [column.name for column in read_raw(section(columns, drop=["b.c"])).columns] == ["a", "y"]


def test_name_with_points_is_one_column(section):
    columns = {"a": [{"b": 1}, {"b": 2}], "a.b": [3, 4], "y": [0, 1]}
    raw = read_raw(section(columns, drop=["a"]))
    assert [(column.name, column.cells.to_pylist()) for column in raw.columns] == [("a.b", [3, 4]), ("y", [0, 1])]


def test_names_of_all_columns_are_those_of_the_file(section):
    assert read_names(section({"b": [1], "a": [[2]], "y": [0]}, drop=["a"])) == ["b", "a", "y"]


def test_table_without_rows_is_refused(section):
    with pytest.raises(DataError) as caught:
        read_raw(section({"a": pa.array([], pa.int64()), "y": pa.array([], pa.int64())}))
    assert str(caught.value) == "t.parquet has columns and no rows.\nExpected at least one row."


def test_table_without_columns_is_refused(section):
    with pytest.raises(DataError) as caught:
        read_names(section({}))
    assert str(caught.value) == "t.parquet holds no column.\nExpected a table with a target and features."


@pytest.mark.parametrize("read", [read_names, read_raw])
@pytest.mark.parametrize("content", [b"", b"a,y\n1,0\n", b"PAR1" + b"x" * 50 + b"PAR1"])
def test_broken_file_is_refused(section, read, content):
    broken = section({"y": [0]})
    broken.path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read(broken)
    first, second = str(caught.value).split("\n")
    assert first.startswith("t.parquet cannot be read as Parquet (")
    assert second == "Write or fetch it again, or rename it if it is a file of another kind."


def test_file_with_damaged_pages_is_refused(section):
    damaged = section({"a": [f"text {row}" for row in range(1000)], "y": [0, 1] * 500})
    content = bytearray(damaged.path.read_bytes())
    content[4:300] = bytes(296)
    damaged.path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_raw(damaged)
    assert str(caught.value).startswith("t.parquet cannot be read as Parquet (")


def test_missing_file_and_folder_are_refused(tmp_path):
    missing, folder = tmp_path / "none.parquet", tmp_path / "folder.parquet"
    folder.mkdir()
    messages = []
    for path in (missing, folder):
        with pytest.raises(DataError) as caught:
            read_names(TableDataset(kind="table", path=path, target="y"))
        messages.append(str(caught.value))
    assert messages == [
        f"{missing} does not exist.\nCheck dataset.path; it is relative to the config's folder.",
        f"{folder} is a folder, expected a Parquet file.\nName the file in dataset.path.",
    ]
