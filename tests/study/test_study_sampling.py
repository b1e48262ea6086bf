import math

import optuna
import pytest
from optuna.trial import TrialState, create_trial
from study_kit import make_plan

from tuner.config.schema import SearchSpace
from tuner.study.sampling import Asker, make_sampler


@pytest.fixture(autouse=True)
def quiet():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


SIZE = 4


def value(params):
    return -abs(math.log(params["minority_weight"] / 20.0))


def batch(k):
    return list(range(k * SIZE, (k + 1) * SIZE))


def tell(asker, numbers, drawn):
    asker.tell({number: value(drawn[number]) for number in numbers})


def finished(asker, n_batches, *, early=frozenset()):
    """Ask one batch ahead, tell in order, those of `early` before the next is asked; return all parameters."""
    drawn = []
    for k in range(n_batches):
        if k >= 2 and k - 2 not in early:
            tell(asker, batch(k - 2), drawn)
        drawn += asker.ask(batch(k))
        if k >= 1 and k - 1 in early:
            tell(asker, batch(k - 1), drawn)
    return drawn


def stored(space, drawn, n_finished, n_begun=0):
    """Return trials as a database holds them: some finished, then some running."""
    trials = []
    for number, params in enumerate(drawn[: max(n_finished, n_begun)]):
        is_finished = number < n_finished
        trial = create_trial(
            state=TrialState.COMPLETE if is_finished else TrialState.RUNNING,
            value=value(params) if is_finished else None,
            params=params,
            distributions=space.distributions,
        )
        trial.number = number
        trials.append(trial)
    return trials


def test_a_batch_is_not_one_point_once_the_sampler_has_learned():
    drawn = finished(Asker(make_plan().space, []), 12)
    assert len({round(params["minority_weight"], 6) for params in drawn[40:]}) == 8


@pytest.mark.parametrize("early", [{0, 1, 2, 3, 4, 5}, {4}, {1, 3}], ids=str)
def test_what_is_drawn_does_not_depend_on_how_early_a_batch_is_told(early):
    space = make_plan().space
    assert finished(Asker(space, []), 8, early=early) == finished(Asker(space, []), 8)


def test_the_sampler_learns_from_a_batch_in_the_one_after_the_next():
    space = make_plan().space
    expected = finished(Asker(space, []), 8)

    def otherwise(told_otherwise):
        asker, drawn = Asker(space, []), []
        for k in range(8):
            if k >= 2:
                sign = -1 if k - 2 == told_otherwise else 1
                asker.tell({number: sign * value(drawn[number]) for number in batch(k - 2)})
            drawn += asker.ask(batch(k))
        return drawn

    drawn = otherwise(5)
    assert drawn[: 7 * SIZE] == expected[: 7 * SIZE]
    assert drawn[7 * SIZE :] != expected[7 * SIZE :]


@pytest.mark.parametrize("sampler", ["tpe", "random"])
@pytest.mark.parametrize(("n_finished", "n_begun"), [(24, 24), (24, 28), (24, 32), (20, 28)])
def test_a_copy_of_the_stored_trials_draws_what_the_first_asker_draws(sampler, n_finished, n_begun):
    space = make_plan(sampler=sampler).space
    expected = finished(Asker(space, []), 10)
    second = Asker(space, stored(space, expected, n_finished, n_begun))
    for k in range(n_finished // SIZE, 10):
        if (k - 2) * SIZE >= n_finished:
            tell(second, batch(k - 2), expected)
        assert second.ask(batch(k)) == expected[k * SIZE : (k + 1) * SIZE]


@pytest.mark.parametrize("n_done", [25, 26, 27])
def test_rest_of_a_batch_is_drawn_as_if_its_finished_trials_were_running(n_done):
    space = make_plan().space
    expected = finished(Asker(space, []), 9)
    begun = Asker(space, stored(space, expected, n_done))
    assert begun.ask(range(n_done, 28)) == expected[n_done:28]
    assert begun.ask(batch(7)) == expected[28:32]
    tell(begun, range(n_done, 28), expected)
    assert begun.ask(batch(8)) == expected[32:36]


def test_trials_that_failed_teach_nothing_and_pruned_ones_teach_the_value_stored_for_them():
    space = make_plan().space
    drawn = finished(Asker(space, []), 6)
    trials = stored(space, drawn, 24)
    trials[5].state, trials[5].values = TrialState.FAIL, None
    trials[6].state = TrialState.PRUNED
    second = Asker(space, trials)
    second.ask(batch(6))
    copied = second._study.get_trials()
    assert copied[5].state == TrialState.FAIL
    assert (copied[6].state, copied[6].value) == (TrialState.COMPLETE, value(drawn[6]))


def test_a_trial_queued_by_somebody_else_keeps_its_values_and_gets_the_missing_ones():
    study = optuna.create_study(direction="maximize")
    study.enqueue_trial({"minority_weight": 7.0, "epochs": 10_000, "unknown": 1})
    asker = Asker(make_plan().space, study.get_trials())
    assert len(asker.notices) == 1
    (params,) = asker.ask([0])
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
        Asker(make_plan().space, []).ask([3])


def test_passing_over_an_unfinished_trial_is_a_mistake():
    space = make_plan().space
    trials = stored(space, finished(Asker(space, []), 3), 6, 8)
    with pytest.raises(ValueError, match="trial 6 is not finished, so it must be asked before a later one"):
        Asker(space, trials).ask([8])


def test_space_without_search_parameters_is_asked_too():
    search = SearchSpace(minority_weight=3.0, hidden_size=5, epochs=10)
    assert Asker(make_plan(search=search).space, []).ask([0]) == [{}]
