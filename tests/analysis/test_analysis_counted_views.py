"""Scores on counted rows of many classes and of labels: equal to repeating the rows and scoring them as any run does."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tuner.analysis.counted_rows import MOST, Layout, counted_scores
from tuner.analysis.counted_views import OVER_VIEWS, Views, scores_of
from tuner.config.schema import ScoringSection
from tuner.config.values import ClassesMetric, DecisionMetric, RankingMetric
from tuner.scoring import CLASS_DECISIONS, CLASS_ROW_LOSSES, WITHOUT_SOME_CLASS, score, softmax

COUNTS = [0, 1, 2, 5, MOST]
CLASSES = get_args(ClassesMetric)
LABELS = [
    *((metric, 0.5) for metric in [*get_args(RankingMetric), *get_args(DecisionMetric)]),
    *((metric, "best") for metric in get_args(DecisionMetric) if metric != "recall"),
]


def scoring_of(metric, threshold=0.5):
    return ScoringSection(metric=metric, threshold=threshold, beta=2.0 if metric == "fbeta" else 1.0)


# --- problems


def few_or_any(draw):
    few = st.sampled_from([-2.0, -1.0, -0.0, 0.0, 1.0, 3.0])  # brings ties
    return draw(st.sampled_from([few, st.one_of(few, st.floats(-9, 9, width=32))]))


def folds_and_counts(draw, n, n_repeats, n_fixed):
    """Folds and counts; of the first rows, all in one fold, one half is in every sample and one half is left out."""
    split_of = draw(hnp.arrays(np.int32, (n_repeats, n), elements=st.integers(0, draw(st.integers(0, 2)))))
    tally = draw(hnp.arrays(np.uint16, (n, draw(st.integers(1, 3))), elements=st.sampled_from(COUNTS)))
    half = n_fixed // 2
    split_of[:, :n_fixed], tally[:half], tally[half:n_fixed] = 0, np.maximum(tally[:half], 1), 0
    return split_of, tally


@st.composite
def classes(draw):
    """Classes, logits, folds of every repeat, counts of some samples; a row of each class is in and one is out."""
    k, n_repeats = draw(st.integers(3, 5)), draw(st.integers(1, 3))
    n = draw(st.integers(2 * k, 30))
    y = draw(hnp.arrays(np.int32, n, elements=st.integers(0, k - 1)))
    y[: 2 * k] = np.tile(np.arange(k), 2)
    logits = draw(hnp.arrays(np.float32, (n_repeats, n, k), elements=few_or_any(draw)))
    split_of, tally = folds_and_counts(draw, n, n_repeats, 2 * k)
    order = np.random.default_rng(n).permutation(n)
    return y[order], logits, split_of[:, order], tally[order]


@st.composite
def labels(draw):
    """The same of labels, each with a row that has it and one that does not, in and out."""
    n_labels, n_repeats = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    n = draw(st.integers(4, 24))
    y = draw(hnp.arrays(np.int32, (n, n_labels), elements=st.integers(0, 1)))
    y[:4] = np.array([0, 1, 0, 1])[:, None]
    logits = draw(hnp.arrays(np.float32, (n_repeats, n, n_labels), elements=few_or_any(draw)))
    split_of, tally = folds_and_counts(draw, n, n_repeats, 4)
    order = np.random.default_rng(n).permutation(n)
    return y[order], logits, split_of[:, order], tally[order]


def once(scoring, y, logits):
    """Return the score where all rows are of one fold and count once."""
    split_of = np.zeros((len(logits), len(y)), int)
    views = Views(y, split_of, scoring, n_classes=logits.shape[-1])
    return scores_of(views, logits).scores(views.sample(np.ones((len(y), 1), np.uint16)))


def both(scoring, y, logits, split_of, tally):
    """Return the scores on each sample, and on the rows left out of it."""
    views = Views(y, split_of, scoring, n_classes=logits.shape[-1])
    own, samples = scores_of(views, logits), views.sample(tally)
    return own.scores(samples), own.scores_left_out(samples)


# --- slowly


def repeated(count, *arrays):
    """Return arrays of rows with every row as often as it counts."""
    return [np.repeat(array, count, axis=0) for array in arrays]


def in_folds(metric, y, p, folds, count):
    """Score two classes fold by fold; folds count by their pairs, or by their positive rows."""
    total = parts = 0.0
    for fold in np.unique(folds):
        own_y, own_p = repeated(count * (folds == fold), y, p)
        if 0 < own_y.sum() < len(own_y):
            n = own_y.sum() * (len(own_y) - own_y.sum() if metric == "roc_auc" else 1)
            total += n * score(ScoringSection(metric=metric), own_y, own_p[None])[0]
            parts += n
        elif metric == "average_precision":  # a fold of positive rows alone has precision 1, one without counts nothing
            total += own_y.sum()
            parts += own_y.sum()
    return total / parts


def slow_classes(metric, y, logits, folds, count):
    """Score one repeat; only rankings know folds."""
    if metric not in OVER_VIEWS:
        own_y, own = repeated(count, y, logits)
        return score(ScoringSection(metric=metric), own_y, own[None])[0]
    of_classes = [
        in_folds(OVER_VIEWS[metric], (y == k).astype(np.int32), p, folds, count)
        for k, p in enumerate(softmax(logits).T)
    ]
    weights = np.bincount(y, weights=count) if metric == "roc_auc_ovr_weighted" else None
    return np.average(of_classes, weights=weights)


def assert_equal_to(one_repeat, scoring, y, logits, split_of, tally):
    drawn, left_out = both(scoring, y, logits, split_of, tally)
    for count, *found in zip(tally.T.astype(int), drawn, left_out, strict=True):
        for value, own in zip(found, (count, (count == 0).astype(int)), strict=True):
            slow = [one_repeat(y, z, folds, own) for z, folds in zip(logits, split_of, strict=True)]
            assert value == pytest.approx(np.mean(slow), rel=1e-12, abs=1e-12)


def test_every_metric_of_classes_is_a_ranking_a_loss_or_a_decision():
    assert OVER_VIEWS.keys() | CLASS_ROW_LOSSES.keys() | CLASS_DECISIONS.keys() == set(CLASSES)


@pytest.mark.parametrize("metric", CLASSES)
@settings(max_examples=25, deadline=None)
@given(problem=classes())
def test_metric_of_classes_equals_scoring_every_row_as_often_as_it_counts(metric, problem):
    assert_equal_to(lambda *rows: slow_classes(metric, *rows), ScoringSection(metric=metric), *problem)


@pytest.mark.parametrize(("metric", "threshold"), LABELS)
@settings(max_examples=15, deadline=None)
@given(problem=labels())
def test_metric_of_labels_is_the_mean_of_what_each_label_has_alone(metric, threshold, problem):
    y, logits, split_of, tally = problem
    scoring = scoring_of(metric, threshold)
    drawn, left_out = [], []
    for label in range(y.shape[1]):
        layout = Layout(y[:, label], split_of)
        own, sample = counted_scores(scoring, layout, logits[..., label]), layout.sample(tally)
        drawn.append(own.scores(sample))
        left_out.append(own.scores_left_out(sample))
    expected = np.mean(drawn, axis=0), np.mean(left_out, axis=0)
    np.testing.assert_allclose(both(scoring, *problem), expected, rtol=1e-14)


@pytest.mark.parametrize("metric", sorted(WITHOUT_SOME_CLASS))
def test_metric_that_counts_classes_by_rows_does_without_one(metric):
    rng = np.random.default_rng(0)
    y = rng.choice([0, 2, 3], size=60).astype(np.int32)
    tally = rng.poisson(1, size=(60, 4)).astype(np.uint16)
    problem = y, rng.normal(size=(2, 60, 5)).astype(np.float32), rng.integers(3, size=(2, 60)), tally
    assert_equal_to(lambda *rows: slow_classes(metric, *rows), ScoringSection(metric=metric), *problem)


@pytest.mark.parametrize("metric", CLASSES)
def test_in_one_fold_with_every_row_counted_once_it_is_the_score_of_every_run(metric):
    rng = np.random.default_rng(0)
    y = rng.choice(4, size=300, p=[0.6, 0.25, 0.1, 0.05]).astype(np.int32)
    logits = (rng.normal(size=(3, 300, 4)) + np.eye(4)[y]).astype(np.float32).round(1)
    scoring = ScoringSection(metric=metric)
    np.testing.assert_allclose(once(scoring, y, logits), [score(scoring, y, logits).mean()], rtol=1e-13)


@pytest.mark.parametrize(("metric", "threshold"), LABELS)
def test_in_one_fold_labels_counted_once_have_the_score_of_every_run(metric, threshold):
    rng = np.random.default_rng(1)
    y = (rng.random((300, 3)) < [0.1, 0.3, 0.7]).astype(np.int32)
    logits = (rng.normal(size=(2, 300, 3)) + y).astype(np.float32).round(1)
    scoring = scoring_of(metric, threshold)
    np.testing.assert_allclose(once(scoring, y, logits), [score(scoring, y, logits).mean()], rtol=1e-13)


def test_classes_are_ranked_by_probabilities_that_float32_cannot_tell_apart():
    y = np.array([0, 0, 1, 1, 2, 2], np.int32)
    logits = np.zeros((1, 6, 3), np.float32)
    logits[0, :, 0] = [21, 21, 20, 20, -9, -9]
    assert len(set(softmax(logits[0]).astype(np.float32)[:4, 0])) == 1
    # classes 0 and 2 win all of their pairs, class 1 those with class 0; in float32 class 0 would tie with class 1
    np.testing.assert_allclose(once(ScoringSection(metric="roc_auc_ovr"), y, logits), [(1.0 + 0.5 + 1.0) / 3])


# --- views


def test_rows_are_drawn_within_their_class_and_rows_of_labels_from_all():
    split_of = np.zeros((1, 5), int)
    scoring = ScoringSection(metric="neg_log_loss")
    many = Views(np.array([2, 0, 0, 4, 2], np.int32), split_of, scoring, n_classes=5)
    assert [rows.tolist() for rows in many.strata] == [[3], [0, 4], [1, 2]]
    several = Views(np.array([[0, 1], [1, 1], [0, 0], [0, 1], [1, 0]], np.int32), split_of, scoring)
    assert [rows.tolist() for rows in several.strata] == [[0, 1, 2, 3, 4]]


def test_every_class_needs_a_pair_in_each_repeat_unless_classes_count_by_rows():
    y = np.array([0, 0, 1, 1, 2, 2], np.int32)
    split_of = np.array([[0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1]])  # class 2 is alone in a fold of the second repeat
    tally = np.array([[1, 0, 1, 0, 1, 0], [1, 1, 1, 1, 1, 1], [1, 0, 0, 0, 0, 0]], np.uint16).T
    for metric, expected in (("f1_macro", [False] * 3), ("f1_weighted", [True, True, False])):
        views = Views(y, split_of, ScoringSection(metric=metric), n_classes=3)
        assert views.has_pairs(views.sample(tally)).tolist() == expected
    views = Views(y, split_of[:1], ScoringSection(metric="f1_macro"), n_classes=3)
    assert views.has_pairs(views.sample(tally)).tolist() == [True, True, False]


def test_some_of_the_samples_are_the_same_as_sampled_alone():
    rng = np.random.default_rng(3)
    y, split_of = rng.integers(3, size=40).astype(np.int32), rng.integers(2, size=(2, 40))
    tally, columns = rng.poisson(1, size=(40, 6)).astype(np.uint16), np.array([4, 1])
    views = Views(y, split_of, ScoringSection(metric="roc_auc_ovr"), n_classes=3)
    taken, alone = views.sample(tally).take(columns), views.sample(tally[:, columns])
    for one, other in zip(taken.views, alone.views, strict=True):
        assert one.tally is taken.tally
        for name in ("tally", "positive", "negative"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
