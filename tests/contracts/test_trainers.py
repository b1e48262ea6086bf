"""What every trainer promises, run over both, and the parity that ties the fast one to the plain one."""

from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest
from problems import (
    all_folds,
    blind,
    dataset,
    many_classes,
    many_labels,
    never,
    plan,
    sample_weights,
    trial,
    with_gaps,
)
from scipy.special import expit, softmax

from tuner.training.sequential import SequentialTrainer
from tuner.training.stacked import StackedTrainer
from tuner.trial import FirstEpoch

TRAINERS = pytest.mark.parametrize("make", [StackedTrainer, SequentialTrainer])

PARITY = 1e-4
"""Largest difference in probability after 20 epochs, or fewer where a case is not about drift; measured: under 1e-6."""

FEW = {"epochs": 6}

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


@cache
def trained_whole_and_in_part(make):
    """Two trials on six folds, and on the last three of them."""
    trainer = make(plan(n_splits=3, n_repeats=2))
    batch = [trial(i, epochs=1 + i) for i in range(2)]
    return train(trainer, *batch), train(trainer, *batch, folds=(3, 4, 5))


@TRAINERS
def test_a_fold_is_trained_alike_whatever_other_folds_are_trained_with_it(make):
    whole, second = trained_whole_and_in_part(make)
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
    weights = [(10.0, 1.0), (1.0, 1.0), (0.01, 0.5)]
    answers = train(
        make(plan()),
        *(
            trial(i, epochs=1, minority_weight=one, majority_weight=zero, focal_gamma=gamma)
            for i, (one, zero) in enumerate(weights)
        ),
    )
    for number, (one, zero) in enumerate(weights):
        first_epoch = answers[number].first_epoch
        for what in ("loss_share", "gradient_share"):
            after, before = getattr(first_epoch, what), getattr(first_epoch, f"unweighted_{what}")
            assert after.shape == before.shape == (2,)
            np.testing.assert_allclose(after / (1 - after) / (before / (1 - before)), one / zero, rtol=1e-5)


@TRAINERS
def test_first_epoch_is_that_of_each_fold_whatever_folds_train_with_it(make):
    whole, second = trained_whole_and_in_part(make)
    for number in (0, 1):
        for name in SHARES:
            part, of_all = (getattr(answers[number].first_epoch, name) for answers in (second, whole))
            np.testing.assert_allclose(part, of_all[3:], atol=SHARE_PARITY)


CASES = {
    "mixed epochs and widths": [
        {"epochs": 20},
        {"epochs": 7, "hidden_size": 3},
        {"epochs": 3, "hidden_size": 16, "minority_weight": 300.0},
    ],
    "adam": [{"optimizer": "adam"}, {"optimizer": "adam", **FEW, "learning_rate": 0.05}],
    "momentum": [{"momentum": 0.9, **FEW}, {"momentum": 0.5, "hidden_size": 5, **FEW}],
    "l2": [{"l2": 0.01, "momentum": 0.9, **FEW}, {"l2": 0.1, **FEW}],
    "l2 under adam": [{"l2": 0.01, "optimizer": "adam", **FEW}],
    "two layers of tanh": [{"activation": "tanh", "hidden_layers": 2, **FEW}],
    "two layers of relu, adam": [{"hidden_layers": 2, "optimizer": "adam", "hidden_size": 9, **FEW}],
    "one batch holds all rows": [{"batch_size": 1000, **FEW}],
    "a last batch of one row": [{"batch_size": 10, **FEW}],
    "a majority weight below one": [{"majority_weight": 0.01, "minority_weight": 0.99, **FEW}],
    "dropout, and a last batch of one row": [
        {"dropout": 0.5, "batch_size": 10, **FEW},
        {"dropout": 0.2, "batch_size": 10, "hidden_size": 5, **FEW},
    ],
    "dropout in two layers of tanh, adam": [
        {"dropout": 0.3, "hidden_layers": 2, "activation": "tanh", "optimizer": "adam", **FEW},
    ],
    "dropout in two layers of relu, momentum, l2": [
        {"dropout": 0.5, "hidden_layers": 2, "momentum": 0.9, "l2": 0.01, "batch_size": 25},
    ],
    "raw columns": [{"standardize": False, "learning_rate": 0.001, **FEW}],
    "focal loss with class weights": [
        {"focal_gamma": 2.0, "learning_rate": 0.1},
        {"focal_gamma": 0.5, "minority_weight": 300.0, "majority_weight": 0.5, **FEW, "hidden_size": 5},
        {"focal_gamma": 5.0, "minority_weight": 1.0, **FEW},
    ],
    "focal loss, adam, two layers of tanh, dropout": [
        {"focal_gamma": 2.0, "optimizer": "adam", "hidden_layers": 2, "activation": "tanh", "dropout": 0.3},
    ],
    "focal loss beside cross-entropy, a last batch of one row": [
        {"focal_gamma": 1.0, "batch_size": 10, **FEW},
        {"batch_size": 10, **FEW},
    ],
}
"""Of two classes on a table of complete numbers."""


def weighted(table, n_rows=101):
    return replace(table, sample_weight=sample_weights(n_rows))


TABLES = {
    "missing cells": (
        lambda: plan(with_gaps(dataset())),
        [{"momentum": 0.9, "batch_size": 10, **FEW}, {"standardize": False, "learning_rate": 0.001, **FEW}],
    ),
    "columns that a fold does not know, adam, l2, dropout": (
        lambda: blind(plan(dataset(n_features=5)), [1], [0, 3]),
        [{"optimizer": "adam", "l2": 0.01, "dropout": 0.3, "hidden_layers": 2, "batch_size": 25}],
    ),
    "two columns of which a fold knows one, momentum": (
        lambda: blind(plan(dataset(n_features=2)), [1], []),
        [{"momentum": 0.9, "batch_size": 10, **FEW}, {"standardize": False, "learning_rate": 0.001, **FEW}],
    ),
    "columns scaled by power": (lambda: plan(scaling="power"), [{"optimizer": "adam", "batch_size": 10, **FEW}]),
    "columns scaled by power, missing cells, columns that a fold does not know": (
        lambda: blind(plan(with_gaps(dataset()), scaling="power"), [2], [0]),
        [{"momentum": 0.9, "hidden_layers": 2, "activation": "tanh", **FEW}],
    ),
    "sample weights, focal loss": (
        lambda: plan(weighted(dataset())),
        [{"batch_size": 10, **FEW}, {"batch_size": 10, "focal_gamma": 2.0, **FEW}],
    ),
    "three classes": (
        lambda: plan(many_classes(3)),
        [{"class_weights": (1.0, 2.0, 30.0), **FEW}, {"class_weights": (1.0, 1.0, 1.0), "hidden_size": 5, **FEW}],
    ),
    "seven classes, adam, two layers, dropout, sample weights, missing cells": (
        lambda: plan(with_gaps(weighted(many_classes(7)))),
        [
            {
                "class_weights": (1.0, 1.5, 2.0, 2.5, 0.1, 30.0, 100.0),
                "optimizer": "adam",
                "hidden_layers": 2,
                "dropout": 0.3,
                "batch_size": 25,
            }
        ],
    ),
    "three labels, momentum, l2, a last batch of one row": (
        lambda: plan(many_labels()),
        [{"class_weights": (5.0, 1.0, 0.5), "momentum": 0.9, "l2": 0.01, "batch_size": 10, **FEW}],
    ),
    "three labels, adam, two layers of tanh, dropout, sample weights, columns that a fold does not know": (
        lambda: blind(plan(weighted(many_labels())), [0], [1, 2]),
        [
            {
                "class_weights": (300.0, 1.0, 2.0),
                "optimizer": "adam",
                "hidden_layers": 2,
                "activation": "tanh",
                "dropout": 0.3,
            }
        ],
    ),
}
"""Other tables, and trials on them; trials of more than two classes or labels have `class_weights`."""


def assert_parity(the_plan, *batch):
    """Both trainers predict the same probabilities and measure the same shares of the first epoch."""
    fast, plain = train(StackedTrainer(the_plan), *batch), train(SequentialTrainer(the_plan), *batch)
    table = the_plan.table
    outputs = () if table.task == "binary" else (table.n_outputs,)
    for number in fast:
        assert fast[number].checkpoint_epochs == plain[number].checkpoint_epochs
        assert fast[number].logits.shape[3:] == plain[number].logits.shape[3:] == outputs
        assert (np.isnan(fast[number].logits) == np.isnan(plain[number].logits)).all()
        both = (probabilities(answer[number].logits, table.task) for answer in (fast, plain))
        assert np.nanmax(np.abs(np.subtract(*both))) < PARITY
        for name in SHARES:
            shares = [getattr(answer[number].first_epoch, name) for answer in (fast, plain)]
            assert shares[0].shape == shares[1].shape == (2, *outputs)
            np.testing.assert_allclose(*shares, atol=SHARE_PARITY)


def probabilities(logits, task):
    return softmax(logits, axis=-1) if task == "multiclass" else expit(logits)


@pytest.mark.parametrize("case", CASES)
def test_stacked_trainer_matches_sequential_trainer_on_every_fold(case):
    the_plan = plan()  # 50 and 51 training rows: steps of uneven number at batch sizes 10 and 25
    assert_parity(the_plan, *(trial(i, **changes) for i, changes in enumerate(CASES[case])))


@pytest.mark.parametrize("case", TABLES)
def test_stacked_trainer_matches_sequential_trainer_on_tables_of_every_kind(case):
    make_plan, batch = TABLES[case]
    assert_parity(make_plan(), *(trial(i, **changes) for i, changes in enumerate(batch)))


def test_folds_that_make_fewer_steps_match_too():
    the_plan = plan(dataset(n_rows=101), n_splits=2)
    assert {len(rows) for rows in the_plan.folds.train} == {50, 51}
    assert_parity(
        the_plan,
        trial(0, batch_size=50, optimizer="adam", **FEW),
        trial(1, batch_size=50, momentum=0.9, **FEW),
        trial(2, batch_size=50, momentum=0.9, dropout=0.4, activation="tanh"),
    )


def test_repeats_of_a_holdout_differ_by_seed_and_match_the_plain_trainer():
    the_plan = plan(holdout=60, n_repeats=2)
    fast, plain = (train(make(the_plan), trial(epochs=5))[0] for make in (StackedTrainer, SequentialTrainer))
    assert not np.allclose(fast.logits[:, 0], fast.logits[:, 1])
    assert np.abs(expit(fast.logits) - expit(plain.logits)).max() < PARITY


@TRAINERS
def test_focal_loss_of_a_vanishing_gamma_trains_like_cross_entropy_and_another_gamma_does_not(make):
    trainer = make(plan())
    answers = train(trainer, *(trial(i, epochs=3, focal_gamma=gamma) for i, gamma in enumerate((0.0, 1e-30, 2.0))))
    np.testing.assert_allclose(answers[1].logits, answers[0].logits, atol=1e-6)
    assert np.nanmax(np.abs(answers[2].logits - answers[0].logits)) > 0.01


@TRAINERS
def test_focal_loss_of_rows_that_are_far_out_stays_finite(make):
    answers = train(
        make(plan(dataset(far_out=3))),
        *(trial(i, epochs=2, focal_gamma=gamma, standardize=False) for i, gamma in enumerate((0.5, 5.0))),
    )
    for answer in answers.values():
        finite = answer.logits[~np.isnan(answer.logits)]
        assert np.isfinite(finite).all()
        assert np.abs(finite).max() > 100
        assert len(finite) == len(answer.checkpoint_epochs) * 101


@TRAINERS
@pytest.mark.parametrize("columns", [[0, 2, 3], [1]], ids=["three of four", "one of four"])
def test_fold_that_does_not_know_a_column_trains_as_on_a_table_without_it(make, columns):
    table = dataset(n_features=4)
    smaller = dataset(n_features=4, X=table.X[:, columns])
    unknown = [i for i in range(4) if i not in columns]
    params = trial(epochs=3, optimizer="adam", l2=0.01)
    partly, wholly = (train(make(one), params)[0] for one in (blind(plan(table), unknown, []), plan(smaller)))
    np.testing.assert_allclose(partly.logits[:, 0], wholly.logits[:, 0], atol=1e-5)
    assert np.nanmax(np.abs(partly.logits[:, 1] - wholly.logits[:, 1])) > 0.01


@TRAINERS
@pytest.mark.parametrize("task", ["two classes", "three classes", "three labels"])
def test_sample_weight_of_all_rows_is_a_factor_of_their_loss(make, task):
    """Of classes it is the same as the same factor of all class weights; of labels, as a learning rate."""
    table = {"two classes": dataset(), "three classes": many_classes(3), "three labels": many_labels()}[task]
    factor = replace(table, sample_weight=np.full(len(table.X), 4.0, np.float32))
    weights = {"minority_weight": 10.0} if task == "two classes" else {"class_weights": (1.0, 2.0, 10.0)}
    same = {
        "two classes": {"minority_weight": 40.0, "majority_weight": 4.0},
        "three classes": {"class_weights": (4.0, 8.0, 40.0)},
        "three labels": {**weights, "learning_rate": 0.04},
    }[task]
    weighted, other = (
        train(make(plan(one)), trial(epochs=3, **params))[0] for one, params in ((factor, weights), (table, same))
    )
    np.testing.assert_allclose(weighted.logits, other.logits, atol=1e-5)


@TRAINERS
@pytest.mark.parametrize("n_classes", [2, 4])
def test_shares_before_the_class_weights_hold_the_sample_weights(make, n_classes):
    table = dataset() if n_classes == 2 else many_classes(n_classes)
    rarer = replace(table, sample_weight=np.where(table.y == 1, 3.0, 1.0).astype(np.float32))
    equal = {"minority_weight": 1.0} if n_classes == 2 else {"class_weights": (1.0,) * n_classes}
    params = trial(epochs=1, learning_rate=1e-30, **equal)
    without, with_weights = (train(make(plan(one)), params)[0].first_epoch for one in (table, rarer))
    for name in SHARES:
        share, lifted = (getattr(one, name) for one in (without, with_weights))
        if n_classes > 2:
            share, lifted = share[:, 1], lifted[:, 1]
        np.testing.assert_allclose(lifted, 3 * share / (1 + 2 * share), rtol=1e-5)


@TRAINERS
@pytest.mark.parametrize("is_weighted", [False, True], ids=["", "sample weights"])
def test_class_weights_lift_the_share_of_every_class_by_their_ratio(make, is_weighted):
    table = many_classes(4, sample_weight=sample_weights() if is_weighted else None)
    weights = np.array([1.0, 0.1, 5.0, 40.0])
    first_epoch = train(make(plan(table, n_splits=3)), trial(epochs=1, class_weights=tuple(weights)))[0].first_epoch
    for what in ("loss_share", "gradient_share"):
        after, before = getattr(first_epoch, what), getattr(first_epoch, f"unweighted_{what}")
        assert after.shape == before.shape == (3, 4)
        np.testing.assert_allclose(after.sum(axis=1), 1.0)
        np.testing.assert_allclose(after, weights * before / (before @ weights)[:, None], rtol=1e-5)


@TRAINERS
@pytest.mark.parametrize("is_weighted", [False, True], ids=["", "sample weights"])
def test_weight_of_a_label_multiplies_the_odds_of_the_rows_that_have_it(make, is_weighted):
    table = many_labels(3, sample_weight=sample_weights() if is_weighted else None)
    weights = np.array([40.0, 1.0, 0.5])
    first_epoch = train(make(plan(table)), trial(epochs=1, class_weights=tuple(weights)))[0].first_epoch
    for what in ("loss_share", "gradient_share"):
        after, before = getattr(first_epoch, what), getattr(first_epoch, f"unweighted_{what}")
        assert after.shape == before.shape == (2, 3)
        odds = (share / (1 - share) for share in (after, before))
        np.testing.assert_allclose(np.divide(*odds), np.tile(weights, (2, 1)), rtol=1e-5)


@TRAINERS
@pytest.mark.parametrize(
    ("table", "changes", "what"),
    [
        (dataset(), {"class_weights": (1.0, 2.0)}, "binary table of 1 outputs"),
        (many_classes(3), {"class_weights": (1.0, 2.0)}, "multiclass table of 3 outputs"),
        (many_classes(3), {"minority_weight": 2.0}, "multiclass table of 3 outputs"),
        (many_labels(), {"class_weights": (1.0, 1.0, 1.0), "focal_gamma": 1.0}, "multilabel table of 3 outputs"),
    ],
    ids=["weights of classes for two", "too few", "a minority", "focal loss"],
)
def test_trial_of_another_task_than_the_table_is_refused(make, table, changes, what):
    with pytest.raises(ValueError, match=f"a {what} cannot train"):
        train(make(plan(table)), trial(epochs=1, **changes))


def weighted_slope(z, y, *, params, task):
    """The derivative of the weighted loss of every row with respect to its logits, from the equations, in float64."""
    if task == "multiclass":
        return np.array(params.class_weights)[y][:, None] * (softmax(z, axis=1) - np.eye(z.shape[1])[y])
    if task == "multilabel":
        return np.where(y == 1, params.class_weights, 1.0) * (expit(z) - y) / y.shape[1]
    y = y[:, None]
    own, gamma = np.where(y == 1, expit(z), expit(-z)), params.focal_gamma
    slope = (1 - own) ** gamma * (1 - own - gamma * own * np.log(own)) * np.where(y == 1, -1.0, 1.0)
    return np.where(y == 1, params.minority_weight, params.majority_weight) * slope


@pytest.mark.parametrize(
    ("table", "changes"),
    [
        *((dataset(), {"minority_weight": 30.0, "focal_gamma": gamma}) for gamma in (0.0, 0.5, 2.0)),
        (weighted(dataset()), {"minority_weight": 30.0}),
        (weighted(many_classes(3)), {"class_weights": (1.0, 5.0, 20.0)}),
        (weighted(many_labels()), {"class_weights": (30.0, 1.0, 0.5)}),
    ],
    ids=["gamma 0", "gamma 0.5", "gamma 2", "sample weights", "three classes", "three labels"],
)
def test_stacked_trainer_matches_plain_keras_with_rows_in_float64_numpy(table, changes):
    """The two trainers share seeds and constants; this reference shares only those and is written from the equations."""
    from tuner.training import seeds

    the_plan = plan(table)
    params = trial(epochs=5, learning_rate=0.05, **changes)
    logits = train(StackedTrainer(the_plan), params)[0].logits[-1, 0]
    rows, valid = the_plan.folds.train[0], the_plan.folds.valid[0]
    table = the_plan.table
    x, y = table.scaled.transform(table.X[rows], 0).astype(np.float64), table.y[rows]
    factors = np.ones(len(rows)) if table.sample_weight is None else table.sample_weight[rows].astype(np.float64)
    drawn = seeds.initial_weights(params, x.shape[1], n_outputs=table.n_outputs, seed=0, repeat=0, split=0)
    w1, b1, w2, b2 = (a.astype(np.float64) for a in drawn)
    for epoch in range(5):
        order = seeds.batch_order(len(rows), seed=0, repeat=0, split=0, epoch=epoch)
        for start in range(0, len(rows), 16):
            i = order[start : start + 16]
            h = np.maximum(x[i] @ w1 + b1, 0)
            d = factors[i, None] * weighted_slope(h @ w2 + b2, y[i], params=params, task=table.task) / len(i)
            dh = (d @ w2.T) * (h > 0)
            w2, b2 = w2 - 0.05 * h.T @ d, b2 - 0.05 * d.sum(axis=0)
            w1, b1 = w1 - 0.05 * x[i].T @ dh, b1 - 0.05 * dh.sum(axis=0)
    z = table.scaled.transform(table.X[valid], 0) @ w1 + b1
    expected = np.maximum(z, 0) @ w2 + b2
    np.testing.assert_allclose(logits[: len(valid)].reshape(len(valid), -1), expected, atol=1e-5)
