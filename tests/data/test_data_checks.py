"""What is found in a table and its folds before training."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tuner.config.schema import Holdout, KFold
from tuner.data.checks import Finding, column_auc, examine
from tuner.data.dataset import make_dataset
from tuner.data.folds import make_folds

N_ROWS = 200


def table(**columns):
    """A table without anything to find, plus `columns`; `y` may be given too."""
    rng = np.random.default_rng(0)
    y = columns.pop("y", np.arange(N_ROWS) % 5 == 0)
    columns = {"a": rng.normal(size=len(y)), "b": rng.normal(size=len(y)), **columns}
    return make_dataset(
        np.stack(list(columns.values()), axis=1),
        y,
        feature_names=tuple(columns),
        target="y",
        classes=("no", "yes"),
        label_type="str",
        source="a table",
    )


def found(dataset, section=None):
    return examine(dataset, make_folds(dataset.y, section or KFold(n_repeats=1)))


def test_clean_table_has_no_findings():
    assert found(table()) == []


@pytest.mark.parametrize(("sign", "auc"), [(1, "1.0000"), (-1, "0.0000")])
def test_column_that_predicts_the_target_alone_is_found_in_both_directions(sign, auc):
    y = np.arange(N_ROWS) % 5 == 0
    assert found(table(leak=sign * (y + np.random.default_rng(1).random(N_ROWS) / 2))) == [
        Finding(
            level="warning",
            subject='column "leak" predicts the target almost alone',
            evidence=f"its ROC AUC by itself is {auc}",
            advice="If it is known only once the outcome is, name it in dataset.drop.",
        )
    ]


def test_good_but_imperfect_column_is_no_leak():
    y = np.arange(N_ROWS) % 5 == 0
    column = y + np.random.default_rng(1).normal(size=N_ROWS) / 3
    assert 0.95 < roc_auc_score(y, column) < 0.999
    assert found(table(column=column)) == []


def test_auc_of_columns_equals_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    X = np.stack([rng.normal(size=300), rng.integers(0, 4, 300), np.ones(300)], axis=1).astype(np.float32)
    y = (rng.random(300) < 0.2).astype(np.int32)
    expected = [roc_auc_score(y, column) for column in X.T]
    np.testing.assert_allclose(column_auc(X, y), expected, rtol=1e-12)


@pytest.mark.parametrize(("start", "step"), [(1, 1), (500, -2)])
def test_whole_numbers_in_row_order_look_like_an_id(start, step):
    ids = start + step * np.arange(N_ROWS)
    assert found(table(key=ids)) == [
        Finding(
            level="warning",
            subject='column "key" looks like a row number or id',
            evidence=f"200 distinct whole numbers in row order, from {start} to {ids[-1]}",
            advice="If it identifies rows and does not describe them, name it in dataset.drop.",
        )
    ]


@pytest.mark.parametrize(
    "column",
    [np.arange(N_ROWS) + 0.5, np.arange(N_ROWS) // 2, np.random.default_rng(0).permutation(N_ROWS)],
    ids=["fractions", "repeats", "unordered"],
)
def test_other_columns_do_not_look_like_an_id(column):
    assert found(table(column=column)) == []


def test_share_of_validation_rows_known_from_training_is_counted():
    base = table()
    X = base.X.copy()
    X[100:110] = X[0]  # 11 equal rows; the first 100 rows train, the others are scored
    dataset = make_dataset(
        X, base.y, feature_names=("a", "b"), target="y", classes=("no", "yes"), label_type="str", source="t"
    )
    assert found(dataset, Holdout(kind="holdout", n_train=100, n_repeats=2)) == [
        Finding(
            level="warning",
            subject="duplicated rows cross folds",
            evidence="rows that repeat the features of an earlier one: 10 of 200; "
            "validation rows that also occur among the training rows of their fold: 10 %",
            advice="Where they are copies of one case, remove all but one: scores are too good with them.",
        )
    ]


def test_duplicates_that_cross_no_fold_are_only_mentioned():
    base = table()
    X = base.X.copy()
    X[150] = X[151]
    dataset = make_dataset(
        X, base.y, feature_names=("a", "b"), target="y", classes=("no", "yes"), label_type="str", source="t"
    )
    (finding,) = found(dataset, Holdout(kind="holdout", n_train=100))
    assert (finding.level, finding.subject) == ("info", "duplicated rows")
    assert finding.evidence.endswith(
        "1 of 200; validation rows that also occur among the training rows of their fold: 0 %"
    )


@pytest.mark.parametrize(("n_positive", "fewest"), [(24, 4), (25, None)])
def test_few_minority_rows_per_fold_are_found(n_positive, fewest):
    findings = found(table(y=np.arange(N_ROWS) < n_positive))
    expected = Finding(
        level="warning",
        subject="few minority rows per fold",
        evidence=f"only {fewest} in the fold with fewest validation rows of the rarer class",
        advice="Lower cv.n_splits, raise cv.n_repeats, or add rows; expect wide intervals.",
    )
    assert findings == ([] if fewest is None else [expected])


def test_larger_positive_class_is_found():
    assert found(table(y=np.arange(N_ROWS) % 5 != 0)) == [
        Finding(
            level="warning",
            subject='the positive class "yes" is the larger one',
            evidence="160 positive and 40 negative rows, imbalance ratio 0.25",
            advice="A minority weight above 1 favors the majority here; set dataset.positive to the rare class.",
        )
    ]


def test_constant_columns_are_found_and_come_after_warnings():
    findings = found(table(one=np.ones(N_ROWS), key=np.arange(N_ROWS), two=np.full(N_ROWS, 2)))
    assert [finding.level for finding in findings] == ["warning", "info"]
    assert findings[1] == Finding(
        level="info",
        subject="constant columns",
        evidence='"one", "two"',
        advice="They cannot help a model; name them in dataset.drop to save time.",
    )
