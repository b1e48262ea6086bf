"""Grouping, padding and checkpoints: pure functions of the config and a trial's own parameters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from problems import trial

from tuner.training.stack import (
    BLOCK_BYTES,
    block_rows,
    checkpoint_epochs,
    epochs_per_call,
    make_stacks,
    program_of,
    stack_bytes,
    trials_per_stack,
)

TRIALS = st.builds(
    lambda hidden_size, epochs, optimizer, momentum: {
        "hidden_size": hidden_size,
        "epochs": epochs,
        "optimizer": optimizer,
        "momentum": momentum,
    },
    st.integers(1, 300),
    st.integers(1, 50),
    st.sampled_from(["sgd", "adam"]),
    st.sampled_from([0.0, 0.9]),
)


@given(st.lists(TRIALS, min_size=1, max_size=30), st.integers(1, 40))
def test_stacks_share_a_program_fit_their_size_and_hold_each_trial_once(changes, n_folds):
    batch = [trial(i, **c) for i, c in enumerate(changes)]
    stacks = make_stacks(batch, n_folds=n_folds, n_rows=1000)
    assert sorted(p.number for stack in stacks for p in stack) == list(range(len(batch)))
    for stack in stacks:
        assert len({program_of(p, n_rows=1000) for p in stack}) == 1
        assert len(stack) <= trials_per_stack(n_folds)


@given(st.integers(1, 4096))
def test_width_is_the_next_power_of_two_from_sixteen(hidden_size):
    width = program_of(trial(hidden_size=hidden_size), n_rows=9).width
    assert width >= max(16, hidden_size)
    assert width == 16 or width < 2 * hidden_size
    assert width & (width - 1) == 0


@pytest.mark.parametrize(("batch_size", "expected"), [(32, 32), (100, 100), (101, 100), (1_000_000, 100)])
def test_a_batch_is_no_larger_than_the_rows_of_a_fold(batch_size, expected):
    assert program_of(trial(batch_size=batch_size), n_rows=100).batch_size == expected


@pytest.mark.parametrize(("n_folds", "expected"), [(1, 9), (2, 4), (3, 3), (5, 1), (15, 1), (30, 1)])
def test_trials_share_a_stack_while_it_holds_at_most_nine_models(n_folds, expected):
    assert trials_per_stack(n_folds) == expected


@pytest.mark.parametrize(("rows", "expected"), [(1, 8), (100_000, 8), (250_000, 4), (1_000_000, 1), (9_000_000, 1)])
def test_one_call_trains_fewer_epochs_of_larger_tables(rows, expected):
    assert epochs_per_call(rows) == expected


@given(st.integers(1, 100), st.integers(1, 4096), st.integers(1, 500), st.integers(1, 10**6))
def test_rows_predicted_in_one_call_are_as_many_as_their_activations_may_take(n_models, width, n_features, v):
    size = block_rows(n_models, width, n_features, v)
    of_one = 4 * n_models * (width + n_features)
    assert 1 <= size <= v
    assert size == 1 or size * of_one <= BLOCK_BYTES
    assert size == v or (size + 1) * of_one > BLOCK_BYTES


def test_a_stack_holds_the_logits_of_every_checkpoint_and_what_a_batch_and_its_weights_take():
    def expected(n_checkpoints=8, **changes):
        program = program_of(trial(**changes), n_rows=1000)
        return stack_bytes(
            program, n_folds=3, n_features=5, n_outputs=1, n_labels=1, n_steps=4, n_checkpoints=n_checkpoints, v=77
        )

    n_models = 9  # three trials
    assert expected(9) - expected(8) == 4 * n_models * 77
    assert expected(batch_size=1) < expected(batch_size=2) < expected(batch_size=2, dropout=0.5)
    assert expected(hidden_size=16) == expected(hidden_size=9) < expected(hidden_size=17)


def test_a_stack_holds_the_logits_of_every_output():
    def expected(n_outputs, n_checkpoints=8):
        program = program_of(trial(), n_rows=1000)
        return stack_bytes(
            program,
            n_folds=3,
            n_features=5,
            n_outputs=n_outputs,
            n_labels=1,
            n_steps=4,
            n_checkpoints=n_checkpoints,
            v=77,
        )

    assert expected(7, 9) - expected(7, 8) == 7 * (expected(1, 9) - expected(1, 8))
    weights_and_batch = 6 * (16 + 1) + 16 * 5  # of each further output
    assert expected(7) - expected(6) >= 4 * 9 * (weights_and_batch + 8 * 77)


def test_outputs_beyond_the_first_make_blocks_of_validation_rows_smaller():
    assert block_rows(9, 16, 4, 10**9) == block_rows(9, 16, 4, 10**9, n_outputs=1)
    assert block_rows(9, 16, 4, 10**9, n_outputs=21) == pytest.approx(block_rows(9, 16, 4, 10**9) / 2, abs=1)


@given(st.integers(1, 500), st.integers(1, 500), st.integers(1, 20))
def test_checkpoints_ascend_to_the_own_last_epoch_on_a_grid_common_to_all(a, b, n):
    longest = max(a, b)
    first, second = (checkpoint_epochs(e, longest=longest, n_checkpoints=n) for e in (a, b))
    assert first[-1] == a
    assert list(first) == sorted(set(first))
    assert len(first) <= n
    common = min(a, b)
    assert [e for e in first if e < common] == [e for e in second if e < common]
