"""Rows that repeat: where it is said, how much of it, and where it is not."""

import numpy as np
import pytest
from check_tables import N_ROWS, found, table

from tuner.config.cv import Holdout, KFold
from tuner.data.dataset import make_dataset
from tuner.data.duplicates import row_groups
from tuner.data.finding import Finding

HALF = Holdout(kind="holdout", n_train=100)


def with_equal_rows(rows, first, **options):
    """Return the clean table whose `rows` have the features of row `first`."""
    base = table()
    X = base.X.copy()
    X[rows] = X[first]
    return make_dataset(
        X,
        options.pop("y", base.y),
        feature_names=("a", "b"),
        target="y",
        classes=("no", "yes"),
        label_type="str",
        source="t",
        **options,
    )


def test_share_of_validation_rows_known_from_training_is_counted():
    dataset = with_equal_rows(slice(101, 105), 1)  # 5 equal rows; the first 100 rows train, the others are scored
    assert found(dataset, Holdout(kind="holdout", n_train=100, n_repeats=2)) == [
        Finding(
            level="warning",
            subject="duplicated rows cross folds",
            evidence="rows that repeat the features of an earlier one: 4 of 200; "
            "validation rows that also occur among the training rows of their fold: 4 %",
            advice="Where they are copies of one case, remove all but one: scores are too good with them.",
        )
    ]


def test_folds_that_could_be_grouped_are_advised_to_be():
    (finding,) = found(with_equal_rows(slice(1, 5), 6))
    assert (finding.level, finding.subject) == ("warning", "duplicated rows cross folds")
    assert finding.advice == (
        "Where they are copies of one case, set cv.group: duplicates, which keeps them in one fold: "
        "scores are too good without."
    )


def test_rows_kept_together_are_only_mentioned():
    dataset = with_equal_rows(slice(1, 5), 6)
    dataset = with_equal_rows(slice(1, 5), 6, group=row_groups(dataset.X))
    assert found(dataset, KFold(n_repeats=1, group="duplicates")) == [
        Finding(
            level="info",
            subject="duplicated rows",
            evidence="rows that repeat the features of an earlier one: 4 of 200; "
            "validation rows that also occur among the training rows of their fold: 0 %",
            advice="None is in two folds, so scores do not profit from them.",
        )
    ]


def test_duplicates_that_cross_no_fold_are_only_mentioned():
    (finding,) = found(with_equal_rows(151, 152), HALF)
    assert (finding.level, finding.subject) == ("info", "duplicated rows")


def test_a_hundredth_of_crossing_rows_is_no_warning():
    (finding,) = found(with_equal_rows(151, 1), HALF)
    assert (finding.level, finding.subject) == ("info", "duplicated rows cross folds")
    assert finding.evidence.endswith("of their fold: 1 %")


def test_columns_of_few_values_must_repeat_rows_and_that_is_no_warning():
    rng = np.random.default_rng(0)
    y = np.arange(N_ROWS) % 5 == 0
    dataset = make_dataset(
        rng.integers(0, 3, (N_ROWS, 2)),
        y,
        feature_names=("a", "b"),
        target="y",
        classes=("no", "yes"),
        label_type="str",
        source="t",
    )
    finding = next(one for one in found(dataset) if "repeat" in one.subject)
    assert finding == Finding(
        level="info",
        subject="rows that must repeat",
        evidence="rows that repeat the features of an earlier one: 191 of 200; validation rows that also occur among "
        "the training rows of their fold: 1e+02 %; columns of so few values make 9 different rows at most",
        advice="Rows must repeat in such a table; where they are copies of one case, remove all but one.",
    )


def test_one_column_that_repeats_half_of_its_values_is_no_table_of_few_values():
    values = np.repeat(np.random.default_rng(0).normal(size=N_ROWS // 2), 2)
    dataset = make_dataset(
        values[:, None],
        np.arange(N_ROWS) // 2 % 5 == 0,
        feature_names=("a",),
        target="y",
        classes=("no", "yes"),
        label_type="str",
        source="t",
    )
    assert [(one.level, one.subject) for one in found(dataset)] == [("warning", "duplicated rows cross folds")]


def test_equal_rows_with_different_labels_bound_the_accuracy():
    findings = found(with_equal_rows(slice(150, 160), 150), HALF)  # 2 of these 10 rows are positive
    assert findings[1] == Finding(
        level="info",
        subject="equal rows with different labels",
        evidence="10 of 200 rows have the features of a row with another label; "
        "whatever the model, its accuracy on this table is at most 99 %",
        advice="Only further columns could tell them apart; look whether some labels are wrong.",
    )


def test_bound_on_the_accuracy_never_reads_as_no_bound():
    n = 30_000
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 2))
    X[1] = X[0]
    dataset = make_dataset(
        X,
        np.arange(n) % 5 == 0,
        feature_names=("a", "b"),
        target="y",
        classes=("no", "yes"),
        label_type="str",
        source="t",
    )
    (finding,) = [one for one in found(dataset) if "labels" in one.subject]
    assert finding.evidence.endswith("at most 99.99 %")


@pytest.mark.parametrize(("second", "n_findings"), [([1, 1, 0], 1), ([0, 1, 0], 0)])
def test_equal_rows_of_several_labels_differ_where_any_label_does(second, n_findings):
    rng = np.random.default_rng(0)
    y = (rng.random((N_ROWS, 3)) < 0.4).astype(int)
    y[0], y[1] = [0, 1, 0], second
    a = rng.normal(size=N_ROWS)
    a[1] = a[0]
    dataset = make_dataset(
        a[:, None],
        y,
        feature_names=("a",),
        target="p, q, r",
        classes=("p", "q", "r"),
        label_type="str",
        source="t",
        task="multilabel",
    )
    assert len([one for one in found(dataset) if one.subject == "equal rows with different labels"]) == n_findings
