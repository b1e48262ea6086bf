"""Replaying: any stored trial, trained again with plain Keras, gives what is stored."""

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
    loaded = load_config(SMOKE, overrides=["scoring.metric=f1", f"output.root={root}", "search_space.epochs=20"])
    scored = sorted(run_study(loaded).summary.scored, key=lambda trial: -trial.value)
    return loaded, [trial.number for trial in scored[:3]]


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_threshold_metric_agrees_when_at_most_two_rows_of_a_fold_change_sides(finished, rank):
    loaded, numbers = finished
    replay = replay_trial(loaded, numbers[rank])
    assert (replay.metric, len(replay.folds), replay.agrees) == ("f1", 3, True)
    assert all(fold.changed_rows <= 2 and fold.probability_difference < 1e-3 for fold in replay.folds)
    assert max(fold.stored for fold in replay.folds) > 0


def test_threshold_metric_disagrees_when_three_rows_of_a_fold_changed_sides(finished, monkeypatch):
    import tuner.replay

    loaded, numbers = finished
    stored = tuner.replay.load_logits(loaded.folder / "study.db", "smoke", numbers[0])

    def moved(*_):
        logits = stored.copy()
        rows = tuner.run.prepare(loaded.config).folds.valid[0][:n_moved]
        logits[0, rows] *= -1
        return logits

    monkeypatch.setattr(tuner.replay, "load_logits", moved)
    for n_moved, agrees in ((2, True), (3, False)):
        (fold,) = replay_trial(loaded, numbers[0], n_folds=1).folds
        assert (fold.changed_rows, fold.agrees) == (n_moved, agrees)
