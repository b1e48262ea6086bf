"""Claims about what is known of a study before anything trains, and about the engine that is made on demand."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tuner.config.load import load_config
from tuner.config.schema import EngineSection
from tuner.engine import OnDemand
from tuner.errors import EngineError
from tuner.interruption import StopRequest
from tuner.prepared import prepare

SMOKE = Path(__file__).parents[1] / "configs" / "smoke.yaml"


@pytest.mark.parametrize(
    ("overrides", "decision"),
    [
        ([], {"metric": "roc_auc", "threshold": 0.5}),
        (["metric=f1"], {"metric": "f1", "threshold": 0.5}),
        (["metric=g_mean", "threshold=best"], {"metric": "g_mean", "threshold": "best"}),
        (["metric=fbeta"], {"metric": "fbeta", "threshold": 0.5, "beta": 1.0}),
        (["metric=fbeta", "beta=2", "threshold=0.3"], {"metric": "fbeta", "threshold": 0.3, "beta": 2.0}),
    ],
)
def test_threshold_and_beta_are_part_of_what_a_study_is(overrides, decision):
    config = load_config(SMOKE, overrides=[f"scoring.{override}" for override in overrides]).config
    objective = prepare(config).study_plan.full_spec["objective"]
    assert {key: value for key, value in objective.items() if key != "folds"} == decision


class MadeUpObjective:
    """Knows one fold and takes a moment to make; has nothing to train."""

    n_made = 0

    def __init__(self, *_, **__):
        time.sleep(0.1)
        type(self).n_made += 1
        self.folds = self.plan = self
        self.n_folds = 1

    def stacks(self, batch, *, n_folds):
        return []


@pytest.fixture
def on_demand(monkeypatch):
    monkeypatch.setattr(MadeUpObjective, "n_made", 0)
    return OnDemand(MadeUpObjective, EngineSection(), StopRequest())


def test_two_batches_that_begin_at_once_share_one_engine(on_demand):
    with on_demand as evaluate, ThreadPoolExecutor(2) as callers:
        assert list(callers.map(evaluate, ([], []))) == [[], []]
    assert MadeUpObjective.n_made == 1


def test_a_batch_that_begins_when_the_run_has_ended_makes_no_engine(on_demand):
    with on_demand:
        pass
    with pytest.raises(EngineError, match="the run ended before this batch began; the next run trains it"):
        on_demand([])
    assert MadeUpObjective.n_made == 0


def test_racing_is_part_of_what_a_study_is_only_where_it_is_on():
    def objective(*overrides):
        config = load_config(SMOKE, overrides=["cv.n_repeats=2", *overrides]).config
        return prepare(config).study_plan.full_spec["objective"]

    assert "racing" not in objective()
    assert "racing" not in objective("racing.confidence=0.9")
    assert objective("racing.enabled=true", "racing.confidence=0.9")["racing"] == {"confidence": 0.9}
