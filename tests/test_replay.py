"""Replaying: any stored trial, trained again with plain Keras, gives what is stored."""

import math
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tuner.config.load import load_config
from tuner.replay import replay_trial
from tuner.run import run_study

SMOKE = Path(__file__).parents[1] / "configs" / "smoke.yaml"


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished study scored by a threshold metric: (its config, the numbers of the best and the two that follow)."""
    root = tmp_path_factory.mktemp("f1")
    loaded = load_config(
        SMOKE, overrides=["scoring.metric=f1", "scoring.threshold=0.3", f"output.root={root}", "search_space.epochs=20"]
    )
    scored = sorted(run_study(loaded).summary.scored, key=lambda trial: -trial.value)
    return loaded, [trial.number for trial in scored[:3]]


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_threshold_metric_agrees_when_at_most_two_rows_of_a_fold_change_sides(finished, rank):
    loaded, numbers = finished
    replay = replay_trial(loaded, numbers[rank])
    assert (replay.metric, len(replay.folds), replay.agrees) == ("f1", 3, True)
    assert all(fold.changed_rows <= 2 and fold.probability_difference < 1e-3 for fold in replay.folds)
    assert max(fold.stored for fold in replay.folds) > 0


def test_best_threshold_agrees_when_at_most_two_rows_of_a_fold_are_on_the_other_side_of_it(tmp_path):
    overrides = ["scoring.metric=g_mean", "scoring.threshold=best", "search_space.epochs=20", f"output.root={tmp_path}"]
    loaded = load_config(SMOKE, overrides=overrides)
    best = run_study(loaded).summary.best
    replay = replay_trial(loaded, best.number)
    assert replay.agrees
    assert all(fold.changed_rows <= 2 for fold in replay.folds)
    assert [fold.stored for fold in replay.folds] == pytest.approx([fold.replayed for fold in replay.folds], abs=0.05)


def test_threshold_metric_disagrees_when_three_rows_of_a_fold_changed_sides(finished, monkeypatch):
    import tuner.replay

    loaded, numbers = finished
    stored = tuner.replay.load_logits(loaded.folder / "study.db", "smoke", numbers[0])

    def moved(*_):
        logits = stored.copy()
        rows = tuner.prepared.prepare(loaded.config).folds.valid[0][:n_moved]
        logits[0, rows] = 2 * math.log(0.3 / 0.7) - logits[0, rows]  # mirrored at the threshold
        return logits

    monkeypatch.setattr(tuner.replay, "load_logits", moved)
    for n_moved, agrees in ((2, True), (3, False)):
        (fold,) = replay_trial(loaded, numbers[0], n_folds=1).folds
        assert (fold.changed_rows, fold.agrees) == (n_moved, agrees)


def test_trial_stored_before_there_was_dropout_is_replayed_without(finished):
    loaded, numbers = finished
    with closing(sqlite3.connect(loaded.folder / "study.db")) as database, database:
        database.execute("UPDATE tuner_trials SET resolved = json_remove(resolved, '$.dropout')")
    assert replay_trial(loaded, numbers[0], n_folds=1).agrees


def test_search_over_batch_size_and_dropout_trains_what_replay_trains(tmp_path):
    searched = ["search_space.batch_size=[16, 33]", "search_space.dropout={low: 0.0, high: 0.5}"]
    loaded = load_config(SMOKE, overrides=[*searched, "training.hidden_layers=2", f"output.root={tmp_path}"])
    trials = run_study(loaded).summary.trials
    assert [trial.state for trial in trials] == ["complete"] * 6
    assert {trial.resolved["batch_size"] for trial in trials} == {16, 33}
    assert len({trial.resolved["dropout"] for trial in trials[3:]}) == 3  # after the baselines, which have the middle
    for batch_size in (16, 33):
        number = max(trial.number for trial in trials if trial.resolved["batch_size"] == batch_size)
        (fold,) = replay_trial(loaded, number, n_folds=1).folds
        assert fold.agrees
        assert fold.probability_difference < 1e-4
