"""The bias-corrected score: the best on the rows drawn, scored on those left out; noise has no skill."""

import threading

import numpy as np
import pytest

from tuner.analysis import winners_curse
from tuner.analysis.counted_rows import Layout, counted_scores
from tuner.analysis.counted_views import Views, scores_of
from tuner.analysis.winners_curse import bias_corrected
from tuner.config.schema import ScoringSection

ROC_AUC = ScoringSection(metric="roc_auc")
METRICS = [
    ROC_AUC,
    ScoringSection(metric="average_precision"),
    ScoringSection(metric="neg_log_loss"),
    ScoringSection(metric="f1", threshold=0.6),
    ScoringSection(metric="f1", threshold="best"),
]
NAMES = ["roc_auc", "average_precision", "neg_log_loss", "f1", "best f1"]


def problem(*, n_trials=6, n_rows=120, n_positive=20, n_repeats=2, n_folds=3, seed=0, signal=0.0):
    """Labels, the logits of each trial, and stratified folds."""
    rng = np.random.default_rng(seed)
    y = np.zeros(n_rows, np.int32)
    y[rng.choice(n_rows, n_positive, replace=False)] = 1
    split_of = np.empty((n_repeats, n_rows), np.int32)
    for own in split_of:
        for rows in (np.flatnonzero(y == 0), np.flatnonzero(y == 1)):
            own[rng.permutation(rows)] = np.arange(len(rows)) % n_folds
    logits = [(rng.normal(size=(n_repeats, n_rows)) + signal * y).astype(np.float32) for _ in range(n_trials)]
    return y, logits, split_of


def correct(y, logits, split_of, scoring=ROC_AUC, *, n_bootstraps=50, seed=1, **kwargs):
    return bias_corrected(y, logits, split_of=split_of, scoring=scoring, n_bootstraps=n_bootstraps, seed=seed, **kwargs)


@pytest.mark.parametrize("scoring", METRICS, ids=NAMES)
def test_best_trial_on_the_rows_drawn_is_scored_on_the_rows_left_out(scoring):
    y, logits, split_of = problem()
    layout, rng = Layout(y, split_of), np.random.default_rng(1)
    own = [counted_scores(scoring, layout, one) for one in logits]
    left_out = []
    for _ in range(50):
        tally = np.zeros((len(y), 1), np.uint16)
        for label in (1, 0):
            rows = np.flatnonzero(y == label)
            np.add.at(tally, rows[rng.integers(len(rows), size=len(rows))], 1)
        sample = layout.sample(tally)
        scores = [trial.scores(sample)[0] for trial in own]
        left_out.append(own[scores.index(max(scores))].scores_left_out(sample)[0])
    everything = layout.sample(np.ones((len(y), 1), np.uint16))
    assert correct(y, logits, split_of, scoring) == {
        "mean": pytest.approx(np.mean(left_out), rel=1e-12),
        "ci95": pytest.approx(np.quantile(left_out, [0.025, 0.975]).tolist(), rel=1e-12),
        "raw": max(trial.scores(everything)[0] for trial in own),
        "n_trials": 6,
        "n_bootstraps": 50,
        "n_redrawn": 0,
    }


@pytest.mark.parametrize("scoring", METRICS, ids=NAMES)
def test_threads_change_no_bit(scoring):
    table = problem(n_trials=20)
    assert correct(*table, scoring, threads=3) == correct(*table, scoring, threads=1)


def test_samples_are_the_same_in_as_many_passes_as_memory_asks_for(monkeypatch):
    table = problem(n_positive=2, n_folds=1)  # some are drawn again
    in_one = correct(*table, n_bootstraps=300)
    monkeypatch.setattr(winners_curse, "TALLY_BYTES", 1)
    assert correct(*table, n_bootstraps=300) == in_one
    assert in_one["n_redrawn"] > 0


def test_other_seeds_draw_other_samples():
    table = problem()
    assert correct(*table, seed=1)["mean"] != correct(*table, seed=2)["mean"]


def test_half_of_the_samples_are_redrawn_where_two_rows_are_positive():
    redrawn = correct(*problem(n_positive=2, n_folds=1), n_bootstraps=2000)["n_redrawn"]
    assert 1800 < redrawn < 2200  # both rows are drawn with probability 1/2


def test_on_noise_the_best_score_is_too_good_and_the_corrected_one_is_not():
    """Thirty trials without skill on each of forty tables: the mean over tables has a standard error below 0.005."""
    records = [
        correct(*problem(n_trials=30, n_rows=600, n_positive=60, n_folds=5, n_repeats=1, seed=seed), n_bootstraps=100)
        for seed in range(40)
    ]
    assert np.mean([record["raw"] for record in records]) > 0.56
    assert np.mean([record["mean"] for record in records]) == pytest.approx(0.5, abs=0.015)


def test_a_single_trial_keeps_its_score_where_nothing_is_chosen():
    y, logits, split_of = problem(n_trials=1, n_rows=2000, n_positive=400, signal=2.0)
    for scoring in METRICS[:4]:
        record = correct(y, logits, split_of, scoring, n_bootstraps=200)
        assert record["mean"] == pytest.approx(record["raw"], abs=0.01)


def test_a_threshold_chosen_on_the_rows_scored_is_corrected_even_of_a_single_trial():
    """F1 of calling by coin is at most 2/3 where half are positive, which is what calling every row has."""
    y, logits, split_of = problem(n_trials=1, n_rows=120, n_positive=60)
    record = correct(y, logits, split_of, METRICS[4], n_bootstraps=200)
    assert record["raw"] > 2 / 3 > record["mean"]


def test_holdout_is_one_fold_whose_repeats_are_seeds():
    y, logits, _ = problem(n_repeats=4, signal=1.0)
    record = correct(y, logits, np.zeros((4, len(y)), int))
    assert 0.5 < record["ci95"][0] < record["mean"] < record["ci95"][1] < 1.0


class Recorded:
    """Logits that note who takes which."""

    def __init__(self, logits):
        self.logits, self.taken, self.by = logits, [], set()

    def __len__(self):
        return len(self.logits)

    def __getitem__(self, number):
        self.taken.append(number)
        self.by.add(threading.current_thread())
        return self.logits[number]


def test_of_equal_trials_the_first_wins_and_logits_are_taken_once_in_a_pass_by_the_caller():
    y, logits, split_of = problem(n_trials=1)
    recorded = Recorded(logits * 5)
    correct(y, recorded, split_of, threads=2)
    assert recorded.taken == [0, 1, 2, 3, 4, 0]
    assert recorded.by == {threading.current_thread()}


def test_without_a_trial_there_is_no_answer():
    y, _, split_of = problem()
    assert correct(y, [], split_of) is None


def test_without_a_second_row_of_a_class_there_is_no_answer():
    assert correct(*problem(n_positive=1, n_folds=1)) is None
    assert correct(*problem(n_rows=20, n_positive=19, n_folds=1)) is None


def test_where_folds_allow_no_pair_both_in_and_out_there_is_no_answer():
    y = np.array([1, 0, 1, 0], np.int32)
    crossed = np.array([[0, 0, 1, 1], [0, 1, 1, 0]])
    assert correct(y, [np.zeros((2, 4), np.float32)], crossed) is None


@pytest.mark.parametrize("after", [0, 3, 7])
def test_asked_to_stop_it_stops_without_an_answer(after):
    asked = iter([False] * after)
    assert correct(*problem(), should_stop=lambda: next(asked, True)) is None


# --- more than two classes, and labels


CLASS_METRICS = ["f1_macro", "roc_auc_ovr", "roc_auc_ovr_weighted", "neg_log_loss", "balanced_accuracy"]


def classes_problem(*, counts=(70, 40, 10), n_trials=6, n_repeats=2, n_folds=3, seed=0, signal=0.0):
    """Classes, the logits of each trial, and stratified folds."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts)).astype(np.int32)
    split_of = np.empty((n_repeats, len(y)), np.int32)
    for own in split_of:
        for label in range(len(counts)):
            rows = np.flatnonzero(y == label)
            own[rng.permutation(rows)] = np.arange(len(rows)) % n_folds
    truth = signal * np.eye(len(counts))[y]
    shape = (n_repeats, len(y), len(counts))
    return y, [(rng.normal(size=shape) + truth).astype(np.float32) for _ in range(n_trials)], split_of


def labels_problem(*, shares=(0.2, 0.5), n_rows=120, n_trials=6, n_repeats=2, n_folds=3, seed=0, signal=0.0):
    """Labels, the logits of each trial, and folds."""
    rng = np.random.default_rng(seed)
    y = (rng.random((n_rows, len(shares))) < shares).astype(np.int32)
    split_of = np.stack([rng.permutation(n_rows) % n_folds for _ in range(n_repeats)])
    shape = (n_repeats, *y.shape)
    return y, [(rng.normal(size=shape) + signal * y).astype(np.float32) for _ in range(n_trials)], split_of


def correct_classes(y, logits, split_of, metric, **kwargs):
    return correct(y, logits, split_of, ScoringSection(metric=metric), n_classes=logits[0].shape[-1], **kwargs)


def of_samples(y, logits, split_of, scoring, tallies):
    """Return, one sample at a time, the score on the rows left out of the trial that is best on those drawn."""
    views = Views(y, split_of, scoring, n_classes=logits[0].shape[-1])
    own = [scores_of(views, one) for one in logits]
    left_out = []
    for tally in tallies:
        samples = views.sample(tally[:, None])
        scores = [trial.scores(samples)[0] for trial in own]
        left_out.append(own[scores.index(max(scores))].scores_left_out(samples)[0])
    return left_out, max(trial.scores(views.sample(np.ones((len(y), 1), np.uint16)))[0] for trial in own)


@pytest.mark.parametrize("metric", CLASS_METRICS)
def test_rows_of_many_classes_are_drawn_class_by_class(metric):
    y, logits, split_of = classes_problem()
    rng, tallies = np.random.default_rng(1), np.zeros((50, len(y)), np.uint16)
    for tally in tallies:
        for label in (2, 1, 0):
            rows = np.flatnonzero(y == label)
            np.add.at(tally, rows[rng.integers(len(rows), size=len(rows))], 1)
    left_out, raw = of_samples(y, logits, split_of, ScoringSection(metric=metric), tallies)
    record = correct_classes(y, logits, split_of, metric)
    assert record["mean"] == pytest.approx(np.mean(left_out), rel=1e-12)
    assert record["ci95"] == pytest.approx(np.quantile(left_out, [0.025, 0.975]).tolist(), rel=1e-12)
    assert (record["raw"], record["n_redrawn"]) == (pytest.approx(raw, rel=1e-14), 0)


@pytest.mark.parametrize("scoring", METRICS, ids=NAMES)
def test_rows_of_labels_are_drawn_from_all(scoring):
    y, logits, split_of = labels_problem()
    rng, tallies = np.random.default_rng(1), np.zeros((50, len(y)), np.uint16)
    for tally in tallies:
        np.add.at(tally, rng.integers(len(y), size=len(y)), 1)
    left_out, raw = of_samples(y, logits, split_of, scoring, tallies)
    record = correct(y, logits, split_of, scoring)
    assert record["mean"] == pytest.approx(np.mean(left_out), rel=1e-12)
    assert (record["raw"], record["n_redrawn"]) == (pytest.approx(raw, rel=1e-14), 0)


@pytest.mark.parametrize("metric", CLASS_METRICS)
def test_threads_and_passes_change_no_bit_of_many_classes(metric, monkeypatch):
    table = classes_problem(n_trials=12, counts=(50, 30, 20, 5, 5, 5, 5, 5, 5))
    expected = correct_classes(*table, metric, n_bootstraps=300)
    monkeypatch.setattr(winners_curse, "TALLY_BYTES", 1)
    assert correct_classes(*table, metric, n_bootstraps=300, threads=3) == expected


def test_sample_that_lacks_a_class_in_or_out_is_drawn_again_only_where_a_mean_over_classes_needs_it():
    table = classes_problem(counts=(60, 58, 2), n_folds=1)
    redrawn = correct_classes(*table, "f1_macro", n_bootstraps=2000)["n_redrawn"]
    assert 1800 < redrawn < 2200  # both rows of the last class are drawn with probability 1/2
    assert correct_classes(*table, "f1_weighted", n_bootstraps=2000)["n_redrawn"] == 0


def test_class_of_one_row_leaves_no_answer_but_to_metrics_that_do_without():
    table = classes_problem(counts=(60, 59, 1), n_folds=1)
    assert correct_classes(*table, "balanced_accuracy") is None
    assert correct_classes(*table, "accuracy") is not None
    y, logits, split_of = labels_problem()
    y[:, 1] = np.arange(len(y)) == 0
    assert correct(y, logits, split_of) is None


@pytest.mark.parametrize("metric", ["roc_auc_ovr", "balanced_accuracy"])
def test_on_noise_of_many_classes_the_best_score_is_too_good_and_the_corrected_one_is_not(metric):
    """Thirty trials without skill on each of twenty tables of four classes."""
    records = [
        correct_classes(
            *classes_problem(counts=(150, 90, 40, 20), n_trials=30, n_repeats=1, seed=seed), metric, n_bootstraps=100
        )
        for seed in range(20)
    ]
    chance = 0.5 if metric == "roc_auc_ovr" else 0.25
    assert np.mean([record["raw"] for record in records]) > chance + 0.04
    assert np.mean([record["mean"] for record in records]) == pytest.approx(chance, abs=0.015)


def test_on_noise_of_labels_the_best_score_is_too_good_and_the_corrected_one_is_not():
    records = [
        correct(*labels_problem(n_trials=30, n_rows=300, n_repeats=1, seed=seed), n_bootstraps=100)
        for seed in range(20)
    ]
    assert np.mean([record["raw"] for record in records]) > 0.54
    assert np.mean([record["mean"] for record in records]) == pytest.approx(0.5, abs=0.015)
