"""What is found in a table and its folds before training, taken together."""

import numpy as np
import pytest
from check_tables import N_ROWS, found, table

from tuner.data.checks import warnings_first
from tuner.data.finding import Finding


def test_clean_table_has_no_findings():
    assert found(table()) == []


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_clean_table_of_more_classes_or_labels_has_no_findings(task):
    rng = np.random.default_rng(1)
    y = rng.permutation(np.arange(300) % 3) if task == "multiclass" else (rng.random((300, 3)) < 0.3).astype(int)
    words = [str(word) for word in rng.integers(0, 5, 300)]
    gaps = np.where(rng.random(300) < 0.2, np.nan, rng.normal(size=300))
    assert found(table(y=y, classes=("p", "q", "r"), task=task, words=words, gaps=gaps)) == []


def test_everything_is_found_at_once_warnings_first():
    y = np.arange(N_ROWS) % 5 == 0
    findings = found(
        table(leak=y + np.random.default_rng(1).random(N_ROWS) / 2, one=np.ones(N_ROWS), key=np.arange(N_ROWS))
    )
    assert [(one.level, one.subject) for one in findings] == [
        ("warning", 'column "leak" predicts the target almost alone'),
        ("warning", 'column "key" looks like a row number or id'),
        ("info", "constant column"),
    ]


def test_warnings_come_first_and_keep_their_order():
    findings = [
        Finding(level=level, subject=str(i), evidence="", advice="")
        for i, level in enumerate(["info", "warning", "info", "warning"])
    ]
    assert [one.subject for one in warnings_first(findings)] == ["1", "3", "0", "2"]
