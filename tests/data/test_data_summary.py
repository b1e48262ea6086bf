"""What a report may know and draw of a table."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from tuner.data.dataset import make_dataset
from tuner.data.duplicates import row_groups
from tuner.data.summary import MAX_POINTS, summarize


def dataset(X, y):
    X = np.asarray(X, np.float32)
    return make_dataset(
        X,
        np.asarray(y, np.int32),
        feature_names=tuple(f"f{column}" for column in range(X.shape[1])),
        target="y",
        classes=("no", "yes"),
        label_type="str",
        source="a table",
    )


def random_dataset(n_rows, n_features, n_positive):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, n_features)) @ rng.normal(size=(n_features, n_features)) + 5
    return dataset(X, np.arange(n_rows) < n_positive)


def test_counts_and_names_are_those_of_the_table():
    data = random_dataset(30, 4, 6)
    summary = summarize(data, store_sample=True)
    assert (summary.source, summary.n_rows, summary.n_features, summary.target) == ("a table", 30, 4, "y")
    assert (summary.classes, summary.class_counts, summary.label_type) == (("no", "yes"), (24, 6), "str")
    assert summary.sha256 == data.sha256
    assert summary.imbalance_ratio == 4.0
    assert len(summary.points) == len(summary.point_classes) == 30


def test_without_a_sample_no_row_is_stored():
    summary = summarize(random_dataset(30, 4, 6), store_sample=False)
    assert (summary.points, summary.point_classes, summary.axes) == ((), (), ("", ""))
    assert summary.n_rows == 30


@pytest.mark.parametrize(
    ("X", "n_duplicates"),
    [([[1, 2], [1, 2], [2, 1], [1, 2]], 2), ([[0.0, 1], [-0.0, 1], [0, 2]], 1), ([[1, 2], [3, 4], [5, 6]], 0)],
)
def test_duplicates_are_rows_with_equal_features(X, n_duplicates):
    assert summarize(dataset(X, np.arange(len(X)) == 0), store_sample=False).n_duplicate_rows == n_duplicates


def test_rows_share_a_group_exactly_when_their_features_are_equal():
    X = np.random.default_rng(0).integers(0, 3, (40, 3)).astype(np.float32)
    groups = row_groups(X)
    equal = (X[:, None] == X[None]).all(axis=2)
    np.testing.assert_array_equal(groups[:, None] == groups[None], equal)


def test_two_features_are_drawn_as_they_are():
    summary = summarize(dataset([[1, 2], [3, 4], [5, 6.5]], [0, 1, 0]), store_sample=True)
    assert summary.axes == ("f0", "f1")
    assert summary.points == ((1.0, 2.0), (3.0, 4.0), (5.0, 6.5))
    assert summary.point_classes == (0, 1, 0)


def test_one_feature_is_drawn_on_a_line():
    summary = summarize(dataset([[1], [3]], [0, 1]), store_sample=True)
    assert summary.axes == ("f0", "")
    assert summary.points == ((1.0, 0.0), (3.0, 0.0))


def test_more_features_are_drawn_on_the_principal_components_of_standardized_columns():
    data = random_dataset(200, 6, 20)
    summary = summarize(data, store_sample=True)
    reference = PCA(n_components=2).fit(StandardScaler().fit_transform(data.X.astype(np.float64)))
    expected = reference.transform(StandardScaler().fit_transform(data.X.astype(np.float64)))
    points = np.array(summary.points)
    loadings = reference.components_
    signs = np.sign(loadings[[0, 1], np.abs(loadings).argmax(axis=1)])  # the largest loading is drawn positive
    np.testing.assert_allclose(points, expected * signs, rtol=1e-4, atol=1e-5)
    shares = [f"{100 * share:.0f}" for share in reference.explained_variance_ratio_]
    assert summary.axes == (f"PC1 ({shares[0]} %)", f"PC2 ({shares[1]} %)")


def test_constant_columns_can_be_drawn():
    summary = summarize(dataset(np.ones((4, 3)), [0, 0, 0, 1]), store_sample=True)
    assert summary.axes == ("PC1 (0 %)", "PC2 (0 %)")
    assert set(summary.points) == {(0.0, 0.0)}


@pytest.mark.parametrize(("n_positive", "n_drawn"), [(50, 50), (1000, 1000), (1400, 1000)])
def test_rare_rows_are_all_drawn_up_to_half_of_the_points(n_positive, n_drawn):
    data = random_dataset(3000, 2, n_positive)
    summary = summarize(data, store_sample=True)
    assert len(summary.points) == MAX_POINTS
    assert sum(summary.point_classes) == n_drawn
    rows = {tuple(float(f"{value:.6g}") for value in row) for row in data.X.tolist()}
    assert set(summary.points) <= rows
    assert len(set(summary.points)) == MAX_POINTS


def test_same_table_gives_the_same_summary():
    data = random_dataset(3000, 3, 100)
    assert summarize(data, store_sample=True) == summarize(data, store_sample=True)
