import math
from dataclasses import MISSING, fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from tuner.config.schema import PARAMS, SearchSpace, StudySection, TrainingSection
from tuner.errors import ConfigError
from tuner.study.distributions import contains
from tuner.study.space import LATER, resolve_space
from tuner.study.weighting import trial_values
from tuner.trial import TrialParams


def resolve(search=None, training=None, ratio=100.0, **study):
    search = SearchSpace.model_validate(search or {})
    return resolve_space(search, training or TrainingSection(), StudySection(**study), imbalance_ratio=ratio)


def test_auto_high_is_ten_imbalance_ratios():
    assert resolve(ratio=42.0).distributions["minority_weight"] == FloatDistribution(1.0, 420.0, log=True)


def test_auto_high_below_low_is_refused():
    with pytest.raises(ConfigError) as caught:
        resolve(ratio=0.05)
    assert str(caught.value) == (
        "search_space.minority_weight.high is auto, 10 x the imbalance ratio of this table = 0.5,"
        " which is below low, 1.\nGive high as a number, or lower low."
    )


def test_ranges_and_lists_become_distributions_under_their_own_names():
    space = resolve(
        {
            "epochs": {"low": 10, "high": 95, "step": 20},
            "learning_rate": {"low": 0.001, "high": 1, "log": True},
            "optimizer": ["adam", "sgd"],
            "standardize": [True, False],
        }
    )
    assert space.distributions == {
        "minority_weight": FloatDistribution(1.0, 1000.0, log=True),
        "hidden_size": IntDistribution(4, 64, log=True),
        "epochs": IntDistribution(10, 90, step=20),
        "learning_rate": FloatDistribution(0.001, 1.0, log=True),
        "optimizer": CategoricalDistribution(("adam", "sgd")),
        "standardize": CategoricalDistribution((True, False)),
    }
    assert space.describe()["epochs"] == {"low": 10, "high": 90, "log": False, "step": 20}
    assert space.describe()["optimizer"] == {"choices": ["adam", "sgd"]}


def test_fixed_number_is_no_search_parameter_and_wins_over_training():
    space = resolve({"learning_rate": 0.5, "epochs": 7}, TrainingSection(learning_rate=0.1, momentum=0.9))
    assert set(space.distributions) == {"minority_weight", "hidden_size"}
    trial = space.resolve(3, {"minority_weight": 2.0, "hidden_size": 5})
    assert trial_values(trial) == {
        "minority_weight": 2.0,
        "hidden_size": 5,
        "epochs": 7,
        "majority_weight": 1.0,
        "hidden_layers": 1,
        "batch_size": 32,
        "learning_rate": 0.5,
        "momentum": 0.9,
        "l2": 0.0,
        "dropout": 0.0,
        "optimizer": "sgd",
        "activation": "relu",
        "standardize": True,
    }
    assert trial.number == 3


def test_baselines_differ_in_the_weight_only_and_sit_in_the_middle_of_every_other_range():
    points = resolve(ratio=100.0).points
    assert [point.origin for point in points] == ["none", "sqrt", "balanced"]
    assert [point.params for point in points] == [
        {"minority_weight": weight, "hidden_size": 16, "epochs": 105} for weight in (1.0, 10.0, 100.0)
    ]


def test_baselines_are_ratios_to_the_weight_of_the_majority_class():
    weights = [point.params["minority_weight"] for point in resolve({"majority_weight": 2.0}).points]
    assert weights == [2.0, 20.0, 200.0]


def test_baseline_params_replace_the_middle():
    points = resolve(baseline_params={"epochs": 50}).points
    assert {point.params["epochs"] for point in points} == {50}
    assert {point.params["hidden_size"] for point in points} == {16}


def test_baseline_outside_the_range_is_skipped_and_named():
    space = resolve({"minority_weight": {"low": 5.0, "high": 50.0}})
    assert [point.origin for point in space.points] == ["sqrt"]
    assert space.notices == (
        'baseline "none", minority_weight 1, is not among 5 to 50 and is skipped',
        'baseline "balanced", minority_weight 100, is not among 5 to 50 and is skipped',
    )


def test_baseline_that_is_no_choice_is_skipped_and_named():
    space = resolve({"minority_weight": [1, 10.5, 100]})
    assert [point.origin for point in space.points] == ["none", "balanced"]
    assert space.notices == ('baseline "sqrt", minority_weight 10, is not among 1.0, 10.5, 100.0 and is skipped',)


def test_coinciding_baselines_are_tried_once():
    assert [point.origin for point in resolve(ratio=1.0).points] == ["none"]


def test_fixed_minority_weight_has_no_baselines_and_says_so():
    space = resolve({"minority_weight": 3})
    assert space.points == ()
    assert space.notices == ("minority_weight is fixed at 3: the study has no baselines to compare with",)


def test_all_mistakes_in_baseline_params_are_reported_at_once():
    with pytest.raises(ConfigError) as caught:
        resolve({"optimizer": ["sgd"]}, baseline_params={"momentum": 0.5, "epochs": 500, "optimizer": "adam"})
    assert str(caught.value) == (
        "study.baseline_params.epochs: must be among 10 to 200 (search_space.epochs), got 500\n"
        "study.baseline_params.momentum: momentum is not searched; remove it, or give search_space.momentum a range\n"
        "study.baseline_params.optimizer: must be among 'sgd' (search_space.optimizer), got 'adam'\n"
        "Nothing was run."
    )


def test_listed_trials_span_their_own_space_and_fill_gaps_with_fixed_values_or_the_middle():
    space = resolve(
        training=TrainingSection(learning_rate=0.2),
        trials=[
            {"minority_weight": 100, "majority_weight": 1},
            {"minority_weight": 1, "learning_rate": 0.5, "optimizer": "adam"},
        ],
        n_trials=77,
    )
    assert space.distributions == {
        "minority_weight": FloatDistribution(1.0, 100.0),
        "majority_weight": FloatDistribution(1.0, 1.0),
        "learning_rate": FloatDistribution(0.2, 0.5),
        "optimizer": CategoricalDistribution(("sgd", "adam")),
    }
    first, second = space.points
    assert first.params == {"minority_weight": 100.0, "majority_weight": 1.0, "learning_rate": 0.2, "optimizer": "sgd"}
    assert second.params["majority_weight"] == 1.0
    assert [point.origin for point in space.points] == ["balanced", "none"]
    assert (space.fixed["hidden_size"], space.fixed["epochs"]) == (16, 105)
    assert space.n_trials(StudySection(n_trials=77)) == 2


def test_listed_trials_with_the_weights_of_a_baseline_are_that_baseline():
    trials = [
        {"minority_weight": 3.0},
        {"minority_weight": 2.0, "majority_weight": 2.0},
        {"minority_weight": 1.0, "epochs": 20},
        {"minority_weight": 10.0 * (1 + 1e-12)},
        {"minority_weight": 100.001},
        {"minority_weight": 100.0, "majority_weight": 1.0},
    ]
    origins = [point.origin for point in resolve(trials=trials, ratio=100.0).points]
    assert origins == ["listed", "none", "listed", "sqrt", "listed", "balanced"]
    assert [point.origin for point in resolve(trials=trials[1:3], ratio=1.0).points] == ["none", "listed"]


def test_point_that_somebody_replaced_is_no_baseline():
    space = resolve()
    origins = [space.origin(0, space.points[0].params), space.origin(0, space.points[1].params), space.origin(3, {})]
    assert origins == ["none", "sampled", "sampled"]


@pytest.mark.parametrize("sampler", ["tpe", "random", "grid"])
def test_space_of_one_point_holds_one_trial(sampler):
    search = {"minority_weight": [3.0], "hidden_size": {"low": 8, "high": 10, "step": 5}, "epochs": 10}
    space = resolve(search, sampler=sampler, n_trials=100)
    assert [point.params for point in space.points] == [{"minority_weight": 3.0, "hidden_size": 8}]
    assert space.points[0].origin == "sampled"
    assert space.n_trials(StudySection(n_trials=100)) == 1
    assert space.notices[-1] == (
        "the search space is one point, so the study ends after 1 trial, not study.n_trials=100"
    )
    assert len(resolve(search, sampler=sampler, n_trials=1).notices) == len(space.notices) - 1


def test_grid_holds_every_combination_once_with_the_baselines_first():
    space = resolve(
        {"minority_weight": [1, 10, 100, 300], "hidden_size": [8, 16], "epochs": {"low": 10, "high": 30, "step": 10}},
        sampler="grid",
        n_trials=1000,
        baseline_params={"epochs": 20},
    )
    combinations = {tuple(point.params.values()) for point in space.points}
    assert len(space.points) == len(combinations) == 4 * 2 * 3
    assert [point.origin for point in space.points[:4]] == ["none", "sqrt", "balanced", "sampled"]
    assert space.n_trials(StudySection(n_trials=1000)) == 24
    assert space.n_trials(StudySection(n_trials=5)) == 5
    assert space.notices == ("the grid has 24 points, so the study ends after 24 trials, not study.n_trials=1000",)


def test_grid_order_follows_the_seed():
    def order(seed):
        return [p.params for p in resolve({**search, "minority_weight": [1, 2, 3]}, sampler="grid", seed=seed).points]

    search = {"hidden_size": [8, 16, 32], "epochs": [10, 20, 30]}
    assert order(0) == order(0) != order(1)


def test_grid_over_an_uncountable_range_names_the_keys():
    with pytest.raises(ConfigError) as caught:
        resolve(sampler="grid")
    assert str(caught.value) == (
        "study.sampler: grid cannot count the values of minority_weight, hidden_size.\n"
        "Give each a list of choices or a whole-number range with step, or set study.sampler: tpe."
    )


def test_grid_beyond_reason_is_refused():
    search = {"minority_weight": list(range(1, 101)), "hidden_size": list(range(1, 101)), "epochs": list(range(1, 101))}
    with pytest.raises(ConfigError, match="grid would have 1,000,000 points, more than 100,000"):
        resolve(search, sampler="grid")


@settings(max_examples=40, deadline=None)
@given(
    low=st.integers(1, 50),
    width=st.integers(0, 100),
    step=st.integers(1, 9),
    log=st.booleans(),
    ratio=st.floats(0.2, 1e5),
)
def test_every_baseline_lies_within_the_space(low, width, step, log, ratio):
    range_ = {"low": low, "high": low + width} | ({"log": True} if log else {"step": step})
    space = resolve({"epochs": range_, "minority_weight": {"low": 0.01, "high": 2e6, "log": True}}, ratio=ratio)
    for point in space.points:
        assert all(contains(space.distributions[name], value) for name, value in point.params.items())
        assert math.isfinite(space.resolve(0, point.params).minority_weight)


def test_later_parameters_have_the_value_of_earlier_studies_where_a_trial_does_not_name_them():
    defaults = {field.name: field.default for field in fields(TrialParams) if field.default is not MISSING}
    assert {name: value for name, value in defaults.items() if name in PARAMS} == LATER
    assert {name: value for name, value in defaults.items() if name not in PARAMS} == {
        "focal_gamma": 0.0,
        "class_weights": (),
    }
    named = resolve({}, TrainingSection(dropout=0.5)).spec()["fixed"]
    assert (named["dropout"], "dropout" in resolve().spec()["fixed"]) == (0.5, False)
