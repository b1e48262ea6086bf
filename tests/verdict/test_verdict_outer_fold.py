"""Claims about one outer fold: what is searched where, what the test rows decide, what happens to what diverges."""

from dataclasses import replace

import numpy as np
import pytest
from verdict_kit import (
    made_up_evaluate,
    make_classes_table,
    make_comparison,
    make_labels_table,
    make_plan,
    make_table,
)

from tuner.config.schema import SearchSpace
from tuner.config.values import Range
from tuner.data.dataset import make_dataset
from tuner.errors import EngineError
from tuner.verdict.arms import make_design
from tuner.verdict.comparison import Comparison
from tuner.verdict.outer_fold import OuterFold

ARMS = ["none", "balanced", "tuned", "oversampling", "smote", "focal_loss"]


def outer_fold(comparison, number=0):
    plan = comparison.plan
    ratio = plan.dataset.imbalance_ratio
    design = make_design(plan.space, comparison.rates, n_trials=plan.section.n_trials, imbalance_ratio=ratio, seed=5)
    return OuterFold(
        number=number, nested=comparison.nested, arms=comparison.arms, design=design, rules=comparison.rules
    )


def results_of(comparison, evaluate, number=0):
    return {result.arm: result for result in outer_fold(comparison, number).run(evaluate)}


def test_every_arm_trains_as_many_models():
    comparison, evaluate, trainer = make_comparison(arms=ARMS)
    results = results_of(comparison, evaluate)
    assert {result.n_models for result in results.values()} == {4 * 2 + 1}
    assert len(trainer.seen) == (4 * 2 + 1) * len(results)


def test_searches_see_inner_folds_only_and_the_outer_fold_sees_the_winners_only():
    comparison, evaluate, trainer = make_comparison(arms=ARMS)
    results_of(comparison, evaluate, number=1)
    nested = comparison.nested
    inner = {fold for way in nested.ways for fold in nested.inner(way, 1)}
    outer = {nested.outer(way, 1) for way in nested.ways}
    assert {fold for _, fold in trainer.seen} == inner | outer
    assert sum(fold in outer for _, fold in trainer.seen) == len(comparison.arms)


def test_winner_is_the_candidate_of_greatest_mean_inner_score():
    comparison, evaluate, _ = make_comparison(arms=["none", "tuned"], n_trials=8)
    fold = outer_fold(comparison)
    ratio = float((fold.nested.table.y[fold.train] == 0).sum() / (fold.nested.table.y[fold.train] == 1).sum())
    arm = next(arm for arm in comparison.arms if arm.name == "tuned")
    trials = fold.design.candidates(arm, imbalance_ratio=ratio, first_number=0)
    means = [score.mean for score in evaluate(trials, comparison.nested.inner("none", 0))]
    winner = trials[int(np.argmax(means))]
    result = results_of(comparison, evaluate)["tuned"]
    assert (result.weight, result.learning_rate) == (winner.minority_weight, winner.learning_rate)
    assert result.inner_score == pytest.approx(max(means))
    (again,) = evaluate([winner], [comparison.nested.outer("none", 0)])
    assert result.score == again.fold_scores[-1, 0]


def test_test_rows_choose_neither_candidate_nor_threshold():
    table = make_table()
    plain = Comparison(make_plan(dataset=table, arms=["none", "tuned"], metric="f1", n_trials=8))
    test = plain.plan.folds.valid[0]
    X = np.array(table.X)
    X[test, 0] *= -50.0
    poisoned = make_dataset(
        X,
        table.y,
        feature_names=table.feature_names,
        target=table.target,
        classes=table.classes,
        label_type="str",
        source="poisoned",
    )
    other = Comparison(make_plan(dataset=poisoned, arms=["none", "tuned"], metric="f1", n_trials=8))
    before, after = (results_of(one, made_up_evaluate(one)[0]) for one in (plain, other))
    assert set(before) == {
        "none", "none_threshold", "tuned", "tuned_threshold", "none_fixed_rate", "tuned_fixed_rate",
    }  # fmt: skip
    for name, result in before.items():
        assert (result.weight, result.learning_rate, result.inner_score) == (
            after[name].weight,
            after[name].learning_rate,
            after[name].inner_score,
        )
        assert result.measures["threshold"] == after[name].measures["threshold"]
    assert before["tuned"].measures["roc_auc"] != after["tuned"].measures["roc_auc"]


def test_twin_with_a_tuned_threshold_is_scored_at_it():
    comparison, evaluate, _ = make_comparison(arms=["none", "tuned"], metric="f1")
    results = results_of(comparison, evaluate)
    assert results["tuned"].score == results["tuned"].measures["f1_at_half"]
    assert results["tuned_threshold"].score == results["tuned_threshold"].measures["f1_at_threshold"]


def test_candidate_that_diverges_on_all_training_rows_gives_way_to_the_next_best():
    comparison, evaluate, _ = make_comparison(arms=["none", "tuned"], n_trials=8)
    first = results_of(comparison, evaluate)["tuned"]
    outer = comparison.nested.outer("none", 0)

    def diverges(params, fold):
        return fold == outer and params.minority_weight == first.weight

    evaluate, _ = made_up_evaluate(comparison, diverges=diverges)
    second = results_of(comparison, evaluate)["tuned"]
    assert second.weight != first.weight
    assert second.inner_score < first.inner_score


def test_arm_all_of_whose_candidates_fail_ends_the_verdict_with_the_reason():
    comparison, evaluate, _ = make_comparison(arms=["none", "tuned"], diverges=lambda params, fold: True)
    with pytest.raises(EngineError) as error:
        results_of(comparison, evaluate)
    text = str(error.value)
    assert text.startswith("all 4 candidates of the arm none failed in outer fold 0; the first: training diverged")
    assert text.endswith("Lower verdict.learning_rate.")


def test_arm_that_always_diverges_on_all_training_rows_ends_the_verdict():
    comparison, _, _ = make_comparison(arms=["none", "tuned"])
    outer = comparison.nested.outer("none", 0)
    evaluate, _ = made_up_evaluate(comparison, diverges=lambda params, fold: fold == outer)
    with pytest.raises(EngineError) as error:
        results_of(comparison, evaluate)
    assert str(error.value) == (
        "every candidate of the arm none diverged when it was trained on all training rows of outer fold 0.\n"
        "Lower verdict.learning_rate."
    )


def test_smallest_weight_of_the_band_is_chosen_on_inner_folds():
    comparison, evaluate, _ = make_comparison(arms=["none", "tuned"], band_weights=5, n_trials=8)
    results = results_of(comparison, evaluate)
    smallest, tuned = results["smallest_of_band"], results["tuned"]
    assert smallest.weight <= tuned.weight
    assert smallest.learning_rate == tuned.learning_rate
    assert smallest.n_models > tuned.n_models
    assert replace(smallest, arm="tuned", score=0.0).measures.keys() == tuned.measures.keys()


def test_seeds_of_a_fold_do_not_depend_on_how_its_rows_are_resampled():
    folds = make_comparison(arms=ARMS)[0].nested
    for way in folds.ways:
        for j, plain in zip(folds.inner(way, 2), folds.inner("none", 2), strict=True):
            assert (folds.folds.repeat[j], folds.folds.split[j]) == (
                folds.folds.repeat[plain],
                folds.folds.split[plain],
            )


TABLES = {"classes": make_classes_table, "labels": make_labels_table}
METRICS = {"classes": "balanced_accuracy", "labels": "f1"}


def of_more(kind, **plan):
    return make_comparison(dataset=TABLES[kind](), metric=METRICS[kind], **plan)


@pytest.mark.parametrize(
    ("table", "metric"), [(make_classes_table((76, 47, 27)), "accuracy"), (make_labels_table(), "f1")]
)
def test_weights_of_more_classes_follow_from_the_rows_of_the_outer_fold(table, metric):
    comparison, evaluate, trainer = make_comparison(dataset=table, metric=metric)

    def ratios(y):
        counts = np.bincount(y) if y.ndim == 1 else y.sum(axis=0)
        return counts.max() / counts if y.ndim == 1 else (len(y) - counts) / counts

    for number, train in enumerate(comparison.plan.folds.train):
        trainer.seen.clear()
        results_of(comparison, evaluate, number=number)
        seen = {params.class_weights for params, _ in trainer.seen}
        assert all(tuple(ratios(table.y[train]) ** exponent) in seen for exponent in (0.0, 0.5, 1.0))
        assert tuple(ratios(table.y)) not in seen


@pytest.mark.parametrize("kind", TABLES)
def test_weight_of_more_classes_is_the_exponent_that_the_search_chose(kind):
    comparison, evaluate, trainer = of_more(kind, n_trials=8)
    results = results_of(comparison, evaluate)
    fixed = {name: results[name].weight for name in ("none", "sqrt", "balanced")}
    assert fixed == {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}
    fold = outer_fold(comparison)
    arm = next(arm for arm in comparison.arms if arm.name == "tuned")
    weighting = fold.design.weighting_of(comparison.plan.dataset.y[fold.train])
    trials = fold.design.candidates(arm, imbalance_ratio=1.0, first_number=0, weighting=weighting)
    means = [score.mean for score in evaluate(trials, comparison.nested.inner("none", 0))]
    best = int(np.argmax(means))
    assert results["tuned"].weight == fold.design.exponent(arm, best)
    assert results["tuned"].inner_score == pytest.approx(max(means))
    (again,) = evaluate([trials[best]], [comparison.nested.outer("none", 0)])
    assert results["tuned"].score == again.fold_scores[-1, 0]
    assert trials[best].class_weights in {params.class_weights for params, _ in trainer.seen}


@pytest.mark.parametrize("kind", TABLES)
def test_no_threshold_of_more_classes_is_tuned(kind):
    comparison, evaluate, _ = of_more(kind)
    results = results_of(comparison, evaluate)
    assert not any("threshold" in name for name in results)
    expected = {
        "classes": [
            "roc_auc_ovr",
            "average_precision",
            "log_loss",
            "brier",
            "balanced_accuracy",
            "f1_macro",
            "accuracy",
        ],
        "labels": [
            *("roc_auc", "average_precision", "log_loss", "brier", "f1_at_half", "balanced_accuracy_at_half"),
        ],
    }[kind]
    assert {tuple(result.measures) for result in results.values()} == {tuple(expected)}
    own = {"classes": "balanced_accuracy", "labels": "f1_at_half"}[kind]
    assert all(result.measures[own] == result.score for result in results.values())


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize(
    "search", [{}, {"weight_deviation": Range[float](low=0.5, high=2.0)}], ids=["plain", "deviating"]
)
def test_least_exponent_of_the_band_is_chosen_on_inner_folds(kind, search):
    comparison, evaluate, trainer = of_more(
        kind, arms=["none", "tuned"], band_weights=5, n_trials=8, search=SearchSpace(**search)
    )
    results = results_of(comparison, evaluate)
    smallest, tuned = results["smallest_of_band"], results["tuned"]
    assert 0.0 <= smallest.weight <= tuned.weight
    assert smallest.weight in {0.0, 0.375, 0.75, 1.125, 1.5, tuned.weight}
    assert smallest.learning_rate == tuned.learning_rate
    assert smallest.n_models == tuned.n_models + 6 * 2
    inner = comparison.nested.inner("none", 0)
    assert sum(fold in inner for _, fold in trainer.seen) == (len(comparison.arms) * 8 + 6) * 2
    outer = comparison.nested.outer("none", 0)
    again = [replace(params, number=0) for params, fold in trainer.seen if fold in inner]
    winner = next(params for params, fold in trainer.seen if fold == outer and params.number == 1)  # of tuned
    assert again.count(replace(winner, number=0)) == 4  # the sweep holds the winner itself


def test_arms_of_more_classes_train_as_many_models_however_rows_are_resampled():
    comparison, evaluate, trainer = of_more("classes")
    results = results_of(comparison, evaluate)
    assert set(results) == {
        "none", "sqrt", "balanced", "tuned", "oversampling", "smote", "none_fixed_rate", "tuned_fixed_rate",
    }  # fmt: skip
    assert {result.n_models for result in results.values()} == {4 * 2 + 1}
    assert len(trainer.seen) == (4 * 2 + 1) * len(results)
    nested = comparison.nested
    for way in ("oversampling", "smote"):
        for j in [*nested.inner(way, 0), nested.outer(way, 0)]:
            assert len(set(np.bincount(nested.table.y[nested.folds.train[j]]))) == 1
