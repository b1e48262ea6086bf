"""CSV and TSV files: what is read, and how each way to fail is worded."""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tuner.config.dataset import TableDataset
from tuner.data.dataset import Column, Roles, load_dataset
from tuner.data.delimited import separator_of
from tuner.data.table import open_table
from tuner.errors import ConfigError, DataError

GOOD = "a,b,y\n1,0.5,0\n2,-1.5,0\n3,2e3,1\n"
ROWS = "Row 1 is the first below the header."
ROLES = "Correct the column, name another one, or remove the key."
CELLS = "Correct the cells, or leave columns out with dataset.drop."
TARGET = "Correct the target column, or name another in dataset.target."
HEADER = "Correct the names in the config and dataset.separator, or the header line."


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Write text to a file and load it; the working directory is the file's, so messages name it without a folder."""
    monkeypatch.chdir(tmp_path)

    def load(text, *, name="t.csv", target="y", roles=None, **section):
        data = text if isinstance(text, bytes) else text.encode()
        Path(name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return load_dataset(TableDataset(kind="table", path=Path(name), target=target, **section), roles)

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
        ([" b", "a", "a"], None, ("a", " b"), "str"),
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
    assert message(text, name=name) == (
        f"{name} is not UTF-8 text (line 5, byte 0xff).\n"
        "Save it again as CSV in UTF-8, or name its encoding in dataset.encoding, such as latin-1."
    )


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
        "t.csv, line 5: a quote opens in this row and is never closed.\n"
        "Close it; a quote that is part of a quoted cell is written twice."
    )


def test_quote_that_is_never_closed_in_the_last_cell_is_refused(message):
    assert message('a,y\n1,0\n2,"1\n') == (
        "t.csv, line 3: a quote opens in this row and is never closed.\n"
        "Close it; a quote that is part of a quoted cell is written twice."
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
    text = "a,b,c,d,w,y\n1,x,,inf,1,0\n2,3,NA,1,0,1\n3,4,5,-1e39,2,2\n4,maybe,5,2,1,\n"
    assert message(text, columns={"b": "numeric"}, weight="w") == (
        "t.csv has 4 problems\n"
        "\n"
        '  target "y"       1 row without a label, the first in row 4; fill in, or set dataset.unlabeled: drop\n'
        '  "b"              2 cells are not a number ("x" in row 1); correct the kind in dataset.columns, or name such '
        "cells in dataset.missing\n"
        '  "d"              2 cells infinite or beyond 1.7e+38, the first "inf" in row 1; correct them or name them in '
        "dataset.missing\n"
        '  dataset.weight   column "w" must hold a number above 0, got "0" in row 2\n'
        "\n"
        f"{TARGET}\n{CELLS}\n{ROLES}\n{ROWS}"
    )


def test_numbers_with_a_few_words_among_them_are_refused_with_advice(message):
    rows = "".join(f"{row}.5,{row % 2}\n" for row in range(40))
    assert message(f"a,y\n{rows}unknown,1\nn.d.,0\n") == (
        "t.csv has 1 problem\n"
        "\n"
        '  "a"   40 numbers and 2 cells that are none ("unknown", "n.d."; first in row 41); add those to '
        "dataset.missing, whose list replaces the default one, or say what the column is in dataset.columns\n"
        "\n"
        f"{CELLS}\n{ROWS}"
    )


def test_such_words_may_be_named_as_missing_or_the_column_as_one_of_categories(load):
    text = "a,y\n" + "".join(f"{row}.5,{row % 2}\n" for row in range(40)) + "unknown,1\n"
    numbers = load(text, missing=["unknown"])
    assert numbers.columns == (Column(name="a"),)
    assert np.isnan(numbers.X[40, 0])
    assert load(text, columns={"a": "categorical"}).columns[0].kind == "categorical"


def test_categories_dates_texts_and_missing_cells_are_columns_like_others(load):
    words = ["red", "blue", "red", ""] * 6
    notes = [f"{word} number {row} of all" for row, word in enumerate(words)]
    lines = [
        f"{row % 7}.5,{word},{note},2020-01-{row + 1:02d},{'yes' if row % 2 else 'no'},{row % 3 // 2}"
        for row, (word, note) in enumerate(zip(words, notes, strict=True))
    ]
    dataset = load("n,c,t,d,b,y\n" + "\n".join(lines) + "\n")
    assert [column.kind for column in dataset.columns] == [
        "numeric",
        "categorical",
        "text",
        *["numeric"] * 5,
        "boolean",
    ]
    assert [spec.kind for spec in dataset.specs] == ["numeric", "categorical", "text", "date", "boolean"]
    assert dataset.columns[1].levels == ("blue", "red")
    np.testing.assert_array_equal(dataset.X[:4, 1], [1, 0, 1, np.nan])
    assert dataset.columns[2].levels == tuple(sorted(note.strip() for note in notes))
    np.testing.assert_array_equal(dataset.X[:, 3] - dataset.X[0, 3], np.arange(24))
    np.testing.assert_array_equal(dataset.X[:, -1], np.arange(24) % 2)
    assert dataset.left_out == ()


def test_columns_of_which_a_model_learns_nothing_are_left_out_with_the_reason(load):
    rows = "".join(f"{row},{row % 5}.5,x,n{row * 7},{row % 2}\n" for row in range(30))
    dataset = load(f"id,a,same,name,y\n{rows}", drop=[])
    assert dataset.feature_names == ("a",)
    assert dataset.left_out == (
        ("id", "id: 30 distinct whole numbers in row order"),
        ("same", 'constant: every cell is "x"'),
        ("name", 'id: 30 distinct words in 30 cells, such as "n0"'),
    )
    kept = load(f"id,a,same,name,y\n{rows}", columns={"id": "numeric", "a": "drop", "name": "categorical"})
    assert kept.feature_names == ("id", "name")
    assert kept.left_out[0] == ("a", "drop: left out in dataset.columns")


def test_a_table_of_which_no_feature_is_left_is_refused(message):
    rows = "".join(f"{row},x,{row % 2}\n" for row in range(30))
    assert message(f"id,same,y\n{rows}") == (
        "t.csv has 1 problem\n"
        "\n"
        '  features   none is left: "id" (id: 30 distinct whole numbers in row order), "same" (constant: every cell is '
        '"x"); say what a column is in dataset.columns\n'
        "\n"
        f"{CELLS}\n{ROWS}"
    )


def test_spellings_of_missing_cells_are_those_of_the_config(load):
    text = "a,c,y\n-999,none,0\n2,u,1\n ,v,0\n4,?,1\n"
    dataset = load(text, missing=["-999", "none"])
    np.testing.assert_array_equal(dataset.X[:, 0], [np.nan, 2, np.nan, 4])
    assert dataset.columns[1].levels == ("?", "u", "v")


def test_decimal_commas_are_read(load):
    dataset = load("a;y\n1,5;0\n-2,25;1\n3;1\n", separator=";", decimal=",")
    assert dataset.X[:, 0].tolist() == [1.5, -2.25, 3]


@pytest.mark.parametrize(
    ("labels", "classes", "label_type", "y"),
    [
        ("012", ("0", "1", "2"), "int", [0, 1, 2]),
        ("cab", ("a", "b", "c"), "str", [2, 0, 1]),
        (["10", "9", "2"], ("2", "9", "10"), "int", [2, 1, 0]),
    ],
)
def test_more_classes_make_a_table_of_many_classes(load, labels, classes, label_type, y):
    dataset = load("a,y\n" + "".join(f"{row},{label}\n" for row, label in enumerate(labels)))
    assert (dataset.task, dataset.classes, dataset.label_type) == ("multiclass", classes, label_type)
    assert dataset.y.tolist() == y
    assert dataset.class_counts == (1, 1, 1)


def test_several_targets_make_a_table_of_many_labels(load):
    text = "a,u,v,w\n1,yes,1,red\n2,no,0,blue\n3,yes,0,blue\n4,yes,0,blue\n"
    dataset = load(text, target=["u", "v", "w"])
    assert (dataset.task, dataset.target, dataset.classes, dataset.label_type) == (
        "multilabel", "u, v, w", ("u", "v", "w"), "str",
    )  # fmt: skip
    assert dataset.y.tolist() == [[1, 1, 1], [0, 0, 0], [1, 0, 0], [1, 0, 0]]
    assert dataset.class_counts == (3, 1, 1)
    assert dataset.feature_names == ("a",)


def test_everything_wrong_with_several_targets_is_in_one_message(message):
    assert message("a,u,v,w\n1,x,1,\n2,y,1,0\n3,z,1,1\n", target=["u", "v", "w"]) == (
        "t.csv has 3 problems\n"
        "\n"
        '  target "u"   3 classes ("x", "y", "z"); a label has two\n'
        '  target "v"   one class only, "1"; two are expected, so add rows of another class\n'
        '  target "w"   1 row without a label, the first in row 1; fill in, or set dataset.unlabeled: drop\n'
        "\n"
        f"{TARGET}\n{ROWS}"
    )


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ("000", 'one class only, "0"; two are expected, so add rows of another class'),
        (["1", "NA", "NA"], "2 rows without a label, the first in row 2; fill in, or set dataset.unlabeled: drop"),
        (["a", "b", "None"], "1 row without a label, the first in row 3; fill in, or set dataset.unlabeled: drop"),
        (["a", "  ", "b"], "1 row without a label, the first in row 2; fill in, or set dataset.unlabeled: drop"),
        (["a", "?", "a"], "1 row without a label, the first in row 2; fill in, or set dataset.unlabeled: drop"),
        (
            [f"{row}.5" for row in range(21)],
            '21 distinct values in 21 rows ("0.5", "1.5", "2.5", "3.5", "4.5" and 16 more); at most 100 classes are '
            "expected, so this is a number to predict or an id: name a column of classes, or join its values into "
            "classes",
        ),
    ],
)
def test_target_without_classes_is_refused(message, labels, problem):
    text = "a,y\n" + "".join(f"{row % 2},{label}\n" for row, label in enumerate(labels))
    assert message(text) == f't.csv has 1 problem\n\n  target "y"   {problem}\n\n{TARGET}\n{ROWS}'


def test_positive_class_of_many_is_refused(message):
    assert message("a,y\n1,u\n2,v\n3,w\n", positive="v") == (
        "t.csv has 1 problem\n"
        "\n"
        '  target "y"   3 classes ("u", "v", "w"), but dataset.positive is "v", which goes with two; remove it for a '
        "weight of each class\n"
        "\n"
        f"{TARGET}\n{ROWS}"
    )


def test_columns_of_weight_group_time_and_fold_are_no_features(load):
    text = "a,w,g,t,f,y\n1,0.5,x,2020-01-02,10,0\n2,2,y,2020-01-01,2,1\n2,1,x,2020-01-03,2,1\n"
    dataset = load(text, weight="w", roles=Roles(group="g", time="t", fold="f"))
    assert dataset.feature_names == ("a",)
    assert dataset.sample_weight.tolist() == [0.5, 2, 1]
    assert dataset.group.tolist() == [0, 1, 0]
    assert dataset.time.tolist() == [18263, 18262, 18264]
    assert dataset.fold.tolist() == [1, 0, 0]  # 2 comes before 10


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (["3", "1.5", "2"], [3, 1.5, 2]),
        (["1.1.2020", "1.1.2020", "1.1.2020"], [18262, 18262, 18262]),
        (["5", "5", "5"], [5, 5, 5]),
        (["2020-01-01 12:00", "2019-12-31 00:00", "2020-01-01 00:00"], [18262.5, 18261, 18262]),
    ],
)
def test_times_are_numbers_or_days(load, times, expected):
    lines = "".join(f"{row % 2}.5,{time},{row % 2}\n" for row, time in enumerate(times))
    assert load(f"a,t,y\n{lines}", roles=Roles(time="t")).time.tolist() == expected


def test_groups_of_equal_rows_need_no_column(load):
    dataset = load("a,b,y\n1,,0\n2,x,1\n1,,1\n", roles=Roles(group="duplicates"))
    assert dataset.group.tolist() == [0, 1, 0]
    named = load("a,duplicates,y\n1,v,0\n2,v,1\n1,u,1\n", roles=Roles(group="duplicates"))
    assert named.group.tolist() == [1, 1, 0]
    assert named.feature_names == ("a",)


@pytest.mark.parametrize(
    ("cells", "key", "expected", "found"),
    [
        (["1", "x", "1"], "weight", "a number above 0", '"x" in row 2'),
        (["1", "-1", "1"], "weight", "a number above 0", '"-1" in row 2'),
        (["1", "1", ""], "weight", "a number above 0", "nothing in row 3"),
        (["1e-50", "1", "1"], "weight", "a number above 0", '"1e-50" in row 1'),
        (["1", "1e39", "1"], "weight", "a number above 0", '"1e39" in row 2'),
        (["a", "?", "b"], "group", "a value in every row", "nothing in row 2"),
        (["0", "1", ""], "fold", "a value in every row", "nothing in row 3"),
        (["1", "", "2"], "time", "a value in every row", "nothing in row 2"),
        (["2020-01-01", "2020-01-02", "later"], "time", "dates of one form, or numbers", '"later" in row 3'),
        (["1", "2", "2020-01-01"], "time", "dates of one form, or numbers", '"2020-01-01" in row 3'),
        (["soon", "2", "3"], "time", "dates of one form, or numbers", '"soon" in row 1'),
    ],
)
def test_cells_that_no_weight_group_time_or_fold_can_be_are_refused(message, cells, key, expected, found):
    text = "a,s,y\n" + "".join(f"{row}.5,{cell},{row % 2}\n" for row, cell in enumerate(cells))
    options = {"weight": "s"} if key == "weight" else {"roles": Roles(**{key: "s"})}
    where = "dataset.weight" if key == "weight" else f"cv.{key}"
    assert message(text, **options) == (
        f't.csv has 1 problem\n\n  {where}   column "s" must hold {expected}, got {found}\n\n{ROLES}\n{ROWS}'
    )


def test_time_that_is_not_finite_is_refused(message):
    text = message("a,s,y\n1.5,2,0\n2.5,inf,1\n3.5,4,0\n", roles=Roles(time="s"))
    assert 'must hold dates of one form, or numbers, got "inf" in row 2' in text


def test_labels_that_differ_by_spaces_only_are_refused(message):
    text = message("a,y\n1,p\n2, p\n3,q\n4,q\n")
    assert 'classes that differ by spaces around them only (" p", "p"); take these out of the file' in text


def test_column_named_as_a_part_of_a_date_is_refused(message):
    rows = "".join(f"2024-01-{day:02d},{day * 7 % 5},{day % 2}\n" for day in range(1, 20))
    text = message(f"d,d: days,y\n{rows}")
    assert '"d: days"   the date "d" makes a column of this name, too; rename one' in text


def test_unknown_and_double_roles_are_in_one_message(message):
    text = message("age,when,y\n1,2,0\n", weight="wait", columns={"agee": "text"}, roles=Roles(group="y", time="wen"))
    assert text == (
        "t.csv has 4 problems\n"
        "\n"
        '  dataset.columns   no column "agee"; did you mean "age"?\n'
        '  dataset.weight    no column "wait"; the header has 3: "age", "when", "y"\n'
        '  cv.time           no column "wen"; did you mean "when"?\n'
        '  cv.group          "y" is the target, too\n'
        "\n" + HEADER
    )


def test_a_parquet_file_is_read_as_its_text_would_be(tmp_path, load):
    frame = pd.DataFrame({
        "n": [1.5, None, 2.0] * 4,
        "b": pd.array([True, None, False] * 4, "boolean"),
        "c": pd.Categorical(["x", None, "y"] * 4),
        "d": pd.date_range("2020-01-01", periods=12),
        "y": [0, 1, 1] * 4,
    })  # fmt: skip
    frame.to_parquet(tmp_path / "p.parquet")
    native = load_dataset(TableDataset(kind="table", path=tmp_path / "p.parquet", target="y"))
    text = load(frame.to_csv(index=False))
    np.testing.assert_array_equal(native.X, text.X)
    assert (native.columns, native.classes, native.label_type) == (text.columns, text.classes, text.label_type)
    assert native.sha256 == text.sha256


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


REAL_TABLES = [
    "mammography", "oil_spill", "phoneme", "german_credit", "adult", "give_me_some_credit", "sick", "stroke", "car",
    "glass", "page_blocks", "ann_thyroid", "sms_spam", "covtype_10k", "htru2", "nursery", "hypothyroid",
    "keel_glass1", "keel_ecoli1", "keel_yeast_2_vs_4", "keel_yeast5", "keel_glass_0_1_4_6_vs_2", "keel_yeast6",
    "zenodo_us_crime", "zenodo_letter_img", "zenodo_abalone_19",
]  # fmt: skip


@pytest.fixture(scope="module")
def manifest(shared_data):
    """What is known of every real table, by name."""
    return {table["name"]: table for table in json.loads((shared_data / "manifest.json").read_text())}


def test_every_real_table_is_read(manifest):
    assert list(manifest) == REAL_TABLES


@pytest.mark.parametrize("name", REAL_TABLES)
def test_real_tables_have_the_published_rows_classes_missing_cells_and_kinds(shared_data, manifest, name):
    table = manifest[name]
    section = TableDataset(kind="table", path=shared_data / table["file"], target=table["target"], drop=table["drop"])
    opened = open_table(section, Roles())
    dataset = load_dataset(section)
    assert len(dataset.X) == table["rows"]
    assert dict(zip(dataset.classes, dataset.class_counts, strict=True)) == table["class_counts"]
    assert dataset.task == ("binary" if table["n_classes"] == 2 else "multiclass")
    assert len(opened.specs) == table["features"]
    assert sum(spec.n_missing for spec in opened.specs) == table["missing_cells"]
    kinds = {spec.name: spec.kind for spec in opened.specs}
    words = {column for column, kind in kinds.items() if kind in ("categorical", "boolean", "text")}
    constant = {column for column, kind in kinds.items() if kind == "constant"}
    assert words - constant == set(table["categorical_cols"]) - constant
    assert not set(kinds.values()) & {"id", "date"}
    if dataset.task == "binary":
        assert round(dataset.imbalance_ratio, 2) == table["IR"]


def test_rows_without_a_label_may_be_left_out_and_are_counted(load):
    text = "a,w,y\n1,1,0\n2,1,\n3,1,1\n4,1, NA \n5,1,0\n"
    dataset = load(text, unlabeled="drop", drop=["w"])
    assert dataset.X[:, 0].tolist() == [1, 3, 5]
    assert dataset.y.tolist() == [0, 1, 0]
    assert dataset.n_unlabeled == 2
    assert load("a,y\n1,0\n2,1\n4,0\n", unlabeled="drop").n_unlabeled == 0


def test_row_that_lacks_one_of_several_labels_is_left_out(load):
    dataset = load("a,u,v,y\n1,0,1,x\n2,1,,x\n3,,0,x\n5,1,0,x\n", target=["u", "v"], unlabeled="drop", drop=["y"])
    assert dataset.X[:, 0].tolist() == [1, 5]
    assert dataset.y.tolist() == [[0, 1], [1, 0]]


def test_rows_are_counted_without_those_left_out_in_messages(message):
    text = message("a,y\n1,\nx,0\n2,1\n", unlabeled="drop", columns={"a": "numeric"})
    assert '1 cell is not a number ("x" in row 1)' in text
    assert text.endswith("Row 1 is the first below the header, rows without a label left out.")
    assert message("a,y\n1,\n2,?\n", unlabeled="drop") == f't.csv: no row has a label in "y".\n{TARGET}'
