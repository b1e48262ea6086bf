"""Simulated tables are what their formulas say, and what is measured on them is measured as in a run."""

import dataclasses
import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from tuner.config.cv import KFold
from tuner.config.schema import ScoringSection
from tuner.data.folds import make_folds
from tuner.data.nested import nest_folds
from tuner.trial import TrialParams
from tuner.verdict.outer_fold import FoldResult


@pytest.fixture
def population():
    from simulated_tables import Mixture, Population

    return Population(
        negative=Mixture(centers=((0.0, 0.0), (3.0, 0.0)), shares=(0.8, 0.2), spreads=(1.0, 0.5)),
        positive=Mixture(centers=((1.0, 1.0),), spreads=(0.7,)),
        n_negative=60,
        n_positive=20,
    )


@pytest.fixture
def block(population):
    from simulated_tables import BlockPlan

    return BlockPlan(population=population, n_tables=3, n_splits=4, n_repeats=2, test_times=2).draw(5)


def test_tables_have_the_class_counts_of_their_population_in_random_order(population):
    X, y = population.draw(np.random.default_rng(0), times=3)
    assert X.shape == (240, 2)
    assert np.bincount(y).tolist() == [180, 60]
    assert 0 < y[:120].sum() < 60


def test_true_probabilities_are_calibrated_and_order_rows_best(population):
    X, y = population.draw(np.random.default_rng(1), times=1000)
    truth = population.probability(X)
    assert truth.mean() == pytest.approx(0.25, abs=0.005)
    upper = truth > 0.5
    assert y[upper].mean() == pytest.approx(truth[upper].mean(), abs=0.01)
    assert roc_auc_score(y, truth) > max(roc_auc_score(y, X @ d) for d in np.eye(2))


def test_area_of_linear_scores_is_that_of_many_rows(population):
    directions = np.array([[1.0, 0.0], [-0.5, 2.0], [3.0, 4.0]])
    X, y = population.draw(np.random.default_rng(2), times=2000)
    counted = [roc_auc_score(y, X @ direction) for direction in directions]
    np.testing.assert_allclose(population.linear_auc(directions), counted, atol=0.004)


def test_folds_of_a_block_stay_within_their_tables_and_have_seeds_of_their_own(block):
    for table, rows in enumerate(block.tables):
        for fold in block.of_table(table):
            train, valid = block.folds.train[fold], block.folds.valid[fold]
            assert np.array_equal(np.sort(np.concatenate([train, valid])), rows)
            repeat, split = (fold - block.of_table(table)[0]) // 4, fold % 4
            assert (block.splits[table][repeat, valid - rows[0]] == split).all()
    seeds = list(zip(block.folds.repeat.tolist(), block.folds.split.tolist(), strict=True))
    assert len(set(seeds)) == 3 * 8
    assert not np.isin(block.test, np.concatenate(block.tables)).any()


def test_folds_of_a_block_are_those_of_its_tables(block):
    rows = block.tables[1]
    own = make_folds(block.y(rows), KFold(n_splits=4, n_repeats=2, seed=5))
    for fold, train in zip(block.of_table(1), own.train, strict=True):
        assert np.array_equal(block.folds.train[fold], rows[0] + train)


def test_block_is_a_function_of_seed_and_number(population, block):
    from simulated_tables import BlockPlan

    plan = BlockPlan(population=population, n_tables=3, n_splits=4, n_repeats=2, test_times=2)
    assert plan.draw(5).dataset.sha256 == block.dataset.sha256
    assert plan.draw(6).dataset.sha256 != block.dataset.sha256
    assert dataclasses.replace(plan, seed=1).draw(5).dataset.sha256 != block.dataset.sha256


PARAMS = TrialParams(
    number=0,
    minority_weight=2.0,
    majority_weight=1.0,
    hidden_size=4,
    hidden_layers=1,
    epochs=3,
    batch_size=16,
    learning_rate=0.1,
    momentum=0.0,
    l2=0.0,
    optimizer="sgd",
    activation="relu",
    standardize=True,
)


@pytest.mark.slow
def test_models_that_answer_for_a_test_set_are_those_of_the_study(block):
    from simulated_training import evaluator, with_test_set

    scoring = ScoringSection(metric="roc_auc")
    common = {"seed": 3, "longest": 3}
    folds = list(block.of_table(2))
    [study] = evaluator(block.dataset, block.folds, scoring=scoring, **common)([PARAMS], folds)
    [wide] = with_test_set(block.dataset, block.folds, block.test, **common).logits([PARAMS], folds)
    for fold, (own, test) in zip(folds, wide, strict=True):
        repeat = (fold - folds[0]) // 4
        np.testing.assert_allclose(own, study.logits[repeat, block.folds.valid[fold]], rtol=1e-5, atol=1e-6)
        assert test.shape == block.test.shape
        assert np.isfinite(test).all()


@pytest.mark.slow
def test_test_set_follows_an_arm_whose_first_winner_diverged(block):
    from simulated_training import evaluator, with_test_set
    from simulated_verdicts import _Watched

    scoring = ScoringSection(metric="roc_auc")
    outer = list(zip(block.folds.train, block.folds.valid, strict=True))
    nested = nest_folds(block.dataset, outer, inner_splits=3, seed=0)
    common = {"seed": 3, "longest": 3}
    watched = _Watched(
        inner=evaluator(block.dataset, nested.folds, scoring=scoring, **common),
        outer=with_test_set(block.dataset, nested.folds, block.test, **common),
        nested=nested,
        scoring=scoring,
    )
    wild = dataclasses.replace(PARAMS, learning_rate=1e30)
    tame = [dataclasses.replace(PARAMS, number=i, minority_weight=w) for i, w in enumerate((1.0, 5.0))]
    fold = [nested.outer("none", 9)]
    first = watched([tame[0], dataclasses.replace(wild, number=1)], fold)
    second = watched([dataclasses.replace(tame[1], number=0)], fold)
    assert [one.failure is None for one in (*first, *second)] == [True, False, True]
    results = [
        FoldResult(arm=arm, score=0.0, inner_score=0.0, weight=1.0, learning_rate=0.1, measures={}, n_models=1)
        for arm in ("none", "tuned")
    ]
    expected = [one[0][1] for one in watched.outer.logits(tame, fold)]
    for got, logits in zip(watched.of_results(results), expected, strict=True):
        assert np.array_equal(got, logits)
    assert watched.kept == []


def test_excess_log_loss_is_the_divergence_from_the_true_probabilities():
    from simulated_probabilities import base_rate_entropy, excess_log_loss

    truth = np.array([0.1, 0.5, 0.9])
    logits = np.log(truth / (1 - truth))
    assert excess_log_loss(truth, logits) == pytest.approx(0.0, abs=1e-15)
    said = np.array([0.2, 0.5, 0.6])
    expected = np.mean(truth * np.log(truth / said) + (1 - truth) * np.log((1 - truth) / (1 - said)))
    assert excess_log_loss(truth, np.log(said / (1 - said))) == pytest.approx(expected, rel=1e-12)
    assert base_rate_entropy(0.25) == pytest.approx(-0.25 * np.log(0.25) - 0.75 * np.log(0.75))


def test_logistic_regression_is_that_of_scikit_learn(population):
    from simulated_probabilities import _logistic

    X, y = population.draw(np.random.default_rng(3), times=10)
    slopes = _logistic(X, y, 5.0)
    model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(X, y, sample_weight=np.where(y == 1, 5.0, 1.0))
    np.testing.assert_allclose(slopes, [*model.intercept_, *model.coef_[0]], rtol=1e-4)


def test_coverage_counts_intervals_that_hold_the_truth():
    from simulated_coverage import LEVELS, coverage

    wide, narrow = [0.0, 2.0, 1.0, 1.0], [5.0, 5.1, 4.9, 5.0]
    found = coverage([{"differences": wide, "true": 0.9}, {"differences": narrow, "true": 1.1}], test_over_train=0.25)
    assert found.truth == pytest.approx(1.0)
    assert found.error == pytest.approx(0.1)
    assert found.shares == (0.5,) * len(LEVELS)
    assert found.n_tables == 2


def counted(study, number):
    from pathlib import Path

    with Path(study).open("a") as log:
        log.write(f"{number}\n")
    return [{"number": number, "study": study}]


def test_blocks_keep_their_order_and_finished_ones_are_not_worked_again(tmp_path, monkeypatch):
    import simulated_training

    monkeypatch.setattr(simulated_training, "ProcessPoolExecutor", _Here)
    monkeypatch.setenv("TUNER_BENCH_PARTIAL", str(tmp_path / "partial"))
    log = str(tmp_path / "log")
    [first] = simulated_training.in_blocks(counted, [(log, 2)])
    [second] = simulated_training.in_blocks(counted, [(log, 3)])
    assert [one["number"] for one in first] == [0, 1]
    assert [one["number"] for one in second] == [0, 1, 2]
    assert json.loads(json.dumps(first)) == second[:2]
    assert (tmp_path / "log").read_text().split() == ["0", "1", "2"]


class _Here:
    """Works in this process, at once."""

    def __init__(self, *_, **__):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def submit(self, work, *arguments):
        from concurrent.futures import Future

        future = Future()
        future.set_result(work(*arguments))
        return future
