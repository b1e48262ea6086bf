"""Claims about a whole verdict: stored fold by fold, resumed, refused where it would mean nothing."""

import json

import numpy as np
import pytest
from study.study_kit import make_plan as make_study_plan
from verdict_kit import make_comparison, make_plan, make_table

from tuner.config.schema import Holdout
from tuner.data import resampling
from tuner.data.folds import make_folds
from tuner.errors import ConfigError, DataError, EngineError
from tuner.events import EvidenceStep, ignore
from tuner.study import verdicts
from tuner.study.lifecycle import open_study
from tuner.verdict.comparison import Comparison

FEW = ["none", "tuned"]


@pytest.fixture
def study(tmp_path):
    with open_study(make_study_plan(), tmp_path / "study.db") as study:
        yield study


def run(comparison, study, evaluate, *, listen=ignore, should_stop=lambda: False):
    return comparison.run(study, evaluate, listen=listen, should_stop=should_stop)


def test_verdict_holds_every_arm_every_reference_and_the_honest_score(study):
    comparison, evaluate, _ = make_comparison(band_weights=5)
    found = run(comparison, study, evaluate)
    assert [arm["name"] for arm in found["arms"]] == [
        "none", "sqrt", "balanced", "tuned", "oversampling", "smote", "focal_loss", "none_fixed_rate",
        "tuned_fixed_rate",
    ]  # fmt: skip
    assert [one["name"] for one in found["references"]] == ["dummy"]
    tuned = next(arm for arm in found["arms"] if arm["name"] == "tuned")
    assert found["nested"] == {"mean": tuned["mean"], "ci95": tuned["ci95"], "n_folds": 3, "n_trials": 4}
    assert {arm["n_training_runs"] for arm in found["arms"]} == {3 * (4 * 2 + 1)}
    assert found["primary"]["contrast"] == "tuned - none"
    assert found["smallest_of_band"] is not None
    assert found["why_decisions_changed"]["metric"] == "f1"
    assert found["learning_rate"] == "searched from 0.001 to 0.3"
    json.dumps(found, allow_nan=False)


def test_verdict_that_was_stopped_goes_on_and_ends_as_if_it_had_not_been(study, tmp_path):
    comparison, evaluate, _ = make_comparison(arms=FEW, n_repeats=2)
    steps = []
    assert run(comparison, study, evaluate, listen=steps.append, should_stop=lambda: len(steps) >= 2) is None
    n_done = len(verdicts.stored_folds(study, comparison.key))
    assert 2 <= n_done < 6
    again, evaluate, trainer = make_comparison(arms=FEW, n_repeats=2)
    resumed = run(again, study, evaluate)
    assert {fold // 3 for _, fold in trainer.seen} == set(range(6)) - set(range(n_done))
    with open_study(make_study_plan(), tmp_path / "other.db") as other:
        comparison, evaluate, _ = make_comparison(arms=FEW, n_repeats=2)
        assert run(comparison, other, evaluate) == resumed


def test_finished_verdict_is_concluded_again_without_training(study):
    comparison, evaluate, _ = make_comparison(arms=FEW)
    first = run(comparison, study, evaluate)
    again, evaluate, trainer = make_comparison(arms=FEW, margin=0.5)
    assert run(again, study, evaluate)["arms"] == first["arms"]
    assert trainer.seen == []


def test_error_in_one_fold_keeps_those_before_it(study):
    comparison, evaluate, _ = make_comparison(arms=FEW)

    def fails_late(batch, folds=None):
        if max(folds) >= 6:
            raise EngineError("not enough memory")
        return evaluate(batch, folds)

    with pytest.raises(EngineError, match="not enough memory"):
        run(comparison, study, fails_late)
    assert set(verdicts.stored_folds(study, comparison.key)) <= {0, 1}
    assert run(comparison, study, evaluate) is not None


@pytest.mark.parametrize(
    "change",
    [
        {"n_trials": 5},
        {"inner_splits": 3},
        {"learning_rate": 0.1},
        {"metric": "average_precision"},
        {"n_repeats": 2},
        {"band_weights": 5},
        {"dataset": make_table(seed=1)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_changes_a_score_makes_another_verdict(change):
    assert Comparison(make_plan(**change)).key != Comparison(make_plan()).key


@pytest.mark.parametrize("change", [{"margin": 0.5}, {"arms": FEW}, {"references": []}], ids=str)
def test_what_changes_no_score_keeps_the_verdict(change):
    assert Comparison(make_plan(**change)).key == Comparison(make_plan()).key


def test_secondary_arm_that_diverges_throughout_is_left_out_and_named(study):
    comparison, evaluate, _ = make_comparison(
        arms=[*FEW, "focal_loss"], band_weights=5, diverges=lambda params, fold: params.focal_gamma > 0 and fold < 6
    )
    found = run(comparison, study, evaluate)
    assert [arm["name"] for arm in found["arms"]] == ["none", "tuned", "none_fixed_rate", "tuned_fixed_rate"]
    assert found["conclusion"] is not None
    (note,) = found["notes"]
    assert note.startswith(
        "without focal_loss: all 4 candidates of the arm focal_loss failed in outer fold 0; the first:"
    )
    assert run(comparison, study, evaluate) == found


def test_stop_before_the_first_fold_of_a_wider_verdict_is_no_verdict(study):
    comparison, evaluate, _ = make_comparison(arms=FEW, references=[])
    run(comparison, study, evaluate)
    wider, evaluate, trainer = make_comparison(arms=FEW, references=["dummy"])
    assert run(wider, study, evaluate, should_stop=lambda: True) is None
    assert trainer.seen == []


def test_progress_is_told_fold_by_fold_with_the_time_left(study):
    comparison, evaluate, _ = make_comparison(arms=FEW)
    steps = []
    run(comparison, study, evaluate, listen=steps.append)
    texts = [step.text for step in steps if isinstance(step, EvidenceStep)]
    assert len(texts) == 3
    assert texts[-1] == "verdict: 3 of 3 outer folds"


def test_second_verdict_with_other_settings_is_counted(study):
    for n_trials in (4, 5):
        comparison, evaluate, _ = make_comparison(arms=FEW, n_trials=n_trials)
        found = run(comparison, study, evaluate)
    assert found["notes"] == [
        "2 verdicts with different settings were begun for this study; choosing among them by their outcome would void"
        " the error rates"
    ]


def test_arms_that_need_imbalanced_learn_are_left_out_and_named_without_it(monkeypatch):
    monkeypatch.setattr(resampling, "is_available", lambda: False)
    comparison = Comparison(make_plan())
    assert {arm.way for arm in comparison.arms} == {"none"}
    assert comparison.notes == [
        "without oversampling, smote: imbalanced-learn is not installed; pip install 'tuner[resampling]'"
    ]


def test_few_positive_rows_tune_no_threshold_and_say_so():
    comparison = Comparison(make_plan(dataset=make_table(n_positive=24)))
    assert comparison.rules.decisions is None
    assert comparison.notes == ["no thresholds: an outer fold trains on 16 rows of a class, fewer than the 20 needed"]


@pytest.mark.parametrize(
    ("plan", "error", "text"),
    [
        (
            {"dataset": make_table(n_positive=24), "metric": "f1"},
            DataError,
            "a verdict for f1 tunes thresholds on the training rows of each outer fold, and one of them holds 16 "
            "rows of a class, fewer than the 20 that takes.\n"
            "Choose a metric of ranking, such as scoring.metric: roc_auc or average_precision.",
        ),
        (
            {"metric": "recall"},
            ConfigError,
            "a verdict for recall would be won by calling every row, got scoring.metric: recall.\n"
            "Choose f1, fbeta with a beta, balanced_accuracy or a metric of ranking.",
        ),
        (
            {"metric": "precision"},
            ConfigError,
            "a verdict for precision would be won by calling next to no row, got scoring.metric: precision.\n"
            "Choose f1, fbeta with a beta, balanced_accuracy or a metric of ranking.",
        ),
        (
            {"dataset": make_table(n_positive=3)},
            DataError,
            "outer fold 0 of the verdict trains on 2 minority rows, and SMOTE needs two of them or more in every inner "
            "training set.\nTake smote out of verdict.arms, or add rows.",
        ),
    ],
)
def test_verdict_that_would_mean_nothing_is_refused(plan, error, text):
    with pytest.raises(error) as refusal:
        Comparison(make_plan(**plan))
    assert str(refusal.value) == text


def test_one_split_carries_no_verdict():
    plan = make_plan()
    folds = make_folds(plan.dataset.y, Holdout(kind="holdout", n_train=100, n_repeats=3))
    with pytest.raises(ConfigError) as refusal:
        Comparison(type(plan)(**{name: getattr(plan, name) for name in plan.__slots__ if name != "folds"}, folds=folds))
    assert str(refusal.value) == (
        "a verdict needs the folds of cross-validation, got cv.kind: holdout: one split says nothing about other rows.\n"
        "Set cv.kind: stratified_kfold."
    )


def test_decisions_at_the_best_threshold_are_scored_at_one_half_and_it_says_so(study):
    plan = make_plan(metric="f1", arms=FEW)
    scoring = plan.scoring.model_copy(update={"threshold": "best"})
    comparison = Comparison(
        type(plan)(**{name: getattr(plan, name) for name in plan.__slots__ if name != "scoring"}, scoring=scoring)
    )
    assert comparison.scoring.threshold == 0.5
    assert comparison.notes == [
        "arms without a tuned threshold call rows above probability 0.5, not at the best threshold"
    ]


def test_weight_searched_beats_no_weights_where_the_trainer_says_so(study):
    comparison, evaluate, _ = make_comparison(arms=FEW, n_trials=16, n_repeats=2)
    found = run(comparison, study, evaluate)
    assert found["primary"]["difference"] > 0.01
    assert np.mean(found["fold_scores"]["tuned"]) > np.mean(found["fold_scores"]["none"])
