"""Claims about the evidence that a run works out and stores, with a trainer that costs nothing."""

from pathlib import Path

import pytest
from test_run_timing import QuickTrainer

import tuner.run
from tuner.config.load import load_config
from tuner.errors import Stopped
from tuner.events import EvidenceStep, Notice
from tuner.interruption import StopRequest
from tuner.run import run_study
from tuner.study.records import load_logits

SMOKE = Path(__file__).parents[1] / "configs" / "smoke.yaml"
KINDS = ["bias_corrected", "noise_budget", "probability_correction", "threshold", "weight_band"]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the smoke study; returns its result, the models of every stack and what was heard."""

    def go(*overrides, meanwhile=lambda stack: None, **options):
        heard, stacks = [], []

        def seen(stack):
            stacks.append(stack)
            meanwhile(stack)

        monkeypatch.setattr(tuner.run, "write_outputs", lambda summary, folder, *, listen: {})
        monkeypatch.setattr(tuner.run, "_trainer", lambda name, plan: QuickTrainer(plan.folds, seen))
        loaded = load_config(SMOKE, overrides=[f"output.root={tmp_path}", "evidence.bootstraps=100", *overrides])
        return run_study(loaded, listen=heard.append, **options), stacks, heard

    return go


def evidence(result):
    return result[0].summary.evidence


def test_run_works_out_every_kind_of_evidence_and_says_what_takes_time(run):
    result = run()
    assert sorted(evidence(result)) == KINDS
    assert [event.text.partition(":")[0] for event in result[2] if isinstance(event, EvidenceStep)] == [
        "weight band", "noise budget", "partly corrected score",
    ]  # fmt: skip


def test_band_changes_nothing_but_the_weight_and_holds_the_best_trial_s(run):
    result, stacks, _ = run()
    best = result.summary.best
    swept = [stack[0] for stack in stacks[6:]][: len(result.summary.evidence["weight_band"]["points"])]
    weights = {params.minority_weight for params in swept}
    assert best.resolved["minority_weight"] in weights
    assert {(p.hidden_size, p.epochs, p.learning_rate) for p in swept} == {
        (best.resolved["hidden_size"], best.resolved["epochs"], best.resolved["learning_rate"])
    }


def test_finished_study_is_appraised_once(run):
    first = run()
    again = run()
    assert again[1] == []
    assert evidence(again) == evidence(first)


def test_another_rule_makes_another_threshold_and_trains_nothing(run):
    first = run()
    other = run("threshold={rule: recall, at_least: 0.8}")
    assert other[1] == []
    assert evidence(other)["threshold"]["rule"] == {"rule": "recall", "at_least": 0.8}
    assert evidence(other)["weight_band"] == evidence(first)["weight_band"]


def test_what_is_left_out_is_not_there_and_what_was_there_is_removed(run):
    run()
    result = run("evidence={bootstraps: 0, band_weights: 0, noise_seeds: 0}")
    assert sorted(evidence(result)) == ["probability_correction", "threshold"]


def test_without_predictions_there_is_no_evidence_from_them(run):
    assert sorted(evidence(run("study.predictions.keep=false"))) == ["noise_budget", "weight_band"]


def test_search_that_goes_on_takes_back_what_spoke_of_fewer_trials(run, tmp_path):
    run()
    stop = StopRequest()

    def interrupt(stack):
        if stack[0].number == 11:
            stop.signal_number = 2

    with pytest.raises(Stopped):
        run("study.n_trials=12", "engine.threads=1", stop=stop, meanwhile=interrupt)
    summary = tuner.load_summary(tmp_path / "smoke" / "study.db", "smoke")
    assert summary.n_finished > 6
    assert summary.evidence == {}
    assert evidence(run("study.n_trials=12"))["bias_corrected"]["n_trials"] == 12


def test_noise_budget_trains_two_trials_under_other_seeds_and_keeps_their_own(run):
    result, stacks, _ = run("evidence.noise_seeds=3")
    noise = evidence((result,))["noise_budget"]
    assert (noise["n_seeds"], noise["n_folds"]) == (3, 3)
    assert [stack[0].number for stack in stacks[-4:]].count(noise["trials"][0]) == 2


def test_folds_in_order_of_time_have_every_kind_of_evidence(run, tmp_path):
    rows = [f"{i * 7 % 101},{i * 13 % 89},{i // 2},{'yes' if i % 3 == 0 else 'no'}" for i in range(300)]
    path = tmp_path / "days.csv"
    path.write_text("\n".join(["a,b,day,y", *rows]))
    result = run(f"dataset={{kind: table, path: '{path}', target: y}}", "cv={time: day, n_splits: 3}")
    assert sorted(evidence(result)) == KINDS
    assert evidence(result)["noise_budget"]["n_folds"] == 3
    assert evidence(result)["bias_corrected"]["n_trials"] == 6
    assert (
        result[0].summary.folds.n_scored_rows == 226
    )  # two rows a day: the border behind row 75 moves to the earlier day


def test_holdout_has_a_band_and_a_threshold_and_no_noise_budget(run):
    found = evidence(run("cv={kind: holdout, n_train: 250, n_repeats: 2}"))
    assert sorted(found) == [kind for kind in KINDS if kind != "noise_budget"]


def test_single_split_without_an_interval_has_no_band(run):
    found = evidence(run("cv={kind: holdout, n_train: 250, n_repeats: 1}"))
    assert "weight_band" not in found


def test_few_positive_rows_have_a_reason_in_the_place_of_a_threshold(run):
    found = evidence(run("dataset.n_samples=200"))["threshold"]
    assert found["probability"] is None
    assert "20" in found["reason"]


def test_study_of_one_weight_is_swept_over_the_default_range(run):
    band = evidence(run("search_space.minority_weight=3.0"))["weight_band"]
    assert band["points"][0]["weight"] == 1.0
    assert band["points"][-1]["weight"] == pytest.approx(92.04, abs=0.01)


def test_recommended_cut_is_on_the_scale_of_the_kept_predictions(run, tmp_path):
    result = run()
    best = result[0].summary.best
    logits = load_logits(tmp_path / "smoke" / "study.db", "smoke", best.number)
    assert logits.min() <= evidence(result)["threshold"]["logit"] <= logits.max()


def test_seed_under_which_a_trial_fails_leaves_no_noise_budget_and_says_so(run, monkeypatch):
    trained = QuickTrainer.train

    def diverges(self, stack, *, folds, should_stop):
        answer = trained(self, stack, folds=folds, should_stop=should_stop)
        if answer and min(folds) >= 3:
            answer[0].logits[:] = float("nan")
        return answer

    monkeypatch.setattr(QuickTrainer, "train", diverges)
    result = run()
    assert "noise_budget" not in evidence(result)
    assert any(isinstance(event, Notice) and event.text.startswith("no noise budget: trial ") for event in result[2])
