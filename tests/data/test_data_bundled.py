"""Tables bundled with scikit-learn."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits

from tuner.config.dataset import SklearnDataset
from tuner.data.dataset import load_dataset
from tuner.errors import ConfigError


def test_breast_cancer_keeps_the_labels_of_scikit_learn_with_malignant_positive():
    dataset = load_dataset(SklearnDataset(kind="sklearn", name="breast_cancer"))
    X, y = load_breast_cancer(return_X_y=True)
    np.testing.assert_array_equal(dataset.X, X.astype(np.float32))
    np.testing.assert_array_equal(dataset.y, y == 0)
    assert (dataset.classes, dataset.label_type, dataset.class_counts) == (("1", "0"), "int", (357, 212))


@pytest.mark.parametrize("positive", ["benign", "1", 1])
def test_breast_cancer_takes_its_positive_class_by_name_or_label(positive):
    dataset = load_dataset(SklearnDataset(kind="sklearn", name="breast_cancer", positive=positive))
    assert (dataset.classes, dataset.class_counts) == (("0", "1"), (212, 357))


def test_unknown_class_of_breast_cancer_is_refused():
    with pytest.raises(ConfigError) as caught:
        load_dataset(SklearnDataset(kind="sklearn", name="breast_cancer", positive="bening"))
    assert str(caught.value) == (
        "dataset.positive must be 0 (malignant) or 1 (benign) for breast_cancer, got 'bening'.\n"
        "Name one of the two, or leave it out: the rarer class, malignant, is the default."
    )


@pytest.mark.parametrize("positive", [8, "8"])
def test_digits_stand_one_against_the_rest(positive):
    dataset = load_dataset(SklearnDataset(kind="sklearn", name="digits", positive=positive))
    np.testing.assert_array_equal(dataset.y, load_digits().target == 8)
    assert (dataset.classes, dataset.label_type) == (("rest", "8"), "str")


@pytest.mark.parametrize(("positive", "received"), [(None, "nothing"), (10, "10"), ("eight", "'eight'")])
def test_digits_need_a_digit(positive, received):
    with pytest.raises(ConfigError) as caught:
        load_dataset(SklearnDataset(kind="sklearn", name="digits", positive=positive))
    assert str(caught.value) == (
        f"dataset.positive must be a digit from 0 to 9 for digits, got {received}.\n"
        "Name the digit that stands against the rest, for example positive: 8."
    )
