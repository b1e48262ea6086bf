"""What every trainer promises, run over both, and the parity that ties the fast one to the plain one."""

from dataclasses import fields

import numpy as np
import pytest
from problems import all_folds, dataset, never, plan, trial
from scipy.special import expit

from tuner.training.sequential import SequentialTrainer
from tuner.training.stacked import StackedTrainer
from tuner.trial import FirstEpoch

TRAINERS = pytest.mark.parametrize("make", [StackedTrainer, SequentialTrainer])

PARITY = 1e-4
"""Largest difference in probability after 20 epochs; measured: under 1e-6."""


SHARES = tuple(field.name for field in fields(FirstEpoch))
SHARE_PARITY = 1e-6
"""Largest difference in a share of the first epoch; measured: under 1e-7."""


def train(trainer, *trials, folds=None):
    """Return the predictions of every trial by its number."""
    folds = all_folds(trainer.plan) if folds is None else folds
    answers = {}
    for stack in trainer.stacks(trials, n_folds=len(folds)):
        predictions = trainer.train(stack, folds=folds, should_stop=never)
        answers |= {params.number: answer for params, answer in zip(stack, predictions, strict=True)}
    return answers


@TRAINERS
def test_every_checkpoint_of_every_fold_is_predicted_and_nothing_else(make):
    the_plan = plan(n_splits=3, longest=8)
    answer = train(make(the_plan), trial(epochs=5))[0]
    assert answer.checkpoint_epochs == (2, 4, 5)
    sizes = [len(rows) for rows in the_plan.folds.valid]
    assert answer.logits.shape == (3, 3, max(sizes))
    assert answer.logits.dtype == np.float32
    for fold, size in enumerate(sizes):
        assert np.isfinite(answer.logits[:, fold, :size]).all()
        assert np.isnan(answer.logits[:, fold, size:]).all()


@TRAINERS
def test_a_fold_is_trained_alike_whatever_other_folds_are_trained_with_it(make):
    trainer = make(plan(n_splits=3, n_repeats=2))
    batch = [trial(i, epochs=4 + i) for i in range(4)]
    whole, second = train(trainer, *batch), train(trainer, *batch, folds=(3, 4, 5))
    for number, answer in second.items():
        assert answer.checkpoint_epochs == whole[number].checkpoint_epochs
        np.testing.assert_allclose(answer.logits, whole[number].logits[:, 3:], atol=1e-5)


@TRAINERS
def test_every_trial_of_a_batch_is_in_exactly_one_stack(make):
    batch = [trial(i, epochs=1 + i % 3, hidden_size=4 + 10 * (i % 2), batch_size=8 + i % 2) for i in range(11)]
    numbers = [params.number for stack in make(plan()).stacks(batch, n_folds=2) for params in stack]
    assert sorted(numbers) == list(range(11))


@TRAINERS
def test_training_ends_without_an_answer_when_asked_to_stop(make):
    asked = []

    def after_two():
        asked.append(None)
        return len(asked) > 2

    assert make(plan()).train((trial(epochs=20),), folds=(0, 1), should_stop=after_two) is None
    assert len(asked) == 3


@TRAINERS
def test_a_weight_changes_the_model_and_a_common_factor_is_not_normalized_away(make):
    trainer = make(plan())
    answers = train(
        trainer,
        trial(0, epochs=2, minority_weight=1.0),
        trial(1, epochs=2, minority_weight=5.0),
        trial(2, epochs=2, minority_weight=5.0, majority_weight=5.0),
    )
    means = [np.nanmean(answers[i].logits[-1]) for i in range(3)]
    assert means[1] > means[0]
    assert not np.allclose(answers[0].logits[-1], answers[2].logits[-1], equal_nan=True)


@TRAINERS
def test_dropout_acts_in_training_and_not_in_prediction(make):
    trainer = make(plan())
    answers = train(
        trainer,
        *(trial(i, epochs=2, learning_rate=1e-30, dropout=rate) for i, rate in enumerate((0.0, 0.5))),
        *(trial(2 + i, epochs=2, learning_rate=0.1, dropout=rate) for i, rate in enumerate((0.0, 0.5))),
    )
    np.testing.assert_allclose(answers[1].logits, answers[0].logits, atol=1e-6)
    assert np.nanmax(np.abs(answers[3].logits - answers[2].logits)) > 0.01


@TRAINERS
@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_class_weights_multiply_the_odds_of_class_1_in_loss_and_gradient_of_the_first_epoch(make, gamma):
    weights = [(10.0, 1.0), (1.0, 1.0), (0.99, 0.01), (1.0, 50.0)]
    answers = train(
        make(plan(n_splits=3)),
        *(
            trial(i, epochs=2, minority_weight=one, majority_weight=zero, focal_gamma=gamma)
            for i, (one, zero) in enumerate(weights)
        ),
    )
    for number, (one, zero) in enumerate(weights):
        first_epoch = answers[number].first_epoch
        for what in ("loss_share", "gradient_share"):
            after, before = getattr(first_epoch, what), getattr(first_epoch, f"unweighted_{what}")
            assert after.shape == before.shape == (3,)
            np.testing.assert_allclose(after / (1 - after) / (before / (1 - before)), one / zero, rtol=1e-5)


@TRAINERS
def test_first_epoch_is_that_of_each_fold_whatever_folds_train_with_it(make):
    trainer = make(plan(n_splits=3, n_repeats=2))
    whole, second = (train(trainer, trial(epochs=2), folds=folds)[0].first_epoch for folds in (None, (3, 4, 5)))
    for name in SHARES:
        np.testing.assert_allclose(getattr(second, name), getattr(whole, name)[3:], atol=SHARE_PARITY)


CASES = {
    "mixed epochs and widths": [
        {"epochs": 20},
        {"epochs": 7, "hidden_size": 3},
        {"epochs": 13, "hidden_size": 16, "minority_weight": 300.0},
    ],
    "adam": [{"optimizer": "adam"}, {"optimizer": "adam", "epochs": 9, "learning_rate": 0.05}],
    "momentum": [{"momentum": 0.9}, {"momentum": 0.5, "hidden_size": 5}],
    "l2": [{"l2": 0.01, "momentum": 0.9}, {"l2": 0.1}],
    "l2 under adam": [{"l2": 0.01, "optimizer": "adam"}],
    "two layers of tanh": [{"activation": "tanh", "hidden_layers": 2}],
    "two layers of relu, adam": [{"hidden_layers": 2, "optimizer": "adam", "hidden_size": 9}],
    "one batch holds all rows": [{"batch_size": 1000}],
    "a last batch of one row": [{"batch_size": 10}],
    "a majority weight below one": [{"majority_weight": 0.01, "minority_weight": 0.99}],
    "dropout, and a last batch of one row": [
        {"dropout": 0.5, "batch_size": 10},
        {"dropout": 0.2, "batch_size": 10, "hidden_size": 5, "epochs": 9},
    ],
    "dropout in two layers of tanh, adam": [
        {"dropout": 0.3, "hidden_layers": 2, "activation": "tanh", "optimizer": "adam"},
    ],
    "dropout in two layers of relu, momentum, l2": [
        {"dropout": 0.5, "hidden_layers": 2, "momentum": 0.9, "l2": 0.01, "batch_size": 25},
    ],
    "raw columns": [{"standardize": False, "learning_rate": 0.001}],
    "focal loss with class weights": [
        {"focal_gamma": 2.0, "learning_rate": 0.1},
        {"focal_gamma": 0.5, "minority_weight": 300.0, "majority_weight": 0.5, "epochs": 9, "hidden_size": 5},
        {"focal_gamma": 5.0, "minority_weight": 1.0, "batch_size": 16},
    ],
    "focal loss, adam, two layers of tanh, dropout": [
        {"focal_gamma": 2.0, "optimizer": "adam", "hidden_layers": 2, "activation": "tanh", "dropout": 0.3},
    ],
    "focal loss beside cross-entropy, a last batch of one row": [
        {"focal_gamma": 1.0, "batch_size": 10},
        {"batch_size": 10},
    ],
}


@pytest.mark.parametrize("case", CASES)
def test_stacked_trainer_matches_sequential_trainer_on_every_fold(case):
    the_plan = plan()  # 50 and 51 training rows: steps of uneven number at batch sizes 10 and 25
    batch = [trial(i, **changes) for i, changes in enumerate(CASES[case])]
    fast, plain = train(StackedTrainer(the_plan), *batch), train(SequentialTrainer(the_plan), *batch)
    for number in fast:
        assert fast[number].checkpoint_epochs == plain[number].checkpoint_epochs
        difference = np.abs(expit(fast[number].logits) - expit(plain[number].logits))
        assert np.nanmax(difference) < PARITY
        assert (np.isnan(fast[number].logits) == np.isnan(plain[number].logits)).all()
        for name in SHARES:
            shares = (getattr(answer[number].first_epoch, name) for answer in (fast, plain))
            np.testing.assert_allclose(*shares, atol=SHARE_PARITY)


def test_folds_that_make_fewer_steps_match_too():
    the_plan = plan(dataset(n_rows=101), n_splits=2)
    sizes = {len(rows) for rows in the_plan.folds.train}
    assert sizes == {50, 51}
    batch = [
        trial(0, batch_size=50, optimizer="adam"),
        trial(1, batch_size=50, momentum=0.9),
        trial(2, batch_size=50, momentum=0.9, dropout=0.4, activation="tanh"),
    ]
    fast, plain = train(StackedTrainer(the_plan), *batch), train(SequentialTrainer(the_plan), *batch)
    for number in fast:
        assert np.nanmax(np.abs(expit(fast[number].logits) - expit(plain[number].logits))) < PARITY


def test_repeats_of_a_holdout_differ_by_seed_and_match_the_plain_trainer():
    the_plan = plan(holdout=60, n_repeats=2)
    fast, plain = (train(make(the_plan), trial(epochs=5))[0] for make in (StackedTrainer, SequentialTrainer))
    assert not np.allclose(fast.logits[:, 0], fast.logits[:, 1])
    assert np.abs(expit(fast.logits) - expit(plain.logits)).max() < PARITY


@TRAINERS
def test_focal_loss_of_a_vanishing_gamma_trains_like_cross_entropy_and_another_gamma_does_not(make):
    trainer = make(plan())
    answers = train(trainer, *(trial(i, epochs=5, focal_gamma=gamma) for i, gamma in enumerate((0.0, 1e-30, 2.0))))
    np.testing.assert_allclose(answers[1].logits, answers[0].logits, atol=1e-6)
    assert np.nanmax(np.abs(answers[2].logits - answers[0].logits)) > 0.01


@TRAINERS
def test_focal_loss_of_rows_that_are_far_out_stays_finite(make):
    table = dataset()
    table.X[:3] *= 1e4
    answers = train(
        make(plan(table)),
        *(trial(i, epochs=2, focal_gamma=gamma, standardize=False) for i, gamma in enumerate((0.5, 5.0))),
    )
    for answer in answers.values():
        finite = answer.logits[~np.isnan(answer.logits)]
        assert np.isfinite(finite).all()
        assert np.abs(finite).max() > 100
        assert len(finite) == len(answer.checkpoint_epochs) * 101


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_stacked_trainer_matches_plain_keras_with_rows_in_float64_numpy(gamma):
    """The two trainers share seeds and scaler; this reference shares only those and is written from the equations."""
    from tuner.data.preprocessing import fit_scaler
    from tuner.training import seeds

    the_plan = plan()
    params = trial(epochs=5, minority_weight=30.0, learning_rate=0.05, focal_gamma=gamma)
    logits = train(StackedTrainer(the_plan), params)[0].logits[-1, 0]
    rows, valid = the_plan.folds.train[0], the_plan.folds.valid[0]
    scaler = fit_scaler(the_plan.dataset.X, the_plan.folds, standardize=True)
    x = scaler.transform(the_plan.dataset.X[rows], 0).astype(np.float64)
    y = the_plan.dataset.y[rows].astype(np.float64)[:, None]
    w1, b1, w2, b2 = (
        a.astype(np.float64) for a in seeds.initial_weights(params, x.shape[1], seed=0, repeat=0, split=0)
    )
    for epoch in range(5):
        order = seeds.batch_order(len(rows), seed=0, repeat=0, split=0, epoch=epoch)
        for start in range(0, len(rows), 16):
            i = order[start : start + 16]
            h = np.maximum(x[i] @ w1 + b1, 0)
            p = expit(h @ w2 + b2)
            own = np.where(y[i] == 1, p, 1 - p)
            slope = (1 - own) ** gamma * (1 - own - gamma * own * np.log(own)) * np.where(y[i] == 1, -1.0, 1.0)
            d = np.where(y[i] == 1, 30.0, 1.0) * slope / len(i)
            dh = (d @ w2.T) * (h > 0)
            w2, b2 = w2 - 0.05 * h.T @ d, b2 - 0.05 * d.sum(axis=0)
            w1, b1 = w1 - 0.05 * x[i].T @ dh, b1 - 0.05 * dh.sum(axis=0)
    z = scaler.transform(the_plan.dataset.X[valid], 0) @ w1 + b1
    expected = (np.maximum(z, 0) @ w2 + b2)[:, 0]
    np.testing.assert_allclose(logits[: len(valid)], expected, atol=1e-5)
