"""Tables nobody wants: each is either read as it should be or refused with one clear message, never with a traceback.

A case is a file, what the config says about it, and what comes of it: the start of the message, or the number of rows,
the features and the classes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from tuner.config.dataset import TableDataset
from tuner.data.dataset import load_dataset
from tuner.errors import ConfigError, DataError

GOOD = "a,b,y\n1,0.5,0\n2,-1.5,0\n3,2e3,1\n"
AB = ("a", "b")
READ = (3, AB, ("0", "1"))


@dataclass(frozen=True)
class Case:
    name: str
    content: str | bytes | Callable[[Path], object]
    outcome: str | tuple[int, tuple[str, ...], tuple[str, ...]]
    file: str = "t.csv"
    says: dict[str, Any] = field(default_factory=dict)


def problem(line, *, file="t.csv", n_more=0):
    """Return how a message of `n_more` + 1 problems starts, `line` the first of them."""
    count = f"{n_more + 1} problems" if n_more else "1 problem"
    return f"{file} has {count}\n\n  {line}"


def wide(n_columns, n_rows):
    header = ",".join(f"c{column}" for column in range(n_columns))
    rows = (",".join(str((column + row) % 7) for column in range(n_columns)) for row in range(n_rows))
    return f"{header},y\n" + "".join(f"{cells},{row % 2}\n" for row, cells in enumerate(rows))


def table(**columns):
    return lambda path: parquet.write_table(pa.table(columns), path)


CASES = [
    Case("empty", "", "t.csv is empty.\nExpected a header line"),
    Case("white space only", "  \n\t\n \n", "t.csv is empty.\nExpected a header line"),
    Case("header only", "a,b,y\n", "t.csv has a header and no rows.\nExpected one line per row"),
    Case("header without a line end", "a,b,y", "t.csv has a header and no rows.\nExpected one line per row"),
    Case("one row", "a,b,y\n1,2,0\n", problem('target "y"   one class only, "0"; ', n_more=1)),
    Case("two rows", "a,y\n1,0\n2,1\n", (2, ("a",), ("0", "1"))),
    Case("one column", "y\n0\n1\n", problem("header   no feature is left of 1 column")),
    Case("row too long", GOOD + "4,4,4,4\n", "t.csv, line 5: expected 3 cells, as in the header, got 4.\n"),
    Case("row too short", GOOD + "4,1\n", "t.csv, line 5: expected 3 cells, as in the header, got 2.\n"),
    Case("separator at the end of some rows", "a,b,y\n1,0.5,0\n2,-1.5,0,\n3,2e3,1,\n", READ),
    Case(
        "column names that repeat", "a,a,y\n1,2,0\n2,3,1\n", problem("header   column names that occur more than once")
    ),
    Case("target column twice", "y,a,y\n0,1,0\n1,2,1\n", problem("header   column names that occur more than once")),
    Case("columns without names", ",,y\n1,5,0\n2,3,1\n4,1,0\n", (3, ("Unnamed: 0", "Unnamed: 1"), ("0", "1"))),
    Case("byte order mark", "\ufeff" + GOOD, READ),
    Case("latin-1 unannounced", "größe,y\n1,é\n".encode("latin-1"), "t.csv is not UTF-8 text (line 1, byte 0xf6).\n"),
    Case(
        "latin-1",
        "größe,y\n1,é\n2,é\n4,a\n".encode("latin-1"),
        (3, ("größe",), ("é", "a")),
        says={"encoding": "latin-1"},
    ),
    Case("utf-16 unannounced", GOOD.encode("utf-16"), "t.csv is not UTF-8 text (line 1, byte 0xff).\n"),
    Case("utf-16", GOOD.encode("utf-16"), READ, says={"encoding": "utf-16"}),
    Case("utf-16 without its mark", GOOD.encode("utf-16-le"), "t.csv, line 1: a NUL byte, which no text holds.\n"),
    Case("encoding nobody knows", GOOD, "dataset.encoding must be the name of a text", says={"encoding": "latin-99"}),
    Case("NUL byte", GOOD + "4,\0,1\n", "t.csv, line 5: a NUL byte, which no text holds.\n"),
    Case(
        "quote never closed", GOOD + '4,"4,1\n5,5,1\n', "t.csv, line 5: a quote opens in this row and is never closed."
    ),
    Case("line ends in quotes", '"a","b\nc",y\n1,"2\n",0\n2,"5\r\n",0\n3,4,1\n', (3, ("a", "b\nc"), ("0", "1"))),
    Case("separators in quotes", '"a,1",b,y\n1,"x,1",0\n2,"x,2",0\n3,"x,1",1\n', (3, ("a,1", "b"), ("0", "1"))),
    Case("Windows line ends", GOOD.replace("\n", "\r\n"), READ),
    Case("old Macintosh line ends", GOOD.replace("\n", "\r"), READ),
    Case("10,000 columns", wide(10_000, 6), (6, tuple(f"c{column}" for column in range(10_000)), ("0", "1"))),
    Case(
        "cell of 5 MB", f"a,b,y\n1,{'x' * 5_000_000},0\n2,3,1\n", "t.csv, line 2: a cell of 5000000 characters, expect"
    ),
    Case(
        "dropped cell of 5 MB",
        f"a,b,y\n1,{'x' * 5_000_000},0\n2,3,1\n",
        (2, ("a",), ("0", "1")),
        says={"drop": ["b"]},
    ),
    Case(
        "all cells missing",
        "a,b,y\n,NA,0\n?,,1\n , nan,0\n",
        problem('features   none is left: "a" (constant: no cell holds a value), "b"'),
    ),
    Case(
        "infinite cell",
        "a,b,y\n1,inf,0\n2,1,1\n3,5,0\n",
        problem('"b"   1 cell infinite or beyond 1.7e+38, the first "inf"'),
    ),
    Case(
        "beyond float32",
        "a,b,y\n1,1e39,0\n2,1,1\n3,5,0\n",
        problem('"b"   1 cell infinite or beyond 1.7e+38, the first "1e39"'),
    ),
    Case(
        "beyond float64",
        "a,b,y\n1,1e400,0\n2,1,1\n3,5,0\n",
        problem('"b"   1 cell infinite or beyond 1.7e+38, the first "1e400"'),
    ),
    Case("nearer to zero than any float", "a,b,y\n1,1e-400,0\n2,1,1\n3,5,0\n", READ),
    Case("whole numbers of 30 digits", f"a,b,y\n1,{'9' * 30},0\n2,1,1\n3,5,0\n", READ),
    Case(
        "whole numbers of 5,000 digits",
        f"a,b,y\n1,{'9' * 5000},0\n2,1,1\n3,5,0\n",
        problem('"b"   1 cell infinite or beyond'),
    ),
    Case(
        "numbers among which some words are",
        "a,b,y\n" + "".join(f"{row % 13},{row * 1.5 if row % 20 else 'x'},{row % 2}\n" for row in range(100)),
        problem('"b"   95 numbers and 5 cells that are none ("x"; first in row 1)'),
    ),
    Case(
        "target missing in some rows",
        GOOD + "4,4,\n5,5,NA\n",
        problem('target "y"   2 rows without a label, the first in row 4'),
    ),
    Case("target of one class", "a,y\n1,0\n2,0\n4,0\n", problem('target "y"   one class only, "0"; two are expected')),
    Case(
        "target all distinct",
        "a,y\n" + "".join(f"{row % 7},{row}.5\n" for row in range(200)),
        problem(
            'target "y"   200 distinct values in 200 rows ("0.5", "1.5", "2.5", "3.5", "4.5" and 195 more); at most'
        ),
    ),
    Case(
        "target of whole numbers of 5,000 digits",
        f"a,y\n1,{'9' * 5000}\n2,1\n4,1\n",
        (3, ("a",), ("1", "9" * 5000)),
    ),
    Case("target of two numbers beyond float64", "a,y\n1,1e400\n2,1e500\n4,1e500\n", (3, ("a",), ("1e500", "1e400"))),
    Case("target of numbers beyond float64", "a,y\n1,1e400\n2,1.5\n4,1.5\n", (3, ("a",), ("1.5", "1e400"))),
    Case(
        "all rows equal",
        "a,b,y\n" + "1,2,0\n" * 10,
        problem('target "y"   one class only, "0"; ', n_more=1),
    ),
    Case(
        "constant features",
        "a,b,y\n" + "".join(f"1,x,{row % 2}\n" for row in range(10)),
        problem('features   none is left: "a" (constant: every cell is 1), "b" (constant: every cell is "x")'),
    ),
    Case(
        "Unicode names",
        "größe,名前,🙂\n1,5,0\n2,3,0\n3,4,1\n",
        (3, ("größe", "名前"), ("0", "1")),
        says={"target": "🙂"},
    ),
    Case("awkward names", '"a b","c ""d""",y\n1,5,0\n2,3,0\n3,4,1\n', (3, ("a b", 'c "d"'), ("0", "1"))),
    Case(
        "wrong separator", GOOD.replace(",", ";"), problem('dataset.target   no column "y"; the header has 1: "a;b;y"')
    ),
    Case(
        "separator that cannot separate", GOOD, "dataset.separator must be an ASCII character", says={"separator": "x"}
    ),
    Case(
        "decimal commas",
        "a;b;y\n1,5;5;0\n2,5;3;0\n4,5;4;1\n",
        READ,
        says={"separator": ";", "decimal": ","},
    ),
    Case("gzip that is none", GOOD, "t.csv.gz is not a complete gzip file (", file="t.csv.gz"),
    Case("binary file", bytes(range(256)) * 20, "t.csv is not UTF-8 text (line 3, byte 0x80).\n"),
    Case(
        "workbook",
        b"PK\x03\x04" + bytes(100),
        "t.csv is an Excel workbook or zip archive, expected a CSV or TSV file.\n",
    ),
    Case("folder", Path.mkdir, "t.csv is a folder, expected a CSV or TSV file.\n"),
    Case("no file", lambda path: None, "t.csv does not exist.\n"),
    Case("Parquet that is none", GOOD, "t.parquet cannot be read as Parquet (", file="t.parquet"),
    Case(
        "Parquet with a nested column",
        table(a=[[1], [2]], y=[0, 1]),
        't.parquet, column "a": expected text, numbers, truth values or dates, got list<element: int64>.\n',
        file="t.parquet",
    ),
    Case(
        "Parquet without rows",
        table(a=pa.array([], "int64"), y=pa.array([], "int64")),
        "t.parquet has columns and no rows.",
        file="t.parquet",
    ),
    Case(
        "Parquet with missing labels",
        table(a=[1, 5, 3], y=[0.0, None, 1.0]),
        problem('target "y"   1 row without a label, the first in row 2', file="t.parquet"),
        file="t.parquet",
    ),
    Case(
        "Parquet",
        table(a=[1, 5, 3], b=["u", None, "v"], y=[False, False, True]),
        (3, AB, ("False", "True")),
        file="t.parquet",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_hostile_table_is_read_right_or_refused_with_one_clear_message(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path(case.file)
    if callable(case.content):
        case.content(path)
    else:
        path.write_bytes(case.content if isinstance(case.content, bytes) else case.content.encode())
    section = TableDataset(**({"kind": "table", "path": path, "target": "y"} | case.says))
    if isinstance(case.outcome, str):
        with pytest.raises((ConfigError, DataError)) as caught:
            load_dataset(section)
        message = str(caught.value)
        assert message.startswith(case.outcome)
        assert len(message) < 1000, "a cell floods the message"
    else:
        dataset = load_dataset(section)
        assert (len(dataset.y), dataset.feature_names, dataset.classes) == case.outcome
