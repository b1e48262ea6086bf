"""Classes too small for the folds: refused, merged or left out, and never silently."""

import numpy as np
import pytest

from tuner.data.dataset import Column, make_dataset
from tuner.data.small_classes import settle_small_classes
from tuner.errors import DataError


def make_table(*counts, classes=None, label_type="str", **changes):
    """Rows of each class, one class after another; the first feature counts the rows."""
    n_rows = sum(counts)
    values = {
        "target": "kind",
        "classes": classes or tuple("abcdefgh"[: len(counts)]),
        "label_type": label_type,
        "source": "t.csv",
        "columns": (Column(name="n"), Column(name="c", kind="categorical", levels=("x", "y"))),
        "task": "multiclass" if len(counts) > 2 else "binary",
        "sample_weight": np.arange(1, n_rows + 1) / 4,
        "group": np.arange(n_rows) // 2,
        "time": np.arange(n_rows) / 8,
        "left_out": (("id", "all different"),),
    }
    X = np.stack([np.arange(n_rows), np.arange(n_rows) % 2], axis=1)
    return make_dataset(X, np.repeat(np.arange(len(counts)), counts), **{**values, **changes})


def labels(dataset):
    return [dataset.classes[k] for k in dataset.y]


@pytest.mark.parametrize("choice", ["refuse", "merge", "drop"])
def test_table_whose_classes_are_all_large_enough_stays_as_it_is(choice):
    dataset = make_table(6, 5, 7)
    assert settle_small_classes(dataset, choice, 5) == (dataset, None)


@pytest.mark.parametrize("choice", ["refuse", "merge", "drop"])
def test_tables_of_two_classes_or_several_labels_stay_as_they_are(choice):
    two = make_table(9, 2)
    several = make_table(9, 2, classes=("a", "b"), task="multilabel")
    for dataset in (two, several):
        assert settle_small_classes(dataset, choice, 5) == (dataset, None)


def test_refusing_is_left_to_the_folds():
    dataset = make_table(9, 2, 1)
    assert settle_small_classes(dataset, "refuse", 5) == (dataset, None)


def test_dropped_rows_leave_with_all_that_belongs_to_them():
    dataset = make_table(6, 2, 5, 1, 7)
    settled, done = settle_small_classes(dataset, "drop", 5)
    assert done == '2 rows of class "b", 1 row of class "d": fewer than the 5 folds, these 3 rows are left out'
    kept = np.r_[0:6, 8:13, 14:21]
    assert settled.classes == ("a", "c", "e")
    assert labels(settled) == ["a"] * 6 + ["c"] * 5 + ["e"] * 7
    assert settled.X[:, 0].tolist() == kept.tolist()
    for name in ("sample_weight", "group", "time"):
        np.testing.assert_array_equal(getattr(settled, name), getattr(dataset, name)[kept])
    for name in ("columns", "left_out", "target", "label_type", "source", "task"):
        assert getattr(settled, name) == getattr(dataset, name)
    assert settled.class_counts == (6, 5, 7)
    assert settled.sha256 != dataset.sha256
    assert not settled.X.flags.writeable


def test_one_dropped_row_is_told_as_one():
    assert settle_small_classes(make_table(6, 1, 5), "drop", 5)[1] == (
        '1 row of class "b": fewer than the 5 folds, this row is left out'
    )


def test_merged_classes_are_one_of_text_in_its_place_by_name():
    dataset = make_table(6, 3, 5, 2, classes=("1", "2", "10", "20"), label_type="int")
    settled, done = settle_small_classes(dataset, "merge", 5)
    assert done == '3 rows of class "2", 2 rows of class "20": fewer than the 5 folds, merged into class "other"'
    assert settled.classes == ("1", "10", "other")
    assert settled.label_type == "str"
    assert labels(settled) == ["1"] * 6 + ["other"] * 3 + ["10"] * 5 + ["other"] * 2
    assert settled.task == "multiclass"
    np.testing.assert_array_equal(settled.X, dataset.X)
    np.testing.assert_array_equal(settled.group, dataset.group)
    assert settled.sha256 != dataset.sha256


@pytest.mark.parametrize(
    ("classes", "name"),
    [
        (("a", "b", "c", "other"), "other (merged)"),
        (("other", "b", "c", "other (merged)"), "other (merged) (merged)"),
    ],
)
def test_merged_class_takes_no_name_of_another(classes, name):
    settled, done = settle_small_classes(make_table(6, 3, 2, 6, classes=classes), "merge", 5)
    assert name in settled.classes
    assert done.endswith(f'merged into class "{name}"')
    assert settled.class_counts[settled.classes.index(name)] == 5
    assert len(settled.classes) == 3


@pytest.mark.parametrize(
    ("counts", "choice", "classes", "n_positive"),
    [
        ((6, 2, 9), "drop", ("c", "a"), 6),
        ((9, 2, 6), "drop", ("a", "c"), 6),
        ((6, 2, 6), "drop", ("a", "c"), 6),
        ((9, 4, 4), "merge", ("a", "other"), 8),
        ((6, 4, 4), "merge", ("other", "a"), 6),
    ],
)
def test_two_classes_that_remain_are_binary_and_the_rarer_is_positive(counts, choice, classes, n_positive):
    dataset = make_table(*counts)
    settled, _ = settle_small_classes(dataset, choice, 5)
    assert settled.task == "binary"
    assert settled.classes == classes
    assert int(settled.y.sum()) == n_positive
    before = [dataset.classes[k] for k in dataset.y[settled.X[:, 0].astype(int)]]
    assert [label if label == "a" else "rest" for label in before] == [
        label if label == "a" else "rest" for label in labels(settled)
    ]


def test_folds_of_a_column_count_instead_and_close_up_where_one_is_emptied():
    fold = np.array([0] * 4 + [2] * 4 + [1, 1])
    dataset = make_table(4, 4, 2, fold=fold)
    settled, _ = settle_small_classes(dataset, "drop", 5)
    assert settled.fold.tolist() == [0] * 4 + [1] * 4
    assert settle_small_classes(make_table(4, 4, 3, fold=np.arange(11) % 3), "drop", 5)[1] is None


@pytest.mark.parametrize(
    ("counts", "choice", "text"),
    [
        (
            (9, 2, 1, 6),
            "merge",
            't.csv has 2 rows of class "b", 1 row of class "c", fewer than the 5 folds, and still too few when '
            "merged.\nSet dataset.small_classes: drop, lower cv.n_splits to 3 or less, or add rows.",
        ),
        (
            (9, 1, 6),
            "merge",
            't.csv has 1 row of class "b", fewer than the 5 folds, and still too few when merged.\n'
            "Set dataset.small_classes: drop, or add rows.",
        ),
        (
            (9, 3, 1),
            "drop",
            't.csv has 3 rows of class "b", 1 row of class "c", fewer than the 5 folds; with dataset.small_classes: drop '
            "one class remains, and two are needed.\nLower cv.n_splits to 3 or less, or add rows.",
        ),
        (
            (3, 1, 1),
            "drop",
            't.csv has 3 rows of class "a", 1 row of class "b", 1 row of class "c", fewer than the 5 folds; with '
            "dataset.small_classes: drop no class remains, and two are needed.\nAdd rows.",
        ),
        (
            (3, 2, 4),
            "merge",
            't.csv has 3 rows of class "a", 2 rows of class "b", 4 rows of class "c", fewer than the 5 folds; with '
            "dataset.small_classes: merge one class remains, and two are needed.\n"
            "Lower cv.n_splits to 3 or less, or add rows.",
        ),
    ],
)
def test_choice_that_leaves_too_little_is_refused(counts, choice, text):
    with pytest.raises(DataError) as caught:
        settle_small_classes(make_table(*counts), choice, 5)
    assert str(caught.value) == text
