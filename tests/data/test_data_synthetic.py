"""Generated tables."""

import numpy as np
import pytest
from sklearn.datasets import make_classification

from tuner.config.dataset import SyntheticDataset
from tuner.data.dataset import load_dataset
from tuner.data.synthetic import load_synthetic
from tuner.errors import DataError


def test_default_table_is_the_one_of_the_tutorial():
    X, y = make_classification(
        n_samples=10000,
        n_features=2,
        n_redundant=0,
        n_clusters_per_class=2,
        weights=[0.99],
        flip_y=0,
        random_state=4,
    )
    dataset = load_synthetic(SyntheticDataset())
    np.testing.assert_array_equal(dataset.X, X.astype(np.float32))
    np.testing.assert_array_equal(dataset.y, y)
    assert dataset.class_counts == (9900, 100)
    assert dataset.imbalance_ratio == 99.0
    assert dataset.classes == ("0", "1")
    assert dataset.label_type == "int"
    assert dataset.feature_names == ("x1", "x2")
    assert dataset.source == "make_classification(n_samples=10000, n_features=2, random_state=4)"


def test_rarer_label_is_the_positive_class():
    dataset = load_synthetic(SyntheticDataset(n_samples=200, weights=[0.1]))
    assert dataset.classes == ("1", "0")
    assert dataset.class_counts == (180, 20)


def test_label_1_is_positive_where_both_are_equally_frequent():
    dataset = load_synthetic(SyntheticDataset(n_samples=200, weights=[0.5]))
    assert dataset.class_counts == (100, 100)
    assert dataset.classes == ("0", "1")


def test_as_many_clusters_as_the_config_allows_can_be_generated():
    section = SyntheticDataset(n_features=3, n_informative=3, n_clusters_per_class=4, n_samples=100)
    assert load_synthetic(section).X.shape == (100, 3)


def test_one_generated_class_is_refused():
    section = SyntheticDataset(n_samples=10, weights=[1e-9], n_clusters_per_class=1, n_informative=1, flip_y=0.9)
    seeds = (section.model_copy(update={"random_state": seed}) for seed in range(2000))
    one_sided = next(s for s in seeds if _labels(s) == {1})
    with pytest.raises(DataError) as caught:
        load_synthetic(one_sided)
    assert str(caught.value) == (
        f"make_classification(n_samples=10, n_features=2, random_state={one_sided.random_state}) "
        "generated 10 rows of label 1 and none of label 0.\n"
        "Raise dataset.n_samples, make dataset.weights less extreme, or change dataset.random_state."
    )


def _labels(section):
    _, y = make_classification(**section.model_dump(exclude={"kind", "store_sample"}))
    return set(y.tolist())


@pytest.mark.parametrize("setting", [{"scale": 1e300}, {"shift": -1e300}, {"class_sep": 1e308}])
def test_values_beyond_float32_are_refused(setting):
    with pytest.raises(DataError, match=r"features must stay within 1\.7e\+38 \(float32\)\.\nLower dataset\.scale"):
        load_synthetic(SyntheticDataset(n_samples=50, **setting))


def test_same_section_gives_the_same_fingerprint_and_another_seed_another():
    section = SyntheticDataset(n_samples=100)
    first, again = load_dataset(section), load_dataset(section)
    other = load_dataset(section.model_copy(update={"random_state": 5}))
    assert first.sha256 == again.sha256 != other.sha256
