"""What the first epoch of a stack is measured to be, against sums in float64 and against what cannot matter."""

import numpy as np
import pytest
from problems import all_folds, dataset, never, plan, trial
from scipy.special import expit

from tuner.training import first_epoch, stacked
from tuner.training.first_epoch import class_sums, shares
from tuner.training.stacked import StackedTrainer
from tuner.trial import FirstEpoch

N_STEPS, N_FOLDS, N_MODELS, BATCH = 4, 2, 4, 8
SIZES = np.array([30, 17], np.int32)
WEIGHTS = np.array([[1.0, 99.0], [0.01, 5.0], [1.0, 1.0], [3.0, 2.0]])
TWO_CLASSES = {"n_classes": 2, "sample_weight": None, "sizes": SIZES, "gammas": None}
NAMES = "loss_share", "gradient_share", "unweighted_loss_share", "unweighted_gradient_share"


def made_up_record(gamma=0.0, logits=None):
    """Return a record, the row numbers and labels it is of, and its sums in float64, row by row."""
    rng = np.random.default_rng(0)
    z = rng.normal(0, 4, (N_STEPS, N_MODELS, BATCH)) if logits is None else logits
    rows = rng.integers(0, 50, (N_STEPS, N_FOLDS, BATCH)).astype(np.int32)
    labels = (rng.random(50) < 0.3).astype(np.float32)
    record = np.full((N_STEPS + 1, 3, N_MODELS, BATCH), np.nan, np.float32)
    sums = np.zeros((N_MODELS, 2, 4))
    for s, m, b in np.ndindex(z.shape):
        fold = m % N_FOLDS
        label = int(labels[rows[s, fold, b]])
        margin = z[s, m, b] if label else -z[s, m, b]
        p, q, nll = expit(margin), expit(-margin), np.logaddexp(0, -margin)
        loss, slope = q**gamma * nll, -(q**gamma) * (q + gamma * p * nll) * (1 if label else -1)
        weight, n_rows = WEIGHTS[m, label], min(max(SIZES[fold] - s * BATCH, 1), BATCH)
        record[s, :, m, b] = z[s, m, b], slope, weight * slope / n_rows
        if s * BATCH + b < SIZES[fold]:
            sums[m, label] += weight * loss, weight * abs(slope), loss, abs(slope)
    return record, rows, labels, sums


@pytest.mark.parametrize("block", [1, 1 << 14])
@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_sums_are_those_of_the_rows_that_are_there_whatever_lies_in_empty_places(monkeypatch, block, gamma):
    monkeypatch.setattr(first_epoch, "BLOCK", block)
    record, rows, labels, expected = made_up_record(gamma)
    gammas = np.full((N_MODELS, 1), gamma, np.float32) if gamma else None
    sums = class_sums(record, rows=rows, labels=labels, n_classes=2, sample_weight=None, sizes=SIZES, gammas=gammas)
    np.testing.assert_allclose(sums, expected, rtol=1e-5)


def test_weights_multiply_the_odds_of_both_shares_by_their_ratio():
    record, rows, labels, _ = made_up_record()
    answer = shares(class_sums(record, rows=rows, labels=labels, **TWO_CLASSES))
    for what in ("loss_share", "gradient_share"):
        after, before = getattr(answer, what), getattr(answer, f"unweighted_{what}")
        np.testing.assert_allclose(after / (1 - after) / (before / (1 - before)), WEIGHTS[:, 1] / WEIGHTS[:, 0], 1e-5)


def test_sums_of_many_classes_are_those_of_each_and_hold_the_sample_weights():
    rng = np.random.default_rng(1)
    margins = rng.normal(0, 4, (N_STEPS, N_MODELS, BATCH))
    rows = rng.integers(0, 50, (N_STEPS, N_FOLDS, BATCH)).astype(np.int32)
    labels, sample_weight = rng.integers(0, 5, 50).astype(np.float32), rng.uniform(0.2, 5.0, 50).astype(np.float32)
    weights = rng.uniform(0.5, 9.0, (N_MODELS, 5))
    record, expected = np.full((N_STEPS + 1, 3, N_MODELS, BATCH), np.nan, np.float32), np.zeros((N_MODELS, 5, 4))
    for s, m, b in np.ndindex(margins.shape):
        row, margin = rows[s, m % N_FOLDS, b], margins[s, m, b]
        label, own, n_rows = int(labels[row]), sample_weight[row], min(max(SIZES[m % N_FOLDS] - s * BATCH, 1), BATCH)
        loss, slope, weight = own * np.logaddexp(0, -margin), own * expit(-margin), weights[m, label]
        record[s, :, m, b] = margin, -expit(-margin), -weight * slope / n_rows
        if s * BATCH + b < SIZES[m % N_FOLDS]:
            expected[m, label] += weight * loss, weight * slope, loss, slope
    options = {"n_classes": 5, "sample_weight": sample_weight, "sizes": SIZES, "gammas": None}
    sums = class_sums(record, rows=rows, labels=labels, **options)
    np.testing.assert_allclose(sums, expected, rtol=1e-5)
    answer = shares(sums)
    np.testing.assert_allclose(answer.loss_share, expected[..., 0] / expected[..., 0].sum(axis=1, keepdims=True), 1e-5)
    assert answer.unweighted_gradient_share.shape == (N_MODELS, 5)


def test_class_without_a_slope_has_no_share_and_nothing_at_all_has_none_to_give():
    far_out = np.full((N_STEPS, N_MODELS, BATCH), 40.0)
    record, rows, labels, _ = made_up_record(logits=far_out)
    bare = np.where(labels[rows] > 0, 0.0, 1.0)[:, [0, 1, 0, 1]]  # sigmoid(40) - y in float32
    record[:N_STEPS, 1], record[:N_STEPS, 2] = bare, bare
    answer = shares(class_sums(record, rows=rows, labels=labels, **TWO_CLASSES))
    for name in NAMES:
        assert getattr(answer, name).tolist() == [0.0] * N_MODELS
    assert all(np.isnan(getattr(shares(np.zeros((1, 2, 4))), name)) for name in NAMES)
    assert all(np.isnan(getattr(shares(np.full((1, 2, 4), np.inf)), name)) for name in NAMES)


def first_epochs(trainer, *trials, folds=None):
    folds = all_folds(trainer.plan) if folds is None else folds
    answers = trainer.train(trials, folds=folds, should_stop=never)
    return [[getattr(answer.first_epoch, name).tolist() for name in NAMES] for answer in answers]


def test_first_epoch_does_not_change_with_neighbors_length_or_calls(monkeypatch):
    the_plan, subject = plan(dataset(n_rows=101), n_splits=2), {"minority_weight": 20.0, "batch_size": 10}
    expected = first_epochs(StackedTrainer(the_plan), trial(0, epochs=1, **subject))[0]
    assert first_epochs(StackedTrainer(the_plan), trial(0, epochs=9, **subject))[0] == expected
    neighbors = trial(1, epochs=20, batch_size=10, learning_rate=1e30), trial(2, epochs=3, batch_size=10)
    assert first_epochs(StackedTrainer(the_plan), *neighbors, trial(0, epochs=5, **subject))[2] == expected
    monkeypatch.setattr(stacked.stack, "epochs_per_call", lambda _: 1)
    assert first_epochs(StackedTrainer(the_plan), trial(0, epochs=5, **subject))[0] == expected


def test_shares_of_folds_follow_one_another():
    one, two = (FirstEpoch(**{name: np.array(values) for name in NAMES}) for values in ([0.1, 0.2], [0.3]))
    both = one.followed_by(two)
    assert [getattr(both, name).tolist() for name in NAMES] == [[0.1, 0.2, 0.3]] * 4
