"""Claims about the evidence that a run works out and stores, with a trainer that costs nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
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

    def go(*overrides, meanwhile=lambda stack: None, trainer=QuickTrainer, **options):
        heard, stacks = [], []

        def seen(stack):
            stacks.append(stack)
            meanwhile(stack)

        monkeypatch.setattr(tuner.run, "write_outputs", lambda summary, folder, *, listen: {})
        monkeypatch.setattr(tuner.run, "_trainer", lambda name, plan: trainer(plan.folds, seen))
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


# --- more than two classes, and labels


class ManyTrainer(QuickTrainer):
    """Answers noise for every class or label, and is told how many there are by the weights."""

    def train(self, stack, *, folds, should_stop):
        of_one = super().train(stack, folds=folds, should_stop=should_stop)
        shifts = np.arange(len(stack[0].class_weights), dtype=np.float32)
        return of_one and [replace(one, logits=np.sin(7.0 * one.logits[..., None] + shifts)) for one in of_one]


@pytest.fixture
def run_many(run, tmp_path):
    """Run the smoke study on a table of four classes, or of the two labels red and round."""

    def go(*overrides, target="kind", **options):
        labels = "red, round"
        rng = np.random.default_rng(0)
        kinds = rng.permutation(np.repeat(["a", "b", "c", "d"], [150, 90, 40, 20]))
        rows = [
            f"{x:.4f},{z:.4f},{kind},{int(x > 1)},{int(z > 0)}"
            for (x, z), kind in zip(rng.normal(size=(300, 2)), kinds, strict=True)
        ]
        path = tmp_path / "kinds.csv"
        path.write_text("\n".join([f"x,z,kind,{labels.replace(' ', '')}", *rows]))
        named = f"[{labels}]" if target == "labels" else target
        drop = "kind" if target == "labels" else labels
        metric = "scoring.metric=" + ("f1" if target == "labels" else "f1_macro")
        table = f"dataset={{kind: table, path: '{path}', target: {named}, drop: [{drop}]}}"
        return run(table, metric, *overrides, trainer=ManyTrainer, **options)

    return go


@pytest.mark.parametrize("target", ["kind", "labels"])
def test_many_classes_and_labels_have_a_band_of_exponents_and_a_partly_corrected_score(run_many, target):
    result = run_many(target=target)
    assert sorted(evidence(result)) == ["bias_corrected", "noise_budget", "per_class", "weight_band"]
    assert next(event.text for event in result[2] if isinstance(event, EvidenceStep)).startswith(
        f"weight band: {len(evidence(result)['weight_band']['points'])} exponents at the other parameters of trial "
    )
    corrected = evidence(result)["bias_corrected"]
    assert (corrected["n_trials"], corrected["n_bootstraps"]) == (6, 100)
    assert 0.0 < corrected["mean"] < 1.0


@pytest.mark.parametrize("target", ["kind", "labels"])
def test_band_changes_nothing_but_the_exponent_and_keeps_the_deviations(run_many, target):
    result, stacks, _ = run_many("search_space.weight_deviation={low: 0.5, high: 2.0}", target=target)
    best, band = result.summary.best, result.summary.evidence["weight_band"]
    exponents = [point["weight"] for point in band["points"]]
    swept = [stack[0] for stack in stacks[6:]][: len(exponents)]
    assert best.resolved["weight_exponent"] in exponents
    assert (exponents[0], exponents[-1]) == (0.0, 1.5)
    assert {(p.hidden_size, p.epochs, p.learning_rate) for p in swept} == {
        (best.resolved["hidden_size"], best.resolved["epochs"], best.resolved["learning_rate"])
    }
    of_exponent = {exponents[p.number]: p.class_weights for p in swept}
    assert of_exponent[best.resolved["weight_exponent"]] == tuple(best.resolved["class_weights"])
    assert len(set(of_exponent.values())) == len(exponents)
    assert band["recommended_weights"] == list(of_exponent[band["recommended"]])


def test_finished_study_of_many_classes_is_appraised_once(run_many):
    first = run_many()
    again = run_many()
    assert again[1] == []
    assert evidence(again) == evidence(first)


def test_fixed_exponent_is_swept_over_the_default_range(run_many):
    band = evidence(run_many("search_space.weight_exponent=0.7"))["weight_band"]
    points = [point["weight"] for point in band["points"]]
    assert (points[0], points[-1]) == (0.0, 1.5)
    assert 0.7 in points


def test_classes_of_equal_size_have_no_band_because_every_exponent_weights_them_alike(run_many, tmp_path):
    path = tmp_path / "equal.csv"
    path.write_text("\n".join(["x,z,kind", *(f"{i * 7 % 101},{i * 13 % 89},{'abc'[i % 3]}" for i in range(300))]))
    found = evidence(run_many(f"dataset={{kind: table, path: '{path}', target: kind}}"))
    assert "weight_band" not in found
    assert "bias_corrected" in found
