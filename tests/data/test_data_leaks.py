"""Columns that give the target away are found, whatever kind they are; honest and lucky ones are left alone."""

from dataclasses import replace
from math import comb, exp

import numpy as np
import pytest
from check_tables import N_ROWS, found, table
from sklearn.metrics import roc_auc_score

from tuner.config.cv import KFold
from tuner.data import leaks
from tuner.data.finding import Finding
from tuner.data.leaks import leaking_columns, log_chance, roc_auc

Y = np.arange(N_ROWS) % 5 == 0
CLASSES = np.arange(300) % 3
ADVICE = "If it is known only once the outcome is, name it in dataset.drop."


def subjects(dataset):
    return [(one.level, one.subject) for one in leaking_columns(dataset)]


@pytest.mark.parametrize(("sign", "auc"), [(1, "1.0000"), (-1, "0.0000")])
def test_column_that_predicts_the_target_alone_is_found_in_both_directions(sign, auc):
    assert found(table(leak=sign * (Y + np.random.default_rng(1).random(N_ROWS) / 2))) == [
        Finding(
            level="warning",
            subject='column "leak" predicts the target almost alone',
            evidence=f"its ROC AUC by itself is {auc}",
            advice=ADVICE,
        )
    ]


def test_good_but_imperfect_column_is_no_leak():
    column = Y + np.random.default_rng(1).normal(size=N_ROWS) / 3
    assert 0.95 < roc_auc_score(Y, column) < 0.999
    assert found(table(column=column)) == []


def test_missing_or_not_is_a_leak_although_the_values_are_noise():
    column = np.where(Y, np.nan, np.random.default_rng(1).normal(size=N_ROWS))
    (finding,) = leaking_columns(table(column=column))
    assert finding.evidence == "its ROC AUC by itself is 0.0000"


def test_values_leak_although_some_are_missing():
    rng = np.random.default_rng(1)
    column = np.where(rng.random(N_ROWS) < 0.25, np.nan, Y + rng.random(N_ROWS) / 2)
    (finding,) = leaking_columns(table(column=column))
    covered = 100 * np.mean(~np.isnan(column))
    assert finding.evidence == f"its ROC AUC by itself is 1.0000 where it holds a value ({covered:.3g} %)"


def test_values_of_a_few_rows_are_no_leak():
    column = np.where(np.arange(N_ROWS) < 60, Y + np.random.default_rng(1).random(N_ROWS) / 2, np.nan)
    assert leaking_columns(table(column=column)) == []


def test_missing_at_random_is_no_leak():
    rng = np.random.default_rng(1)
    assert leaking_columns(table(column=np.where(rng.random(N_ROWS) < 0.4, np.nan, rng.normal(size=N_ROWS)))) == []


def test_numbers_whose_middle_is_the_class_leak():
    column = np.where(Y, 0.0, np.where(np.arange(N_ROWS) % 2, -1.0, 1.0))
    assert 0.4 < roc_auc_score(Y, column) < 0.6
    (finding,) = leaking_columns(table(column=column))
    assert finding.evidence == (
        "the share of the positive class at its values, known from other rows, has a ROC AUC of 1.0000"
    )


@pytest.mark.parametrize(
    "column",
    [Y, ~Y, ["bad" if one else "good" for one in Y], [f"{one}{i % 3}" for i, one in enumerate(Y)]],
    ids=["boolean", "negated", "category", "several categories"],
)
def test_categories_and_booleans_leak(column):
    assert subjects(table(column=column)) == [("warning", 'column "column" predicts the target almost alone')]


def test_a_category_for_each_row_or_two_is_no_leak():
    assert leaking_columns(table(column=[f"{i}" for i in range(N_ROWS)])) == []
    assert leaking_columns(table(column=[f"{i // 2}" for i in range(N_ROWS)])) == []


def test_category_of_few_rows_that_knows_one_class_is_no_leak():
    assert leaking_columns(table(column=["bad" if one and i < 50 else "good" for i, one in enumerate(Y)])) == []


def multiclass(**columns):
    return table(y=CLASSES, classes=("p", "q", "r"), task="multiclass", **columns)


@pytest.mark.parametrize(
    "column",
    [CLASSES, [f"c{k}" for k in CLASSES], CLASSES + np.random.default_rng(1).random(300) / 2],
    ids=["number", "category", "number with noise"],
)
def test_copy_of_three_classes_leaks_the_target(column):
    (finding,) = leaking_columns(multiclass(column=column))
    assert (finding.level, finding.subject) == ("warning", 'column "column" predicts the target almost alone')
    assert finding.evidence.endswith('for "p", "q", "r", each against the rest')
    assert finding.evidence.startswith("its ROC AUC by itself is at least ")


def test_column_that_knows_one_class_of_three_is_only_mentioned():
    assert leaking_columns(multiclass(column=["q" if k == 1 else "other" for k in CLASSES])) == [
        Finding(
            level="info",
            subject='column "column" tells a class from the rest almost alone',
            evidence='its ROC AUC by itself is 1.0000 for "q"',
            advice="Where it is part of what defines the class, nothing is wrong; else name it in dataset.drop.",
        )
    ]


def test_column_of_noise_leaks_none_of_three_classes():
    assert leaking_columns(multiclass(column=[f"{i % 7}" for i in np.random.default_rng(1).permutation(300)])) == []


def test_column_that_knows_one_label_is_found():
    rng = np.random.default_rng(1)
    y = (rng.random((300, 2)) < 0.3).astype(int)
    dataset = table(y=y, classes=("p", "q"), task="multilabel", column=y[:, 1] + rng.random(300) / 2)
    assert leaking_columns(dataset) == [
        Finding(
            level="warning",
            subject='column "column" predicts a label almost alone',
            evidence='its ROC AUC by itself is 1.0000 for "q"',
            advice=ADVICE,
        )
    ]


def test_perfect_columns_of_a_tiny_table_may_be_luck():
    y = np.arange(12) % 4 == 0
    lucky = np.where(y, 1.0, 0.0) + np.random.default_rng(1).random(12) / 2
    assert leaking_columns(table(y=y, lucky=lucky)) == []


def test_noise_never_leaks_in_many_small_tables():
    rng = np.random.default_rng(0)
    for n in (10, 20, 60):
        for _ in range(20):
            y = rng.permutation(np.arange(n) < max(3, n // 8))
            columns = {f"x{i}": rng.normal(size=n) for i in range(15)}
            columns |= {f"c{i}": [str(v) for v in rng.integers(0, 4, n)] for i in range(5)}
            assert leaking_columns(table(y=y, **columns)) == []


@pytest.mark.parametrize(("n", "m"), [(12, 3), (40, 5), (16, 8), (60, 4)])
def test_chance_is_that_of_perfect_order_where_one_wrong_pair_is_too_much(n, m):
    assert m * (n - m) < 1000
    assert exp(log_chance(n, m)) == pytest.approx(1 / comb(n, m))


@pytest.mark.parametrize(("n", "m"), [(1000, 3), (2000, 20), (500, 250)])
def test_chance_is_never_below_that_of_perfect_order_and_still_small(n, m):
    assert -np.log(float(comb(n, m))) <= log_chance(n, m) < np.log(1e-6)


def test_chance_bounds_what_drawn_columns_do():
    rng = np.random.default_rng(0)
    n, m, draws = 800, 3, 100_000
    ranks = np.sort(rng.integers(0, n, (draws, m)), axis=1)
    ranks = ranks[(np.diff(ranks, axis=1) > 0).all(axis=1)]
    wrong = ((n - m + np.arange(m)) - ranks).sum(axis=1)
    share = np.mean(wrong <= 0.1 * m * (n - m))  # a tenth instead of a thousandth, to see any
    d = int(0.1 * m * (n - m))
    assert share <= comb(d + m, m) / comb(n, m)


@pytest.mark.parametrize("n_of", [30, 150, 270])
def test_auc_equals_that_of_scikit_learn(n_of):
    rng = np.random.default_rng(0)
    is_of = rng.permutation(np.arange(300) < n_of)
    for scores in (rng.normal(size=300), rng.integers(0, 4, 300).astype(float), np.ones(300)):
        assert roc_auc(scores, is_of) == pytest.approx(roc_auc_score(is_of, scores), rel=1e-12)


def test_leaks_of_a_large_table_are_found_in_rows_drawn_from_it(monkeypatch):
    monkeypatch.setattr(leaks, "MAX_ROWS", 2000)
    y = np.arange(20_000) % 50 == 0
    rng = np.random.default_rng(1)
    (finding,) = leaking_columns(table(y=y, leak=y + rng.random(len(y)) / 2, honest=y + rng.normal(size=len(y))))
    assert finding.evidence == "its ROC AUC by itself is 1.0000, on 2,000 rows drawn at random"


def test_text_is_left_out():
    dataset = table(column=["bad" if one else "good" for one in Y])
    *others, column = dataset.columns
    assert leaking_columns(dataset) != []
    assert leaking_columns(replace(dataset, columns=(*others, replace(column, kind="text")))) == []


def test_leaks_do_not_depend_on_folds():
    dataset = table(leak=Y + np.random.default_rng(1).random(N_ROWS) / 2)
    assert found(dataset, KFold(n_splits=2, n_repeats=1)) == found(dataset)
