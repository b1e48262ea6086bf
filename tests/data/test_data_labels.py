"""A target column as numbered labels."""

import pandas as pd
import pytest

from tuner.data.labels import MAX_CLASSES, Labels, read_label_set, read_labels


def read(*cells, positive=None, **options):
    return read_labels(pd.Series(list(cells), dtype=object), positive=positive, **options)


def classes_of(*cells, **options):
    labels = read(*cells, **options)
    assert isinstance(labels, Labels), labels
    return labels.classes, labels.label_type, labels.y.tolist()


def test_of_two_classes_the_rarer_one_is_positive_and_among_equals_the_later_one():
    assert classes_of("b", "a", "b") == (("b", "a"), "str", [0, 1, 0])
    assert classes_of("b", "a", "b", "a") == (("a", "b"), "str", [1, 0, 1, 0])
    assert classes_of("10", "9") == (("9", "10"), "int", [1, 0])


def test_of_two_classes_the_named_one_is_positive():
    assert classes_of("b", "a", "b", positive="b") == (("a", "b"), "str", [1, 0, 1])


@pytest.mark.parametrize(
    ("cells", "classes", "label_type", "y"),
    [
        (["c", "a", "b", "a"], ("a", "b", "c"), "str", [2, 0, 1, 0]),
        (["10", "9", "-1", "+9"], ("-1", "9", "10"), "int", [2, 1, 0, 1]),
        (["1.5", "10", "2.0", "2"], ("1.5", "2.0", "10.0"), "float", [0, 2, 1, 1]),
        (["10", "9", "x"], ("10", "9", "x"), "str", [0, 1, 2]),
        (["true", "false", "maybe"], ("false", "maybe", "true"), "str", [2, 0, 1]),
    ],
)
def test_more_classes_are_numbered_in_ascending_order(cells, classes, label_type, y):
    assert classes_of(*cells) == (classes, label_type, y)


def test_many_classes_are_read_up_to_a_limit():
    most = [str(label) for label in range(MAX_CLASSES)]
    assert len(classes_of(*most)[0]) == MAX_CLASSES
    assert read(*most, "100") == (
        '101 distinct values in 101 rows ("0", "1", "2", "3", "4" and 96 more); at most 100 classes are expected, '
        "so this is a number to predict or an id: name a column of classes, or join its values into classes"
    )


def test_decimals_are_classes_only_where_they_are_few():
    few = [f"{label}.5" for label in range(20)]
    assert len(classes_of(*few)[0]) == 20
    assert read(*few, "20.5") == (
        '21 distinct values in 21 rows ("0.5", "1.5", "2.5", "3.5", "4.5" and 16 more); at most 100 classes are '
        "expected, so this is a number to predict or an id: name a column of classes, or join its values into classes"
    )


def test_a_positive_class_of_many_is_refused():
    assert read("a", "b", "c", positive="a") == (
        '3 classes ("a", "b", "c"), but dataset.positive is "a", which goes with two; remove it for a weight of each class'
    )


def test_a_single_class_is_refused():
    assert read("a", "a") == 'one class only, "a"; two are expected, so add rows of another class'


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        (["a", "", "b"], "1 row without a label, the first in row 2; fill in, or set dataset.unlabeled: drop"),
        (
            ["a", "?", "b", " NA "],
            "2 rows without a label, the first in row 2; fill in, or set dataset.unlabeled: drop",
        ),
        (["1", "nan"], "1 row without a label, the first in row 2; fill in, or set dataset.unlabeled: drop"),
        (["a", "b", "None"], "1 row without a label, the first in row 3; fill in, or set dataset.unlabeled: drop"),
        (["a", "?"], "1 row without a label, the first in row 2; fill in, or set dataset.unlabeled: drop"),
        (["a", ""], "1 row without a label, the first in row 2; fill in, or set dataset.unlabeled: drop"),
    ],
)
def test_rows_without_a_label_are_refused(cells, problem):
    assert read(*cells) == problem


@pytest.mark.parametrize("word", ["None", "NA", "null", "nan"])
def test_a_word_for_nothing_is_a_class_where_it_faces_exactly_one_other_word(word):
    assert classes_of("some", "some", word)[0] == ("some", word)


def test_other_words_for_nothing_replace_the_usual_ones_but_an_empty_label_stays_none():
    assert classes_of("?", "a", "b", missing=["-"])[0] == ("?", "a", "b")
    problem = "2 rows without a label, the first in row 2; fill in, or set dataset.unlabeled: drop"
    assert read("a", "-", "b", "", missing=[" - "]) == problem
    assert read("a", " ", "b", missing=[]) == problem.replace("2 rows", "1 row")


@pytest.mark.parametrize(
    ("cells", "y", "classes"),
    [
        (["1", "0", "1"], [1, 0, 1], ("0", "1")),
        (["1.0", "0.0", "1.0"], [1, 0, 1], ("0.0", "1.0")),
        (["True", "false", "true"], [1, 0, 1], ("False", "True")),
        (["no", "yes", "yes"], [0, 1, 1], ("no", "yes")),
        (["Y", "n", "Y"], [1, 0, 1], ("n", "Y")),
        (["red", "blue", "red"], [0, 1, 0], ("red", "blue")),
    ],
)
def test_of_several_labels_a_word_for_yes_is_positive_else_the_rarer_one(cells, y, classes):
    labels = read_label_set(pd.Series(cells, dtype=object))
    assert (labels.y.tolist(), labels.classes) == (y, classes)


def test_one_of_several_labels_has_two_values():
    assert read_label_set(pd.Series(["a", "b", "c"])) == '3 classes ("a", "b", "c"); a label has two'
    assert (
        read_label_set(pd.Series(["1", "1"])) == 'one class only, "1"; two are expected, so add rows of another class'
    )
    assert read_label_set(pd.Series(["1", "0", ""])) == (
        "1 row without a label, the first in row 3; fill in, or set dataset.unlabeled: drop"
    )
