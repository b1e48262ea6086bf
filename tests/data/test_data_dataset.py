"""The frozen table itself."""

import subprocess
import sys

import numpy as np
import pytest

from tuner.config.dataset import SklearnDataset, SyntheticDataset
from tuner.data.dataset import Column, Roles, load_dataset, make_dataset
from tuner.errors import ConfigError

NAMES = (Column(name="a"), Column(name="b"))


def build(X, y, classes=("0", "1"), columns=NAMES, **more):
    return make_dataset(X, y, columns=columns, target="y", classes=classes, label_type="int", source="a table", **more)


def test_arrays_of_the_caller_stay_writeable_and_are_not_shared():
    X, y = np.zeros((3, 2), np.float32), np.array([0, 0, 1], np.int32)
    dataset = build(X, y)
    X[0, 0], y[0] = 9, 1
    assert dataset.X[0, 0] == 0
    assert dataset.y[0] == 0


def test_fingerprint_depends_on_features_labels_shape_and_classes():
    X, y = np.arange(6, dtype=np.float32).reshape(3, 2), np.array([0, 0, 1])
    other = X.copy()
    other[2, 1] = np.nextafter(other[2, 1], np.float32(9))
    datasets = [build(X, y), build(other, y), build(X, 1 - y), build(X.reshape(2, 3), y), build(X, y, ("1", "0"))]
    assert len({dataset.sha256 for dataset in datasets}) == 5


def test_fingerprint_depends_on_categories_and_sample_weights():
    X, y = np.zeros((3, 2), np.float32), np.array([0, 0, 1])
    datasets = [build(X, y)]
    words = [
        Column(name="b", kind=k, levels=pair) for k in ("categorical", "text") for pair in (("u", "v"), ("u", "w"))
    ]
    datasets += [build(X, y, columns=(NAMES[0], column)) for column in words]
    datasets += [build(X, y, sample_weight=np.array(weights)) for weights in ([1.0, 1, 1], [1.0, 1, 2])]
    assert len({dataset.sha256 for dataset in datasets}) == 7


def test_fingerprint_of_a_table_of_numbers_is_that_of_earlier_versions():
    X, y = np.arange(6, dtype=np.float32).reshape(3, 2), np.array([0, 0, 1])
    assert build(X, y).sha256 == "bb870bc03348de1e92ae07b2276c7c704b8ff62d78782aa5bd5c1a14955b70b8"


def test_fingerprint_does_not_depend_on_layout_or_wider_types():
    X, y = np.arange(6, dtype=np.float32).reshape(3, 2), np.array([0, 0, 1], np.int32)
    same = build(np.asfortranarray(X.astype(np.float64)), y.astype(bool))
    assert same.sha256 == build(X, y).sha256
    assert same.X.flags.c_contiguous


def test_holding_a_dataset_costs_no_heavy_import():
    heavy = "{'pandas', 'sklearn', 'pydantic'} & set(sys.modules)"
    code = f"import sys, tuner.data.dataset; sys.exit(str({heavy}) if {heavy} else 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_counts_and_ratio_are_those_of_the_classes():
    X = np.zeros((6, 2))
    two = build(X, np.array([0, 1, 0, 0, 0, 1]))
    assert (two.class_counts, two.imbalance_ratio) == ((4, 2), 2)
    more = build(X, np.array([0, 1, 2, 0, 0, 1]), ("u", "v", "w"), task="multiclass")
    assert (more.class_counts, more.imbalance_ratio) == ((3, 2, 1), 3)
    y = np.array([[1, 0], [1, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
    labels = build(X, y, ("u", "v"), task="multilabel")
    assert (labels.class_counts, labels.imbalance_ratio) == ((4, 2), 2)


def test_names_of_features_are_those_of_columns():
    assert build(np.zeros((2, 2)), np.array([0, 1])).feature_names == ("a", "b")


@pytest.mark.parametrize(
    "section", [SyntheticDataset(n_samples=50), SklearnDataset(kind="sklearn", name="breast_cancer")]
)
def test_rows_of_a_made_table_have_groups_of_equal_rows_and_no_other_role(section):
    dataset = load_dataset(section, Roles(group="duplicates"))
    assert dataset.group.shape == (len(dataset.y),)
    assert load_dataset(section).group is None
    with pytest.raises(ConfigError) as caught:
        load_dataset(section, Roles(group="duplicates", time="when"))
    assert str(caught.value) == (
        f"cv.time is when, but {dataset.source} has features alone.\n"
        "Remove cv.time, or name a file in dataset; cv.group: duplicates goes with every table."
    )


def test_roles_are_named_as_in_the_config():
    assert Roles(group="g", fold="f").named == {"cv.group": "g", "cv.fold": "f"}
