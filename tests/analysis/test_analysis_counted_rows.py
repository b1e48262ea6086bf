"""Scores on counted rows: equal to counting out every pair and every row, whatever the counts, ties and folds."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import expit, logit
from sklearn import metrics

from tuner.analysis import counted_rows
from tuner.analysis.counted_rows import MOST, Layout, RunningSums, counted_scores
from tuner.config.schema import ScoringSection
from tuner.config.values import DecisionMetric, RankingMetric
from tuner.scoring import DECISION_METRICS, Counts, score

DECISIONS = {
    "f1": lambda *args, **kwargs: metrics.f1_score(*args, zero_division=0, **kwargs),
    "fbeta": lambda *args, **kwargs: metrics.fbeta_score(*args, beta=2.0, zero_division=0, **kwargs),
    "precision": lambda *args, **kwargs: metrics.precision_score(*args, zero_division=0, **kwargs),
    "recall": metrics.recall_score,
    "balanced_accuracy": lambda *args, **kwargs: np.mean(recalls(*args, **kwargs)),
    "g_mean": lambda *args, **kwargs: np.sqrt(np.prod(recalls(*args, **kwargs))),
    "accuracy": metrics.accuracy_score,
    "matthews_corrcoef": metrics.matthews_corrcoef,
}
BEST = sorted(DECISIONS.keys() - {"recall"})


def recalls(y, called, sample_weight):
    return [metrics.recall_score(y, called, sample_weight=sample_weight, pos_label=label) for label in (0, 1)]


# --- one repeat, slowly: labels, logits, folds and counts of its rows


def slow_roc_auc(y, z, folds, count):
    won = pairs = 0.0
    for p in np.flatnonzero(y == 1):
        for n in np.flatnonzero((y == 0) & (folds == folds[p])):
            both = int(count[p]) * int(count[n])
            pairs += both
            won += both * (1.0 if z[p] > z[n] else 0.5 if z[p] == z[n] else 0.0)
    return won / pairs


def slow_average_precision(y, z, folds, count):
    precisions = []
    for p in np.flatnonzero((y == 1) & (count > 0)):
        called = (folds == folds[p]) & (z >= z[p])
        precisions += [count[called & (y == 1)].sum() / count[called].sum()] * int(count[p])
    return np.mean(precisions)


def slow_log_loss(y, z, folds, count):
    return np.average(np.log(np.where(y == 1, expit(z), expit(-z))), weights=count)


def slow_brier(y, z, folds, count):
    return -np.average((y - expit(z)) ** 2, weights=count)


RANKING = {
    "roc_auc": slow_roc_auc,
    "average_precision": slow_average_precision,
    "neg_log_loss": slow_log_loss,
    "neg_brier_score": slow_brier,
}


def best_cut(metric, y, z, count):
    """Return the cut of one fold, trying every positive row drawn from the lowest up, and calling nobody."""
    drawn = count > 0
    best, lowest = -1.1, np.inf
    for z_p in [*np.unique(z[drawn & (y == 1)]), np.inf]:
        tp, fp = (np.array(float(count[(z >= z_p) & (y == label)].sum())) for label in (1, 0))
        n_positive, n_negative = (max(int(count[y == label].sum()), 1) for label in (1, 0))
        value = DECISION_METRICS[metric](Counts(tp, fp, n_positive, n_negative), 1.0)
        if value > best:
            best, lowest = value, z_p
    below = np.float64(z[drawn & (z < lowest)].max(initial=-np.inf))
    return np.inf if lowest == np.inf else (lowest + below) / 2


def slow_at_best(metric, y, z, folds, count, scored):
    """Cut each fold by `count`, score by `scored`; F-beta aside."""
    called = np.zeros(len(y), bool)
    for fold in np.unique(folds):
        own = folds == fold
        called[own] = z[own] > best_cut(metric, y[own], z[own], count[own])
    return DECISIONS[metric](y, called, sample_weight=scored)


# --- problems


@st.composite
def problems(draw):
    """Labels, logits with ties, folds of every repeat, counts of some samples.

    Of the first four rows, all in one fold, a row of each class is in every sample and one is left out.
    """
    n, n_repeats, n_samples = draw(st.integers(4, 30)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    y = draw(hnp.arrays(np.int32, n, elements=st.integers(0, 1)))
    few = st.sampled_from([-2.0, -1.0, -0.0, 0.0, 1.0, 3.0])  # brings ties
    elements = draw(st.sampled_from([few, st.one_of(few, st.floats(-9, 9, width=32))]))
    logits = draw(hnp.arrays(np.float32, (n_repeats, n), elements=elements))
    split_of = draw(hnp.arrays(np.int32, (n_repeats, n), elements=st.integers(0, draw(st.integers(0, 3)))))
    tally = draw(hnp.arrays(np.uint16, (n, n_samples), elements=st.sampled_from([0, 1, 2, 5, MOST])))
    y[:4], split_of[:, :4], tally[:2], tally[2:4] = (0, 1, 0, 1), 0, np.maximum(tally[:2], 1), 0
    order = np.random.default_rng(n).permutation(n)
    return y[order], logits, split_of[:, order], tally[order]


def both(scoring, y, logits, split_of, tally):
    """Return the scores on each sample, and on the rows left out of it."""
    layout = Layout(y, split_of)
    own, sample = counted_scores(scoring, layout, logits), layout.sample(tally)
    return own.scores(sample), own.scores_left_out(sample)


def slowly(one_repeat, y, logits, split_of, *counts):
    return np.mean([one_repeat(y, z.astype(float), folds, *counts) for z, folds in zip(logits, split_of, strict=True)])


def assert_equal_to(one_repeat, scoring, y, logits, split_of, tally):
    drawn, left_out = both(scoring, y, logits, split_of, tally)
    for count, *found in zip(tally.T.astype(int), drawn, left_out, strict=True):
        expected = [slowly(one_repeat, y, logits, split_of, count), slowly(one_repeat, y, logits, split_of, count == 0)]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_every_metric_has_a_slow_counterpart():
    assert RANKING.keys() == set(get_args(RankingMetric))
    assert DECISIONS.keys() == set(get_args(DecisionMetric))


@pytest.mark.parametrize("metric", RANKING)
@settings(max_examples=40, deadline=None)
@given(problem=problems())
def test_ranking_metric_equals_counting_out_pairs_and_rows(metric, problem):
    assert_equal_to(RANKING[metric], ScoringSection(metric=metric), *problem)


@pytest.mark.parametrize("metric", DECISIONS)
@settings(max_examples=25, deadline=None)
@given(problem=problems(), threshold=st.sampled_from([0.5, 0.2, 0.9]))
def test_decision_metric_equals_scikit_learn_with_counts_as_weights(metric, problem, threshold):
    def one_repeat(y, z, folds, count):
        return DECISIONS[metric](y, z > logit(threshold), sample_weight=count)

    beta = 2.0 if metric == "fbeta" else 1.0
    assert_equal_to(one_repeat, ScoringSection(metric=metric, threshold=threshold, beta=beta), *problem)


@pytest.mark.parametrize("metric", sorted(set(BEST) - {"fbeta"}))
@settings(max_examples=25, deadline=None)
@given(problem=problems())
def test_best_cuts_are_found_fold_by_fold_on_rows_drawn_and_used_on_rows_left_out(metric, problem):
    y, logits, split_of, tally = problem
    drawn, left_out = both(ScoringSection(metric=metric, threshold="best"), *problem)
    for count, *found in zip(tally.T.astype(int), drawn, left_out, strict=True):
        expected = [
            slowly(lambda *args: slow_at_best(metric, *args), y, logits, split_of, count, scored)
            for scored in (count, (count == 0).astype(int))
        ]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


METRICS = [*((metric, 0.5) for metric in [*RANKING, *DECISIONS]), *((metric, "best") for metric in BEST)]


@pytest.mark.parametrize(("metric", "threshold"), METRICS)
def test_in_one_fold_with_every_row_counted_once_it_is_the_score_of_every_run(metric, threshold):
    rng = np.random.default_rng(0)
    y = (np.arange(200) % 7 == 0).astype(np.int32)
    logits = (rng.normal(size=(3, 200)) + y).astype(np.float32).round(1)
    scoring = ScoringSection(metric=metric, threshold=threshold)
    layout = Layout(y, np.zeros((3, 200), int))
    found = counted_scores(scoring, layout, logits).scores(layout.sample(np.ones((200, 1), np.uint16)))
    np.testing.assert_allclose(found, [score(scoring, y, logits).mean()], rtol=1e-13)


@pytest.mark.parametrize("metric", ["roc_auc", "average_precision", "f1"])
def test_where_long_runs_are_cut_changes_no_bit(metric, monkeypatch):
    rng = np.random.default_rng(1)
    y = (np.arange(400) % 9 == 0).astype(np.int32)
    problem = y, rng.normal(size=(2, 400)).astype(np.float32), rng.integers(3, size=(2, 400))
    tally = rng.poisson(1, size=(400, 20)).astype(np.uint16)
    whole = both(ScoringSection(metric=metric), *problem, tally)
    monkeypatch.setattr(counted_rows, "_RUN", 2)
    np.testing.assert_array_equal(both(ScoringSection(metric=metric), *problem, tally), whole)


def test_how_many_rows_are_looked_at_below_the_best_cuts_changes_no_bit(monkeypatch):
    rng = np.random.default_rng(2)
    y = (np.arange(400) % 9 == 0).astype(np.int32)
    problem = y, (rng.normal(size=(2, 400)) + y).astype(np.float32), rng.integers(3, size=(2, 400))
    tally = rng.poisson(1, size=(400, 20)).astype(np.uint16)
    answers = []
    for below in (400, 1, 0):
        monkeypatch.setattr(counted_rows, "_BELOW", below)
        answers.append(both(ScoringSection(metric="f1", threshold="best"), *problem, tally))
    np.testing.assert_array_equal(answers[1:], answers[:1] * 2)


def test_sums_are_exact_where_every_row_of_a_long_run_counts_as_often_as_it_may():
    rows = np.arange(100_000, dtype=np.int32)
    sums = RunningSums([rows[:70_000], rows[70_000:]], [np.array([70_000]), np.array([5, 30_000])], n_rows=100_000)
    tally = np.full((100_000, 1), MOST, np.uint16)
    np.testing.assert_array_equal(sums.totals(tally), [[70_000 * MOST], [30_000 * MOST]])
