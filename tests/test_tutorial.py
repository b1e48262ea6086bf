"""The tutorial's three trials give what the tutorial says: weights help, and the same ratio in small steps does not."""

from pathlib import Path

import pytest

from tuner.config.load import load_config
from tuner.run import run_study

TUTORIAL = Path(__file__).parents[1] / "configs" / "tutorial.yaml"


@pytest.mark.slow
def test_the_three_trials_of_the_tutorial_score_as_published(tmp_path):
    summary = run_study(load_config(TUTORIAL, overrides=[f"output.root={tmp_path}"])).summary
    none, heavy, small_steps = (trial.value for trial in summary.trials)
    assert none == pytest.approx(0.944, abs=0.006)
    assert heavy == pytest.approx(0.972, abs=0.004)
    assert small_steps < heavy
    assert summary.best.number == 1
    assert summary.trials[0].origin == "none"
