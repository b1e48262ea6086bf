"""Claims about a whole verdict: stored fold by fold, resumed, refused where it would mean nothing."""

import json
from dataclasses import replace

import numpy as np
import pytest
from study.study_kit import make_plan as make_study_plan
from verdict_kit import (
    made_up_evaluate,
    make_classes_table,
    make_comparison,
    make_labels_table,
    make_plan,
    make_table,
)

from tuner.config.cv import Holdout, KFold
from tuner.config.evidence import ALL_REFERENCES
from tuner.config.schema import SearchSpace
from tuner.config.values import Range
from tuner.data import resampling
from tuner.data.folds import make_folds
from tuner.errors import ConfigError, DataError, EngineError
from tuner.events import EvidenceStep, ignore
from tuner.study import verdicts
from tuner.study.lifecycle import open_study
from tuner.verdict import rules as rules_module
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
        (
            {"dataset": make_classes_table((75, 48, 3)), "metric": "balanced_accuracy"},
            DataError,
            'outer fold 0 of the verdict trains on 2 rows of class "van", and SMOTE needs two of them or more in every '
            "inner training set.\nTake smote out of verdict.arms, or add rows.",
        ),
        (
            {"dataset": make_classes_table((75, 48, 3)), "metric": "balanced_accuracy", "inner_splits": 3},
            DataError,
            'outer fold 0 of the verdict trains on 2 rows of class "van", too few for verdict.inner_splits=3: each '
            "inner fold needs at least one.\nLower verdict.inner_splits, or add rows.",
        ),
        (
            {"dataset": make_classes_table(), "metric": "precision_macro"},
            ConfigError,
            "a verdict for precision_macro would be won by calling every class but the largest for next to no row, got "
            "scoring.metric: precision_macro.\nChoose f1_macro, balanced_accuracy or a metric of ranking.",
        ),
        (
            {"dataset": make_classes_table(), "metric": "precision_weighted"},
            ConfigError,
            "a verdict for precision_weighted would be won by calling every class but the largest for next to no row, "
            "got scoring.metric: precision_weighted.\nChoose f1_macro, balanced_accuracy or a metric of ranking.",
        ),
        (
            {"dataset": make_labels_table(), "metric": "recall"},
            ConfigError,
            "a verdict for recall would be won by calling every row, got scoring.metric: recall.\n"
            "Choose f1, fbeta with a beta, balanced_accuracy or a metric of ranking.",
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


def test_smote_needs_two_rows_of_a_class_in_every_inner_training_set_of_whole_groups():
    dataset = make_classes_table((75, 48, 9))
    vans = np.flatnonzero(dataset.y == 2)
    group = np.arange(len(dataset.y))
    group[vans] = 1000 + np.array([0, 0, 0, 0, 1, 1, 1, 1, 2])
    folds = make_folds(dataset.y, KFold(n_splits=3, n_repeats=1, group="who"), group=group)
    plan = replace(
        make_plan(dataset=dataset, metric="balanced_accuracy"), dataset=replace(dataset, group=group), folds=folds
    )
    holds_single = [1002 in group[rows] for rows in folds.train]
    assert sorted(holds_single) == [False, True, True]
    with pytest.raises(DataError) as refusal:
        Comparison(plan)
    number = holds_single.index(True)
    assert str(refusal.value).startswith(f"outer fold {number} of the verdict: its inner fold ")
    assert str(refusal.value).endswith(
        ', cut by groups, trains on 1 row of class "van", and SMOTE needs two of them or more.\n'
        "Take smote out of verdict.arms, or add rows."
    )
    assert Comparison(replace(plan, section=plan.section.model_copy(update={"arms": FEW}))) is not None


def cut_plan(section, *, y=None, **columns):
    """Return the plan of a verdict over folds that columns of the table decide."""
    dataset = replace(make_table(n_positive=75), **columns)
    dataset = dataset if y is None else replace(dataset, y=y)
    plan = make_plan(dataset=dataset, metric="f1", band_weights=5)
    return replace(plan, folds=make_folds(dataset.y, section, **columns))


@pytest.mark.parametrize(
    ("section", "columns"),
    [
        (KFold(n_splits=3, n_repeats=1, group="who"), {"group": np.arange(150) // 2}),
        (KFold(n_splits=3, time="when"), {"time": np.arange(150) / 2}),
        (KFold(fold="part"), {"fold": np.arange(150) % 3}),
    ],
    ids=["group", "time", "fold"],
)
def test_folds_of_every_kind_carry_a_verdict(study, monkeypatch, section, columns):
    monkeypatch.setattr(rules_module, "MIN_POSITIVE", 10)  # the first outer fold in order of time is a short one
    comparison = Comparison(cut_plan(section, **columns))
    evaluate, _ = made_up_evaluate(comparison)
    found = run(comparison, study, evaluate)
    assert found["nested"]["n_folds"] == 3
    assert found["smallest_of_band"] is not None
    assert "tuned_threshold" in [arm["name"] for arm in found["arms"]]
    json.dumps(found, allow_nan=False)


def test_thresholds_in_order_of_time_need_enough_rows_among_those_that_are_scored():
    y = np.arange(150) % 2  # the first outer fold trains on 50 rows, 25 of each class, and its search scores 32
    plan = cut_plan(KFold(n_splits=2, time="when"), y=y.astype(np.int32), time=np.arange(150.0))
    with pytest.raises(DataError, match="one of them holds 16 rows of a class, fewer than the 20 that takes"):
        Comparison(plan)


def test_folds_that_cannot_be_cut_again_are_refused_before_anything_trains():
    positive = np.arange(150) % 2
    dataset = replace(make_table(), y=positive.astype(np.int32))
    group = np.where(positive == 1, 1000 + np.cumsum(positive) % 3, np.arange(150))
    folds = make_folds(dataset.y, KFold(n_splits=3, n_repeats=1, group="who"), group=group)
    plan = make_plan(dataset=dataset, inner_splits=3)
    with pytest.raises(DataError) as refusal:
        Comparison(replace(plan, dataset=replace(dataset, group=group), folds=folds))
    assert str(refusal.value) == (
        'outer fold 0 of the verdict: its inner fold 2, cut by groups, has no validation row of class "yes".\n'
        "Lower verdict.inner_splits, or cv.n_splits, or add rows."
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


CLASSES = {"dataset": make_classes_table(), "metric": "balanced_accuracy"}
LABELS = {"dataset": make_labels_table(), "metric": "f1"}
WITHOUT_FOCAL = "without focal_loss: focal loss is for two classes"
RATHER = "may come from moved calls as well as from better ranking"


def test_verdict_of_more_classes_is_tuned_minus_none_at_the_greatest_probability(study):
    comparison, evaluate, _ = make_comparison(**CLASSES, band_weights=5, references=ALL_REFERENCES)
    found = run(comparison, study, evaluate)
    assert [arm["name"] for arm in found["arms"]] == [
        "none", "sqrt", "balanced", "tuned", "oversampling", "smote", "none_fixed_rate", "tuned_fixed_rate",
    ]  # fmt: skip
    assert found["primary"]["contrast"] == "tuned - none"
    assert found["why_decisions_changed"] is None
    assert found["task"] == "multiclass"
    assert "the searched exponent makes" in found["sentence"]
    assert {arm["name"]: arm["weights"] for arm in found["arms"][:3]} == {
        "none": (0.0, 0.0, 0.0), "sqrt": (0.5, 0.5, 0.5), "balanced": (1.0, 1.0, 1.0),
    }  # fmt: skip
    low, median, high = found["arms"][3]["weights"]
    assert 0.0 <= low <= median <= high <= 1.5
    assert found["smallest_of_band"] is not None
    dummy = found["references"][-1]
    assert (dummy["label"], dummy["mean"]) == ("the share of each class for every row", pytest.approx(1 / 3))
    assert found["notes"] == [
        WITHOUT_FOCAL,
        f"no thresholds are moved: a row is called the class of greatest probability; so a difference in "
        f"balanced_accuracy {RATHER}",
    ]
    json.dumps(found, allow_nan=False)


def test_verdict_of_labels_is_tuned_minus_none_at_one_threshold(study):
    comparison, evaluate, _ = make_comparison(**LABELS, band_weights=5, references=ALL_REFERENCES)
    found = run(comparison, study, evaluate)
    assert [arm["name"] for arm in found["arms"]] == [
        "none", "sqrt", "balanced", "tuned", "none_fixed_rate", "tuned_fixed_rate",
    ]  # fmt: skip
    assert found["primary"]["contrast"] == "tuned - none"
    assert found["task"] == "multilabel"
    assert found["references"][-1]["label"] == "the share of each label for every row"
    assert found["notes"] == [
        "without oversampling, smote: a row repeated for one label takes its other labels along",
        WITHOUT_FOCAL,
        f"no thresholds are moved: a row has a label where its probability is above 0.5; so a difference in f1 {RATHER}",
    ]
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize(
    ("plan", "note"),
    [
        (
            {"dataset": make_classes_table(), "metric": "roc_auc_ovr"},
            "no thresholds are moved: a row is called the class of greatest probability",
        ),
        (
            {"dataset": make_labels_table(), "metric": "roc_auc"},
            "no thresholds are moved: a row has a label where its probability is above 0.5",
        ),
    ],
)
def test_metric_of_ranking_does_not_move_with_calls(plan, note):
    assert Comparison(make_plan(**plan, arms=FEW)).notes == [note]


def test_labels_at_their_best_thresholds_are_scored_at_one_half_and_the_honest_score_too(study):
    plan = make_plan(**LABELS, arms=FEW)
    comparison = Comparison(replace(plan, scoring=plan.scoring.model_copy(update={"threshold": "best"})))
    assert comparison.scoring.threshold == 0.5
    evaluate, _ = made_up_evaluate(comparison)
    found = run(comparison, study, evaluate)
    assert found["nested"]["mean"] == found["arms"][1]["mean"]


@pytest.mark.parametrize("table", [CLASSES, LABELS], ids=["classes", "labels"])
def test_verdict_of_more_classes_that_was_stopped_ends_as_if_it_had_not_been(study, tmp_path, table):
    settings = {**table, "arms": FEW, "n_repeats": 2, "references": ["logistic_regression"]}
    comparison, evaluate, _ = make_comparison(**settings)
    steps = []
    assert run(comparison, study, evaluate, listen=steps.append, should_stop=lambda: len(steps) >= 2) is None
    n_done = len(verdicts.stored_folds(study, comparison.key))
    assert 2 <= n_done < 6
    again, evaluate, trainer = make_comparison(**settings)
    resumed = run(again, study, evaluate)
    assert {fold // 3 for _, fold in trainer.seen} == set(range(6)) - set(range(n_done))
    with open_study(make_study_plan(), tmp_path / "other.db") as other:
        comparison, evaluate, _ = make_comparison(**settings)
        assert run(comparison, other, evaluate) == resumed


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": make_classes_table(seed=1)},
        {"metric": "f1_macro"},
        {"search": SearchSpace(weight_exponent=Range[float](low=0.0, high=1.0))},
        {"search": SearchSpace(weight_deviation=Range[float](low=0.5, high=2.0))},
    ],
    ids=["rows", "metric", "exponent", "deviation"],
)
def test_whatever_changes_a_score_of_more_classes_makes_another_verdict(change):
    usual = {**CLASSES, "search": SearchSpace()}
    assert Comparison(make_plan(**usual | change)).key != Comparison(make_plan(**usual)).key


def test_searched_deviations_are_told_as_the_exponent_alone_is_shown():
    search = SearchSpace(weight_deviation=Range[float](low=0.5, high=2.0))
    comparison = Comparison(make_plan(**CLASSES, arms=FEW, search=search))
    assert comparison.notes[-1] == (
        "where weights are searched, each class has a deviation of its own as well; tables show the exponent alone"
    )
