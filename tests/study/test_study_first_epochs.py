"""Shares of the first epoch beside the fold scores: what is stored, read back, and absent in older databases."""

import sqlite3
from dataclasses import fields, replace

import numpy as np
import pytest
from study_kit import FOLDS, evaluate, make_plan, run

from tuner.config.schema import RacingSection
from tuner.study.racing import Race
from tuner.study.summary import load_summary
from tuner.trial import FirstEpoch, TrialScore

NAMES = [field.name for field in fields(FirstEpoch)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "study.db"


def shares_of(number, folds):
    """Made-up shares that name their trial, fold and kind."""
    places = np.array(folds) / 100 + number / 1000
    return FirstEpoch(**{name: places + i / 10 for i, name in enumerate(NAMES)})


def measured(batch, folds=None):
    asked = range(FOLDS.n_folds) if folds is None else folds
    scores = evaluate(batch, folds)
    return [replace(score, first_epoch=shares_of(score.number, asked)) for score in scores]


def assert_equal(stored, expected):
    for name in NAMES:
        np.testing.assert_array_equal(getattr(stored, name), getattr(expected, name))


def test_shares_come_back_as_they_were_measured(path):
    run(make_plan(n_trials=4), path, measured)
    for trial in load_summary(path, "fraud").trials:
        assert_equal(trial.first_epoch, shares_of(trial.number, range(FOLDS.n_folds)))


def test_share_that_does_not_exist_comes_back_as_none_is(path):
    def without(batch, folds=None):
        nothing = FirstEpoch(**{name: np.full(FOLDS.n_folds, np.nan) for name in NAMES})
        return [replace(score, first_epoch=nothing) for score in evaluate(batch, folds)]

    run(make_plan(n_trials=4), path, without)
    first_epoch = load_summary(path, "fraud").trials[0].first_epoch
    assert np.isnan(first_epoch.loss_share).all()
    assert first_epoch.loss_share.shape == (FOLDS.n_folds,)


def test_trials_that_failed_or_measured_nothing_have_no_shares(path):
    def some(batch, folds=None):
        whole = dict(enumerate(measured(batch, folds)))
        for place, trial in enumerate(batch):
            if trial.number == 1:
                whole[place] = TrialScore.failed(1, "the class weights cannot act")
            if trial.number == 2:
                whole[place] = replace(whole[place], first_epoch=None)
        return list(whole.values())

    run(make_plan(n_trials=4), path, some)
    trials = load_summary(path, "fraud").trials
    assert [trial.first_epoch is None for trial in trials] == [False, True, True, False]
    assert trials[1].failure == "the class weights cannot act"


def test_database_from_before_the_table_is_read_without_shares_and_gets_it_with_its_next_trials(path):
    run(make_plan(n_trials=4), path, measured)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE tuner_first_epochs")
    connection.close()
    assert [trial.first_epoch for trial in load_summary(path, "fraud").trials] == [None] * 4
    run(make_plan(n_trials=8), path)  # measures nothing, so needs no table
    assert [trial.first_epoch for trial in load_summary(path, "fraud").trials] == [None] * 8
    run(make_plan(n_trials=12), path, measured)
    trials = load_summary(path, "fraud").trials
    assert [trial.first_epoch is None for trial in trials] == [True] * 8 + [False] * 4


def test_race_joins_the_shares_of_its_repeats(path):
    batch = [make_plan().space.resolve(n, {"minority_weight": 20.0, "hidden_size": 4, "epochs": 10}) for n in (3, 4)]
    scores = Race(confidence=0.8, folds=FOLDS, safe=(3, 4), rivals={}).run(batch, measured)
    for score in scores:
        assert_equal(score.first_epoch, shares_of(score.number, range(FOLDS.n_folds)))
    for score in Race(confidence=0.8, folds=FOLDS, safe=(3, 4), rivals={}).run(batch, evaluate):
        assert score.first_epoch is None


def test_pruned_trials_keep_the_shares_of_the_folds_they_have(path):
    plan = replace(make_plan(n_trials=24), racing=RacingSection(enabled=True, confidence=0.8))
    run(plan, path, measured)
    pruned = [trial for trial in load_summary(path, "fraud").trials if trial.state == "pruned"]
    assert pruned
    for trial in pruned:
        assert_equal(trial.first_epoch, shares_of(trial.number, range(trial.n_folds)))
