"""What a column is, and the words that say why."""

import datetime as dt

import pyarrow as pa
import pytest

from tuner.config.dataset import MISSING
from tuner.data.kinds import ColumnSpec, Unreadable, infer, unreadable_cells
from tuner.data.reading import FALSE_WORDS, TRUE_WORDS, cleaned


def read(*values, name="a", given=None, kind=None, decimal="."):
    cells = pa.chunked_array([pa.array(list(values), kind or pa.string())])
    return infer(name, cleaned(cells, MISSING, decimal=decimal), given=given)


def seen(*values, **options):
    """Return kind and evidence, and check what is the same for every inference."""
    spec = read(*values, **options)
    assert isinstance(spec, ColumnSpec), spec
    assert (spec.name, spec.is_given) == (options.get("name", "a"), options.get("given") is not None)
    return spec.kind, spec.evidence


def words(count, *, length=1, letters=5):
    """Distinct texts of `length` words, of which no two are alike."""
    return [
        " ".join(f"{'abcdefghij'[(row + word) % 10] * letters}{row}" for word in range(length)) for row in range(count)
    ]


@pytest.mark.parametrize(
    ("cells", "evidence"),
    [
        (["1.5", "2", "-3e2"], "numbers from -300 to 2"),
        (["+1", "-1", "+2.5"], "numbers from -1 to 2.5"),
        (["1", "2", "2"], "2 distinct whole numbers from 1 to 2"),
        (["1.0", "2.0", "2"], "2 distinct whole numbers from 1 to 2"),
        (["0", "1000", "2"], "whole numbers from 0 to 1000"),
        ([*map(str, range(0, 63, 3)), "3"], "whole numbers from 0 to 60"),
        (["1", "?", " NA ", "2"], "2 distinct whole numbers from 1 to 2, 2 cells missing"),
        (["1.5", "1.50", ""], "only 1.5, 1 cell missing"),
        (["1e400", "1"], "numbers from 1 to inf"),
    ],
)
def test_a_column_is_numeric_where_every_cell_is_a_number(cells, evidence):
    assert seen(*cells) == ("numeric", evidence)


def test_decimal_commas_make_numbers():
    assert seen("1,5", "2,25", decimal=",") == ("numeric", "numbers from 1.5 to 2.25")


@pytest.mark.parametrize("cells", [["1,5", "2,25"], ["1", "1,5", "?"], ["1,000", "1,5"], ["-1,5e3", "+0,1"]])
def test_decimal_commas_that_the_config_does_not_name_are_refused(cells):
    first = next(cell for cell in cells if "," in cell)
    problem = f'numbers with a comma before the decimals, such as "{first}": set dataset.decimal to a comma'
    assert read(*cells) == Unreadable(name="a", problem=problem)


@pytest.mark.parametrize(
    "cells", [["1,000", "2,500"], ["5 %", "10%"], ["$5", "7"], ["1 000", "20"], ["3.50 €", "-2 €"]]
)
def test_numbers_in_another_dress_are_refused(cells):
    assert read(*cells, "") == Unreadable(
        name="a",
        problem=f'numbers with separators, units or signs, such as "{cells[0]}": take them out of the file, or say what '
        "the column is in dataset.columns",
    )
    assert seen(*cells, given="categorical") == ("categorical", "given in dataset.columns")


@pytest.mark.parametrize("cells", [["1-5", "6-9"], ["5 kg", "7 kg"], ["a1", "1,5"], ["1.2.3", "1.2.4"]])
def test_words_with_digits_are_categories(cells):
    assert seen(*cells)[0] == "categorical"


@pytest.mark.parametrize(
    ("cells", "evidence"),
    [
        (["5", "5.0"], "every cell is 5"),
        (["x", "x"], 'every cell is "x"'),
        (["", "?"], "no cell holds a value"),
        (["yes", "yes"], 'every cell is "yes"'),
        (["2020-01-01", "2020-01-01"], 'every cell is "2020-01-01"'),
    ],
)
def test_a_column_of_one_value_is_constant(cells, evidence):
    assert seen(*cells) == ("constant", evidence)


def test_a_native_column_of_one_value_is_constant():
    assert seen(True, True, kind=pa.bool_()) == ("constant", "every cell is True")
    moment = dt.datetime(2020, 2, 29, 13)
    assert seen(moment, moment, kind=pa.timestamp("us")) == ("constant", "every cell is 2020-02-29 13:00:00")
    assert seen(None, None, kind=pa.int64()) == ("constant", "no cell holds a value")


def test_one_value_and_missing_cells_are_no_constant():
    assert seen("x", "") == ("categorical", '1 category: "x", 1 cell missing')
    assert seen("5", "5", "") == ("numeric", "only 5, 1 cell missing")
    assert seen(True, None, kind=pa.bool_()) == ("boolean", "only True, 1 cell missing")
    assert seen("2020-01-01", "") == ("date", "dates from 2020-01-01 to 2020-01-01, 1 cell missing")


@pytest.mark.parametrize(("true", "false"), list(zip(TRUE_WORDS, FALSE_WORDS, strict=True)))
def test_a_column_of_two_opposite_words_is_boolean(true, false):
    assert seen(true, false, true) == ("boolean", f"only {false} and {true}")
    assert seen(true.upper(), false.upper(), "") == (
        "boolean",
        f"only {false.upper()} and {true.upper()}, 1 cell missing",
    )


@pytest.mark.parametrize("pair", [("yes", "false"), ("t", "n"), ("yes", "y"), ("on", "0"), ("true", "1")])
def test_words_that_are_no_opposites_are_categories(pair):
    assert seen(*pair)[0] == "categorical"


def test_native_truth_values_are_boolean():
    assert seen(True, False, None, kind=pa.bool_()) == ("boolean", "only False and True, 1 cell missing")


@pytest.mark.parametrize("rows", [range(30), range(5, 65, 2), range(30, 0, -1)])
def test_whole_numbers_in_row_order_are_ids(rows):
    assert seen(*map(str, rows)) == ("id", "30 distinct whole numbers in row order")
    assert seen(*rows, kind=pa.int64()) == ("id", "30 distinct whole numbers in row order")


def test_distinct_whole_numbers_without_a_gap_are_ids():
    assert seen(*(str(row * 7 % 30) for row in range(30))) == ("id", "30 distinct whole numbers without a gap")


@pytest.mark.parametrize(
    "name", ["id", "ID", "row_id", "customer-id", "customerId", "userID", "PK key", "Row_Number", "Index", "Unnamed: 0"]
)
def test_distinct_whole_numbers_under_the_name_of_an_id_are_ids(name):
    cells = [str(row * 7 % 30 * 3) for row in range(30)]
    assert seen(*cells, name=name) == ("id", "30 distinct whole numbers under the name of an id")


@pytest.mark.parametrize("name", ["a", "paid", "width", "grid", "idle", "ideal"])
def test_distinct_whole_numbers_under_another_name_are_numbers(name):
    assert seen(*(str(row * 7 % 30 * 3) for row in range(30)), name=name) == ("numeric", "whole numbers from 0 to 87")


def test_repeated_few_or_missing_whole_numbers_are_no_ids_under_any_name():
    assert seen(*map(str, [*range(29), 28]), name="id")[0] == "numeric"
    assert seen(*map(str, range(19)), name="id") == ("numeric", "19 distinct whole numbers from 0 to 18")
    assert seen(*map(str, range(30)), "", name="id")[0] == "numeric"
    assert seen(*(f"{row}.5" for row in range(30)), name="id")[0] == "numeric"


def test_distinct_words_are_ids():
    cells = words(30)
    assert seen(*cells) == ("id", '30 distinct words in 30 cells, such as "aaaaa0"')
    assert seen(*cells, cells[0])[0] == "id"
    assert seen(*cells, cells[0], cells[1])[0] == "categorical"
    assert seen(*words(19))[0] == "categorical"


def test_texts_of_several_words_or_many_letters_are_text():
    assert seen(*words(30, length=3)) == ("text", "30 distinct texts of 3 words on average")
    assert seen(*words(30, letters=40), "?") == ("text", "30 distinct texts of 1 words on average, 1 cell missing")
    assert seen(*words(10, length=4))[0] == "text"


def test_few_long_texts_or_many_that_repeat_are_categories():
    assert seen(*words(9, length=4))[0] == "categorical"
    assert seen(*words(12, length=4) * 4)[0] == "categorical"
    assert seen(*words(12, length=4) * 3)[0] == "text"


@pytest.mark.parametrize(
    ("cells", "evidence"),
    [
        (["b", "a", "b"], '2 categories: "a", "b"'),
        (["d", "c", "b", "a"], '4 categories, such as "a", "b", "c"'),
        (["b", "1", "", "NULL"], '2 categories: "1", "b", 2 cells missing'),
        (["x" * 50, "y"], f'2 categories: "{"x" * 37}...", "y"'),
    ],
)
def test_other_words_are_categories(cells, evidence):
    assert seen(*cells) == ("categorical", evidence)


@pytest.mark.parametrize("cell", ["x", "NAN", "12 kg"])
def test_numbers_with_a_few_words_are_refused_with_advice(cell):
    bad = read(*map(str, range(5, 65)), cell, "?", "y")
    assert bad == Unreadable(
        name="a",
        problem=f'60 numbers and 2 cells that are none ("{cell}", "y"; first in row 61); '
        "add those to dataset.missing, whose list replaces the default one, or say what the column is in "
        "dataset.columns",
    )


def test_few_distinct_numbers_or_many_words_among_numbers_are_categories():
    assert seen(*map(str, [*range(20)] * 2), "x")[0] == "categorical"
    assert isinstance(read(*map(str, range(21)), "x"), Unreadable)
    assert isinstance(read(*map(str, range(21)), *"xyxx" * 20), Unreadable)
    assert seen(*map(str, range(21)), *"uvwxyz" * 3)[0] == "categorical"


def test_dates_are_found_in_the_format_that_all_of_them_have():
    spec = read("29.02.2020", "", "31.12.1999")
    assert (spec.kind, spec.format, spec.n_missing) == ("date", "%d.%m.%Y", 1)
    assert spec.evidence == "dates from 1999-12-31 to 2020-02-29, 1 cell missing"


def test_a_date_whose_day_and_month_could_be_either_is_read_month_first_and_says_so():
    spec = read("01/02/2020", "3/4/2021")
    assert (spec.format, spec.evidence) == (
        "%m/%d/%Y",
        "dates from 2020-01-02 to 2021-03-04, read month first; day first is as possible",
    )
    spec = read("01/02/2020 10:00", "3/4/2021 11:30")
    assert spec.format == "%m/%d/%Y %H:%M"
    assert spec.evidence.endswith(", read month first; day first is as possible")
    assert read("01/02/2020", "12/31/2020").evidence == "dates from 2020-01-02 to 2020-12-31"
    day_first = read("01/02/2020", "31/12/2020")
    assert (day_first.format, day_first.evidence) == ("%d/%m/%Y", "dates from 2020-02-01 to 2020-12-31")


def test_cells_that_are_dates_in_part_are_categories():
    assert seen("2020-01-01", "later")[0] == "categorical"
    assert seen("2020-01-01", "01.02.2020")[0] == "categorical"
    assert seen("2020-02-30", "2020-01-01")[0] == "categorical"
    assert seen("20200101", "20200201")[0] == "numeric"


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("s"), pa.timestamp("ns", tz="America/New_York")])
def test_native_dates_are_dates(kind):
    spec = read(dt.datetime(2020, 1, 2, 12), None, dt.datetime(2021, 3, 4, 12), kind=kind)
    assert (spec.kind, spec.evidence) == ("date", "dates from 2020-01-02 to 2021-03-04, 1 cell missing")
    assert spec.format == ("%Y-%m-%d" if kind == pa.date32() else None)


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint64(), pa.float32(), pa.float64()])
def test_native_numbers_are_numeric(kind):
    assert seen(1, 5, None, 5, kind=kind) == ("numeric", "2 distinct whole numbers from 1 to 5, 1 cell missing")


@pytest.mark.parametrize(
    ("given", "cells"),
    [
        ("categorical", ["1", "2", "2"]),
        ("categorical", ["5", "5"]),
        ("text", ["a", "b"]),
        ("boolean", ["1", "0.0"]),
        ("numeric", [*map(str, range(30))]),
        ("date", ["2020-01-01", "2020-01-01"]),
    ],
)
def test_the_config_decides_what_a_column_is(given, cells):
    assert seen(*cells, given=given) == (given, "given in dataset.columns")
    assert seen(*cells, "?", given=given) == (given, "given in dataset.columns, 1 cell missing")


def test_a_dropped_column_is_not_looked_at():
    assert seen("1", "x", given="drop") == ("drop", "left out in dataset.columns")


ADVICE = "correct the kind in dataset.columns, or name such cells in dataset.missing"


@pytest.mark.parametrize(
    ("given", "cells", "problem"),
    [
        ("numeric", ["1", "x", "y z"], '2 cells are not a number ("x" in row 2)'),
        ("numeric", ["1", "", "NAN"], '1 cell is not a number ("NAN" in row 3)'),
        ("boolean", ["yes", "maybe"], '1 cell is not true or false ("maybe" in row 2)'),
        ("boolean", ["0", "1", "2"], '1 cell is not true or false ("2" in row 3)'),
        ("date", ["2020-01-01", "later", "01.02.2020"], '2 cells are not a date ("later" in row 2)'),
        ("date", ["2020", "2021"], '2 cells are not a date ("2020" in row 1)'),
        ("numeric", ["x" * 50], f'1 cell is not a number ("{"x" * 37}..." in row 1)'),
    ],
)
def test_a_column_that_is_not_what_the_config_says_is_refused(given, cells, problem):
    assert read(*cells, given=given) == Unreadable(name="a", problem=f"{problem}; {ADVICE}")


@pytest.mark.parametrize(
    ("given", "kind", "value", "problem"),
    [
        (
            "numeric",
            pa.timestamp("us"),
            dt.datetime(2020, 1, 1),
            '1 cell is not a number ("2020-01-01 00:00:00" in row 1)',
        ),
        ("boolean", pa.date32(), dt.date(2020, 1, 1), '1 cell is not true or false ("2020-01-01" in row 1)'),
        ("boolean", pa.float64(), 0.5, '1 cell is not true or false ("0.5" in row 1)'),
        ("date", pa.int64(), 2020, '1 cell is not a date ("2020" in row 1)'),
        ("date", pa.bool_(), True, '1 cell is not a date ("True" in row 1)'),
    ],
)
def test_a_native_column_that_is_not_what_the_config_says_is_refused(given, kind, value, problem):
    assert read(value, None, given=given, kind=kind) == Unreadable(name="a", problem=f"{problem}; {ADVICE}")


@pytest.mark.parametrize(
    ("given", "kind", "value"),
    [
        ("numeric", pa.bool_(), True),
        ("boolean", pa.int64(), 1),
        ("categorical", pa.timestamp("us", tz="UTC"), dt.datetime(2020, 1, 1, tzinfo=dt.UTC)),
        ("categorical", pa.int64(), 7),
        ("text", pa.float64(), 0.5),
        ("date", pa.date32(), dt.date(2020, 1, 1)),
    ],
)
def test_the_config_decides_what_a_native_column_is(given, kind, value):
    assert seen(value, None, given=given, kind=kind) == (given, "given in dataset.columns, 1 cell missing")


def test_a_column_without_a_value_is_constant_whatever_kind_it_is_given():
    for given in ("numeric", "boolean", "categorical", "date", "text"):
        assert seen("", None, given=given) == ("constant", "no cell holds a value")


def test_no_cell_is_no_unreadable_cell():
    empty = pa.chunked_array([pa.array([], pa.string())])
    for kind in ("numeric", "boolean", "date", "categorical"):
        spec = ColumnSpec(name="a", kind=kind, evidence="", format="%Y-%m-%d")
        assert unreadable_cells(spec, empty) is None
