"""What is said of columns, and of which nothing is."""

from dataclasses import replace

import numpy as np
import pytest
from check_tables import N_ROWS, found, table

from tuner.config.cv import Holdout, KFold
from tuner.data.dataset import Column
from tuner.data.finding import Finding
from tuner.data.kinds import ColumnSpec

Y = np.arange(N_ROWS) % 5 == 0
RNG = np.random.default_rng(3)


def spec(name, kind):
    return ColumnSpec(name=name, kind=kind, evidence="seen")


def test_columns_left_out_are_listed_with_how_to_keep_them():
    left_out = (
        ("no", "id: 200 distinct whole numbers in row order"),
        ("code", 'id: 200 distinct words in 200 cells, such as "a"'),
        ("one", "constant: every cell is 1"),
        ("gone", "drop: left out in dataset.columns"),
    )
    assert found(table(more={"left_out": left_out})) == [
        Finding(
            level="info",
            subject="left out as ids",
            evidence='"no" (200 distinct whole numbers in row order), '
            '"code" (200 distinct words in 200 cells, such as "a")',
            advice="To keep one that describes rows, say what it is in dataset.columns, as no: numeric.",
        ),
        Finding(
            level="info",
            subject="left out as constant",
            evidence='"one" (every cell is 1)',
            advice="They cannot help a model; to keep one, say what it is in dataset.columns, as one: numeric.",
        ),
    ]


def test_words_left_out_are_kept_as_categories():
    (finding,) = found(table(more={"left_out": (("code", 'id: 200 distinct words in 200 cells, such as "a"'),)}))
    assert finding.advice.endswith("as code: categorical.")


@pytest.mark.parametrize(("start", "step"), [(1, 1), (500, -2)])
def test_whole_numbers_in_row_order_look_like_an_id(start, step):
    ids = start + step * np.arange(N_ROWS)
    assert found(table(key=ids)) == [
        Finding(
            level="warning",
            subject='column "key" looks like a row number or id',
            evidence=f"200 distinct whole numbers in row order, from {start} to {ids[-1]}",
            advice="If it identifies rows and does not describe them, name it in dataset.drop.",
        )
    ]


@pytest.mark.parametrize(
    "column",
    [
        np.arange(N_ROWS) + 0.5,
        np.arange(N_ROWS) // 2,
        np.random.default_rng(0).permutation(N_ROWS),
        np.where(np.arange(N_ROWS) == 150, np.nan, np.arange(N_ROWS)),
        np.r_[np.arange(150), np.arange(100, 150)],
    ],
    ids=["fractions", "repeats", "unordered", "a gap", "falls back late"],
)
def test_other_columns_do_not_look_like_an_id(column):
    assert found(table(column=column)) == []


def test_days_of_a_sorted_date_are_no_row_number():
    dataset = table(more={"specs": (spec("when", "date"),)}, **{"when: days": np.arange(N_ROWS)})
    assert [one.subject for one in found(dataset)] == ["dates, and folds that mix past and future"]


def test_constant_columns_are_found_and_come_after_warnings():
    findings = found(table(one=np.ones(N_ROWS), key=np.arange(N_ROWS), two=np.full(N_ROWS, 2)))
    assert [finding.level for finding in findings] == ["warning", "info"]
    assert findings[1] == Finding(
        level="info",
        subject="constant columns",
        evidence='"one", "two"',
        advice="They cannot help a model; name them in dataset.drop to save time.",
    )


def test_column_that_is_empty_or_one_value_is_not_constant():
    column = np.where(RNG.random(N_ROWS) < 0.3, np.nan, 1.0)
    assert found(table(column=column)) == []


def test_columns_that_are_mostly_empty_are_found_most_empty_first():
    rng = np.random.default_rng(1)
    order = rng.permutation(N_ROWS)
    half, most, nearly = (np.where(order < n, np.nan, rng.normal(size=N_ROWS)) for n in (100, 101, 190))
    assert found(table(half=half, most=most, nearly=nearly)) == [
        Finding(
            level="warning",
            subject="columns that are mostly empty",
            evidence='cells without a value: "nearly" (95 %), "most" (50.5 %)',
            advice="Name them in dataset.drop, unless an empty cell itself says something: that is a feature, too.",
        )
    ]


def test_missing_cells_that_differ_between_classes_are_mentioned():
    rng = np.random.default_rng(1)
    column = np.where(rng.random(N_ROWS) < np.where(Y, 0.7, 0.05), np.nan, rng.normal(size=N_ROWS))
    share = [100 * np.isnan(column)[flag == Y].mean() for flag in (True, False)]
    assert found(table(column=column)) == [
        Finding(
            level="info",
            subject="missing cells differ between classes",
            evidence=f'"column" (missing in {share[0]:.3g} % of rows of class "yes", in {share[1]:.3g} % of the others)',
            advice="Whether a cell is missing is a feature; make sure that it is known before the outcome is.",
        )
    ]


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_the_class_or_label_that_lacks_most_cells_is_named(task):
    rng = np.random.default_rng(1)
    classes = np.arange(600) % 3
    y = classes if task == "multiclass" else (classes[:, None] == np.arange(3)).astype(int)
    column = np.where(rng.random(600) < np.where(classes == 2, 0.5, 0.02), np.nan, rng.normal(size=600))
    (finding,) = found(table(y=y, classes=("p", "q", "r"), task=task, column=column))
    which = 'of class "r"' if task == "multiclass" else 'with label "r"'
    assert finding.subject == "missing cells differ between classes"
    assert f"% of rows {which}, in " in finding.evidence


@pytest.mark.parametrize("rate", [np.full(N_ROWS, 0.3), np.where(Y, 0.35, 0.2)], ids=["at random", "a little"])
def test_missing_cells_that_hardly_differ_are_not_mentioned(rate):
    rng = np.random.default_rng(1)
    assert found(table(column=np.where(rng.random(N_ROWS) < rate, np.nan, rng.normal(size=N_ROWS)))) == []


def test_parts_of_a_date_are_spoken_of_once_by_its_name():
    rng = np.random.default_rng(1)
    gaps = rng.permutation(N_ROWS) < 150
    parts = {f"when: {part}": np.where(gaps, np.nan, rng.normal(size=N_ROWS)) for part in ("days", "hour sin")}
    findings = found(table(more={"specs": (spec("when", "date"),)}, **parts), KFold(n_repeats=1))
    assert [one.evidence for one in findings] == ['cells without a value: "when" (75 %)', '"when"']


def test_copies_of_columns_are_found():
    values = np.where(RNG.random(N_ROWS) < 0.2, np.nan, RNG.normal(size=N_ROWS))
    words = ["x" if value > 0 else "y" for value in RNG.normal(size=N_ROWS)]
    findings = found(table(first=values, word=words, again=values, third=values, words=words, near=values + 1))
    assert findings == [
        Finding(
            level="info",
            subject="columns that repeat others",
            evidence='"again" repeats "first", "third" repeats "first", "words" repeats "word"',
            advice="One of each is enough: name the others in dataset.drop to save time.",
        )
    ]


def test_category_whose_numbers_are_a_columns_values_is_no_copy():
    flags = RNG.random(N_ROWS) < 0.5
    assert found(table(word=["no" if flag else "yes" for flag in ~flags], number=flags)) == []


@pytest.mark.parametrize(
    ("section", "more", "is_mentioned"),
    [
        (KFold(n_repeats=1), {}, True),
        (KFold(time="when", n_repeats=1), {"time": np.arange(N_ROWS, dtype=float)}, False),
        (KFold(group="who", n_repeats=1), {"group": np.arange(N_ROWS) // 2}, False),
        (Holdout(kind="holdout", n_train=100), {}, False),
    ],
    ids=["mixed", "ordered", "grouped", "holdout"],
)
def test_dates_are_mentioned_where_folds_mix_past_and_future(section, more, is_mentioned):
    dataset = table(more={"specs": (spec("when", "date"), spec("a", "numeric")), **more})
    expected = Finding(
        level="info",
        subject="dates, and folds that mix past and future",
        evidence='"when"',
        advice="If the future is predicted from the past, set cv.time: when.",
    )
    dates = [one for one in found(dataset, section) if "date" in one.subject]
    assert dates == ([expected] if is_mentioned else [])


NUMBERS = RNG.permutation(np.arange(N_ROWS) // 4)


@pytest.mark.parametrize("name", ["patient", "customer_id", "Account No", "user-number", "visit.id"])
@pytest.mark.parametrize("as_text", [False, True])
def test_owners_of_several_rows_are_mentioned(name, as_text):
    values = [f"P{n}" for n in NUMBERS] if as_text else NUMBERS
    assert found(table(**{name: values})) == [
        Finding(
            level="info",
            subject=f'column "{name}" may say which rows belong together',
            evidence="50 values, 4.0 rows of each on average",
            advice=f"If rows of one value are alike and new rows have new values, set cv.group: {name}.",
        )
    ]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("amount", NUMBERS),
        ("patients_age", NUMBERS),
        ("patient", NUMBERS % 10),
        ("patient", RNG.permutation(N_ROWS) + 3),
        ("patient", RNG.normal(size=N_ROWS)),
    ],
    ids=["another name", "a name that only begins so", "few values", "a value for each row", "fractions"],
)
def test_other_columns_are_no_owners(name, values):
    assert found(table(**{name: values})) == []


def test_owners_are_not_mentioned_where_groups_decide():
    assert found(table(patient=NUMBERS, more={"group": NUMBERS}), KFold(group="x", n_repeats=1)) == []


def test_boolean_columns_are_never_ids():
    dataset = table(flag=np.arange(N_ROWS) % 2 == 0)
    assert dataset.columns[-1] == Column(name="flag", kind="boolean")
    assert found(replace(dataset)) == []
