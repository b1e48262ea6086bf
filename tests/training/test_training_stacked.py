"""Stacks: what a trial's neighbors, its place and the number of threads may not change."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from problems import all_folds, dataset, never, plan, trial

from tuner.errors import EngineError
from tuner.training import stacked
from tuner.training.stacked import StackedTrainer

SUBJECT = {"epochs": 9, "hidden_size": 7, "minority_weight": 20.0}


def train(trainer, *trials):
    """Return the predictions of one stack on all folds, in order."""
    return trainer.train(trials, folds=all_folds(trainer.plan), should_stop=never)


def alone(the_plan):
    """Return the logits of the subject, trained by itself."""
    return train(StackedTrainer(the_plan), trial(0, **SUBJECT))[0].logits


@pytest.mark.parametrize(
    "neighbors",
    [
        [{}],
        [{"epochs": 1}, {"epochs": 20, "hidden_size": 16, "minority_weight": 500.0}],
        [{"learning_rate": 1e30, "epochs": 20}, {"minority_weight": 1e30}],
    ],
    ids=["one", "shorter and longer", "diverging"],
)
@pytest.mark.parametrize("position", [0, 1])
def test_score_of_a_trial_does_not_change_with_neighbors_or_position(neighbors, position):
    the_plan = plan()
    stack = [trial(10 + i, **{"epochs": 5, **changes}) for i, changes in enumerate(neighbors)]
    stack.insert(position, trial(0, **SUBJECT))
    together = train(StackedTrainer(the_plan), *stack)[position].logits
    assert together.tobytes() == alone(the_plan).tobytes()


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("neighbor", [{"dropout": 0.0}, {"dropout": 0.5, "hidden_size": 16, "epochs": 20}, {}])
def test_score_of_a_trial_with_dropout_does_not_change_with_neighbors_or_position(neighbor, position):
    the_plan = plan()
    subject = trial(0, **SUBJECT, dropout=0.3)
    stack = [trial(1, dropout=0.5), trial(2, **{"dropout": 0.9, **neighbor})]
    stack.insert(position, subject)
    together = train(StackedTrainer(the_plan), *stack)[position].logits
    assert together.tobytes() == train(StackedTrainer(the_plan), subject)[0].logits.tobytes()


@pytest.mark.parametrize("changes", [{}, {"hidden_layers": 2, "activation": "tanh", "optimizer": "adam"}])
def test_rate_zero_among_trials_with_dropout_trains_as_without(changes):
    without = train(StackedTrainer(plan()), trial(0, **changes))[0].logits
    among = train(StackedTrainer(plan()), trial(1, **changes, dropout=0.5), trial(0, **changes))[1].logits
    np.testing.assert_allclose(among, without, atol=1e-6)


def test_dropout_has_programs_of_its_own():
    batch = [trial(0), trial(1, dropout=0.1), trial(2, dropout=0.5), trial(3)]
    stacks = StackedTrainer(plan()).stacks(batch, n_folds=2)
    assert sorted([params.number for params in stack] for stack in stacks) == [[0, 3], [1, 2]]


def test_training_twice_and_in_threads_gives_the_same_bits():
    the_plan = plan()
    trainer = StackedTrainer(the_plan)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: train(trainer, trial(0, **SUBJECT)), range(8)))
    expected = alone(the_plan).tobytes()
    assert [answer[0].logits.tobytes() for answer in answers] == [expected] * 8


def test_a_diverged_model_is_not_finite_rather_than_wrong():
    answer = train(StackedTrainer(plan()), trial(learning_rate=1e30))[0]
    assert not np.isfinite(answer.logits[-1]).any()


def test_checkpoints_on_the_way_equal_the_end_of_a_shorter_trial():
    trainer = StackedTrainer(plan(longest=20, n_checkpoints=4))
    long, short = (train(trainer, trial(epochs=e))[0] for e in (20, 10))
    assert long.checkpoint_epochs == (5, 10, 15, 20)
    assert short.checkpoint_epochs == (5, 10)
    assert long.logits[:2].tobytes() == short.logits.tobytes()


def test_validation_rows_in_blocks_give_the_same_logits(monkeypatch):
    whole = alone(plan())
    monkeypatch.setattr(stacked.stack, "block_rows", lambda *_: 7)
    np.testing.assert_allclose(alone(plan()), whole, atol=1e-6)  # logits near 0 differ by rounding


@pytest.mark.parametrize("length", [1, 3])
def test_epochs_give_the_same_bits_however_many_train_in_one_call(monkeypatch, length):
    expected = alone(plan(n_splits=3))
    monkeypatch.setattr(stacked.stack, "epochs_per_call", lambda _: length)
    assert alone(plan(n_splits=3)).tobytes() == expected.tobytes()


def test_batch_orders_beyond_the_budget_are_drawn_again_and_alike(monkeypatch):
    kept = alone(plan())
    monkeypatch.setattr(stacked.stack, "STREAM_BYTES", 0)
    assert alone(plan()).tobytes() == kept.tobytes()


def test_poisoned_validation_rows_change_no_weight():
    """Training reads no validation row: what the rows of fold 0 hold cannot move predictions on clean rows."""
    table = dataset()
    the_plan = plan(table, n_splits=2)
    poisoned = table.X.copy()
    poisoned[the_plan.folds.valid[0][0]] = 1e6
    from dataclasses import replace

    other = replace(the_plan, dataset=replace(table, X=poisoned))
    clean_logits, other_logits = alone(the_plan), alone(other)
    n = len(the_plan.folds.valid[0])
    assert clean_logits[:, 0, 1:n].tobytes() == other_logits[:, 0, 1:n].tobytes()
    assert clean_logits[:, 1].tobytes() != other_logits[:, 1].tobytes()


def test_memory_that_the_machine_does_not_have_is_an_engine_error(monkeypatch):
    import tensorflow as tf

    trainer = StackedTrainer(plan())

    def exhausted(*_):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating 9 TB")

    monkeypatch.setattr(trainer.streams, "at", exhausted)
    with pytest.raises(EngineError, match=r"not enough memory to train 1 trial x 2 folds at once"):
        train(trainer, trial())
