"""Batch orders: drawn from the seeds, kept within a budget."""

from dataclasses import replace

import numpy as np
import pytest
from problems import all_folds, plan, trial

from tuner.training import seeds, stack
from tuner.training.streams import BatchStreams, FoldSet

BATCH = 32


@pytest.fixture
def rows():
    """Three uneven folds, whose blocks hold eight epochs."""
    the_plan = plan(n_splits=3)
    return FoldSet(the_plan, tuple(all_folds(the_plan)))


def test_every_fold_visits_its_training_rows_in_the_order_of_each_epoch_and_row_0_afterwards(rows):
    epochs = (0, 5)
    drawn = rows.draw(BATCH, epochs)
    n_steps, folds = rows.n_steps(BATCH), rows.plan.folds
    assert drawn.shape == (2 * n_steps, len(rows.folds), BATCH)
    for e, epoch in enumerate(epochs):
        for fold, train in enumerate(folds.train):
            order = seeds.batch_order(
                len(train),
                seed=rows.plan.seed,
                repeat=int(folds.repeat[fold]),
                split=int(folds.split[fold]),
                epoch=epoch,
            )
            visited = drawn[e * n_steps : (e + 1) * n_steps, fold].ravel()
            np.testing.assert_array_equal(visited[: len(train)], train[order])
            assert not visited[len(train) :].any()


def test_a_block_holds_the_epochs_of_one_call_and_says_where_the_next_begins(rows):
    block, following = BatchStreams().at(rows, BATCH, 11)
    assert following == 16
    np.testing.assert_array_equal(block.numpy(), rows.draw(BATCH, range(8, 16)))


def test_blocks_are_kept_until_their_bytes_are_spent(rows, monkeypatch):
    size = rows.draw(BATCH, range(8)).nbytes
    monkeypatch.setattr(stack, "STREAM_BYTES", 2 * size)
    streams = BatchStreams()
    first, second = ([streams.at(rows, BATCH, epoch)[0] for epoch in (0, 8, 16)] for _ in range(2))
    assert [a is b for a, b in zip(first, second, strict=True)] == [True, True, False]
    np.testing.assert_array_equal(first[2].numpy(), second[2].numpy())


def test_in_a_verdict_the_earliest_folds_make_room(monkeypatch):
    plain = plan(n_splits=3)
    nested = replace(plain, folds=replace(plain.folds, plan=replace(plain.folds.plan, kind="nested")))
    earlier, later = FoldSet(nested, (0,)), FoldSet(nested, (1,))
    size = earlier.draw(BATCH, range(8)).nbytes
    monkeypatch.setattr(stack, "STREAM_BYTES", 2 * size)
    streams = BatchStreams()
    first = [streams.at(rows, BATCH, epoch)[0] for rows in (earlier, later) for epoch in (0, 8)]
    assert [streams.at(later, BATCH, epoch)[0] is block for epoch, block in zip((0, 8), first[2:], strict=True)] == [
        True,
        True,
    ]
    assert streams.at(earlier, BATCH, 0)[0] is not first[0]


def test_a_stack_is_expected_to_hold_three_copies_of_what_one_call_trains_on(rows):
    def expected(n_steps):
        program = stack.program_of(trial(batch_size=BATCH), n_rows=10**6)
        return stack.stack_bytes(
            program, n_folds=3, n_features=2, n_outputs=1, n_labels=1, n_steps=n_steps, n_checkpoints=1, v=1
        )

    longer = rows.n_steps(BATCH) + 50  # beyond what predictions take
    epoch = rows.draw(BATCH, range(8)).nbytes // rows.n_steps(BATCH)
    assert expected(longer + 1) - expected(longer) == 3 * epoch


def test_a_stack_is_expected_to_record_every_label_of_a_row():
    def expected(n_labels):
        program, n_steps = stack.program_of(trial(batch_size=BATCH), n_rows=10**6), 10_000
        options = {"n_features": 2, "n_outputs": 7, "n_steps": n_steps, "n_checkpoints": 1, "v": 1}
        return stack.stack_bytes(program, n_folds=3, n_labels=n_labels, **options)

    of_label = 3 * 4 * 9 * BATCH * (10_000 + 1)  # numbers, bytes, models, rows of a step, steps and one that is scratch
    assert expected(7) - expected(6) == of_label
