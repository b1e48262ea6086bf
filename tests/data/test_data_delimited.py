"""Delimited text: cells as written, two readers that agree, and one message for what cannot be read."""

import csv
import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tuner.data import delimited
from tuner.data.delimited import MAX_CELL, read_cells, read_header, separator_of
from tuner.errors import ConfigError, DataError


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a file into the working directory, so that messages name it without a folder."""
    monkeypatch.chdir(tmp_path)

    def write(content, *, name="t.csv", encoding="utf-8"):
        data = content if isinstance(content, bytes) else content.encode(encoding)
        Path(name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return Path(name)

    return write


def read(path, *, separator=",", encoding="utf-8"):
    """Return the names and all cells, column by column."""
    names = read_header(path, separator, encoding)
    cells = read_cells(path, range(len(names)), n_columns=len(names), separator=separator, encoding=encoding)
    return names, [column.to_pylist() for column in cells]


@pytest.fixture
def exact_only(monkeypatch):
    monkeypatch.setattr(delimited, "_fast_cells", lambda *_, **__: None)


@pytest.fixture
def fast_only(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("Arrow's reader gave up")

    monkeypatch.setattr(delimited, "_exact_cells", refuse)


ORDERLY = [
    ("a,b\n1,2\n3,4", [["1", "3"], ["2", "4"]]),
    ("a,b\r\n1,2\r\n3,4\r\n", [["1", "3"], ["2", "4"]]),
    ("a,b\r1,2\r3,4\r", [["1", "3"], ["2", "4"]]),
    ("\n\na,b\n\n1,2\n\n", [["1"], ["2"]]),
    ("\ufeffa,b\n1,2\n", [["1"], ["2"]]),
    ("a,b\n,\n", [[""], [""]]),
    ("a,b\n 1 ,NA\n?,nan\n", [[" 1 ", "?"], ["NA", "nan"]]),
    ('a,b\n"x,y","say ""hi"""\n', [["x,y"], ['say "hi"']]),
    ("a,b\n\"x\r\ny\",'z'\n", [["x\r\ny"], ["'z'"]]),
    ('a,b\n5" pipe,6"\n', [['5" pipe'], ['6"']]),
    ("a,b\n00123,18446744073709551616000\n", [["00123"], ["18446744073709551616000"]]),
    ("a,b\n1e400,inf\n", [["1e400"], ["inf"]]),
    ("a,b\nå\u2028ß,\x0c\n", [["å\u2028ß"], ["\x0c"]]),
]


@pytest.mark.parametrize(("text", "cells"), ORDERLY)
def test_cells_of_an_orderly_file_are_read_as_written_by_arrow(write, fast_only, text, cells):
    assert read(write(text)) == (["a", "b"], cells)


@pytest.mark.parametrize(("text", "cells"), ORDERLY)
def test_cells_of_an_orderly_file_are_read_as_written_row_by_row(write, exact_only, text, cells):
    assert read(write(text)) == (["a", "b"], cells)


def test_a_line_end_in_a_name_belongs_to_the_name(write):
    assert read(write('"a\nb",c\n1,2\n')) == (["a\nb", "c"], [["1"], ["2"]])


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "UTF8"])
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_named_encoding_is_understood(write, fast_only, encoding, name):
    text = "größe,b\n" + "é,1\n" * 1000
    path = write(text, name=name, encoding=encoding)
    assert read(path, encoding=encoding) == (["größe", "b"], [["é"] * 1000, ["1"] * 1000])


def test_byte_order_mark_of_utf16_is_no_part_of_the_first_name(write):
    assert read(write("\ufeffa,b\n1,2\n", encoding="utf-16-le"), encoding="utf-16-le")[0] == ["a", "b"]


@pytest.mark.parametrize("encoding", ["latin-7777", "", "zlib", "undefined", "a\0b"])
def test_unknown_encoding_is_refused(write, encoding):
    with pytest.raises(ConfigError) as caught:
        read_header(write("a,b\n1,2\n"), ",", encoding)
    assert str(caught.value) == (
        f"dataset.encoding must be the name of a text encoding, got {encoding!r}.\n"
        "Write for example encoding: latin-1, cp1252 or utf-16, or leave it out: utf-8."
    )


SAVE = "Save it again as CSV in UTF-8, or name its encoding in dataset.encoding, such as"


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        (b"a,b\n1,2\n\xe9,3\n", "utf-8", f"t.csv is not UTF-8 text (line 3, byte 0xe9).\n{SAVE} latin-1."),
        (b"a,b\r1,2\r\xe9,3\r", "utf-8", f"t.csv is not UTF-8 text (line 3, byte 0xe9).\n{SAVE} latin-1."),
        (b"a,b\r\n1,2\r\n3,\xc3", "utf-8", f"t.csv is not UTF-8 text (line 3, byte 0xc3).\n{SAVE} latin-1."),
        (b"a\xff,b\n1,2\n", "utf-8", f"t.csv is not UTF-8 text (line 1, byte 0xff).\n{SAVE} latin-1."),
        ("a,b\n1,2\n".encode("utf-16"), "utf-8", f"t.csv is not UTF-8 text (line 1, byte 0xff).\n{SAVE} utf-16."),
        (b"a,b\n1,\x81\n", "cp1252", f"t.csv is not cp1252 text (line 2, byte 0x81).\n{SAVE} latin-1."),
        ("a,b\n1,\xe9\n".encode(), "ascii", f"t.csv is not ascii text (line 2, byte 0xc3).\n{SAVE} latin-1."),
        (
            "a,b\n1,2\n".encode("utf-16-be") + b"\xd8\x00\x00a",
            "utf-16-be",
            f"t.csv is not utf-16-be text (line 3, byte 0xd8).\n{SAVE} latin-1.",
        ),
    ],
)
def test_bytes_of_another_encoding_are_refused_with_their_line(write, content, encoding, message):
    with pytest.raises(DataError) as caught:
        read(write(content), encoding=encoding)
    assert str(caught.value) == message


def test_line_of_a_wrong_byte_is_counted_beyond_the_first_megabyte(write):
    with pytest.raises(DataError) as caught:
        read(write(b"a,b\n" + b"12345,67890\n" * 100_000 + b"\xff,1\n"))
    assert str(caught.value).startswith("t.csv is not UTF-8 text (line 100002, byte 0xff).")


@pytest.mark.parametrize(("content", "line"), [("a\0,b\n1,2\n", 1), ("a,b\n1,2\n\0,3\n4,5\n", 3)])
def test_nul_byte_is_refused_with_its_line(write, content, line):
    with pytest.raises(DataError) as caught:
        read(write(content))
    assert str(caught.value) == (
        f"t.csv, line {line}: a NUL byte, which no text holds.\n"
        "Remove it, or save the table again as CSV; a file in UTF-16 needs dataset.encoding: utf-16."
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"PK\x03\x04rest",
            "an Excel workbook or zip archive, expected a CSV or TSV file.\nSave the sheet as CSV, or unpack.",
        ),
        (b"\xd0\xcf\x11\xe0rest", "an Excel workbook, expected a CSV or TSV file.\nSave its sheet as CSV."),
        (gzip.compress(b"a,b\n"), "packed with gzip, but its name does not end in .gz.\nRename it, or unpack it."),
        (b"PAR1rest", "a Parquet file, but its name does not end in .parquet.\nRename it."),
    ],
)
def test_file_of_another_kind_is_named_for_what_it_is(write, content, message):
    with pytest.raises(DataError) as caught:
        read_header(write(content), ",")
    assert str(caught.value) == f"t.csv is {message}"


@pytest.mark.parametrize("rows", ["1,2,\n3,4,\n", "1,2,\n3,4\n", "1,2\n   \n3,4\n", '1,2\n""\n3,4\n'])
def test_harmless_disorder_is_repaired(write, rows):
    assert read(write(f"a,b\n{rows}"))[1] == [["1", "3"], ["2", "4"]]


@pytest.mark.parametrize(
    ("rows", "line", "n_cells"),
    [("1,2\n3\n", 3, 1), ("1,2\n3,4,5\n", 3, 3), ("1,2,,\n", 2, 3), ('1,"x\ny"\n\n3\n4\n', 5, 1)],
)
def test_ragged_row_is_refused_with_the_line_it_begins_in(write, rows, line, n_cells):
    with pytest.raises(DataError) as caught:
        read(write(f"a,b\n{rows}"))
    assert str(caught.value) == (
        f"t.csv, line {line}: expected 2 cells, as in the header, got {n_cells}.\n"
        "Correct that line; a cell that holds the separator or a line end needs double quotes around it."
    )


@pytest.mark.parametrize(
    ("rows", "line"),
    [('1,2\n3,"4\n', 3), ('1,2\n3,"4', 3), ('1,2\n3,"', 3), ('1,"2\n3,4\n5,6\n', 2), ('1,"2""\n', 2), ('"1,2\n', 2)],
)
def test_quote_that_is_never_closed_is_refused_with_the_line_it_opens_in(write, rows, line):
    with pytest.raises(DataError) as caught:
        read(write(f"a,b\n{rows}"))
    assert str(caught.value) == (
        f"t.csv, line {line}: a quote opens in this row and is never closed.\n"
        "Close it; a quote that is part of a quoted cell is written twice."
    )


@pytest.mark.parametrize("text", ['a,"b\n1,2\n', '\n"a,b\n1,2\n', 'a,"b'])
def test_quote_of_the_header_that_is_never_closed_is_refused(write, text):
    with pytest.raises(DataError) as caught:
        read_header(write(text), ",")
    line = 2 if text.startswith("\n") else 1
    assert str(caught.value).startswith(f"t.csv, line {line}: a quote opens in this row and is never closed.")


def test_name_that_ends_in_a_line_end_is_no_open_quote(write):
    assert read_header(write('a,"b\n"'), ",") == ["a", "b\n"]


@pytest.mark.parametrize("text", ["a,b\n1,2\n" + '3,"4\n"', 'a,b\n1,""', 'a,b\n1,"2"\n\n'])
def test_quote_that_is_closed_at_the_very_end_is_no_open_quote(write, text):
    assert len(read(write(text))[1]) == 2


@pytest.mark.parametrize("reader", ["arrow", "exact"])
def test_cell_beyond_the_limit_is_refused_with_its_line(write, request, reader):
    if reader == "exact":
        request.getfixturevalue("exact_only")
    path = write(f"a,b\n1,{'x' * MAX_CELL}\n{'y' * (MAX_CELL + 1)},4\n")
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(caught.value) == (
        f"t.csv, line 3: a cell of {MAX_CELL + 1} characters, expected at most {MAX_CELL}.\n"
        "Look for a quote that is never closed, or name the column in dataset.drop."
    )
    (cells,) = read_cells(path, [1], n_columns=2, separator=",")
    assert [len(cell) for cell in cells.to_pylist()] == [MAX_CELL, 1]


def test_limit_counts_characters_not_bytes(write):
    assert read(write(f"a,b\n1,{'é' * MAX_CELL}\n"))[1][1] == ["é" * MAX_CELL]


def test_row_longer_than_a_block_of_arrow_is_read(write, monkeypatch):
    monkeypatch.setattr(delimited, "BLOCK", 64)
    assert read(write(f"a,b\n1,2\n{'x' * 200},4\n5,6\n"))[1] == [["1", "x" * 200, "5"], ["2", "4", "6"]]


def test_rows_of_many_blocks_keep_their_order(write, monkeypatch, fast_only):
    monkeypatch.setattr(delimited, "BLOCK", 64)
    rows = [(str(row), f"line\n{row}") for row in range(500)]
    text = "a,b\n" + "".join(f'{a},"{b}"\n' for a, b in rows)
    assert read(write(text))[1] == [[a for a, _ in rows], [b for _, b in rows]]


def test_row_by_row_reader_keeps_every_row_of_many_batches(write, monkeypatch, exact_only):
    monkeypatch.setattr(delimited, "_ROWS_AT_ONCE", 7)
    text = "a,b\n" + "".join(f"{row},x\n" for row in range(50))
    assert read(write(text))[1] == [[str(row) for row in range(50)], ["x"] * 50]


def test_limit_of_the_standard_library_is_as_before_whatever_came_of_the_file(write, exact_only):
    before = csv.field_size_limit()
    read(write(f"a,b\n1,{'x' * 200_000}\n"))
    for rows in (f"1,{'x' * (MAX_CELL + 1)}\n", "1,2,3\n", '1,"2\n'):
        with pytest.raises(DataError):  # kept, as is the frame that raised it
            read(write(f"a,b\n{rows}"))
        assert csv.field_size_limit() == before


def test_only_wanted_columns_are_returned_in_the_order_asked_for(write):
    for text in ("a,b,c\n1,2,3\n4,5,6\n", "a,b,c\n1,2,3,\n4,5,6\n"):
        cells = read_cells(write(text), [2, 0], n_columns=3, separator=",")
        assert [column.to_pylist() for column in cells] == [["3", "6"], ["1", "4"]]


def test_ten_thousand_columns_are_read(write, fast_only):
    names, cells = read(write(",".join(f"c{n}" for n in range(10_000)) + "\n" + ",".join(["1"] * 10_000) + "\n"))
    assert (names[-1], len(cells), cells[-1]) == ("c9999", 10_000, ["1"])


@pytest.mark.parametrize("separator", ["\t", ";", "|", " ", ":"])
def test_any_ascii_separator_goes_through_both_readers(write, separator):
    path = write(f"a{separator}b\n1{separator}2,5\n", name="t.txt")
    assert read(path, separator=separator_of(path, separator)) == (["a", "b"], [["1"], ["2,5"]])


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    rows=st.lists(st.lists(st.text('a1 "\n\r,é\0\x0c', max_size=4), min_size=2, max_size=3), min_size=1, max_size=4),
    quoted=st.booleans(),
    line_end=st.sampled_from(["\n", "\r", "\r\n", "\n\n"]),
)
def test_what_arrow_reads_is_what_the_exact_reader_reads(tmp_path, rows, quoted, line_end):
    lines = [",".join('"' + cell.replace('"', '""') + '"' if quoted else cell for cell in row) for row in rows]
    path = tmp_path / "t.csv"
    path.write_bytes(("a,b\n" + line_end.join(lines)).encode())
    how = {"n_columns": 2, "separator": ",", "encoding": "utf-8"}
    fast = delimited._fast_cells(path, [0, 1], **how)
    if fast is not None:
        exact = delimited._exact_cells(path, [0, 1], **how)
        assert [column.to_pylist() for column in fast] == [column.to_pylist() for column in exact]
