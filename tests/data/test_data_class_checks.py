"""Classes that folds, scores or weights cannot do much with."""

import numpy as np
import pytest
from check_tables import N_ROWS, found, table

from tuner.config.cv import Holdout, KFold
from tuner.data.finding import Finding


@pytest.mark.parametrize(("n_positive", "n_scored"), [(24, 4), (25, None)])
def test_few_rows_of_a_class_per_fold_are_found(n_positive, n_scored):
    expected = Finding(
        level="warning",
        subject="few rows of a class in a fold",
        evidence=f'in the fold with fewest rows of class "yes" {n_scored} scored and 19 trained on',
        advice="Lower cv.n_splits, raise cv.n_repeats, or add rows; expect wide intervals.",
    )
    findings = found(table(y=np.arange(N_ROWS) < n_positive))
    assert findings == ([] if n_scored is None else [expected])


def test_every_small_class_is_named():
    y = np.repeat([0, 1, 2, 3], [6, 7, 200, 300])
    (finding,) = found(table(y=y, classes=tuple("pqrs"), task="multiclass"))
    assert finding.evidence == (
        'in the fold with fewest rows of class "p" 1 scored and 4 trained on, of class "q" 1 scored and 5 trained on'
    )


def test_both_sides_of_a_label_are_counted():
    y = np.stack([np.arange(N_ROWS) % 2, np.arange(N_ROWS) >= 8], axis=1)
    (finding,) = found(table(y=y, classes=("p", "q"), task="multilabel"))
    assert finding.subject == "few rows of a class in a fold"
    assert finding.evidence.startswith('in the fold with fewest rows without label "q" ')


@pytest.mark.parametrize(
    ("section", "more", "advice"),
    [
        (Holdout(kind="holdout", n_train=45), {}, "Move cv.n_train"),
        (KFold(fold="f", n_repeats=1), {"fold": np.arange(N_ROWS) // 5 % 25}, "Join folds in the column of cv.fold"),
    ],
    ids=["holdout", "predefined"],
)
def test_advice_is_about_what_decides_the_folds(section, more, advice):
    (finding,) = found(table(more=more), section)
    assert finding.advice.startswith(advice)


def test_larger_positive_class_is_found():
    assert found(table(y=np.arange(N_ROWS) % 5 != 0)) == [
        Finding(
            level="warning",
            subject='the positive class "yes" is the larger one',
            evidence="160 positive and 40 negative rows, imbalance ratio 0.25",
            advice="A minority weight above 1 favors the majority here; set dataset.positive to the rare class.",
        )
    ]


def test_sample_weights_that_balance_two_classes_are_found():
    weights = np.where(np.arange(N_ROWS) % 5 == 0, 4.0, 1.0)
    assert found(table(more={"sample_weight": weights})) == [
        Finding(
            level="warning",
            subject="sample weights already balance the classes",
            evidence="the largest class has 4 times the rows of the smallest, with dataset.weight 1 times",
            advice="Class weights multiply them, so 1 is balanced here; remove dataset.weight to search from there.",
        )
    ]


def test_sample_weights_that_balance_three_classes_are_found():
    y = np.repeat([0, 1, 2], [50, 100, 400])
    weights = np.array([8.0, 4.0, 1.0])[y]
    (finding,) = found(table(y=y, classes=tuple("pqr"), task="multiclass", more={"sample_weight": weights}))
    assert finding.subject == "sample weights already balance the classes"


@pytest.mark.parametrize(
    ("weights", "y"),
    [
        (np.random.default_rng(0).uniform(0.5, 2.0, N_ROWS), np.arange(N_ROWS) % 5 == 0),
        (np.where(np.arange(N_ROWS) % 5 == 0, 2.0, 1.0), np.arange(N_ROWS) % 5 == 0),
        (np.ones(N_ROWS), np.arange(N_ROWS) % 2 == 0),
    ],
    ids=["unrelated", "half way", "balanced anyway"],
)
def test_other_sample_weights_are_fine(weights, y):
    assert found(table(y=y, more={"sample_weight": weights})) == []
