"""Weights of more than two classes, and of labels: one exponent, a deviation of each, and which keys go with what."""

import json
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution

from tuner.config.schema import SearchSpace, StudySection, TrainingSection
from tuner.errors import ConfigError
from tuner.study.distributions import contains
from tuner.study.space import exponent_range, resolve_space
from tuner.study.weighting import make_weighting, stored_trial, trial_values

CLASSES = {"task": "multiclass", "classes": ("a", "b", "c"), "class_counts": (25, 400, 100), "n_rows": 525}
LABELS = {"task": "multilabel", "classes": ("red", "round"), "class_counts": (20, 80), "n_rows": 100}
DEVIATIONS = {"weight_deviation": {"low": 0.25, "high": 4.0}}
NAMES = ("weight_deviation_a", "weight_deviation_b", "weight_deviation_c")


def resolve(search=None, training=None, *, table=CLASSES, **study):
    return resolve_space(
        SearchSpace.model_validate(search or {}),
        TrainingSection(**training or {}),
        StudySection(**study),
        imbalance_ratio=16.0,
        **table,
    )


def refused(search=None, training=None, **study):
    with pytest.raises(ConfigError) as caught:
        resolve(search, training, **study)
    return str(caught.value)


def weights(space, **params):
    return space.resolve(0, {**space.middle(), **params}).class_weights


def test_exponent_leads_from_equal_weights_to_balanced_ones_and_the_largest_class_keeps_weight_1():
    space = resolve()
    assert weights(space, weight_exponent=0.0) == (1.0, 1.0, 1.0)
    assert weights(space, weight_exponent=0.5) == (4.0, 1.0, 2.0)
    assert weights(space, weight_exponent=1.0) == (16.0, 1.0, 4.0)
    trial = space.resolve(3, space.middle())
    assert (trial.number, trial.minority_weight, trial.majority_weight) == (3, 1.0, 1.0)


def test_weight_of_a_label_is_its_own_imbalance_ratio_to_the_exponent():
    space = resolve(table=LABELS)
    assert weights(space, weight_exponent=1.0) == (4.0, 0.25)
    assert weights(space, weight_exponent=0.5) == (2.0, 0.5)


def test_space_of_many_classes_searches_the_exponent_in_place_of_two_weights():
    space = resolve()
    assert list(space.distributions) == ["weight_exponent", "hidden_size", "epochs"]
    assert space.distributions["weight_exponent"] == FloatDistribution(0.0, 1.5)
    assert not {"minority_weight", "majority_weight", "weight_deviation"} & set(space.fixed)
    assert space.describe()["weight_exponent"] == {"low": 0.0, "high": 1.5, "log": False}


def test_deviations_are_one_logarithmic_parameter_for_each_class_under_its_own_name():
    space = resolve(DEVIATIONS)
    assert list(space.distributions) == ["weight_exponent", *NAMES, "hidden_size", "epochs"]
    assert {space.distributions[name] for name in NAMES} == {FloatDistribution(0.25, 4.0, log=True)}
    listed = resolve({"weight_deviation": [0.5, 1.0, 2.0]})
    assert listed.distributions[NAMES[0]] == CategoricalDistribution((0.5, 1.0, 2.0))


@pytest.mark.parametrize("label", ["exponent", "a", "", "minority_weight", "a b\n'c'; --", "日本", "x" * 600])
def test_any_label_names_a_parameter_of_its_own(label):
    table = CLASSES | {"classes": (label, "b", label + "_")}
    names = [f"weight_deviation_{one}" for one in table["classes"]]
    assert list(resolve(DEVIATIONS, table=table).distributions) == ["weight_exponent", *names, "hidden_size", "epochs"]


def test_deviation_raises_one_class_and_lowers_the_others_in_exchange():
    space = resolve(DEVIATIONS)
    deviating = weights(
        space, weight_exponent=0.5, weight_deviation_a=3.0, weight_deviation_b=1.0, weight_deviation_c=1.0
    )
    total, scale = 25 * 4.0 + 400 + 100 * 2.0, (25 * 12.0 + 400 + 100 * 2.0)
    assert deviating == pytest.approx((12.0 * total / scale, total / scale, 2.0 * total / scale))


@settings(max_examples=60, deadline=None)
@given(
    exponent=st.floats(0.0, 10.0),
    counts=st.lists(st.integers(1, 10**6), min_size=3, max_size=6),
    data=st.data(),
    task=st.sampled_from(["multiclass", "multilabel"]),
)
def test_deviations_leave_the_summed_weight_of_the_rows_as_it_was(exponent, counts, data, task):
    classes = tuple(map(str, range(len(counts))))
    weighting = make_weighting(task, classes=classes, class_counts=counts, n_rows=sum(counts) + 1)
    values = {name: data.draw(st.floats(0.01, 100.0)) for name in weighting.deviations}
    without = weighting.weights({"weight_exponent": exponent})
    deviating = weighting.weights({"weight_exponent": exponent, **values})
    sums = [sum(n * w for n, w in zip(counts, weights, strict=True)) for weights in (without, deviating)]
    assert sums[0] == pytest.approx(sums[1], rel=1e-12)
    assert min(deviating) > 0


def test_equal_deviations_change_no_bit():
    space = resolve({"weight_deviation": {"low": 0.3, "high": 7.0}})
    equal = dict.fromkeys(NAMES, 1.7)
    assert weights(space, weight_exponent=0.37, **equal) == weights(resolve(), weight_exponent=0.37)


def test_baselines_are_exponents_0_a_half_and_1_that_agree_in_everything_else():
    space = resolve(DEVIATIONS)
    assert [point.origin for point in space.points] == ["none", "sqrt", "balanced"]
    assert [space.resolve(0, point.params).class_weights for point in space.points] == [
        (1.0, 1.0, 1.0),
        (4.0, 1.0, 2.0),
        (16.0, 1.0, 4.0),
    ]
    assert len({point.params["hidden_size"] for point in space.points}) == 1
    assert all(contains(space.distributions[name], v) for point in space.points for name, v in point.params.items())


def test_baseline_outside_the_exponents_is_skipped_and_named():
    space = resolve({"weight_exponent": [0.5, 0.75]})
    assert [point.origin for point in space.points] == ["sqrt"]
    assert space.notices == (
        'baseline "none", weight_exponent 0, is not among 0.5, 0.75 and is skipped',
        'baseline "balanced", weight_exponent 1, is not among 0.5, 0.75 and is skipped',
    )


def test_classes_of_one_size_are_weighted_once():
    assert [point.origin for point in resolve(table=CLASSES | {"class_counts": (7, 7, 7)}).points] == ["none"]


def test_fixed_exponent_has_no_baselines_and_says_so():
    space = resolve({"weight_exponent": 0.5})
    assert (space.points, space.fixed["weight_exponent"]) == ((), 0.5)
    assert space.notices == ("weight_exponent is fixed at 0.5: the study has no baselines to compare with",)
    assert weights(space) == (4.0, 1.0, 2.0)


def test_listed_trials_with_the_exponent_of_a_baseline_are_that_baseline():
    trials = [{"weight_exponent": 0.3}, {"weight_exponent": 0.5}, {"weight_exponent": 0.0, "epochs": 20}, {"epochs": 9}]
    space = resolve(trials=trials)
    assert [point.origin for point in space.points] == ["listed", "sqrt", "none", "listed"]
    assert list(space.distributions) == ["weight_exponent", "epochs"]
    assert [point.params["weight_exponent"] for point in space.points] == [0.3, 0.5, 0.0, 0.75]
    assert space.n_trials(StudySection(n_trials=77)) == 4


def test_grid_holds_every_exponent():
    space = resolve({"weight_exponent": [0.0, 0.25, 1.0], "hidden_size": [8, 16], "epochs": 10}, sampler="grid")
    assert [point.origin for point in space.points] == ["none", "balanced", *["sampled"] * 4]
    assert {point.params["weight_exponent"] for point in space.points} == {0.0, 0.25, 1.0}


def test_space_of_one_exponent_holds_one_trial():
    space = resolve({"weight_exponent": [0.3], "hidden_size": 8, "epochs": 10}, n_trials=1)
    assert [point.params for point in space.points] == [{"weight_exponent": 0.3}]


def test_largest_values_are_those_of_every_range():
    space = resolve(DEVIATIONS)
    assert space.largest() == {"weight_exponent": 1.5, **dict.fromkeys(NAMES, 4.0), "hidden_size": 64, "epochs": 200}
    assert space.longest_training == 200


def test_what_is_stored_of_a_trial_trains_it_again():
    space = resolve(DEVIATIONS)
    params = space.middle() | {"weight_deviation_b": 0.5}
    trial = space.resolve(7, params)
    stored = space.stored(trial, params)
    assert list(stored)[:5] == ["weight_exponent", *NAMES, "hidden_size"]
    assert stored["class_weights"] == list(trial.class_weights)
    assert not {"minority_weight", "majority_weight"} & set(stored)
    assert stored_trial(7, json.loads(json.dumps(stored))) == trial


def test_fixed_exponent_is_stored_with_the_trial():
    space = resolve({"weight_exponent": 0.5})
    assert space.stored(space.resolve(0, space.middle()), space.middle())["weight_exponent"] == 0.5


def test_trial_of_two_classes_is_stored_as_ever_and_trains_again():
    space = resolve(table={})
    trial = space.resolve(4, space.middle())
    stored = space.stored(trial, space.middle())
    assert stored == trial_values(trial)
    assert list(stored) == [
        *("minority_weight", "hidden_size", "epochs", "majority_weight", "hidden_layers", "batch_size"),
        *("learning_rate", "momentum", "l2", "dropout", "optimizer", "activation", "standardize"),
    ]
    assert stored_trial(4, json.loads(json.dumps(stored))) == trial
    assert set(asdict(trial)) - set(stored) == {"number", "focal_gamma", "class_weights"}


def test_spec_names_the_exponent_and_nothing_of_two_classes():
    spec = resolve({"weight_exponent": 0.5}).spec()
    assert spec["fixed"]["weight_exponent"] == 0.5
    assert "minority_weight" not in {**spec["fixed"], **spec["search"]}


def test_spec_of_two_classes_is_what_it_was():
    spec = resolve(table={}).spec()
    assert list(spec["search"]) == ["minority_weight", "hidden_size", "epochs"]
    assert not {"weight_exponent", "weight_deviation"} & set(spec["fixed"])


WEIGHTS = "from 0, no weights, to 1, balanced ones. Nothing was run."


def test_weights_of_two_classes_are_refused_for_more_with_what_to_search_instead():
    assert refused({"minority_weight": 3.0}) == (
        "search_space.minority_weight does not go with a table of 3 classes.\n"
        f"Remove it, and search search_space.weight_exponent instead: {WEIGHTS}"
    )
    trials = [{"epochs": 10}, {"minority_weight": 2.0, "majority_weight": 1.0}]
    assert refused({"majority_weight": [1.0, 2.0]}, {"majority_weight": 2.0}, table=LABELS, trials=trials) == (
        "search_space.majority_weight, training.majority_weight, study.trials[1].minority_weight,"
        " study.trials[1].majority_weight do not go with a table of 2 labels.\n"
        f"Remove them, and search search_space.weight_exponent instead: {WEIGHTS}"
    )


def test_weights_of_more_classes_are_refused_for_two_with_what_to_search_instead():
    two = {"classes": ("no", "yes")}
    assert refused({"weight_exponent": 0.5}, table=two) == (
        "search_space.weight_exponent does not go with a table of two classes, no and yes.\n"
        "Remove it, and search search_space.minority_weight instead. Nothing was run."
    )
    assert refused(DEVIATIONS, table={}, baseline_params={"weight_exponent": 1.0}) == (
        "search_space.weight_deviation, study.baseline_params.weight_exponent do not go with a table of two classes.\n"
        "Remove them, and search search_space.minority_weight instead. Nothing was run."
    )


@pytest.mark.parametrize("table", [{}, CLASSES, LABELS], ids=["two", "classes", "labels"])
def test_config_that_names_every_default_goes_with_every_table(table):
    every_key = SearchSpace().model_dump(mode="json")
    assert resolve(every_key, TrainingSection().model_dump(), table=table) == resolve(table=table)


def test_deviation_that_is_the_same_for_every_class_is_refused():
    same = "the same deviation for every class changes nothing, as weights are rescaled; remove it, or give"
    assert refused({"weight_deviation": 2}, trials=[{"weight_deviation": 0.5}]) == (
        f"search_space.weight_deviation: {same} search_space.weight_deviation a range\n"
        f"study.trials[0].weight_deviation: {same} search_space.weight_deviation a range\n"
        "Nothing was run."
    )


def test_baseline_params_may_not_hold_the_exponent():
    assert refused(baseline_params={"weight_exponent": 1.0}) == (
        "study.baseline_params.weight_exponent: the baselines differ in nothing else; remove it\nNothing was run."
    )


def test_exponent_is_swept_where_it_is_searched_and_by_default_where_it_is_fixed_or_listed():
    assert exponent_range(resolve({"weight_exponent": {"low": 0.5, "high": 2.0}})) == FloatDistribution(0.5, 2.0)
    default = FloatDistribution(0.0, 1.5)
    assert exponent_range(resolve()) == default
    assert exponent_range(resolve({"weight_exponent": 0.7})) == default
    assert exponent_range(resolve(trials=[{"weight_exponent": 0.2}, {"weight_exponent": 0.3}])) == default
