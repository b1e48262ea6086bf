"""Claims about the rule of a verdict, its secondary contrasts, and what would settle a doubt."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from tuner.analysis.verdict import (
    ArmScores,
    Settings,
    conclude,
    conclusion_of,
    contrast,
    decision_split,
    holm,
    repeats_needed,
    what_would_settle_it,
)
from tuner.analysis.wording import Rate
from tuner.intervals import corrected_interval
from tuner.trial import FoldPlan

PLAN = FoldPlan(
    kind="stratified_kfold", n_splits=5, n_repeats=3, test_over_train=0.25, n_scored_rows=100, sha256="f" * 64
)
SETTINGS = Settings(
    metric="roc_auc",
    decision_metric="f1",
    margin=0.01,
    plan=PLAN,
    n_trials=24,
    rate=Rate(searched="0.001 to 0.3", fixed=0.01),
)
J = PLAN.n_folds
NOISE = np.random.default_rng(0).normal(size=J)
NOISE = (NOISE - NOISE.mean()) / NOISE.std(ddof=1)


def arm(name, mean, *, spread=0.0, measures=None, weights=None):
    return ArmScores(
        name=name,
        scores=mean + spread * NOISE,
        n_training_runs=1_095,
        weights=np.ones(J) if weights is None else weights,
        learning_rates=np.full(J, 0.1),
        measures=measures or {},
    )


def verdict(*arms, references=(), settings=SETTINGS):
    return conclude(arms, references, settings)


@pytest.mark.parametrize(
    ("ci95", "ci90", "conclusion"),
    [
        ([0.001, 0.009], [0.002, 0.008], "helps"),
        ([-0.009, -0.001], [-0.008, -0.002], "hurts"),
        ([-0.009, 0.011], [-0.007, 0.009], "changes_nothing"),
        ([-0.009, 0.013], [-0.007, 0.011], "too_noisy"),
        ([0.0, 0.01], [0.001, 0.009], "changes_nothing"),
        (None, None, "too_noisy"),
    ],
)
def test_conclusion_follows_the_rule_fixed_beforehand(ci95, ci90, conclusion):
    primary = {"contrast": "tuned - none", "difference": 0.0, "ci95": ci95, "ci90": ci90, "p_value": None}
    assert conclusion_of(primary, 0.01) == conclusion


@pytest.mark.parametrize(
    ("gain", "spread", "conclusion"),
    [(0.02, 0.01, "helps"), (-0.02, 0.01, "hurts"), (0.001, 0.002, "changes_nothing"), (0.01, 0.03, "too_noisy")],
)
def test_verdict_is_about_tuned_minus_none_on_the_same_folds(gain, spread, conclusion):
    found = verdict(arm("none", 0.9), arm("tuned", 0.9 + gain, spread=spread))
    assert found["conclusion"] == conclusion
    assert found["primary"]["contrast"] == "tuned - none"
    expected = corrected_interval(gain + spread * NOISE, test_over_train=0.25)
    assert found["primary"]["difference"] == pytest.approx(gain)
    assert found["primary"]["ci95"] == pytest.approx([expected.low, expected.high])
    assert (found["what_would_settle_it"] is not None) == (conclusion == "too_noisy")
    assert "on this table" in found["sentence"].lower()
    json.dumps(found, allow_nan=False)


def test_decisions_are_compared_with_both_thresholds_tuned():
    settings = replace(SETTINGS, metric="f1")
    arms = [arm("none", 0.3), arm("tuned", 0.6), arm("none_threshold", 0.6), arm("tuned_threshold", 0.6, spread=0.005)]
    found = verdict(*arms, settings=settings)
    assert found["primary"]["contrast"] == "tuned_threshold - none_threshold"
    assert found["conclusion"] == "changes_nothing"
    by_name = {one["name"]: one for one in found["arms"]}
    assert by_name["tuned"]["against_none"]["difference"] == pytest.approx(0.3)
    assert by_name["none"]["against_none"] is None


def test_without_the_arm_none_there_is_no_conclusion():
    found = verdict(arm("tuned", 0.9), arm("sqrt", 0.8))
    assert (found["conclusion"], found["primary"], found["what_would_settle_it"]) == (None, None, None)
    assert found["sentence"] == (
        "On this table nothing was compared: the arm none, without weights, is not among verdict.arms."
    )
    assert [one["against_none"] for one in found["arms"]] == [None, None]
    assert found["nested"]["mean"] == pytest.approx(0.9)


def test_secondary_intervals_are_bonferronis_and_p_values_holms():
    rng = np.random.default_rng(1)
    arms = {
        name: replace(arm(name, 0.9), scores=0.9 + 0.01 * rng.normal(size=J)) for name in ("none", "tuned", "a", "b")
    }
    for name, label in (("a", "sqrt"), ("b", "balanced")):
        arms[label] = replace(arms.pop(name), name=label)
    found = verdict(*arms.values())
    by_name = {one["name"]: one["against_none"] for one in found["arms"]}
    assert by_name["tuned"] == found["primary"]
    raw = []
    for name in ("sqrt", "balanced"):
        values = arms[name].scores - arms["none"].scores
        expected = corrected_interval(values, test_over_train=0.25, level=1 - 0.05 / 2)
        assert by_name[name]["ci95"] == pytest.approx([expected.low, expected.high])
        assert by_name[name]["ci90"] is None
        raw.append(contrast(name, values, plan=PLAN)["p_value"])
    assert [by_name[name]["p_value"] for name in ("sqrt", "balanced")] == pytest.approx(holm(raw))


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holms_p_values_are_those_of_the_textbook(p_values):
    order = np.argsort(p_values, kind="stable")
    expected = np.empty(len(p_values))
    for rank, i in enumerate(order):
        expected[i] = max(min(1.0, (len(p_values) - k) * p_values[order[k]]) for k in range(rank + 1))
    assert holm(p_values) == pytest.approx(expected.tolist())


@given(st.floats(1e-4, 0.1), st.floats(1e-4, 0.1), st.sampled_from([2, 5, 10]), st.sampled_from([0.9, 0.95]))
def test_repeats_needed_are_the_fewest_that_are_enough(std, half_width, n_splits, level):
    plan = replace(PLAN, n_splits=n_splits, test_over_train=1 / (n_splits - 1))
    needed = repeats_needed(std, half_width, plan=plan, level=level)

    def half(n_repeats):
        n = n_repeats * n_splits
        return stats.t.ppf(0.5 + level / 2, n - 1) * std * np.sqrt(1 / n + plan.test_over_train)

    assume(needed is None or needed > 1)
    if needed is None:
        assert half(10_000) > half_width * (1 - 1e-12)
    else:
        assert half(needed) <= half_width * (1 + 1e-12)
        assert half(needed - 1) > half_width * (1 - 1e-12)


@pytest.mark.parametrize("splitter", ["time", "predefined"])
def test_folds_that_are_cut_one_way_only_are_never_told_to_repeat(splitter):
    differences = 1.96 * 0.02 * 0.5 * 1.05 + 0.02 * NOISE
    half = corrected_interval(differences, test_over_train=0.25).half_width
    plan = replace(PLAN, splitter=splitter, n_repeats=1)
    assert what_would_settle_it(differences, plan=plan, margin=0.01) == (
        f"These folds cannot be repeated; roughly {(half / differences.mean()) ** 2:.1f} times as many rows would, if "
        "the difference stays what it is."
    )


def test_difference_above_the_floor_takes_repeats_below_it_rows():
    floor = 1.96 * 0.02 * 0.5
    above = what_would_settle_it(floor * 1.05 + 0.02 * NOISE, plan=PLAN, margin=0.01)
    assert above == "About 11 more repeats of the folds would, if the difference stays what it is."
    below = 0.012 + 0.02 * NOISE
    half = corrected_interval(below, test_over_train=0.25).half_width
    assert what_would_settle_it(below, plan=PLAN, margin=0.01) == (
        f"No number of repeats can settle this; roughly {(half / 0.012) ** 2:.1f} times as many rows would, if the"
        " difference stays what it is."
    )


def test_difference_within_the_margin_may_be_settled_as_changing_nothing():
    values = 0.001 + 0.02 * NOISE
    half = corrected_interval(values, test_over_train=0.25, level=0.9).half_width
    assert f"roughly {(half / 0.009) ** 2:.1f} times as many rows" in what_would_settle_it(
        values, plan=PLAN, margin=0.01
    )


def test_ranking_and_threshold_part_add_up_to_the_whole_difference():
    rng = np.random.default_rng(2)

    def measured(name):
        measures = {key: rng.uniform(size=J) for key in ("f1_at_half", "f1_at_threshold", "threshold")}
        return arm(name, 0.9, measures=measures)

    found = {name: measured(name) for name in ("none", "tuned")}
    split = decision_split(found, SETTINGS)
    parts = [split[part]["difference"] for part in ("ranking", "threshold")]
    assert split["total"]["difference"] == pytest.approx(sum(parts), abs=1e-15)
    half = found["tuned"].measures["f1_at_half"] - found["none"].measures["f1_at_half"]
    assert split["total"]["difference"] == pytest.approx(half.mean())
    assert decision_split({"tuned": found["tuned"]}, SETTINGS) is None
    assert decision_split({name: arm(name, 0.9) for name in ("none", "tuned")}, SETTINGS) is None


def test_what_searches_chose_is_the_smallest_the_median_and_the_largest():
    weights = np.concatenate([[2.0, 400.0], np.full(J - 2, 30.0)])
    found = verdict(arm("none", 0.9), arm("tuned", 0.9, weights=weights))
    assert found["arms"][1]["weights"] == (2.0, 30.0, 400.0)


def test_smallest_of_the_band_and_references_stand_apart_from_the_arms():
    arms = arm("none", 0.9), arm("tuned", 0.91), arm("smallest_of_band", 0.905)
    found = verdict(*arms, references=[arm("dummy", 0.5)])
    assert [one["name"] for one in found["arms"]] == ["none", "tuned"]
    assert found["smallest_of_band"]["mean"] == pytest.approx(0.905)
    assert [one["name"] for one in found["references"]] == ["dummy"]
    assert list(found["fold_scores"]) == ["none", "tuned", "smallest_of_band", "dummy"]


def test_verdict_of_more_classes_says_so_and_that_of_two_is_as_it_was():
    arms = [arm("none", 0.9), arm("tuned", 0.9, weights=np.linspace(0.0, 1.5, J))]
    assert "task" not in verdict(*arms)
    found = verdict(*arms, settings=replace(SETTINGS, task="multiclass", metric="balanced_accuracy"))
    assert found["task"] == "multiclass"
    assert [one["label"] for one in found["arms"]] == ["no weights", "exponent searched"]
    assert found["arms"][1]["weights"] == (0.0, 0.75, 1.5)
    assert "the searched exponent makes +0.0000 balanced_accuracy" in found["sentence"]


def test_weight_that_takes_no_search_and_does_as_well_is_named_where_weights_help():
    def notes(*, balanced, tuned):
        return verdict(arm("none", 0.7), arm("balanced", balanced), arm("tuned", tuned, spread=0.001))["notes"]

    assert notes(balanced=0.83, tuned=0.80) == [
        "balanced weights, which take no search, do as well on these folds: 0.8300, searched ones 0.8000"
    ]
    assert notes(balanced=0.79, tuned=0.80) == []
    assert notes(balanced=0.70, tuned=0.70) == []
