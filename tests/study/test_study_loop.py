import json
import math
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest
import study_kit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from study_kit import assert_sound, dump, evaluate, make_plan, run, score

from tuner.config.schema import SearchSpace
from tuner.errors import EngineError, Stopped, StudyError
from tuner.events import BatchFinished, Notice, StudyOpened
from tuner.study.lifecycle import open_study
from tuner.study.loop import optimize
from tuner.study.summary import load_summary
from tuner.trial import TrialScore


class Recorder:
    """An `Evaluate` that keeps its batches and folds, and a listener that keeps its events."""

    def __init__(self):
        self.calls = []
        self.events = []

    def evaluate(self, batch, folds=None):
        self.calls.append(([trial.number for trial in batch], folds))
        return evaluate(batch, folds)

    @property
    def batches(self):
        """Numbers of every batch, in their order: two are under way at once."""
        return sorted(numbers for numbers, _ in self.calls)

    def texts(self):
        return [event.text for event in self.events if isinstance(event, Notice)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fraud" / "study.db"


@pytest.fixture
def recorder():
    return Recorder()


def kit(*arguments, **options):
    return subprocess.Popen([sys.executable, study_kit.__file__, *map(str, arguments)], **options)


def test_events_tell_the_story_of_a_run(path, recorder):
    run(make_plan(n_trials=10), path, recorder.evaluate, listen=recorder.events.append)
    opened, *batches = recorder.events
    assert opened == StudyOpened(
        study="fraud", metric="roc_auc", n_trials=10, n_finished=0, n_adopted=0, n_folds=15, seed=0
    )
    assert recorder.batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [(batch.n_finished, batch.n_trials, batch.n_failed) for batch in batches] == [
        (4, 10, 0),
        (8, 10, 0),
        (10, 10, 0),
    ]
    assert all(isinstance(batch, BatchFinished) for batch in batches)
    assert batches[0].left_seconds > batches[1].left_seconds > batches[2].left_seconds == 0.0
    best = load_summary(path, "fraud").best
    assert batches[-1].best == (best.number, best.value, best.interval.half_width, best.resolved)


def test_stored_values_are_the_means_of_all_folds_at_the_last_epoch(path):
    run(make_plan(), path)
    study = optuna.load_study(study_name="fraud", storage=f"sqlite:///{path}")
    space = make_plan().space
    for trial in study.trials:
        expected = score(space.resolve(trial.number, trial.params))
        assert trial.value == expected.fold_scores[-1].mean()
        assert trial.intermediate_values == dict(
            zip(expected.checkpoint_epochs.tolist(), expected.fold_scores.mean(axis=1).tolist(), strict=True)
        )
    assert study.user_attrs == {"metric": "roc_auc", "folds_sha256": "f" * 64, "seed": 0, "tuner_version": "0.1.0"}
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    assert [trial.user_attrs.get("origin") for trial in study.trials[:4]] == ["none", "sqrt", "balanced", None]
    assert study.best_trial.number == load_summary(path, "fraud").best.number


def test_the_next_batch_is_stored_as_running_before_the_one_under_way_is_finished(path):
    second_began = threading.Event()

    def waiting(batch):
        if batch[0].number == 4:
            second_began.set()
        assert second_began.wait(30)
        return evaluate(batch)

    run(make_plan(), path, waiting)
    assert_sound(path, 12)


def test_batches_are_stored_and_told_in_their_order_whichever_finishes_first(path, recorder):
    others_done = {0: threading.Event(), 8: threading.Event()}

    def backwards(batch):
        first = batch[0].number
        if first in others_done:
            assert others_done[first].wait(30)
        else:
            others_done[first - 4].set()
        return evaluate(batch)

    run(make_plan(n_trials=16), path, backwards, listen=recorder.events.append)
    assert [event.n_finished for event in recorder.events[1:]] == [4, 8, 12, 16]
    expected = path.with_name("expected.db")
    run(make_plan(n_trials=16), expected)
    assert dump(path) == dump(expected)


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_batches_of_any_size_are_resumed_alike(path, tmp_path, batch_size):
    def study(n_trials):
        return make_plan(n_trials=n_trials, batch_size=batch_size, sampler="tpe")

    for n_trials in (3, 11, 14):
        run(study(n_trials), path)
    run(study(14), tmp_path / "expected.db")
    assert dump(path) == dump(tmp_path / "expected.db")


def test_an_error_in_the_second_batch_keeps_the_first_and_ends_the_run(path):
    def failing(batch):
        if batch[0].number == 4:
            raise EngineError("no memory")
        return evaluate(batch)

    with pytest.raises(EngineError, match="no memory"):
        run(make_plan(n_trials=20), path, failing)
    summary = load_summary(path, "fraud")
    assert [summary.count("complete"), summary.count("running")] == [4, 8]
    run(make_plan(n_trials=20), path)
    assert_sound(path, 20)


def test_an_error_does_not_wait_for_the_batch_beside_it(path):
    end = threading.Event()

    def failing(batch):
        if batch[0].number == 0:
            raise EngineError("no memory")
        end.wait(60)
        return evaluate(batch)

    began = time.monotonic()
    with pytest.raises(EngineError, match="no memory"):
        run(make_plan(), path, failing)
    assert time.monotonic() - began < 30
    end.set()


def test_running_again_when_done_trains_nothing_and_says_so(path, recorder):
    run(make_plan(), path)
    before = dump(path)
    run(make_plan(), path, recorder.evaluate, listen=recorder.events.append)
    assert recorder.batches == []
    assert recorder.texts() == ["the study is done: it holds 12 finished trials, so nothing is trained"]
    assert dump(path) == before


def test_lower_n_trials_changes_nothing_and_says_so(path, recorder):
    run(make_plan(), path)
    before = dump(path)
    run(make_plan(n_trials=5, config={"n": 5}), path, recorder.evaluate, listen=recorder.events.append)
    assert recorder.batches == []
    assert recorder.texts() == [
        "study.n_trials=5 changes nothing: 12 trials were begun before",
        "the study is done: it holds 12 finished trials, so nothing is trained",
    ]
    assert dump(path) == before


@pytest.fixture(scope="module")
def at_once(tmp_path_factory):
    path = tmp_path_factory.mktemp("at_once") / "study.db"
    run(make_plan(n_trials=48, batch_size=8), path, failing_often)
    return dump(path)


def failing_often(batch):
    return [TrialScore.failed(t.number, "diverged") if t.number % 7 == 4 else score(t) for t in batch]


@pytest.mark.parametrize("steps", [[24], [21], [26], [30], [17, 19, 22]], ids=str)
def test_higher_n_trials_goes_on_as_if_it_had_been_asked_for_at_once(path, at_once, steps):
    for n_trials in [*steps, 48]:
        run(make_plan(n_trials=n_trials, batch_size=8), path, failing_often)
    assert dump(path) == at_once


def test_run_killed_in_the_rest_of_a_begun_batch_draws_what_it_would_have_drawn_at_once(path, at_once):
    def stop(batch):
        raise Stopped("stopped by SIGTERM", signal_number=15)

    run(make_plan(n_trials=21, batch_size=8), path, failing_often)
    with pytest.raises(Stopped):
        run(make_plan(n_trials=48, batch_size=8), path, stop)
    run(make_plan(n_trials=48, batch_size=8), path, failing_often)
    assert dump(path) == at_once


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stops=st.lists(st.integers(0, 5), max_size=3), sampler=st.sampled_from(["tpe", "random"]))
def test_interrupted_study_equals_the_uninterrupted_one(tmp_path_factory, stops, sampler):
    folder = tmp_path_factory.mktemp("stops")
    plan = make_plan(n_trials=20, sampler=sampler)
    run(plan, folder / "expected.db")
    for stop in stops:
        batches = iter(range(stop))
        run(plan, folder / "study.db", should_stop=lambda batches=batches: next(batches, None) is None)
    run(plan, folder / "study.db")
    assert dump(folder / "study.db") == dump(folder / "expected.db")


def test_exactly_fifty_trials_after_ten_interruptions(path, tmp_path):
    plan, expected = make_plan(n_trials=50, batch_size=8), tmp_path / "expected.db"
    calls = []

    def stumbling(batch):
        calls.append([trial.number for trial in batch])
        if len(calls) % 2 == 1 and len(calls) < 20:
            raise Stopped("stopped by SIGINT", signal_number=2) if len(calls) % 4 == 1 else EngineError("gone")
        return evaluate(batch)

    n_interrupted = 0
    for _ in range(10):
        batches = iter([False, False, True])
        try:
            run(plan, path, stumbling, should_stop=lambda batches=batches: next(batches))
        except (Stopped, EngineError):
            n_interrupted += 1
    run(plan, path, stumbling)
    assert n_interrupted > 5
    assert_sound(path, 50)
    run(plan, expected)
    assert dump(path) == dump(expected)


def test_batches_under_way_stay_running_and_the_next_run_adopts_the_same_trials(path, recorder):
    def stop(batch):
        raise Stopped("stopped by SIGTERM", signal_number=15)

    run(make_plan(n_trials=4), path)
    with pytest.raises(Stopped):
        run(make_plan(n_trials=16), path, stop)
    summary = load_summary(path, "fraud")
    assert [summary.count("complete"), summary.count("running")] == [4, 8]
    begun = [trial.params for trial in summary.trials]
    run(make_plan(n_trials=16), path, recorder.evaluate, listen=recorder.events.append)
    assert recorder.events[0].n_adopted == 8
    assert recorder.batches == [[4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]]
    assert [trial.params for trial in load_summary(path, "fraud").trials[:12]] == begun
    assert_sound(path, 16)


def test_batches_begun_before_n_trials_was_lowered_are_finished(path, recorder):
    def stop(batch):
        raise Stopped("stopped by SIGTERM", signal_number=15)

    with pytest.raises(Stopped):
        run(make_plan(n_trials=12), path, stop)
    run(make_plan(n_trials=2), path, recorder.evaluate, listen=recorder.events.append)
    assert recorder.batches == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert recorder.texts() == ["study.n_trials=2 changes nothing: 8 trials were begun before"]
    assert_sound(path, 8)


def test_should_stop_is_asked_before_anything_is_evaluated(path, recorder):
    run(make_plan(), path, recorder.evaluate, should_stop=lambda: True)
    assert recorder.batches == []


def test_timeout_counts_this_call_and_keeps_what_is_under_way(path, recorder):
    def slow(batch):
        time.sleep(1)
        return recorder.evaluate(batch)

    for _ in range(2):
        run(make_plan(timeout_seconds=0.5, n_trials=20), path, slow, listen=recorder.events.append)
    assert recorder.batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]]
    assert recorder.texts() == [
        "study.timeout_seconds=0.5 is over: 8 of 20 trials are finished, run again to go on",
        "study.timeout_seconds=0.5 is over: 16 of 20 trials are finished, run again to go on",
    ]
    assert_sound(path, 16)
    assert all(e.left_seconds == 0.0 for e in recorder.events if isinstance(e, BatchFinished))


def broken(number, **changes):
    """Return an `Evaluate` in which one trial's score is changed."""

    def evaluate(batch):
        return [replace(score(trial), **changes) if trial.number == number else score(trial) for trial in batch]

    return evaluate


@pytest.mark.parametrize(("value", "text"), [(np.inf, "inf"), (-np.inf, "-inf"), (np.nan, "nan")])
def test_score_that_is_not_finite_fails_its_trial_and_is_never_told(path, value, text, tmp_path):
    epochs, bad = np.array([5, 9]), np.full((2, 15), 0.5)
    bad[1, 7] = value
    run(make_plan(n_trials=8), path, broken(2, checkpoint_epochs=epochs, fold_scores=bad))
    assert_sound(path, 8)
    trials = load_summary(path, "fraud").trials
    assert trials[2].state == "failed"
    assert trials[2].failure == f"fold 7 scored {text} after 9 epochs (1 of 15 folds)"
    assert trials[2].seconds == 0.25
    assert all(trial.state == "complete" for trial in trials if trial.number != 2)
    assert load_summary(path, "fraud").best.number != 2
    study = optuna.load_study(study_name="fraud", storage=f"sqlite:///{path}")
    assert study.trials[2].user_attrs["failure"] == trials[2].failure


def test_predictions_that_are_not_finite_fail_their_trial(path):
    logits = np.full((3, study_kit.N_ROWS), np.nan, np.float32)
    run(make_plan(n_trials=4), path, broken(1, logits=logits))
    assert load_summary(path, "fraud").trials[1].failure == "predictions are not finite"


def test_failure_of_one_trial_leaves_its_neighbors_alone(path, tmp_path):
    def failing(batch):
        return [TrialScore.failed(1, "no memory", seconds=0.5) if t.number == 1 else score(t) for t in batch]

    run(make_plan(n_trials=4), path, failing)
    run(make_plan(n_trials=4), tmp_path / "expected.db")
    failed, expected = load_summary(path, "fraud"), load_summary(tmp_path / "expected.db", "fraud")
    assert (failed.trials[1].state, failed.trials[1].failure) == ("failed", "no memory")
    for number in (0, 2, 3):
        assert failed.trials[number].value == expected.trials[number].value


def test_study_in_which_every_trial_fails_ends(path, recorder):
    def failing(batch):
        return [TrialScore.failed(trial.number, "diverged") for trial in batch]

    run(make_plan(n_trials=16), path, failing, listen=recorder.events.append)
    last = recorder.events[-1]
    assert (last.n_finished, last.n_failed, last.best) == (16, 16, None)
    assert load_summary(path, "fraud").best is None


def test_engine_that_answers_other_trials_is_refused(path):
    with pytest.raises(EngineError) as caught:
        run(make_plan(), path, lambda batch: evaluate(batch)[::-1])
    assert str(caught.value) == "trials [0, 1, 2, 3] were asked for, but [3, 2, 1, 0] were scored"


def test_engine_that_answers_other_shapes_is_refused(path):
    with pytest.raises(EngineError) as caught:
        run(make_plan(), path, broken(0, fold_scores=np.zeros((2, 14))))
    assert str(caught.value) == (
        "trial 0: arrays of shapes ((2, 15), (3, 20)) were expected, ((2, 14), (3, 20)) were scored"
    )


def test_listed_trials_are_run_exactly_and_no_other(path):
    run(make_plan(trials=[{"minority_weight": 100, "majority_weight": 1}, {"minority_weight": 1}], n_trials=77), path)
    summary = load_summary(path, "fraud")
    assert [trial.resolved["minority_weight"] for trial in summary.trials] == [100.0, 1.0]
    assert [trial.origin for trial in summary.trials] == ["listed", "none"]
    assert summary.n_trials == 2


def test_grid_ends_with_its_last_point(path, recorder):
    search = SearchSpace(minority_weight=[1.0, 2.0, 3.0], hidden_size=[4, 8], epochs=10)
    run(make_plan(search=search, sampler="grid", n_trials=50), path, listen=recorder.events.append)
    trials = load_summary(path, "fraud").trials
    assert len({tuple(trial.params.items()) for trial in trials}) == len(trials) == 6
    assert recorder.texts()[0] == (
        'baseline "sqrt", minority_weight 9.94987, is not among 1.0, 2.0, 3.0 and is skipped'
    )


def test_search_space_in_which_everything_is_fixed_is_tried_once_and_says_so(path, recorder):
    search = SearchSpace(minority_weight=3.0, hidden_size=5, epochs=10)
    run(make_plan(search=search, n_trials=5), path, listen=recorder.events.append)
    assert_sound(path, 1)
    assert recorder.texts() == [
        "minority_weight is fixed at 3: the study has no baselines to compare with",
        "the search space is one point, so the study ends after 1 trial, not study.n_trials=5",
    ]


def test_trials_that_another_program_queued_are_evaluated_with_their_values(path):
    run(make_plan(n_trials=4), path)
    optuna.load_study(study_name="fraud", storage=f"sqlite:///{path}").enqueue_trial({"minority_weight": 7.5})
    run(make_plan(n_trials=8), path)
    assert_sound(path, 8)
    trial = load_summary(path, "fraud").trials[4]
    assert trial.params["minority_weight"] == trial.resolved["minority_weight"] == 7.5
    assert trial.params.keys() == {"minority_weight", "hidden_size", "epochs"}


def test_queued_trial_outside_the_space_is_named(path, recorder):
    run(make_plan(n_trials=4), path)
    queued = {"minority_weight": 7.5, "epochs": 10_000, "unknown": "x" * 99}
    optuna.load_study(study_name="fraud", storage=f"sqlite:///{path}").enqueue_trial(queued)
    run(make_plan(n_trials=8), path, listen=recorder.events.append)
    assert recorder.texts() == [
        "trial 4 was queued by another program with epochs=10000, unknown='xxxxxxxxxxxx...xxxxxxxxxxxxx':"
        " not in the search space, so its own values are drawn"
    ]
    trial = load_summary(path, "fraud").trials[4]
    assert trial.params["minority_weight"] == 7.5
    assert 10 <= trial.params["epochs"] <= 200


def test_queued_trial_in_the_place_of_a_baseline_is_not_called_one(path):
    run(make_plan(), path, should_stop=lambda: True)
    optuna.load_study(study_name="fraud", storage=f"sqlite:///{path}").enqueue_trial({"minority_weight": 7.5})
    run(make_plan(), path)
    trials = load_summary(path, "fraud").trials
    assert [trial.origin for trial in trials[:4]] == ["sampled", "sqrt", "balanced", "sampled"]
    study = optuna.load_study(study_name="fraud", storage=f"sqlite:///{path}")
    assert [trial.user_attrs.get("origin") for trial in study.trials[:4]] == [None, "sqrt", "balanced", None]


def test_trial_that_another_program_finished_stops_the_run_and_the_next_run_goes_on(path, recorder):
    def meddle(batch):
        optuna.load_study(study_name="fraud", storage=f"sqlite:///{path}").tell(2, 9.0)
        return evaluate(batch)

    with pytest.raises(StudyError) as caught:
        run(make_plan(), path, meddle)
    assert str(caught.value) == (
        f"{path}: another program finished a trial that this run was evaluating.\n"
        "End that program and run again; finished trials are kept."
    )
    run(make_plan(), path, recorder.evaluate, listen=recorder.events.append)
    assert recorder.batches == [[0, 1, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert_sound(path, 12)
    summary = load_summary(path, "fraud")
    assert [trial.number for trial in summary.trials if trial not in summary.scored] == [2]
    assert (summary.trials[2].state, summary.trials[2].value) == ("complete", None)
    assert summary.best.number == recorder.events[-1].best[0] != 2


@pytest.mark.parametrize("moment", ["before a batch", "in a batch"])
def test_study_deleted_by_another_program_stops_the_run(path, moment):
    def delete():
        optuna.delete_study(study_name="fraud", storage=f"sqlite:///{path}")

    def meddle(batch):
        if moment == "in a batch":
            delete()
        return evaluate(batch)

    def listen(event):
        if moment == "before a batch" and isinstance(event, StudyOpened):
            delete()

    with pytest.raises(StudyError) as caught:
        run(make_plan(), path, meddle, listen=listen)
    assert str(caught.value) == (
        'study "fraud" is incomplete: another program, such as optuna-dashboard, deleted it.\n'
        "Restore a copy of the database, or start over by deleting the study's folder."
    )


def test_trials_added_behind_our_back_stop_the_run(path):
    def meddle(event):
        if isinstance(event, BatchFinished):
            optuna.load_study(study_name="fraud", storage=f"sqlite:///{path}").ask()

    with pytest.raises(StudyError) as caught:
        run(make_plan(), path, listen=meddle)
    assert str(caught.value) == (
        f"{path} holds 9 trials of this study where this run knows 8: another program changed them.\n"
        "End that program and run again; finished trials are kept."
    )


def test_database_locked_by_another_program_for_two_seconds_is_waited_for(path):
    code = (
        "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); time.sleep(2); c.execute('COMMIT')"
    )
    lockers = []

    def while_locked(batch):
        if not lockers:
            lockers.append(subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE))
            assert lockers[0].stdout.readline() == b"locked\n"
        return evaluate(batch)

    began = time.monotonic()
    run(make_plan(n_trials=4), path, while_locked)
    assert time.monotonic() - began > 1.9
    with lockers[0]:
        assert lockers[0].wait() == 0
    assert_sound(path, 4)


def test_optunas_messages_are_silent_and_its_verbosity_is_left_as_it_was(path, capfd):
    before = optuna.logging.get_verbosity()
    run(make_plan(), path)
    assert optuna.logging.get_verbosity() == before
    assert capfd.readouterr() == ("", "")


def test_two_studies_share_a_database(path):
    run(make_plan(name="a"), path)
    run(make_plan(name="b", seed=1), path)
    a, b = load_summary(path, "a"), load_summary(path, "b")
    assert a.n_finished == b.n_finished == 12
    assert a.trials[5].params != b.trials[5].params


@pytest.mark.slow
def test_crash_at_any_point_then_resume_equals_no_crash(tmp_path):
    with kit("crash", tmp_path, 9, stdout=subprocess.PIPE) as process:
        result = json.loads(process.communicate(timeout=300)[0])
    assert process.returncode == 0
    assert result["wrong"] == []
    assert result["points"] > 30


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_driver_killed_at_random_moments_loses_and_repeats_nothing(tmp_path, seed):
    path, rng = tmp_path / "study.db", np.random.default_rng(seed)
    n_killed = 0
    while n_killed < 8:
        with kit("drive", path, "--seconds", 0.1) as process:
            wait_until_busy(path, process)
            time.sleep(rng.uniform(0, 0.5))
            process.kill()
        n_killed += 1
    run(make_plan(n_trials=30), path)
    run(make_plan(n_trials=30), tmp_path / "expected.db")
    assert_sound(path, 30)
    assert dump(path) == dump(tmp_path / "expected.db")


def wait_until_busy(path, process):
    lock, end = Path(f"{path}.lock"), time.monotonic() + 30
    while not (lock.exists() and str(process.pid) in lock.read_text()) and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_second_driver_is_refused_at_once_and_named_the_first(path):
    with open_study(make_plan(), path) as study:
        process = kit("drive", path, stderr=subprocess.PIPE, text=True)
        began = time.monotonic()
        with process:
            _, errors = process.communicate(timeout=60)
        assert process.returncode == 1
        assert f"StudyError: {path} is in use by process " in errors
        optimize(study, evaluate, listen=lambda event: None)
    assert time.monotonic() - began < 30
    assert_sound(path, 12)


def test_best_of_equals_is_the_first(path, recorder):
    def equal(batch):
        return [
            replace(score(t), fold_scores=np.full((1, 15), 0.5), checkpoint_epochs=np.array([t.epochs])) for t in batch
        ]

    run(make_plan(), path, equal, listen=recorder.events.append)
    assert recorder.events[-1].best[:3] == (0, 0.5, 0.0)
    assert load_summary(path, "fraud").best.number == 0
    assert math.isclose(load_summary(path, "fraud").best.interval.half_width, 0.0)


def test_best_is_known_again_after_a_resume(path, recorder):
    run(make_plan(n_trials=8), path)
    best = load_summary(path, "fraud").best
    run(make_plan(n_trials=12), path, broken_all, listen=recorder.events.append)
    assert recorder.events[-1].best == (best.number, best.value, best.interval.half_width, best.resolved)


def broken_all(batch):
    return [TrialScore.failed(trial.number, "diverged") for trial in batch]
