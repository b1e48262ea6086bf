"""Cells to features, each of one cell alone."""

import numpy as np
import pytest

from tuner.data.dataset import Column
from tuner.data.features import Cells, Feature, make_features

NAN = float("nan")
COLUMNS = (
    Column(name="n"),
    Column(name="b", kind="boolean"),
    Column(name="c", kind="categorical", levels=("x", "y", "z")),
    Column(name="t", kind="text", levels=("a b", "b b")),
)
X = np.array([[1.5, 1, 0, 0], [NAN, 0, 2, 1], [-2, NAN, NAN, NAN]], np.float32)


def make(*features):
    return make_features(Cells(X, COLUMNS, 1), features).T.tolist()


def test_a_value_is_the_cell():
    np.testing.assert_array_equal(make(Feature(column="n", kind="value")), [[1.5, NAN, -2]])
    np.testing.assert_array_equal(make(Feature(column="b", kind="value")), [[1, 0, NAN]])


def test_an_indicator_says_where_a_cell_is_missing():
    assert make(*(Feature(column=name, kind="missing") for name in "nbct")) == [
        [0, 1, 0],
        [0, 0, 1],
        [0, 0, 1],
        [0, 0, 1],
    ]


def test_a_category_is_1_in_its_own_rows_and_no_category_is_1_in_the_row_of_another():
    known = [Feature(column="c", kind="level", text=text) for text in ("z", "x", "unseen")]
    assert make(*known) == [[0, 1, 0], [1, 0, 0], [0, 0, 0]]


def test_a_term_has_its_share_of_the_text():
    known = [Feature(column="t", kind="term", text=text) for text in ("b", "unseen", "a")]
    np.testing.assert_allclose(make(*known), [[0.5**0.5, 1, 0], [0, 0, 0], [0.5**0.5, 0, 0]], rtol=1e-6)


def test_features_may_come_in_any_order_and_of_several_columns():
    features = [
        Feature(column="t", kind="term", text="a"),
        Feature(column="c", kind="level", text="y"),
        Feature(column="n", kind="value"),
    ]
    whole = make(*features)
    for place, feature in enumerate(features):
        np.testing.assert_array_equal(whole[place], make(feature)[0])


def test_a_table_of_values_is_not_copied():
    numbers = np.ascontiguousarray(X[:, :2])
    features = [Feature(column=column.name, kind="value") for column in COLUMNS[:2]]
    assert make_features(Cells(numbers, COLUMNS[:2], 1), features) is numbers


def test_a_feature_of_a_column_that_is_not_there_is_an_error():
    with pytest.raises(KeyError, match="absent"):
        make(Feature(column="absent", kind="value"))


@pytest.mark.parametrize(
    ("kind", "name"), [("value", "n"), ("missing", "n is missing"), ("level", "n = x"), ("term", "n: x")]
)
def test_names_are_for_people(kind, name):
    assert Feature(column="n", kind=kind, text="x").name == name
