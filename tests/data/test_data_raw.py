"""Raw tables: the same columns whatever the source, without those that are dropped."""

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from tuner.config.dataset import OpenMLDataset, TableDataset
from tuner.data import openml
from tuner.data.delimited import separator_of
from tuner.data.raw import from_frame, read_names, read_raw
from tuner.errors import DataError

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", None], "y": [0, 1]})


@pytest.fixture(params=["csv", "parquet", "openml"])
def source(request, tmp_path, monkeypatch):
    """Return a function that makes a section of the same table from each source, and how the source is named."""
    monkeypatch.chdir(tmp_path)
    FRAME.to_csv("t.csv", index=False)
    parquet.write_table(pa.Table.from_pandas(FRAME), "t.parquet")
    monkeypatch.setattr(openml, "fetch_openml", lambda **_: type("Bunch", (), {"frame": FRAME}))

    def section(**settings):
        if request.param == "openml":
            return OpenMLDataset(kind="openml", id=7, target="y", **settings)
        return TableDataset(kind="table", path=Path(f"t.{request.param}"), target="y", **settings)

    return section, {"openml": "OpenML dataset 7"}.get(request.param, f"t.{request.param}")


def test_every_source_gives_all_names_and_all_columns(source):
    section, name = source
    assert read_names(section(drop=["a"])) == ["a", "b", "y"]
    raw = read_raw(section())
    assert [column.name for column in raw.columns] == ["a", "b", "y"]
    assert (raw.n_rows, raw.source) == (2, name)
    assert [str(cell) for cell in raw.columns[0].cells.to_pylist()] == ["1", "2"]
    assert raw.columns[1].cells.to_pylist() == ["x", "" if name == "t.csv" else None]


def test_dropped_columns_are_not_read_unless_they_mean_something(source):
    section, _ = source
    assert [column.name for column in read_raw(section(drop=["a"])).columns] == ["b", "y"]
    assert [column.name for column in read_raw(section(drop=["a", "b"]), keep=["b"]).columns] == ["b", "y"]
    assert [column.name for column in read_raw(section(drop=["a"], weight="a")).columns] == ["a", "b", "y"]


def test_names_of_a_text_file_may_repeat(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,a,,y\n1,2,3,0\n")
    assert read_names(TableDataset(kind="table", path=path, target="y")) == ["a", "a", "Unnamed: 2", "y"]


def test_frame_is_read_whatever_its_index():
    raw = from_frame(FRAME.set_axis([3, 3]))
    assert [column.cells.to_pylist() for column in raw.columns] == [[1, 2], ["x", None], [0, 1]]
    assert raw.source == "the frame"


def test_frame_without_columns_has_no_rows():
    assert from_frame(pd.DataFrame()).n_rows == 0


@pytest.mark.parametrize(
    ("names", "problem"),
    [(["a", 1, ("b", "c")], "no text: 1, ('b', 'c')"), (["a", "b", "a"], 'more than once: "a"')],
)
def test_frame_whose_columns_have_no_names_of_their_own_is_refused(names, problem):
    frame = FRAME.copy()
    frame.columns = pd.Index(names, dtype=object)
    with pytest.raises(DataError) as caught:
        from_frame(frame, source="new rows")
    assert str(caught.value) == (
        f"new rows has column names that are {problem}.\nName each column with a text of its own."
    )


def test_column_of_a_frame_that_holds_no_cells_is_refused_by_name():
    with pytest.raises(DataError) as caught:
        from_frame(pd.DataFrame({"a": [1], "b": [[1, 2]]}))
    assert str(caught.value) == (
        'the frame, column "b": expected text, numbers, truth values or dates, got list<item: int64>.\n'
        "Spread it over columns of their own, or name it in dataset.drop."
    )


def test_real_tables_are_read_to_the_cell_as_pandas_reads_their_text(shared_data):
    tables = json.loads((shared_data / "manifest.json").read_text())
    assert len(tables) >= 20
    for table in tables:
        section = TableDataset(kind="table", path=shared_data / table["file"], target=table["target"])
        raw = read_raw(section)
        frame = pd.read_csv(section.path, dtype=str, keep_default_na=False, sep=separator_of(section.path, None))
        assert raw.n_rows == table["rows"] == len(frame), table["name"]
        assert [column.name for column in raw.columns] == list(frame.columns), table["name"]
        for column in raw.columns:
            assert column.cells.to_pylist() == frame[column.name].tolist(), (table["name"], column.name)
