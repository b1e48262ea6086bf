"""The frozen table itself."""

import subprocess
import sys

import numpy as np

from tuner.data.dataset import make_dataset


def build(X, y, classes=("0", "1")):
    return make_dataset(X, y, feature_names=("a", "b"), target="y", classes=classes, label_type="int", source="a table")


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
