"""CSV and TSV files: what is read, and how each way to fail is worded."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from tuner.config.schema import TableDataset
from tuner.data.dataset import load_dataset
from tuner.data.delimited import separator_of
from tuner.errors import ConfigError, DataError

GOOD = "a,b,y\n1,0.5,0\n2,-1.5,0\n3,2e3,1\n"
ROWS = "Row 1 is the first below the header."
FEATURES = "Features must be numeric and complete: correct the cells, or name the columns in dataset.drop."
TARGET = "Correct the target column, or name another in dataset.target."
HEADER = "Correct dataset.target, dataset.drop and dataset.separator, or the header line."


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Write text to a file and load it; the working directory is the file's, so messages name it without a folder."""
    monkeypatch.chdir(tmp_path)

    def load(text, *, name="t.csv", target="y", **section):
        data = text if isinstance(text, bytes) else text.encode()
        Path(name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return load_dataset(TableDataset(kind="table", path=Path(name), target=target, **section))

    return load


@pytest.fixture
def message(load):
    """Return the message of the `DataError` that loading a text raises."""

    def message(text, **section):
        with pytest.raises(DataError) as caught:
            load(text, **section)
        return str(caught.value)

    return message


def test_numeric_table_is_read_as_float32_with_the_rarer_class_positive(load):
    dataset = load(GOOD)
    np.testing.assert_array_equal(dataset.X, np.array([[1, 0.5], [2, -1.5], [3, 2000]], np.float32))
    assert dataset.X.dtype == np.float32
    assert dataset.X.flags.c_contiguous
    assert dataset.y.tolist() == [0, 0, 1]
    assert dataset.feature_names == ("a", "b")
    assert (dataset.target, dataset.classes, dataset.label_type) == ("y", ("0", "1"), "int")
    assert dataset.source == "t.csv"


def test_loaded_arrays_cannot_be_written(load):
    dataset = load(GOOD)
    with pytest.raises(ValueError, match="read-only"):
        dataset.X[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        dataset.y[0] = 1


@pytest.mark.parametrize("name", ["t.tsv", "t.tab", "t.TXT", "t.tsv.gz"])
def test_suffix_chooses_the_tab(load, name):
    assert load(GOOD.replace(",", "\t"), name=name).sha256 == load(GOOD).sha256


@pytest.mark.parametrize("name", ["t.csv.gz", "t.data"])
def test_other_suffixes_mean_a_comma(load, name):
    assert load(GOOD, name=name).sha256 == load(GOOD).sha256


def test_given_separator_wins(load):
    assert load(GOOD.replace(",", ";"), separator=";").sha256 == load(GOOD).sha256


@pytest.mark.parametrize("separator", ['"', "\n", "\r", "x", "7", "é"])
def test_separator_that_cannot_separate_is_refused(separator):
    with pytest.raises(ConfigError) as caught:
        separator_of(Path("t.csv"), separator)
    assert str(caught.value) == (
        f"dataset.separator must be an ASCII character, no letter, digit, quote or line end; got {separator!r}.\n"
        'Write for example separator: ";", or leave it out: a tab for .tsv, .tab and .txt, else a comma.'
    )


def test_byte_order_mark_blank_lines_quotes_and_windows_line_ends_are_understood(load):
    text = '\ufeff\r\n"a",b,"y"\r\n1,0.5,0\r\n\r\n"2",-1.5,0\r\n3,2e3,1\r\n'
    assert load(text).sha256 == load(GOOD).sha256


def test_one_empty_cell_at_the_end_of_every_row_is_understood(load):
    assert load("a,b,y\n1,0.5,0,\n2,-1.5,0,\n3,2e3,1,\n").sha256 == load(GOOD).sha256


def test_true_and_false_become_1_and_0(load):
    dataset = load("a,b,y\ntrue,FALSE,0\nfalse,TRUE,0\ntrue,FALSE,1\n")
    assert dataset.X.tolist() == [[1, 0], [0, 1], [1, 0]]


def test_whole_numbers_beyond_64_bits_are_numbers(load):
    assert load("a,y\n18446744073709551615,0\n-1,0\n99999999999999999999999,1\n").X[2, 0] == np.float32(1e23)


def test_dropped_and_nameless_columns_are_left_out(load):
    dataset = load(",a,note,y\n0,1,x,0\n1,2,,0\n2,3,z,1\n", drop=["note", "Unnamed: 0"])
    assert dataset.feature_names == ("a",)
    assert dataset.X.tolist() == [[1], [2], [3]]


@pytest.mark.parametrize(
    ("labels", "positive", "classes", "label_type"),
    [
        (["0", "0", "1"], None, ("0", "1"), "int"),
        (["0", "0", "1"], "0", ("1", "0"), "int"),
        (["0", "0", "1"], 1, ("0", "1"), "int"),
        (["0", "0", "1"], 1.0, ("0", "1"), "int"),
        (["-1", "+1", "-1"], "1", ("-1", "1"), "int"),
        (["10", "9", "9"], None, ("9", "10"), "int"),
        (["00", "01", "0"], "1", ("0", "1"), "int"),
        (["0.0", "1", "0.0"], "1", ("0.0", "1.0"), "float"),
        (["true", "False", "FALSE"], None, ("False", "True"), "bool"),
        (["true", "False", "FALSE"], True, ("False", "True"), "bool"),
        (["true", "False", "FALSE"], "false", ("True", "False"), "bool"),
        (["no", "yes", "no"], "yes", ("no", "yes"), "str"),
        (["no", "None", "no"], None, ("no", "None"), "str"),
        ([" a", "a", "a"], None, ("a", " a"), "str"),
        (["1", "0", "1", "0"], None, ("0", "1"), "int"),
        (["b", "a", "b", "a"], None, ("a", "b"), "str"),
    ],
)
def test_labels_keep_their_type_and_positive_is_matched_by_its_text(load, labels, positive, classes, label_type):
    text = "a,y\n" + "".join(f"{row},{label}\n" for row, label in enumerate(labels))
    dataset = load(text, positive=positive)
    assert (dataset.classes, dataset.label_type) == (classes, label_type)
    cast = {"int": int, "float": float, "bool": lambda text: text.lower() == "true", "str": str}[label_type]
    assert dataset.y.tolist() == [int(cast(label) == cast(classes[1])) for label in labels]


def test_missing_file_is_refused(load):
    with pytest.raises(DataError) as caught:
        load_dataset(TableDataset(kind="table", path=Path("none.csv"), target="y"))
    assert str(caught.value) == "none.csv does not exist.\nCheck dataset.path; it is relative to the config's folder."


def test_folder_is_refused(tmp_path):
    with pytest.raises(DataError) as caught:
        load_dataset(TableDataset(kind="table", path=tmp_path, target="y"))
    assert str(caught.value) == f"{tmp_path} is a folder, expected a CSV or TSV file.\nName the file in dataset.path."


def test_file_the_system_refuses_to_open_is_refused(tmp_path):
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "t.csv"
    with pytest.raises(DataError) as caught:
        load_dataset(TableDataset(kind="table", path=path, target="y"))
    assert str(caught.value) == f"{path} cannot be read (Not a directory).\nCheck the path and who may read it."


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_empty_file_is_refused(message, text):
    assert message(text) == "t.csv is empty.\nExpected a header line with column names and one line per row."


def test_header_alone_is_refused(message):
    assert message("a,y\n") == "t.csv has a header and no rows.\nExpected one line per row below the header."


@pytest.mark.parametrize(
    ("name", "content"), [("t.csv", GOOD.encode()), ("cut.csv", gzip.compress(GOOD.encode() * 99)[:60])]
)
def test_broken_gzip_file_is_refused(tmp_path, name, content):
    path = tmp_path / f"{name}.gz"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_dataset(TableDataset(kind="table", path=path, target="y"))
    first, second = str(caught.value).split("\n")
    assert first.startswith(f"{path} is not a complete gzip file (")
    assert second == "Fetch or pack it again, or rename it if it is plain text."


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_bytes_that_are_not_utf8_are_refused_with_their_line(message, name):
    text = GOOD.encode() + b"4,\xff,1\n"
    assert message(text, name=name) == f"{name} is not UTF-8 text (line 5, byte 0xff).\nSave it again as CSV in UTF-8."


@pytest.mark.parametrize(
    ("row", "n_cells"), [("4,4,4,4\n", 4), ("4\n", 1), ("4,4\n", 2), (",,,,\n", 4), ("9,9,9,\n5,5\n", 2)]
)
def test_row_with_too_many_or_too_few_cells_is_refused_with_its_line(message, row, n_cells):
    line = 4 + row.count("\n")
    assert message(GOOD + row) == (
        f"t.csv, line {line}: expected 3 cells, as in the header, got {n_cells}.\n"
        "Correct that line; a cell that holds the separator or a line end needs double quotes around it."
    )


def test_first_row_longer_than_the_header_is_refused(message):
    assert message("a,y\n1,2,0\n1,2,1\n").startswith("t.csv, line 2: expected 2 cells, as in the header, got 3.")


def test_quote_that_is_never_closed_is_refused(message):
    assert message(GOOD + '"4,4,1\n') == (
        "t.csv, line 5: expected 3 cells, as in the header, got 1.\n"
        "Correct that line; a cell that holds the separator or a line end needs double quotes around it."
    )


def test_quote_that_is_never_closed_in_the_last_cell_is_refused(message):
    assert message('a,y\n1,0\n2,"1\n') == (
        "t.csv cannot be read as a table: Error tokenizing data. C error: EOF inside string starting at row 2.\n"
        "Look for a quote that is never closed, or save the file again as CSV."
    )


def test_header_without_end_is_refused(message):
    assert message("x" * 200_000) == (
        "t.csv cannot be read as a table: field larger than field limit (131072).\nSave it as CSV in UTF-8."
    )


def test_unknown_names_are_answered_with_the_nearest_in_one_message(message):
    text = message("age,income,Class\n1,2,0\n", target="class", drop=["incone", "zip"])
    assert text == (
        "t.csv has 3 problems\n"
        "\n"
        '  dataset.target   no column "class"; did you mean "Class"?\n'
        '  dataset.drop     no column "incone"; did you mean "income"?\n'
        '  dataset.drop     no column "zip"; the header has 3: "age", "income", "Class"\n'
        "\n" + HEADER
    )


def test_repeated_column_names_are_refused(message):
    assert message("a,b,a,b,y\n1,2,3,4,0\n") == (
        't.csv has 1 problem\n\n  header   column names that occur more than once: "a", "b"\n\n' + HEADER
    )


def test_table_without_features_is_refused(message):
    assert message("a,y\n1,0\n2,1\n", drop=["a"]) == (
        "t.csv has 1 problem\n"
        "\n"
        "  header   no feature is left of 2 columns without the target and dataset.drop\n"
        "\n" + HEADER
    )


def test_everything_wrong_with_the_cells_is_in_one_message(message):
    text = "a,b,c,d,e,y\n1,x,,inf,true,0\n2,3,NA,1,,1\n3,4,5,-1e39,false,2\n4,?,5,2,true,\n"
    assert message(text) == (
        "t.csv has 4 problems\n"
        "\n"
        '  target "y"                   1 row without a label, the first in row 4; fill in or remove these rows\n'
        '  not numeric                  "b" ("x" in row 1)\n'
        '  missing cells                "b" (1, first in row 4), "c" (2, first in row 1), "e" (1, first in row 2)\n'
        '  infinite or beyond 1.7e+38   "d" (inf in row 1)\n'
        "\n"
        f"{TARGET}\n{FEATURES}\n{ROWS}"
    )


def test_at_most_five_columns_are_named(message):
    header = ",".join(f"c{column}" for column in range(7))
    text = message(f"{header},y\n{'x,' * 7}0\n{'x,' * 7}1\n")
    assert '"c4" ("x" in row 1) and 2 more\n' in text
    assert "c5" not in text


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ("000", 'one class only, "0"; two are expected, so add rows of the other class'),
        ("012", '3 classes ("0", "1", "2"); two are expected, so join or remove classes'),
        (
            "abcdefg",
            '7 classes ("a", "b", "c", "d", "e" and 2 more); two are expected, so join or remove classes',
        ),
        (["1", "NA", "NA"], "2 rows without a label, the first in row 2; fill in or remove these rows"),
        (["a", "b", "None"], "1 row without a label, the first in row 3; fill in or remove these rows"),
        (["a", "  ", "b"], "1 row without a label, the first in row 2; fill in or remove these rows"),
    ],
)
def test_target_without_two_classes_is_refused(message, labels, problem):
    text = "a,y\n" + "".join(f"{row},{label}\n" for row, label in enumerate(labels))
    assert message(text) == f't.csv has 1 problem\n\n  target "y"   {problem}\n\n{TARGET}\n{ROWS}'


@pytest.mark.parametrize(("positive", "received"), [("2", '"2"'), (True, "true (a truth value)"), (0.5, '"0.5"')])
def test_positive_class_that_is_not_in_the_table_is_refused(message, positive, received):
    assert message(GOOD, positive=positive) == (
        "t.csv has 1 problem\n"
        "\n"
        f'  target "y"   its classes are "0" and "1", but dataset.positive is {received}; '
        "name one of the two, in quotes\n"
        "\n"
        f"{TARGET}\n{ROWS}"
    )


def test_numeric_real_tables_have_the_published_rows_features_and_imbalance(shared_data):
    tables = [
        table
        for table in json.loads((shared_data / "manifest.json").read_text())
        if table["n_classes"] == 2 and not table["categorical_cols"] and not table["missing_cells"]
    ]
    assert len(tables) >= 10
    for table in tables:
        section = TableDataset(
            kind="table", path=shared_data / table["file"], target=table["target"], drop=table["drop"]
        )
        dataset = load_dataset(section)
        assert dataset.X.shape == (table["rows"], table["features"]), table["name"]
        assert dict(zip(dataset.classes, dataset.class_counts, strict=True)) == table["class_counts"], table["name"]
        assert round(dataset.imbalance_ratio, 2) == table["IR"], table["name"]
