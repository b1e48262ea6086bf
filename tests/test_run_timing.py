"""Claims about what a run says and stores of its own time, with a trainer that costs nothing."""

from pathlib import Path

import numpy as np
import pytest

import tuner.run
from tuner.config.load import load_config
from tuner.errors import EngineError, Stopped, StudyError
from tuner.interruption import StopRequest
from tuner.run import run_study
from tuner.study.summary import load_summary
from tuner.training.trainer import Predictions

SMOKE = Path(__file__).parents[1] / "configs" / "smoke.yaml"


class QuickTrainer:
    """Answers noise at once; `meanwhile` is called with every stack."""

    def __init__(self, folds, meanwhile):
        self.folds, self.meanwhile = folds, meanwhile

    def stacks(self, batch, *, n_folds):
        return [(params,) for params in batch]

    def train(self, stack, *, folds, should_stop):
        self.meanwhile(stack)
        if should_stop():
            return None
        longest = max(map(len, self.folds.valid))
        logits = np.full((1, len(folds), longest), np.nan, np.float32)
        for j, fold in enumerate(folds):
            logits[0, j, : len(self.folds.valid[fold])] = np.sin(self.folds.valid[fold] + stack[0].number)
        return [Predictions(checkpoint_epochs=(stack[0].epochs,), logits=logits) for _ in stack]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the smoke study; everything that it writes is in `tmp_path`."""

    def go(*overrides, meanwhile=lambda stack: None, **options):
        monkeypatch.setattr(tuner.run, "_trainer", lambda name, plan: QuickTrainer(plan.folds, meanwhile))
        loaded = load_config(SMOKE, overrides=[f"output.root={tmp_path}", *overrides])
        return run_study(loaded, **options)

    return go


def stored(tmp_path):
    return load_summary(tmp_path / "smoke" / "study.db", "smoke").runs


def test_result_accounts_for_every_second_and_the_database_for_those_before_the_report(run, tmp_path):
    result = run("engine.threads=2")
    assert (result.time.since, result.time.threads) == ("call", 2)
    assert result.time.total == pytest.approx(result.seconds, abs=0.1)
    assert all(result.time.wall[phase] > 0.0 for phase in ("train", "data", "tell", "outputs"))
    assert all(result.time.cores[phase] > 0.0 for phase in ("train", "metrics", "ask"))
    (row,) = stored(tmp_path)
    assert row.n_trials == 6
    assert row.time.wall["outputs"] == 0.0
    assert row.time.total < result.time.total
    assert result.summary.runs == (row,)


def test_run_that_finds_its_study_done_is_not_recorded(run, tmp_path):
    run()
    before = stored(tmp_path)
    assert run().time.window == 0.0
    assert stored(tmp_path) == before


def test_stopped_run_is_recorded_with_the_trials_that_it_finished(run, tmp_path):
    stop = StopRequest()

    def interrupt(stack):
        if stack[0].number == 4:
            stop.signal_number = 2

    with pytest.raises(Stopped):
        run("engine.threads=1", stop=stop, meanwhile=interrupt)
    run("engine.threads=1")
    assert [row.n_trials for row in stored(tmp_path)] == [3, 3]


def test_run_that_failed_is_recorded_and_its_error_stays_what_it_was(run, tmp_path):
    def fail(stack):
        raise EngineError("not enough memory")

    with pytest.raises(EngineError, match="not enough memory"):
        run(meanwhile=fail)
    assert [row.n_trials for row in stored(tmp_path)] == [0]


def test_run_whose_database_failed_writes_nothing_more_to_it(run, tmp_path):
    def fail(stack):
        raise StudyError("the disk is full")

    with pytest.raises(StudyError, match="the disk is full"):
        run(meanwhile=fail)
    assert stored(tmp_path) == ()
