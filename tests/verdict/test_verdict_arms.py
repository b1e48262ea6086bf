"""Claims about what competes and where it searches."""

from dataclasses import replace

import numpy as np
import pytest
from verdict_kit import make_plan

from tuner.config.evidence import ALL_ARMS, VerdictSection
from tuner.config.schema import SearchSpace, StudySection, TrainingSection
from tuner.config.values import Range, WeightRange
from tuner.study.space import exponent_range, resolve_space
from tuner.study.weighting import make_weighting
from tuner.verdict.arms import FOCAL_GAMMA, fits, make_arms, make_design, resolve_rates

RATIO = 9.0


def space(**search):
    return resolve_space(SearchSpace(**search), TrainingSection(), StudySection(), imbalance_ratio=RATIO)


def candidates(search=None, n_trials=16, seed=0, **section):
    resolved = space(**(search or {}))
    rates = resolve_rates(VerdictSection(**section), resolved)
    design = make_design(resolved, rates, n_trials=n_trials, imbalance_ratio=RATIO, seed=seed)
    return {
        arm.name: design.candidates(arm, imbalance_ratio=RATIO, first_number=0) for arm in make_arms(ALL_ARMS, rates)
    }


def test_arms_differ_in_weight_loss_and_rate_alone():
    arms = candidates()
    own = {"minority_weight": 1.0, "focal_gamma": 0.0}
    for name, trials in arms.items():
        rate = {"learning_rate": 0.0} if name.endswith("_fixed_rate") else {}
        bare = [replace(trial, **own, **rate) for trial in trials]
        assert bare == [replace(trial, **own, **rate) for trial in arms["none"]]


def test_every_arm_searches_the_learning_rate_unless_it_is_there_to_show_one():
    arms = candidates()
    assert set(arms) == {*ALL_ARMS, "none_fixed_rate", "tuned_fixed_rate"}
    for name, trials in arms.items():
        rates = {trial.learning_rate for trial in trials}
        assert rates == {0.01} if name.endswith("_fixed_rate") else len(rates) == 16
        assert all(0.001 <= rate <= 0.3 for rate in rates)


def test_weights_are_1_root_ratio_ratio_or_searched_and_only_focal_loss_has_a_gamma():
    arms = candidates()
    weights = {name: sorted({trial.minority_weight for trial in trials}) for name, trials in arms.items()}
    for name in ("none", "oversampling", "smote", "focal_loss", "none_fixed_rate"):
        assert weights[name] == [1.0]
    assert weights["sqrt"] == [3.0]
    assert weights["balanced"] == [9.0]
    assert len(weights["tuned"]) == 16
    assert 1.0 <= weights["tuned"][0] < 2.0
    assert 45.0 < weights["tuned"][-1] <= 90.0
    gammas = {name: {trial.focal_gamma for trial in trials} for name, trials in arms.items()}
    assert all(gamma == {0.0} for name, gamma in gammas.items() if name != "focal_loss")
    assert all(FOCAL_GAMMA.low <= gamma <= FOCAL_GAMMA.high for gamma in gammas["focal_loss"])


def test_points_spread_evenly_over_every_dimension():
    trials = candidates()["tuned"]
    positions = np.log([trial.minority_weight for trial in trials]) / np.log(90.0)
    assert np.histogram(positions, 16, (0.0, 1.0))[0].tolist() == [1] * 16


def test_design_follows_from_its_seed():
    assert candidates(seed=1) == candidates(seed=1)
    assert candidates(seed=1) != candidates(seed=2)


@pytest.mark.parametrize("n_trials", [1, 2, 3, 24])
def test_every_number_of_candidates_is_possible(n_trials):
    assert {len(trials) for trials in candidates(n_trials=n_trials).values()} == {n_trials}


def test_study_that_searches_the_rate_gives_the_verdict_its_range():
    arms = candidates({"learning_rate": Range[float](low=0.05, high=0.5, log=True)})
    assert set(arms) == set(ALL_ARMS)
    assert all(0.05 <= trial.learning_rate <= 0.5 for trial in arms["none"])


def test_fixed_rate_of_the_verdict_brings_an_arm_that_searches_it():
    arms = candidates(learning_rate=0.02)
    assert set(arms) == {*ALL_ARMS, "none_larger_step"}
    for name, trials in arms.items():
        rates = {trial.learning_rate for trial in trials}
        assert len(rates) == 16 if name == "none_larger_step" else rates == {0.02}


def test_list_or_range_of_rates_of_the_verdict_wins_over_the_study():
    own = Range[float](low=0.05, high=0.5, log=True)
    arms = candidates({"learning_rate": own}, learning_rate=[0.1, 0.2])
    assert {trial.learning_rate for trial in arms["none"]} == {0.1, 0.2}


def test_study_of_one_weight_gives_the_verdict_the_default_range():
    weights = [trial.minority_weight for trial in candidates({"minority_weight": 5.0})["tuned"]]
    assert min(weights) < 2.0
    assert max(weights) > 45.0


def test_weights_are_ratios_to_the_majority_weight_of_the_study():
    search = {"minority_weight": WeightRange(low=2.0, high=20.0, log=True), "majority_weight": 2.0}
    arms = candidates(search)
    assert {trial.majority_weight for trials in arms.values() for trial in trials} == {2.0}
    assert {trial.minority_weight for trial in arms["none"]} == {2.0}
    assert {trial.minority_weight for trial in arms["balanced"]} == {18.0}
    assert all(2.0 <= trial.minority_weight <= 20.0 for trial in arms["tuned"])


@pytest.mark.parametrize(
    "search", [{"learning_rate": [0.02]}, {"learning_rate": Range[float](low=0.02, high=0.02)}], ids=["list", "range"]
)
def test_single_rate_of_the_study_is_a_fixed_one(search):
    arms = candidates(search)
    assert {"none_fixed_rate", "tuned_fixed_rate"} <= set(arms)
    assert {trial.learning_rate for trial in arms["none_fixed_rate"]} == {0.02}
    assert len({trial.learning_rate for trial in arms["none"]}) == 16


def test_single_rate_of_the_verdict_is_a_fixed_one():
    arms = candidates(learning_rate=[0.02])
    assert "none_larger_step" in arms
    assert {trial.learning_rate for trial in arms["tuned"]} == {0.02}


def test_plan_of_the_kit_has_the_arms_of_the_default():
    assert make_plan().section.arms == ALL_ARMS


COUNTS = (400, 100, 25)
CLASSES = ("bus", "car", "van")


def space_of_more(task="multiclass", study=None, **search):
    return resolve_space(
        SearchSpace(**search),
        TrainingSection(),
        study or StudySection(),
        imbalance_ratio=16.0,
        task=task,
        classes=CLASSES,
        class_counts=COUNTS,
        n_rows=525,
    )


def design_of_more(resolved, n_trials=16, seed=0):
    rates = resolve_rates(VerdictSection(), resolved)
    return make_design(resolved, rates, n_trials=n_trials, imbalance_ratio=16.0, seed=seed)


def candidates_of_more(task="multiclass", study=None, **search):
    resolved = space_of_more(task, study, **search)
    design, rates = design_of_more(resolved), resolve_rates(VerdictSection(), resolved)
    return {
        arm.name: design.candidates(arm, imbalance_ratio=1.0, first_number=0, weighting=resolved.weighting)
        for arm in make_arms(ALL_ARMS, rates, task=task)
    }


def exponents(trials):
    """Return the exponent behind the weights of each trial, as the rarest class has it: 16 times fewer rows."""
    return np.log([trial.class_weights[2] for trial in trials]) / np.log(16.0)


@pytest.mark.parametrize(
    ("task", "left_out"),
    [("binary", set()), ("multiclass", {"focal_loss"}), ("multilabel", {"oversampling", "smote", "focal_loss"})],
)
def test_arms_that_do_not_go_with_a_task_are_left_out(task, left_out):
    rates = resolve_rates(VerdictSection(), space())
    names = {arm.name for arm in make_arms(ALL_ARMS, rates, task=task)}
    assert names == {*ALL_ARMS, "none_fixed_rate", "tuned_fixed_rate"} - left_out
    assert {name for name in ALL_ARMS if not fits(name, task)} == left_out


def test_arms_of_more_classes_differ_in_class_weights_and_rate_alone():
    arms = candidates_of_more()
    for name, trials in arms.items():
        rate = {"learning_rate": 0.0} if name.endswith("_fixed_rate") else {}
        bare = [replace(trial, class_weights=(), **rate) for trial in trials]
        assert bare == [replace(trial, class_weights=(), **rate) for trial in arms["none"]]
        assert {(trial.minority_weight, trial.majority_weight, trial.focal_gamma) for trial in trials} == {(1, 1, 0)}


def test_exponents_are_0_half_1_or_searched():
    arms = candidates_of_more()
    weights = {name: {trial.class_weights for trial in trials} for name, trials in arms.items()}
    for name in ("none", "oversampling", "smote", "none_fixed_rate"):
        assert weights[name] == {(1.0, 1.0, 1.0)}
    assert weights["sqrt"] == {(1.0, 2.0, 4.0)}
    assert weights["balanced"] == {(1.0, 4.0, 16.0)}
    assert len(weights["tuned"]) == 16
    assert np.histogram(exponents(arms["tuned"]), 16, (0.0, 1.5))[0].tolist() == [1] * 16
    assert weights["tuned_fixed_rate"] == weights["tuned"]


def test_labels_are_weighted_by_rows_without_over_rows_with_them():
    arms = candidates_of_more("multilabel")
    assert {trial.class_weights for trial in arms["balanced"]} == {(0.3125, 4.25, 20.0)}


def test_exponent_is_searched_where_the_study_does_and_as_by_default_where_it_is_fixed_or_listed():
    default = exponent_range(space_of_more())
    assert (default.low, default.high) == (0.0, 1.5)
    own = exponent_range(space_of_more(weight_exponent=Range[float](low=0.5, high=0.75)))
    assert (own.low, own.high) == (0.5, 0.75)
    assert exponent_range(space_of_more(weight_exponent=0.7)) == default
    listed = StudySection(trials=[{"weight_exponent": 0.1}, {"weight_exponent": 0.2}])
    assert exponent_range(space_of_more(study=listed)) == default
    fixed = candidates_of_more(weight_exponent=0.7)
    assert np.ptp(exponents(fixed["tuned"])) > 1.0


def test_deviations_are_searched_in_the_arms_that_search_weights_and_keep_the_summed_weight():
    search = {"weight_deviation": Range[float](low=0.5, high=2.0)}
    arms = candidates_of_more(**search)
    assert {trial.class_weights for trial in arms["balanced"]} == {(1.0, 4.0, 16.0)}
    resolved = space_of_more(**search)
    design = design_of_more(resolved)
    tuned = next(arm for arm in make_arms(ALL_ARMS, resolve_rates(VerdictSection(), resolved)) if arm.name == "tuned")
    for point, trial in enumerate(arms["tuned"]):
        usual = [(COUNTS[0] / count) ** design.exponent(tuned, point) for count in COUNTS]
        assert trial.class_weights != tuple(usual)
        assert np.dot(COUNTS, trial.class_weights) == pytest.approx(np.dot(COUNTS, usual))
        deviations = design.deviations_of(tuned, point)
        assert list(deviations) == [f"weight_deviation_{name}" for name in CLASSES]
        assert all(0.5 <= value <= 2.0 for value in deviations.values())


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
def test_weights_of_a_fold_are_those_of_its_own_rows(task):
    y = np.repeat([0, 1, 2], [40, 20, 5]).astype(np.int32)
    y = y if task == "multiclass" else np.stack([y == number for number in range(3)], axis=1).astype(np.int32)
    own = design_of_more(space_of_more(task)).weighting_of(y)
    assert own == make_weighting(task, classes=CLASSES, class_counts=(40, 20, 5), n_rows=65)
    assert design_of_more(space()).weighting_of(y) is None
