"""Columns to numbers: equal to plain references, and learned from training rows alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import OneHotEncoder, StandardScaler, normalize

from tuner.config.cv import Holdout, KFold
from tuner.config.dataset import EncodingSection, TableDataset
from tuner.data import preprocessing
from tuner.data.dataset import Column, load_dataset, make_dataset
from tuner.data.encoding import encode, encode_whole
from tuner.data.features import Feature
from tuner.data.folds import make_folds, with_seeds
from tuner.data.moments import column_moments
from tuner.data.nested import nest_folds
from tuner.data.words import TOKEN
from tuner.errors import DataError

NAN = float("nan")
N_ROWS = 90
KINDS = {
    "number": "numeric", "gaps": "numeric", "flag": "boolean", "color": "categorical", "when": "date", "note": "text",
    "place": "categorical",
}  # fmt: skip
WORDS = ["cheap", "flight", "hotel", "sea", "snow", "train"]


def raw_columns(seed=0):
    """Cells of a table with every kind of column, as text."""
    rng = np.random.default_rng(seed)
    colors, shares = ["red", "green", "blue", "pink", "gold"], [0.4, 0.3, 0.2, 0.06, 0.04]
    return {
        "number": [repr(value) for value in rng.lognormal(size=N_ROWS).tolist()],
        "gaps": [repr(v) if rng.random() < 0.8 else "?" for v in rng.normal(3, 2, N_ROWS).tolist()],
        "flag": rng.choice(["yes", "no", ""], N_ROWS, p=[0.6, 0.3, 0.1]).tolist(),
        "color": rng.choice(colors, N_ROWS, p=shares).tolist(),
        "when": [f"20{rng.integers(10, 24)}-0{rng.integers(1, 9)}-1{rng.integers(0, 9)}" for _ in range(N_ROWS)],
        "note": [" ".join(rng.choice(WORDS, 4).tolist() + [f"n{row % 45}"]) for row in range(N_ROWS)],
        "place": [f"p{code}" for code in rng.integers(0, 18, N_ROWS)],
        "y": [str(int(row % 3 == 0)) for row in range(N_ROWS)],
    }


@pytest.fixture
def load(tmp_path):
    """Write columns to a file and load it, each as the kind it has in `KINDS`."""

    def load(columns):
        path = Path(tmp_path / "t.csv")
        lines = [",".join(columns), *(",".join(row) for row in zip(*columns.values(), strict=True))]
        path.write_text("\n".join(lines) + "\n")
        kinds = {name: kind for name, kind in KINDS.items() if name in columns}
        return load_dataset(TableDataset(kind="table", path=path, target="y", columns=kinds))

    return load


def folds_of(dataset, section=None):
    return make_folds(dataset.y, section or KFold(n_splits=3, n_repeats=1), time=dataset.time)


def learned(table, fold, rows):
    """Return everything a fold has learned, by the name of the feature, and its training rows, as bytes."""
    parts = {}
    for which, constants in (("scaled", table.scaled), ("unscaled", table.unscaled)):
        seen = np.flatnonzero(constants.active[fold])
        x = constants.transform(table.X[rows], fold)
        arrays = [constants.fill, constants.mean, constants.scale]
        if constants.power is not None:
            arrays += [constants.power.exponent, constants.power.mean, constants.power.scale]
        for place, w in enumerate(seen.tolist()):
            numbers = [array[fold, w].tobytes() for array in arrays]
            parts[which, table.names[w]] = (*numbers, np.ascontiguousarray(x[:, place]).tobytes())
    return parts


POISON = {
    "number": [lambda row: "1e30", lambda row: "-1e30" if row % 2 else "1e-30", lambda row: "?"],
    "gaps": [lambda row: "1.7e38", lambda row: "", lambda row: "0"],
    "flag": [lambda row: "yes", lambda row: "no", lambda row: "NA"],
    "color": [lambda row: "black", lambda row: f"new{row}", lambda row: "pink", lambda row: ""],
    "when": [lambda row: "9999-12-31", lambda row: "0001-01-01", lambda row: ""],
    "note": [lambda row: "zebra zebra zebra", lambda row: "cheap", lambda row: "", lambda row: f"only {row} now"],
    "place": [lambda row: "p1", lambda row: "p" * row, lambda row: "NULL"],
}


@pytest.mark.parametrize("scaling", ["standard", "robust", "power"])
@pytest.mark.parametrize(
    ("name", "dose"), [(name, dose) for name, doses in POISON.items() for dose in range(len(doses))]
)
def test_whatever_stands_in_the_rows_a_fold_scores_it_learns_the_same(load, name, dose, scaling):
    columns, section = raw_columns(), EncodingSection(scaling=scaling, max_ngram=2)
    clean = load(columns)
    folds = folds_of(clean)
    table = encode(clean, folds, section)
    for fold, (train, valid) in enumerate(zip(folds.train, folds.valid, strict=True)):
        poisoned = {**columns, name: list(columns[name])}
        for row in valid.tolist():
            poisoned[name][row] = POISON[name][dose](row)
        other = load(poisoned)
        shaken = encode(other, folds_of(other), section)
        assert learned(shaken, fold, train) == learned(table, fold, train)
        changed = [
            learned(shaken, j, folds.train[j]) != learned(table, j, folds.train[j]) for j in range(3) if j != fold
        ]
        assert all(changed)  # the poison is strong enough for folds that train on it


def all_poisoned(columns, rows):
    poisoned = {name: list(cells) for name, cells in columns.items()}
    for row in rows.tolist():
        for name, doses in POISON.items():
            poisoned[name][row] = doses[row % len(doses)](row)
    return poisoned


@pytest.mark.parametrize("scaling", ["standard", "robust", "power"])
@pytest.mark.parametrize(
    "section",
    [
        KFold(n_splits=2, n_repeats=3),
        Holdout(kind="holdout", n_train=50, n_repeats=2),
        KFold(n_splits=3, n_repeats=1, time="t"),
    ],
    ids=["kfold", "holdout", "time"],
)
def test_no_kind_of_folds_learns_from_rows_it_scores(load, section, scaling):
    columns, encoding = raw_columns(), EncodingSection(scaling=scaling)
    order = np.random.default_rng(1).permutation(N_ROWS) * 1.0
    clean = replace(load(columns), time=order if getattr(section, "time", None) else None)
    folds = folds_of(clean, section)
    table = encode(clean, folds, encoding)
    for fold in (0, len(folds.train) - 1):
        outside = np.setdiff1d(np.arange(N_ROWS), folds.train[fold])
        other = replace(load(all_poisoned(columns, outside)), time=clean.time)
        shaken = encode(other, folds_of(other, section), encoding)
        assert learned(shaken, fold, folds.train[fold]) == learned(table, fold, folds.train[fold])


@pytest.mark.parametrize("scaling", ["standard", "robust", "power"])
def test_no_fold_of_a_verdict_learns_from_its_test_rows_not_even_through_smote(load, scaling):
    columns, encoding = raw_columns(), EncodingSection(scaling=scaling)
    clean = load(columns)
    outer = list(zip(folds_of(clean).train, folds_of(clean).valid, strict=True))
    ways = ("none", "oversampling", "smote")

    def nested_of(dataset):
        return nest_folds(dataset, outer, inner_splits=2, seed=0, ways=ways, encoding=encoding)

    own = nested_of(clean)
    for number, (_, test) in enumerate(outer):
        shaken = nested_of(load(all_poisoned(columns, test)))
        for way in ways:
            for j in (*own.inner(way, number), own.outer(way, number)):
                rows = own.folds.train[j]
                assert len(rows) == len(shaken.folds.train[j])
                assert learned(shaken.table, j, shaken.folds.train[j]) == learned(own.table, j, rows)


def test_features_of_a_row_do_not_depend_on_other_rows(load):
    columns = raw_columns()
    clean, other = load(columns), load(all_poisoned(columns, np.arange(0, N_ROWS, 2)))
    own, shaken = encode_whole(clean, EncodingSection()), encode_whole(other, EncodingSection())
    shared = sorted(set(own.features) & set(shaken.features), key=lambda feature: feature.name)
    assert len(shared) > 20
    rows = np.arange(1, N_ROWS, 2)
    for feature in shared:
        a, b = (table.X[rows, table.features.index(feature)] for table in (own, shaken))
        np.testing.assert_array_equal(a, b)


def made(X, *columns, n_positive=None, task="binary", classes=("0", "1"), y=None, **more):
    X = np.asarray(X, np.float32)
    y = np.arange(len(X)) < (n_positive or len(X) // 2) if y is None else y
    return make_dataset(
        X, y, columns=columns, target="y", classes=classes, label_type="int", source="a table", task=task, **more
    )


def test_numbers_are_scaled_as_standard_scaler_does_on_the_training_rows_of_each_fold():
    X = np.random.default_rng(0).normal(3, 2, size=(60, 3))
    X[::7, 1] = NAN
    X[:, 2] = 5
    dataset = made(X, *(Column(name=name) for name in "abc"))
    folds = make_folds(dataset.y, KFold(n_splits=3, n_repeats=2))
    table = encode(dataset, folds, EncodingSection())
    assert table.names == ("a", "b", "b is missing", "c")
    for fold, rows in enumerate(folds.train):
        reference = StandardScaler().fit(dataset.X[rows].astype(np.float64))
        np.testing.assert_allclose(table.scaled.mean[fold, [0, 1, 3]], reference.mean_, rtol=1e-6)
        np.testing.assert_allclose(table.scaled.scale[fold, [0, 1, 3]], reference.scale_, rtol=1e-6)
        np.testing.assert_array_equal(table.scaled.fill[fold], table.scaled.mean[fold])
        share = np.isnan(dataset.X[rows, 1]).mean()
        np.testing.assert_allclose([table.scaled.mean[fold, 2], table.scaled.scale[fold, 2]], [share, 0.5], rtol=1e-6)


def test_robust_scaling_fills_and_centers_with_the_median():
    X = np.random.default_rng(0).lognormal(size=(60, 1))
    X[::7] = NAN
    dataset = made(X, Column(name="a"))
    folds = make_folds(dataset.y, KFold(n_splits=3, n_repeats=1))
    table = encode(dataset, folds, EncodingSection(scaling="robust"))
    for fold, rows in enumerate(folds.train):
        low, middle, high = np.nanquantile(dataset.X[rows, 0].astype(np.float64), (0.25, 0.5, 0.75))
        expected = [middle, middle, (high - low) / 1.3489795]
        found = [array[fold, 0] for array in (table.scaled.fill, table.scaled.mean, table.scaled.scale)]
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        assert table.unscaled.fill[fold, 0] == table.scaled.fill[fold, 0]


def test_trials_that_do_not_scale_have_missing_cells_filled_and_nothing_else(load):
    dataset = load(raw_columns())
    table = encode(dataset, folds_of(dataset), EncodingSection(scaling="power"))
    assert table.scaled.power is not None
    assert table.unscaled.power is None
    np.testing.assert_array_equal(table.unscaled.active, table.scaled.active)
    for fold in range(3):
        seen = table.scaled.active[fold]
        X = table.X[:, seen]
        expected = np.where(np.isnan(X), table.scaled.fill[fold, seen], X)
        np.testing.assert_array_equal(table.unscaled.transform(table.X, fold), expected)
    assert table.constants(standardize=False) is table.unscaled
    assert table.constants(standardize=True) is table.scaled


def categories(counts, seed=0):
    """Rows of one column whose category k stands in `counts[k]` rows, in random order."""
    codes = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    levels = tuple(f"c{code:02d}" for code in range(len(counts)))
    return made(codes[:, None], Column(name="a", kind="categorical", levels=levels)), levels


@pytest.mark.parametrize(("most", "fewest"), [(50, 5), (50, 1), (3, 5), (4, 20), (1, 1)])
def test_categories_kept_are_those_of_one_hot_encoder(most, fewest):
    dataset, levels = categories([61, 3, 41, 9, 27, 5, 14, 1])
    folds = make_folds(dataset.y, KFold(n_splits=3, n_repeats=2))
    section = EncodingSection(max_categories=most, min_category_rows=fewest)
    table = encode(dataset, folds, section)
    texts = np.array(levels)[dataset.X[:, 0].astype(int)][:, None]
    for fold, rows in enumerate(folds.train):
        counts = np.unique(texts[rows], return_counts=True)[1]
        top = np.sort(counts[counts >= fewest])[::-1]
        assert len(top) <= most or top[most - 1] > top[most], "scikit-learn cuts ties in another place"
        reference = OneHotEncoder(
            min_frequency=fewest, max_categories=most + 1, handle_unknown="infrequent_if_exist", sparse_output=False
        ).fit(texts[rows])
        expected = {name for name in reference.get_feature_names_out(["a"]) if not name.endswith("infrequent_sklearn")}
        active = np.flatnonzero(table.scaled.active[fold])
        assert {f"a_{table.features[w].text}" for w in active} == expected
        x = table.unscaled.transform(table.X, fold)
        names = list(reference.get_feature_names_out(["a"]))
        places = [names.index(f"a_{table.features[w].text}") for w in active]
        np.testing.assert_array_equal(x, reference.transform(texts)[:, places])


def test_of_equally_frequent_categories_the_first_are_kept():
    dataset, _ = categories([4, 6, 6, 6, 6])
    table = encode_whole(dataset, EncodingSection(max_categories=2))
    assert [feature.text for feature in table.features] == ["c01", "c02"]


def test_a_category_known_to_some_folds_is_switched_off_in_the_others():
    dataset, _ = categories([40, 12, 8])
    folds = make_folds(dataset.y, KFold(n_splits=3, n_repeats=2))
    table = encode(dataset, folds, EncodingSection(min_category_rows=6))
    for fold, rows in enumerate(folds.train):
        counts = np.bincount(dataset.X[rows, 0].astype(int), minlength=3)
        assert table.scaled.active[fold].tolist() == (counts >= 6).tolist()
        blind = ~table.scaled.active[fold]
        assert np.isinf(table.scaled.scale[fold, blind]).all()
        assert (table.scaled.mean[fold, blind] == 0).all()
        assert (table.scaled.fill[fold, blind] == 0).all()
    assert not table.scaled.active.all()
    assert table.scaled.active.any(axis=0).all()


def test_flags_are_centered_and_doubled_whatever_their_share():
    dataset, _ = categories([40, 12, 8])
    table = encode_whole(dataset, EncodingSection())
    x = table.scaled.transform(table.X, 0)
    for column, share in enumerate([40 / 60, 12 / 60, 8 / 60]):
        np.testing.assert_allclose(np.unique(x[:, column]), [-2 * share, 2 - 2 * share], rtol=1e-6)


@pytest.mark.parametrize("max_ngram", [1, 2])
def test_terms_are_those_of_two_training_rows_with_the_values_of_count_vectorizer(load, max_ngram):
    columns = {name: raw_columns()[name] for name in ("note", "y")}
    dataset = load(columns)
    folds = folds_of(dataset)
    table = encode(dataset, folds, EncodingSection(max_ngram=max_ngram))
    texts = np.array(columns["note"])
    for fold, rows in enumerate(folds.train):
        vectorizer = CountVectorizer(token_pattern=TOKEN, ngram_range=(1, max_ngram))
        values = normalize(np.log1p(vectorizer.fit_transform(texts).toarray()))
        frequent = CountVectorizer(token_pattern=TOKEN, ngram_range=(1, max_ngram), min_df=2).fit(texts[rows])
        terms = frequent.get_feature_names_out().tolist()
        active = np.flatnonzero(table.scaled.active[fold])
        assert sorted(table.features[w].text for w in active) == terms
        places = [vectorizer.vocabulary_[table.features[w].text] for w in active]
        reference = StandardScaler().fit(values[rows][:, places].astype(np.float32))
        expected = reference.transform(values[:, places])
        np.testing.assert_allclose(table.scaled.transform(table.X, fold), expected, rtol=1e-4, atol=1e-5)


def test_the_terms_of_most_training_rows_are_kept(load):
    note = ["common word", "common word", "common word", "rare word", "rare common", "rare x", "y"] * 10
    dataset = load({"note": note, "y": [str(int(row % 2)) for row in range(70)]})
    table = encode_whole(dataset, EncodingSection(text_features=3))
    assert [feature.text for feature in table.features] == ["common", "rare", "word"]
    assert [feature.text for feature in encode_whole(dataset, EncodingSection(text_features=1)).features] == ["common"]


def test_every_kind_of_column_with_missing_cells_has_an_indicator(load):
    columns = raw_columns()
    columns = {
        name: ["" if row % 9 == 4 and name != "y" else cell for row, cell in enumerate(cells)]
        for name, cells in columns.items()
    }
    table = encode_whole(load(columns), EncodingSection())
    missing = {feature.column for feature in table.features if feature.kind == "missing"}
    assert missing == {
        "number", "gaps", "flag", "color", "note", "place",
        *(f"when: {part}" for part in ("days", "day of year sin", "day of year cos", "day of week sin", "day of week cos")),
    }  # fmt: skip
    assert not np.isnan(table.scaled.transform(table.X, 0)).any()


def test_an_indicator_is_off_where_no_training_row_lacks_the_cell_and_a_value_where_all_do():
    X = np.ones((40, 2))
    X[:, 1] = np.arange(40)
    dataset = made(X, Column(name="a"), Column(name="b"), y=np.arange(40) % 2)
    folds = make_folds(dataset.y, KFold(n_splits=2, n_repeats=1))
    gaps = dataset.X.copy()
    gaps[folds.valid[0], 0] = NAN
    table = encode(replace(dataset, X=gaps), folds, EncodingSection())
    assert table.names == ("a", "a is missing", "b")
    assert table.scaled.active.tolist() == [[True, False, True], [False, True, True]]
    scored = table.scaled.transform(table.X[folds.valid[0]], 0)
    assert scored[:, 0].tolist() == [0] * 20  # filled with the mean, although the fold never saw a missing cell


def test_a_table_of_complete_numbers_is_encoded_as_it_is():
    X = np.random.default_rng(0).normal(size=(20, 2))
    dataset = made(X, Column(name="a"), Column(name="b"))
    table = encode_whole(dataset, EncodingSection())
    assert table.X is dataset.X
    assert table.features == (Feature(column="a", kind="value"), Feature(column="b", kind="value"))
    assert (table.y is dataset.y, table.task, table.n_outputs, table.sample_weight) == (True, "binary", 1, None)
    assert table.scaled.active.all()


@pytest.mark.parametrize(("task", "n_outputs"), [("multiclass", 3), ("multilabel", 3)])
def test_more_classes_or_labels_have_an_output_each(task, n_outputs):
    y = np.arange(30) % 3 if task == "multiclass" else np.eye(3)[np.arange(30) % 3].astype(int)
    weight = np.arange(1, 31)
    dataset = made(
        np.arange(30)[:, None], Column(name="a"), y=y, task=task, classes=("u", "v", "w"), sample_weight=weight
    )
    table = encode_whole(dataset, EncodingSection())
    assert (table.task, table.n_outputs) == (task, n_outputs)
    np.testing.assert_array_equal(table.y, y)
    np.testing.assert_array_equal(table.sample_weight, weight)


def test_nothing_of_it_can_be_written(load):
    dataset = load(raw_columns())
    table = encode(dataset, folds_of(dataset), EncodingSection(scaling="power"))
    power = table.scaled.power
    for array in (table.X, table.y, table.scaled.fill, table.scaled.mean, table.scaled.scale, table.unscaled.scale,
                  power.exponent, power.mean, power.scale):  # fmt: skip
        assert array.dtype in (np.float32, np.int32)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_other_seeds_of_a_fold_learn_what_it_has_learned_without_another_pass(load, monkeypatch):
    dataset = load(raw_columns())
    folds = folds_of(dataset)
    passes = []
    monkeypatch.setattr(preprocessing, "column_moments", lambda X, rows: passes.append(1) or column_moments(X, rows))
    own = encode(dataset, folds, EncodingSection(scaling="robust"))
    n_passes = len(passes)
    more = encode(dataset, with_seeds(folds, 4), EncodingSection(scaling="robust"))
    assert len(passes) == 2 * n_passes
    for name in ("fill", "mean", "scale"):
        np.testing.assert_array_equal(getattr(more.scaled, name), np.tile(getattr(own.scaled, name), (4, 1)))


def test_a_table_of_rare_categories_alone_is_refused_before_a_model_has_no_column():
    dataset, _ = categories([4] * 10)
    with pytest.raises(DataError) as caught:
        encode_whole(dataset, EncodingSection())
    assert str(caught.value) == (
        "a table: the training rows of fold 0 hold no number, and no category or word that is frequent enough to learn "
        "from.\nLower encoding.min_category_rows, or add rows or columns."
    )
    assert len(encode_whole(dataset, EncodingSection(min_category_rows=4)).features) == 10


def test_a_fold_whose_training_rows_hold_nothing_is_refused_though_others_do():
    y = np.arange(40) % 2
    dataset = made(np.ones((40, 1)), Column(name="a", kind="categorical", levels=("u", "v")), y=y)
    folds = make_folds(dataset.y, KFold(n_splits=2, n_repeats=1))
    X = np.full((40, 1), NAN, np.float32)
    codes = replace(dataset, X=np.where(np.isin(np.arange(40), folds.train[0])[:, None], np.float32(1), np.float32(0)))
    assert encode(codes, folds, EncodingSection()).scaled.active.tolist() == [[False, True], [True, False]]
    X[folds.train[0], 0] = np.arange(20) % 2
    four = replace(dataset, X=X, columns=(Column(name="a", kind="categorical", levels=tuple("abcdefgh")),))
    four.X[folds.train[1], 0] = np.arange(20) % 6
    with pytest.raises(DataError, match="the training rows of fold 1 hold no number"):
        encode(four, folds, EncodingSection())
