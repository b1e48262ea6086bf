"""Objective and engine: from logits to scores in the caller's order, stopping and failing alone."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from problems import dataset, never, plan, trial

from tuner.config.schema import EngineSection, ScoringSection
from tuner.engine import open_engine
from tuner.errors import EngineError, Stopped
from tuner.interruption import StopRequest, catching_signals
from tuner.objective import Objective
from tuner.scoring import score
from tuner.training.stacked import StackedTrainer
from tuner.training.trainer import Predictions
from tuner.trial import FirstEpoch


class MadeUpTrainer:
    """Answers logits that name their trial: column i of fold j of trial n at checkpoint c is a known number."""

    def __init__(self, folds, *, diverging=(), seconds=0.0):
        self.folds, self.diverging, self.seconds = folds, diverging, seconds

    def stacks(self, batch, *, n_folds):
        return [(params,) for params in reversed(batch)]

    def train(self, stack, *, folds, should_stop):
        for _ in range(int(self.seconds / 0.01)):
            if should_stop():
                return None
            time.sleep(0.01)
        longest = max(map(len, self.folds.valid))
        answers = []
        for params in stack:
            logits = np.full((2, len(folds), longest), np.nan, np.float32)
            for j, fold in enumerate(folds):
                rows = self.folds.valid[fold]
                logits[:, j, : len(rows)] = np.sin(params.number + rows) + [[0.0], [1.0]]
            if params.number in self.diverging:
                logits[1, 1, 0] = np.inf
            answers.append(Predictions(checkpoint_epochs=(1, 2), logits=logits))
        return answers


def objective(*, n_repeats=2, **options):
    the_plan = plan(dataset(), n_splits=3, n_repeats=n_repeats)
    trainer = MadeUpTrainer(the_plan.folds, **options)
    return Objective(y=the_plan.table.y, folds=the_plan.folds, trainer=trainer, scoring=ScoringSection())


def evaluate(the_objective, batch, *, threads=2, stop=None):
    with open_engine(EngineSection(threads=threads), the_objective, stop or StopRequest()) as engine:
        return engine(batch)


def test_scores_come_back_in_the_order_asked_for_whatever_order_they_trained_in():
    scores = evaluate(objective(), [trial(i) for i in (4, 2, 9)])
    assert [s.number for s in scores] == [4, 2, 9]


def test_every_fold_is_scored_on_its_own_rows_at_every_checkpoint():
    the_objective = objective()
    answer = evaluate(the_objective, [trial(3)])[0]
    folds, y = the_objective.folds, the_objective.y
    assert answer.checkpoint_epochs.tolist() == [1, 2]
    for fold, rows in enumerate(folds.valid):
        expected = score(ScoringSection(), y[rows], np.sin(3 + rows)[None].astype(np.float32))[0]
        assert answer.fold_scores[:, fold].tolist() == [pytest.approx(expected, abs=1e-6)] * 2


def test_kept_logits_are_those_of_the_last_epoch_in_row_order_for_each_repeat():
    the_objective = objective()
    answer = evaluate(the_objective, [trial(3)])[0]
    rows = the_objective.folds.scored_rows
    np.testing.assert_array_equal(answer.logits, np.tile((np.sin(3 + rows) + 1).astype(np.float32), (2, 1)))


def test_a_trial_that_diverges_fails_alone_and_says_where():
    scores = evaluate(objective(diverging=(1,)), [trial(0), trial(1, learning_rate=3.0), trial(2)])
    assert [s.failure is None for s in scores] == [True, False, True]
    assert scores[1].failure == (
        "training diverged: predictions of repeat 0, fold 1 are not finite after epoch 2 "
        "(learning_rate 3, minority_weight 10); a smaller learning rate helps"
    )
    assert scores[1].fold_scores.size == scores[1].logits.size == 0


SHARES = "loss_share", "gradient_share", "unweighted_loss_share", "unweighted_gradient_share"


def weighted(share, ratio):
    """Return the share whose odds are `ratio` times as great."""
    return ratio * share / (ratio * share + 1 - share)


def measuring(ratio=10.0, *, fold=None, n_repeats=2, diverging=(), **changes):
    """An objective whose trainer measures shares of weights that act; `changes` are those of one `fold`."""
    the_objective = objective(n_repeats=n_repeats, diverging=diverging)
    original = the_objective.trainer.train

    def train(stack, *, folds, should_stop):
        before = {
            "unweighted_loss_share": 0.01 + 0.001 * np.array(folds),
            "unweighted_gradient_share": np.full(len(folds), 0.02),
        }
        after = {name.removeprefix("unweighted_"): weighted(values, ratio) for name, values in before.items()}
        values = before | after
        if fold in folds:
            for name, value in changes.items():
                values[name][folds.index(fold)] = value
        answers = original(stack, folds=folds, should_stop=should_stop)
        return [replace(answer, first_epoch=FirstEpoch(**values)) for answer in answers]

    the_objective.trainer.train = train
    return the_objective


def test_shares_of_the_first_epoch_go_with_the_score_of_weights_that_act():
    answer = evaluate(measuring(), [trial(3)])[0]
    assert answer.failure is None
    assert answer.first_epoch.unweighted_loss_share.tolist() == (0.01 + 0.001 * np.arange(6)).tolist()
    assert evaluate(objective(), [trial(3)])[0].first_epoch is None


IDLE = {
    "shares that do not move": {"loss_share": 0.014, "unweighted_loss_share": 0.014},
    "the gradient alone": {"gradient_share": 0.02},
    "no loss of class 1": {"loss_share": 0.0, "unweighted_loss_share": 0.0},
    "no gradient of class 0": {"gradient_share": 1.0, "unweighted_gradient_share": 1.0},
    "nothing at all": {"gradient_share": np.nan, "unweighted_gradient_share": np.nan},
    "a ratio that is 2 % off": {"loss_share": weighted(0.014, 10.2)},
}


@pytest.mark.parametrize("case", IDLE)
def test_a_weight_that_cannot_act_in_some_fold_fails_the_trial(case):
    score = evaluate(measuring(fold=4, **IDLE[case]), [trial(3)])[0]
    assert score.failure.startswith(
        "the class weights cannot act: in the first epoch of repeat 1, fold 1, class 1 has "
    )
    assert score.fold_scores.size == 0
    assert score.first_epoch is None


def test_failure_of_a_weight_says_where_how_much_and_what_to_do():
    the_objective = measuring(fold=4, **IDLE["shares that do not move"])
    assert evaluate(the_objective, [trial(3)])[0].failure == (
        "the class weights cannot act: in the first epoch of repeat 1, fold 1, class 1 has a share of 0.014 of the "
        "loss without them and a share of 0.014 with them (minority_weight 10, majority_weight 1); standardize the "
        "columns, lower learning_rate, or leave the weights equal"
    )
    reason = evaluate(measuring(fold=4, **IDLE["nothing at all"]), [trial(3)])[0].failure
    assert "class 1 has no finite share of the gradient without them and no finite share with them" in reason


@pytest.mark.parametrize("case", IDLE)
def test_equal_weights_have_nothing_to_prove(case):
    score = evaluate(measuring(fold=4, **IDLE[case]), [trial(3, minority_weight=7.0, majority_weight=7.0)])[0]
    assert score.failure is None


@pytest.mark.parametrize("ratio", [1e-12, 1e-3, 1.5, 1e6, 1e18, 1e30])
def test_weights_of_any_ratio_act_within_rounding(ratio):
    score = evaluate(measuring(ratio), [trial(3, minority_weight=ratio)])[0]
    assert score.failure is None


def test_divergence_is_told_before_the_weights():
    reason = evaluate(measuring(fold=4, diverging=(1,), **IDLE["nothing at all"]), [trial(1)])[0].failure
    assert reason.startswith("training diverged: ")


def test_weights_of_a_class_far_on_its_own_side_cannot_act_in_a_real_training():
    table = dataset(n_features=1)
    table = replace(table, X=np.where(table.y > 0, 1e4, -1.0).astype(np.float32)[:, None])
    the_plan = plan(table, n_splits=3)
    scores = [
        evaluate(
            Objective(y=table.y, folds=the_plan.folds, trainer=StackedTrainer(the_plan), scoring=ScoringSection()),
            [params],
        )[0]
        for params in (
            trial(0, epochs=2, standardize=False, learning_rate=1e-12),
            trial(1, epochs=2),
        )
    ]
    assert scores[1].failure is None
    assert scores[1].first_epoch.loss_share.shape == (3,)
    assert (scores[1].first_epoch.loss_share > scores[1].first_epoch.unweighted_loss_share).all()
    assert "the class weights cannot act" in scores[0].failure


def test_engine_counts_models_and_the_time_in_which_anything_trained():
    with open_engine(EngineSection(threads=2), objective(seconds=0.2), StopRequest()) as engine:
        engine([trial(i) for i in range(4)])
        assert engine.models_trained == 4 * 6
        assert 0.35 < engine.train_seconds < 0.75  # four of 0.2 s, two at a time


@pytest.mark.parametrize("folds", [[0, 1, 2], [3, 4, 5], [1, 5]], ids=str)
def test_some_folds_are_scored_as_they_are_among_all(folds):
    the_objective = objective()
    whole = evaluate(the_objective, [trial(3)])[0]
    with open_engine(EngineSection(threads=2), the_objective, StopRequest()) as engine:
        part = engine([trial(3)], folds)[0]
        assert engine.models_trained == len(folds)
    np.testing.assert_array_equal(part.fold_scores, whole.fold_scores[:, folds])
    repeats = sorted({fold // 3 for fold in folds})
    assert part.logits.shape == (len(repeats), whole.logits.shape[1])
    for row, repeat in zip(part.logits, repeats, strict=True):
        known = np.isfinite(row)
        n_known = sum(len(the_objective.folds.valid[fold]) for fold in folds if fold // 3 == repeat)
        assert known.sum() == n_known
        np.testing.assert_array_equal(row[known], whole.logits[repeat][known])


def test_divergence_names_the_fold_that_was_asked_for():
    with open_engine(EngineSection(threads=1), objective(diverging=(1,)), StopRequest()) as engine:
        assert "repeat 1, fold 1 are not finite after epoch 2" in engine([trial(1)], [3, 4, 5])[0].failure


def test_two_batches_share_the_threads_without_a_gap():
    with (
        open_engine(EngineSection(threads=2), objective(seconds=0.3), StopRequest()) as engine,
        ThreadPoolExecutor(2) as callers,
    ):
        batches = [callers.submit(engine, [trial(i) for i in numbers]) for numbers in ((0, 1, 2), (3, 4, 5))]
        assert [[s.number for s in batch.result()] for batch in batches] == [[0, 1, 2], [3, 4, 5]]
        assert engine.models_trained == 6 * 6
        assert 0.85 < engine.train_seconds < 1.15  # three and three of 0.3 s, two at a time


def test_an_error_in_one_batch_ends_the_batch_beside_it_with_the_same_error():
    the_objective = objective(seconds=30)
    original = the_objective.trainer.train

    def train(stack, *, folds, should_stop):
        if stack[0].number == 1:
            time.sleep(0.2)
            raise RuntimeError("this is a bug")
        return original(stack, folds=folds, should_stop=should_stop)

    the_objective.trainer.train = train
    began = time.perf_counter()
    with (
        open_engine(EngineSection(threads=2), the_objective, StopRequest()) as engine,
        ThreadPoolExecutor(2) as callers,
    ):
        batches = [callers.submit(engine, [trial(number)]) for number in (0, 1)]
        for batch in batches:
            with pytest.raises(RuntimeError, match="this is a bug"):
                batch.result()
        with pytest.raises(RuntimeError, match="this is a bug"):
            engine([trial(2)])
    assert time.perf_counter() - began < 5


def test_leaving_the_engine_ends_what_is_training():
    began = time.perf_counter()
    with ThreadPoolExecutor(1) as caller:
        with open_engine(EngineSection(threads=1), objective(seconds=30), StopRequest()) as engine:
            batch = caller.submit(engine, [trial(0), trial(1)])
            time.sleep(0.2)
        with pytest.raises(EngineError, match="the run ended while this batch was training"):
            batch.result()
    assert time.perf_counter() - began < 5


def test_engine_stops_between_steps_and_says_how_to_go_on():
    stop = StopRequest()
    threading.Timer(0.1, lambda: setattr(stop, "signal_number", signal.SIGTERM)).start()
    began = time.perf_counter()
    with pytest.raises(Stopped) as error:
        evaluate(objective(seconds=30), [trial(0), trial(1), trial(2)], stop=stop)
    assert time.perf_counter() - began < 5
    assert error.value.exit_code == 143
    assert str(error.value) == ("stopped by SIGTERM; every finished trial is kept, the same command goes on from here")


def test_an_error_in_one_stack_ends_the_others_and_reaches_the_caller():
    the_objective = objective(seconds=30)
    original = the_objective.trainer.train

    def train(stack, *, folds, should_stop):
        if stack[0].number == 1:
            raise RuntimeError("this is a bug")
        return original(stack, folds=folds, should_stop=should_stop)

    the_objective.trainer.train = train
    began = time.perf_counter()
    with pytest.raises(RuntimeError, match="this is a bug"):
        evaluate(the_objective, [trial(0), trial(1)])
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_becomes_a_request_and_the_handlers_come_back(number, code):
    before = signal.getsignal(number)
    with catching_signals() as stop:
        assert not stop()
        stop.raise_if_set()
        os.kill(os.getpid(), number)
        assert stop()
        assert signal.getsignal(number) == before  # a second one is not caught
        with pytest.raises(Stopped) as error:
            stop.raise_if_set()
    assert error.value.exit_code == code
    assert signal.getsignal(number) == before


def test_diverging_for_real_fails_one_trial_and_leaves_its_neighbors_as_they_were():
    from tuner.training.stacked import StackedTrainer

    the_plan = plan()
    real = Objective(
        y=the_plan.table.y, folds=the_plan.folds, trainer=StackedTrainer(the_plan), scoring=ScoringSection()
    )
    trials = (trial(0), trial(1, learning_rate=1e30), trial(2))
    together = real.evaluate(trials, folds=range(2), should_stop=never)[0]
    apart = [real.evaluate((trial(n),), folds=range(2), should_stop=never)[0][0] for n in (0, 2)]
    assert together[1].failure.startswith("training diverged: predictions of repeat 0, fold 0 are not finite after")
    for left, right in zip((together[0], together[2]), apart, strict=True):
        assert left.fold_scores.tobytes() == right.fold_scores.tobytes()
        assert left.logits.tobytes() == right.logits.tobytes()


def measuring_classes(weights, *, n_classes=3, is_multilabel=False, idle=None):
    """An objective of K classes or labels whose trainer measures shares that `weights` moved as they must."""
    folds = plan(n_splits=3).folds
    rng = np.random.default_rng(0)
    n_rows = len(folds.scored_rows)
    y = (rng.random((n_rows, n_classes)) < 0.4) if is_multilabel else np.arange(n_rows) % n_classes

    class Measuring(MadeUpTrainer):
        def train(self, stack, *, folds, should_stop):
            longest = max(map(len, self.folds.valid))
            logits = np.full((1, len(folds), longest, n_classes), np.nan, np.float32)
            for j, fold in enumerate(folds):
                logits[0, j, : len(self.folds.valid[fold])] = rng.normal(size=(len(self.folds.valid[fold]), n_classes))
            before = np.tile(np.linspace(0.2, 0.5, n_classes), (len(folds), 1))
            if is_multilabel:
                after = weighted(before, np.array(weights))
            else:
                before /= before.sum(axis=1, keepdims=True)
                after = before * weights / (before * weights).sum(axis=1, keepdims=True)
            if idle is not None:
                after[idle] = before[idle]
            first = FirstEpoch(
                loss_share=after, gradient_share=after, unweighted_loss_share=before, unweighted_gradient_share=before
            )
            return [Predictions(checkpoint_epochs=(2,), logits=logits, first_epoch=first) for _ in stack]

    metric = "roc_auc" if is_multilabel else "balanced_accuracy"
    return Objective(y=y.astype(np.int32), folds=folds, trainer=Measuring(folds), scoring=ScoringSection(metric=metric))


@pytest.mark.parametrize("is_multilabel", [False, True])
def test_weights_of_many_classes_and_of_labels_act_within_rounding(is_multilabel):
    weights = (1.0, 3.0, 20.0)
    the_objective = measuring_classes(weights, is_multilabel=is_multilabel)
    score = evaluate(the_objective, [trial(3, class_weights=weights)])[0]
    assert score.failure is None
    assert score.logits.shape == (1, len(the_objective.y), 3)


def test_logits_of_many_classes_come_back_row_by_row():
    weights = (1.0, 1.0, 1.0)
    the_objective = measuring_classes(weights)
    score = evaluate(the_objective, [trial(3, class_weights=weights)])[0]
    assert np.isfinite(score.logits).all()


def test_weight_of_one_of_many_classes_that_cannot_act_is_named():
    weights = (1.0, 3.0, 20.0)
    the_objective = measuring_classes(weights, idle=1)
    assert evaluate(the_objective, [trial(3, class_weights=weights)])[0].failure == (
        "the class weights cannot act: in the first epoch of repeat 0, fold 1, class 0 has a share of 0.1905 of the "
        "loss without them and a share of 0.1905 with them (class weights 1, 3, 20); standardize the columns, lower "
        "learning_rate, or leave the weights equal"
    )
    labels = measuring_classes(weights, is_multilabel=True, idle=2)
    assert "fold 2, label 1 has a share of 0.35" in evaluate(labels, [trial(3, class_weights=weights)])[0].failure


def test_equal_weights_of_many_classes_have_nothing_to_prove():
    weights = (2.0, 2.0, 2.0)
    assert evaluate(measuring_classes(weights, idle=1), [trial(3, class_weights=weights)])[0].failure is None
