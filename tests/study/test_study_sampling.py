import math

import optuna
import pytest
from study_kit import make_plan

from tuner.config.schema import SearchSpace
from tuner.study.sampling import Asker, make_sampler


@pytest.fixture(autouse=True)
def quiet():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


def value(params):
    return -abs(math.log(params["minority_weight"] / 20.0))


def finished(asker, n, batch=4):
    """Run n trials in batches; return all parameters."""
    drawn = []
    for start in range(0, n, batch):
        params = [asker.params(number) for number in range(start, start + batch)]
        for number, searched in enumerate(params, start):
            asker.tell(number, value(searched))
        drawn += params
    return drawn


def test_a_batch_is_not_one_point_once_the_sampler_has_learned():
    asker = Asker(make_plan().space, [])
    finished(asker, 40)
    weights = {round(asker.params(number)["minority_weight"], 6) for number in range(40, 48)}
    assert len(weights) == 8


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_copy_of_the_stored_trials_draws_what_the_first_asker_draws(sampler):
    space = make_plan(sampler=sampler).space
    first = Asker(space, [])
    finished(first, 24)
    expected = [first.params(number) for number in range(24, 28)]
    second = Asker(space, first._study.get_trials()[:24])
    assert [second.params(number) for number in range(24, 28)] == expected


@pytest.mark.parametrize("n_done", [25, 26, 27])
def test_rest_of_a_batch_is_drawn_as_if_its_finished_trials_were_running(n_done):
    space = make_plan().space
    expected = finished(first := Asker(space, []), 32)
    begun = Asker(space, first._study.get_trials()[:n_done])
    rest = [begun.params(number) for number in range(n_done, 28)]
    for number, searched in enumerate(rest, n_done):
        begun.tell(number, value(searched))
    assert rest == expected[n_done:28]
    assert [begun.params(number) for number in range(28, 32)] == expected[28:]


def test_part_of_a_running_batch_leaves_the_rest_of_its_draws_alone():
    space = make_plan().space
    first = Asker(space, [])
    finished(first, 24)
    expected = [first.params(number) for number in range(24, 28)]
    second = Asker(space, first._study.get_trials()[:26])
    assert [second.params(number) for number in range(24, 28)] == expected


def test_a_trial_queued_by_somebody_else_keeps_its_values_and_gets_the_missing_ones():
    study = optuna.create_study(direction="maximize")
    study.enqueue_trial({"minority_weight": 7.0, "epochs": 10_000, "unknown": 1})
    params = Asker(make_plan().space, study.get_trials()).params(0)
    assert params["minority_weight"] == 7.0
    assert 10 <= params["epochs"] <= 200
    assert set(params) == {"minority_weight", "hidden_size", "epochs"}


def test_draws_differ_between_seeds_and_numbers_and_repeat_otherwise():
    def draw(seed, number):
        study = optuna.create_study(sampler=make_sampler("random", seed=seed, number=number))
        return study.ask({**make_plan().space.distributions}).params["minority_weight"]

    draws = [draw(seed, number) for seed in (0, 1) for number in (0, 1)]
    assert len(set(draws)) == 4
    assert draw(1, 1) == draws[-1]


def test_asking_out_of_turn_is_a_mistake():
    with pytest.raises(ValueError, match="trial 3 was asked for, but the next one is 0"):
        Asker(make_plan().space, []).params(3)


def test_space_without_search_parameters_is_asked_too():
    search = SearchSpace(minority_weight=3.0, hidden_size=5, epochs=10)
    assert Asker(make_plan(search=search).space, []).params(0) == {}
