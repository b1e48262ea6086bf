"""What a report may know and draw of a table."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from tuner.config.dataset import EncodingSection
from tuner.data.dataset import Column, make_dataset
from tuner.data.duplicates import row_groups
from tuner.data.encoding import encode_whole
from tuner.data.kinds import ColumnSpec
from tuner.data.summary import MAX_COLUMNS, MAX_POINTS, summarize


def summary_of(data, *, store_sample=True, **encoding):
    return summarize(data, encode_whole(data, EncodingSection(**encoding)), store_sample=store_sample)


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
    summary = summary_of(data)
    assert (summary.source, summary.n_rows, summary.n_features, summary.target) == ("a table", 30, 4, "y")
    assert (summary.classes, summary.class_counts, summary.label_type) == (("no", "yes"), (24, 6), "str")
    assert summary.sha256 == data.sha256
    assert summary.imbalance_ratio == 4.0
    assert len(summary.points) == len(summary.point_classes) == 30


def test_without_a_sample_no_row_is_stored():
    summary = summary_of(random_dataset(30, 4, 6), store_sample=False)
    assert (summary.points, summary.point_classes, summary.axes) == ((), (), ("", ""))
    assert summary.n_rows == 30


@pytest.mark.parametrize(
    ("X", "n_duplicates"),
    [([[1, 2], [1, 2], [2, 1], [1, 2]], 2), ([[0.0, 1], [-0.0, 1], [0, 2]], 1), ([[1, 2], [3, 4], [5, 6]], 0)],
)
def test_duplicates_are_rows_with_equal_features(X, n_duplicates):
    assert summary_of(dataset(X, np.arange(len(X)) == 0), store_sample=False).n_duplicate_rows == n_duplicates


def test_rows_share_a_group_exactly_when_their_features_are_equal():
    X = np.random.default_rng(0).integers(0, 3, (40, 3)).astype(np.float32)
    groups = row_groups(X)
    equal = (X[:, None] == X[None]).all(axis=2)
    np.testing.assert_array_equal(groups[:, None] == groups[None], equal)


def test_two_features_are_drawn_as_they_are():
    summary = summary_of(dataset([[1, 2], [3, 4], [5, 6.5]], [0, 1, 0]))
    assert summary.axes == ("f0", "f1")
    assert summary.points == ((1.0, 2.0), (3.0, 4.0), (5.0, 6.5))
    assert summary.point_classes == (0, 1, 0)


def test_one_feature_is_drawn_on_a_line():
    summary = summary_of(dataset([[1], [3]], [0, 1]))
    assert summary.axes == ("f0", "")
    assert summary.points == ((1.0, 0.0), (3.0, 0.0))


def test_more_features_are_drawn_on_the_principal_components_of_standardized_columns():
    data = random_dataset(200, 6, 20)
    summary = summary_of(data)
    reference = PCA(n_components=2).fit(StandardScaler().fit_transform(data.X.astype(np.float64)))
    expected = reference.transform(StandardScaler().fit_transform(data.X.astype(np.float64)))
    points = np.array(summary.points)
    loadings = reference.components_
    signs = np.sign(loadings[[0, 1], np.abs(loadings).argmax(axis=1)])  # the largest loading is drawn positive
    np.testing.assert_allclose(points, expected * signs, rtol=1e-4, atol=1e-5)
    shares = [f"{100 * share:.0f}" for share in reference.explained_variance_ratio_]
    assert summary.axes == (f"PC1 ({shares[0]} %)", f"PC2 ({shares[1]} %)")


def test_constant_columns_can_be_drawn():
    summary = summary_of(dataset(np.ones((4, 3)), [0, 0, 0, 1]))
    assert summary.axes == ("PC1 (0 %)", "PC2 (0 %)")
    assert set(summary.points) == {(0.0, 0.0)}


@pytest.mark.parametrize(("n_positive", "n_drawn"), [(50, 50), (1000, 1000), (1400, 1000)])
def test_rare_rows_are_all_drawn_up_to_half_of_the_points(n_positive, n_drawn):
    data = random_dataset(3000, 2, n_positive)
    summary = summary_of(data)
    assert len(summary.points) == MAX_POINTS
    assert sum(summary.point_classes) == n_drawn
    rows = {tuple(float(f"{value:.6g}") for value in row) for row in data.X.tolist()}
    assert set(summary.points) <= rows
    assert len(set(summary.points)) == MAX_POINTS


def test_same_table_gives_the_same_summary():
    data = random_dataset(3000, 3, 100)
    assert summary_of(data) == summary_of(data)


def words_dataset():
    """A number with a missing cell, a category and three classes."""
    X = np.array([[1, 0], [2, 1], [np.nan, 0], [3, np.nan], [5, 1], [6, 0]] * 4, np.float32)
    return make_dataset(
        X,
        np.arange(24) % 3,
        columns=(Column(name="n"), Column(name="c", kind="categorical", levels=("u", "v"))),
        target="y",
        classes=("a", "b", "c"),
        label_type="str",
        source="a table",
        task="multiclass",
        specs=(
            ColumnSpec(name="n", kind="numeric", evidence=""),
            ColumnSpec(name="c", kind="categorical", evidence=""),
        ),
    )


def test_classes_kinds_and_duplicates_of_any_table_are_told():
    summary = summary_of(words_dataset())
    assert (summary.task, summary.class_counts, summary.n_features) == ("multiclass", (8, 8, 8), 2)
    assert summary.columns == (("n", "numeric"), ("c", "categorical"))
    assert summary.n_duplicate_rows == 18  # equal where the same cells are missing
    assert summary.point_classes == tuple(row % 3 for row in range(24))
    assert np.isfinite(summary.points).all()


def test_a_date_is_told_as_one_column_of_its_kind():
    data = make_dataset(
        np.ones((4, 2)), np.array([0, 1, 0, 0]), columns=(Column(name="d: days"), Column(name="d: sin")), target="y",
        classes=("0", "1"), label_type="int", source="a table", specs=(ColumnSpec(name="d", kind="date", evidence=""),),
    )  # fmt: skip
    assert summary_of(data).columns == (("d", "date"),)


def test_encoded_columns_are_what_is_projected():
    data = words_dataset()
    table = encode_whole(data, EncodingSection())
    summary = summarize(data, table, store_sample=True)
    scaled = table.scaled.transform(table.X, 0).astype(np.float64)
    assert scaled.shape == (24, 5)
    expected = np.abs(PCA(n_components=2).fit_transform(scaled))
    np.testing.assert_allclose(np.abs(np.array(summary.points)), expected, rtol=1e-4, atol=1e-5)


def test_two_encoded_columns_are_drawn_unscaled_with_missing_cells_filled():
    X = np.array([[1], [3], [np.nan], [5]], np.float32)
    summary = summary_of(dataset(X, [0, 1, 0, 0]))
    assert summary.axes == ("f0", "f0 is missing")
    assert summary.points == ((1.0, 0.0), (3.0, 0.0), (3.0, 1.0), (5.0, 0.0))


def test_labels_are_drawn_by_the_first_of_them():
    y = np.array([[1, 0], [0, 0], [1, 1], [0, 1]])
    data = make_dataset(
        np.arange(8).reshape(4, 2), y, columns=(Column(name="a"), Column(name="b")), target="u, v", classes=("u", "v"),
        label_type="str", source="a table", task="multilabel",
    )  # fmt: skip
    summary = summary_of(data)
    assert (summary.point_classes, summary.class_counts) == ((1, 0, 1, 0), (2, 2))


def test_rarer_classes_are_drawn_whole_up_to_their_share():
    sizes = (5000, 300, 900)
    y = np.repeat([0, 1, 2], sizes)
    data = make_dataset(
        np.random.default_rng(0).normal(size=(len(y), 3)), y, feature_names=("a", "b", "c"), target="y",
        classes=("a", "b", "c"), label_type="str", source="a table", task="multiclass",
    )  # fmt: skip
    drawn = np.bincount(summary_of(data).point_classes)
    assert drawn.tolist() == [850, 300, 850]


@pytest.mark.parametrize("n_rows", [3, 300])
def test_wide_tables_are_projected_from_the_rows_drawn(n_rows):
    data = random_dataset(n_rows, MAX_COLUMNS + 1, 1)
    summary = summary_of(data)
    scaled = StandardScaler().fit_transform(data.X.astype(np.float64))
    expected = PCA(n_components=2, svd_solver="full").fit_transform(scaled)
    np.testing.assert_allclose(np.abs(np.array(summary.points)), np.abs(expected), rtol=1e-3, atol=1e-3)
    assert summary.axes[0].startswith("PC1 (")
    assert summary == summary_of(data)
