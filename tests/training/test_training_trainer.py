"""Which weights a trial has on a table, and which trials a table cannot train."""

import pytest
from problems import dataset, many_classes, many_labels, plan, trial

from tuner.training.trainer import class_weights_of

TWO, THREE, LABELS = (plan(table).table for table in (dataset(), many_classes(3), many_labels(2)))


def test_two_classes_have_the_weights_of_majority_and_minority_and_others_one_for_each_output():
    assert class_weights_of(trial(minority_weight=9.0, majority_weight=0.5), TWO) == (0.5, 9.0)
    assert class_weights_of(trial(class_weights=(1.0, 2.0, 3.0)), THREE) == (1.0, 2.0, 3.0)
    assert class_weights_of(trial(class_weights=(7.0, 1.0)), LABELS) == (7.0, 1.0)


@pytest.mark.parametrize(
    ("table", "changes", "of_table"),
    [
        (TWO, {"class_weights": (1.0, 2.0)}, "binary table of 1 outputs"),
        (THREE, {"class_weights": (1.0, 2.0)}, "multiclass table of 3 outputs"),
        (THREE, {}, "multiclass table of 3 outputs"),
        (THREE, {"class_weights": (1.0, 2.0, 3.0), "majority_weight": 2.0}, "multiclass table of 3 outputs"),
        (LABELS, {"class_weights": (1.0, 1.0), "focal_gamma": 1.0}, "multilabel table of 2 outputs"),
    ],
    ids=["weights of classes for two", "too few", "none", "a majority", "focal loss"],
)
def test_trial_of_another_task_is_refused(table, changes, of_table):
    params = trial(**changes)
    with pytest.raises(ValueError, match="cannot train") as refusal:
        class_weights_of(params, table)
    assert str(refusal.value) == (
        f"a {of_table} cannot train {params}: two classes have minority_weight and majority_weight, more classes or "
        "labels as many class_weights as there are outputs, and no focal_gamma"
    )
