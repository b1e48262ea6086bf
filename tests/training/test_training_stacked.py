"""Stacks: what a trial's neighbors, its place and the number of threads may not change."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from problems import all_folds, blind, dataset, many_classes, many_labels, never, plan, trial, with_gaps

from tuner.errors import EngineError
from tuner.training import stacked
from tuner.training.compiled import Compiled
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
    monkeypatch.setattr(stacked.stack, "block_rows", lambda *_, **__: 7)
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
    other = replace(the_plan, table=replace(the_plan.table, X=poisoned))
    clean_logits, other_logits = alone(the_plan), alone(other)
    n = len(the_plan.folds.valid[0])
    assert clean_logits[:, 0, 1:n].tobytes() == other_logits[:, 0, 1:n].tobytes()
    assert clean_logits[:, 1].tobytes() != other_logits[:, 1].tobytes()


def last_weights(monkeypatch, the_plan, params):
    """Return the first kernel after each call of a training, `(calls, M, F, H)`."""
    kernels, own = [], Compiled.train

    def recorded(self, *arguments, **options):
        state, record = own(self, *arguments, **options)
        kernels.append(state[0].numpy())
        return state, record

    monkeypatch.setattr(Compiled, "train", recorded)
    train(StackedTrainer(the_plan), params)
    return np.stack(kernels)


@pytest.mark.parametrize(
    "changes",
    [{}, {"momentum": 0.9, "l2": 0.1}, {"optimizer": "adam", "l2": 0.1, "dropout": 0.3, "hidden_layers": 2}],
    ids=["sgd", "momentum", "adam"],
)
@pytest.mark.parametrize("n_features", [2, 4])
def test_weights_of_a_column_that_a_fold_does_not_know_are_0_and_stay_0(monkeypatch, n_features, changes):
    kernels = last_weights(monkeypatch, blind(plan(dataset(n_features=n_features)), [1], []), trial(**changes))
    for model in range(kernels.shape[1]):
        assert (kernels[:, model, 1] == 0).all() == (model % 2 == 0)
        assert kernels[:, model, 0].any()


@pytest.mark.parametrize("scaling", ["standard", "power"])
def test_values_of_a_column_that_a_fold_does_not_know_change_no_bit(scaling):
    table = with_gaps(dataset(n_features=4))
    the_plan = blind(plan(table, scaling=scaling), [1], [])
    X = the_plan.table.X.copy()
    X[:, 1] = np.where(np.arange(len(X)) % 3, 1e30, np.nan)
    other = replace(the_plan, table=replace(the_plan.table, X=X))
    one, two = alone(the_plan), alone(other)
    assert one[:, 0].tobytes() == two[:, 0].tobytes()
    assert one[:, 1].tobytes() != two[:, 1].tobytes()


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("make_table", [lambda: many_classes(4), many_labels], ids=["classes", "labels"])
def test_score_of_many_outputs_does_not_change_with_neighbors_or_position(make_table, position):
    table = make_table()
    the_plan, ones = plan(table), (1.0,) * len(table.classes)
    subject = trial(0, epochs=9, hidden_size=7, class_weights=(*ones[1:], 30.0))
    stack = [trial(1, epochs=20, class_weights=ones), trial(2, learning_rate=1e30, class_weights=ones)]
    stack.insert(position, subject)
    together = train(StackedTrainer(the_plan), *stack)[position]
    by_itself = train(StackedTrainer(the_plan), subject)[0]
    assert together.logits.tobytes() == by_itself.logits.tobytes()


def test_validation_rows_of_many_outputs_in_blocks_give_the_same_logits(monkeypatch):
    the_plan, params = plan(many_classes(3)), trial(epochs=3, class_weights=(1.0, 2.0, 3.0))
    whole = train(StackedTrainer(the_plan), params)[0].logits
    monkeypatch.setattr(stacked.stack, "block_rows", lambda *_, **__: 7)
    np.testing.assert_allclose(train(StackedTrainer(the_plan), params)[0].logits, whole, atol=1e-6)


def test_memory_that_the_machine_does_not_have_is_an_engine_error(monkeypatch):
    import tensorflow as tf

    trainer = StackedTrainer(plan())

    def exhausted(*_):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating 9 TB")

    monkeypatch.setattr(trainer.streams, "at", exhausted)
    with pytest.raises(EngineError, match=r"not enough memory to train 1 trial x 2 folds at once"):
        train(trainer, trial())
