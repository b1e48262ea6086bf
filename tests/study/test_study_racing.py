"""Fold racing: who is ruled out, when, against whom, and what a study keeps of it."""

from dataclasses import replace

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_kit import FOLDS, N_ROWS, assert_sound, dump, make_plan, run, score

from tuner.config.schema import RacingSection
from tuner.errors import StudyError
from tuner.events import BatchFinished, Notice
from tuner.intervals import corrected_interval
from tuner.study.racing import Race
from tuner.study.records import load_logits
from tuner.study.summary import load_summary
from tuner.trial import TrialScore

RACING = RacingSection(enabled=True, confidence=0.8)
SPACE = make_plan().space
REPEATS = [range(0, 5), range(5, 10), range(10, 15)]


def racing_plan(racing=RACING, **study):
    return replace(make_plan(**{"n_trials": 24, "batch_size": 4, **study}), racing=racing)


def trials(numbers):
    return [SPACE.resolve(n, {"minority_weight": 1.0, "hidden_size": 4, "epochs": 10}) for n in numbers]


def made_up(table, calls=None):
    """Return an `Evaluate` that looks scores of every fold up, by trial number; text is the reason of a failure."""

    def evaluate(batch, folds=None):
        if calls is not None:
            calls.append(([trial.number for trial in batch], folds))
        return [one(trial.number, folds) for trial in batch]

    def one(number, folds):
        scores = table[number]
        if isinstance(scores, str):
            return TrialScore.failed(number, scores, seconds=1.0)
        logits = np.repeat(np.array([[fold // 5] for fold in folds[::5]], np.float32), N_ROWS, axis=1)
        return TrialScore(
            number=number,
            checkpoint_epochs=np.array([5, 10]),
            fold_scores=np.stack([scores[list(folds)] - 0.1, scores[list(folds)]]),
            logits=logits,
            seconds=1.0,
        )

    return evaluate


def race(table, *, calls=None, safe=(), rivals=None, confidence=0.8):
    numbers = list(table)
    one = Race(confidence=confidence, folds=FOLDS, safe=safe, rivals=rivals or {})
    return dict(zip(numbers, one.run(trials(numbers), made_up(table, calls)), strict=True))


def noise(seed):
    return np.random.default_rng(seed).normal(0, 0.01, 15)


def test_candidates_train_one_complete_repeat_after_the_other_and_losers_none_of_the_rest():
    calls = []
    scores = race({0: 0.9 + noise(0), 1: 0.5 + noise(1), 2: 0.9 + noise(2)}, calls=calls)
    assert calls == [([0, 1, 2], REPEATS[0]), ([0, 2], REPEATS[1]), ([0, 2], REPEATS[2])]
    assert [scores[n].pruned is None for n in range(3)] == [True, False, True]
    assert [scores[n].fold_scores.shape for n in range(3)] == [(2, 15), (2, 5), (2, 15)]
    assert [scores[n].logits.shape for n in range(3)] == [(3, N_ROWS), (1, N_ROWS), (3, N_ROWS)]
    assert scores[0].logits[:, 0].tolist() == [0.0, 1.0, 2.0]
    assert [scores[n].seconds for n in range(3)] == [3.0, 1.0, 3.0]


def test_reason_says_against_whom_how_far_and_after_how_many_folds():
    table = {0: 0.9 + noise(0), 1: 0.5 + noise(1)}
    difference = corrected_interval((table[1] - table[0])[:5], test_over_train=0.25, level=0.6)
    assert race(table)[1].pruned == (
        f"ruled out after 5 of 15 folds: {-difference.mean:.3g} below trial 0,"
        f" at least {-difference.high:.3g} at confidence 0.8"
    )


def test_scores_of_survivors_are_those_of_all_folds_in_their_order():
    table = {0: 0.9 + noise(0), 1: 0.9 + noise(1)}
    for number, answer in race(table).items():
        np.testing.assert_array_equal(answer.fold_scores[-1], table[number])
        np.testing.assert_array_equal(answer.fold_scores[0], table[number] - 0.1)


def test_the_safe_are_never_ruled_out_and_may_lead():
    scores = race({0: 0.5 + noise(0), 1: 0.9 + noise(1), 2: 0.5 + noise(2)}, safe=[0, 1])
    assert [scores[n].pruned is None for n in range(3)] == [True, True, False]


def test_rivals_are_compared_on_the_folds_done_and_never_train():
    calls = []
    wave = np.array([0.01, -0.01, 0.01, -0.01, 0.0])
    rival = np.concatenate([0.951 + wave, np.full(10, 0.1)])
    scores = race({8: 0.8 + noise(0), 9: 0.95 - np.tile(wave, 3)}, rivals={3: rival}, calls=calls)
    assert "below trial 3" in scores[8].pruned
    assert scores[9].pruned is None
    assert calls == [([8, 9], REPEATS[0]), ([9], REPEATS[1]), ([9], REPEATS[2])]


def test_nobody_is_ruled_out_after_the_last_repeat():
    late = np.concatenate([0.9 + noise(1)[:10], np.full(5, 0.1)])
    assert race({0: 0.9 + noise(1), 1: late})[1].pruned is None


def test_a_candidate_may_be_ruled_out_after_two_repeats():
    slow = np.concatenate([0.9 + noise(1)[:5], 0.8 + noise(1)[5:]])
    answer = race({0: 0.9 + noise(1) + noise(5) / 10, 1: slow})[1]
    assert answer.pruned.startswith("ruled out after 10 of 15 folds: ")
    assert answer.fold_scores.shape == (2, 10)


def test_equals_go_on_together():
    table = {n: np.full(15, 0.7) for n in range(3)}
    assert all(answer.pruned is None for answer in race(table).values())


def test_the_sampler_is_told_the_mean_of_all_folds_and_for_the_ruled_out_what_it_may_be():
    easy = np.repeat([0.05, 0.0, -0.05], 5)  # the first repeat is easier for everybody
    table = {0: 0.9 + easy + noise(0), 1: 0.5 + easy + noise(1), 2: "diverged"}
    one = Race(confidence=0.8, folds=FOLDS, safe=(), rivals={})
    scores = one.run(trials(list(table)), made_up(table))
    assert scores[1].fold_scores.shape == (2, 5)
    values = one.values(scores)
    assert (values[0], values[2]) == (table[0].mean(), None)
    assert values[1] == pytest.approx(table[0].mean() + (table[1] - table[0])[:5].mean())
    assert abs(values[1] - table[1].mean()) < 0.02 < abs(scores[1].mean - table[1].mean())


def test_a_rival_that_beats_all_candidates_is_what_their_values_are_measured_by():
    table, rival = {8: 0.6 + noise(0), 9: 0.6 + noise(1)}, 0.9 + noise(2)
    one = Race(confidence=0.8, folds=FOLDS, safe=(), rivals={3: rival})
    values = one.values(one.run(trials(list(table)), made_up(table)))
    assert values == {n: pytest.approx(rival.mean() + (scores - rival)[:5].mean()) for n, scores in table.items()}


def test_candidates_that_fail_drop_out_with_their_reason():
    calls = []
    scores = race({0: "diverged", 1: 0.9 + noise(1)}, calls=calls)
    assert (scores[0].failure, scores[0].pruned) == ("diverged", None)
    assert [numbers for numbers, _ in calls] == [[0, 1], [1], [1]]


def test_failing_in_a_later_repeat_ends_with_the_failure_and_the_seconds_of_all():
    def evaluate(batch, folds=None):
        table = {0: 0.9 + noise(0), 1: "diverged" if folds[0] == 5 else 0.9 + noise(1)}
        return made_up(table)(batch, folds)

    answer = Race(confidence=0.8, folds=FOLDS, safe=(), rivals={}).run(trials([0, 1]), evaluate)[1]
    assert (answer.failure, answer.seconds, answer.fold_scores.size) == ("diverged", 2.0, 0)


def test_a_batch_in_which_all_fail_ends():
    calls = []
    race({0: "diverged", 1: "diverged"}, calls=calls)
    assert len(calls) == 1


levels = st.floats(0.0, 1.0)


@given(levels=st.lists(levels, min_size=1, max_size=6), seed=st.integers(0, 99), confidence=st.floats(0.51, 0.99))
def test_the_leader_survives_and_whoever_is_ruled_out_lies_below_it(levels, seed, confidence):
    rng = np.random.default_rng(seed)
    table = {n: level + rng.normal(0, 0.1, 15) for n, level in enumerate(levels)}
    scores = race(table, confidence=confidence)
    for answer in scores.values():
        n_done = answer.fold_scores.shape[1]
        assert n_done % 5 == 0
        if answer.pruned is None:
            assert n_done == 15
            continue
        assert 0 < n_done < 15
        leader = int(answer.pruned.partition("below trial ")[2].partition(",")[0])
        difference = (table[answer.number] - table[leader])[:n_done]
        assert corrected_interval(difference, test_over_train=0.25, level=2 * confidence - 1).high < 0
    assert any(answer.pruned is None for answer in scores.values())


@given(seed=st.integers(0, 99))
def test_more_confidence_rules_out_no_more(seed):
    rng = np.random.default_rng(seed)
    table = {n: rng.normal(0.5, 0.1) + rng.normal(0, 0.05, 15) for n in range(6)}

    def after_one(confidence):
        return {n for n, answer in race(table, confidence=confidence).items() if answer.fold_scores.shape[1] == 5}

    assert after_one(0.95) <= after_one(0.75) <= after_one(0.55)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fraud" / "study.db"


def noisy(batch, folds=None):
    """Score with noise of each trial's own, so that some are ruled out early, some later and some never."""
    answers = []
    for trial in batch:
        own = np.random.default_rng(trial.number).normal(0, 0.03, 15)[list(folds or range(15))]
        answer = score(trial, folds)
        if trial.number % 11 == 10:
            answer = TrialScore.failed(trial.number, "diverged", seconds=0.25)
        else:
            answer = replace(answer, fold_scores=answer.fold_scores + own)
        answers.append(answer)
    return answers


def test_a_pruned_trial_keeps_an_honest_record(path):
    run(racing_plan(RacingSection(enabled=True), n_trials=36), path, noisy)
    assert_sound(path, 36)
    summary = load_summary(path, "fraud")
    pruned = [trial for trial in summary.trials if trial.state == "pruned"]
    assert sum(summary.pruned_after.values()) == len(pruned) > 3
    assert set(summary.pruned_after) == {1, 2}
    space = racing_plan().space
    study = optuna.load_study(study_name="fraud", storage=f"sqlite:///{path}")
    for trial in pruned:
        expected = noisy([space.resolve(trial.number, trial.params)], range(trial.n_folds))[0]
        np.testing.assert_array_equal(trial.fold_scores, expected.fold_scores)
        assert (trial.value, trial.interval, trial.failure) == (None, None, None)
        assert trial.partial_mean == expected.fold_scores[-1].mean()
        assert trial.pruned.startswith(f"ruled out after {trial.n_folds} of 15 folds: ")
        assert trial.seconds == 0.25 * trial.n_folds / 5
        stored = study.trials[trial.number]
        assert (stored.state, stored.user_attrs["pruned"]) == (optuna.trial.TrialState.PRUNED, trial.pruned)
        assert abs(stored.value - trial.partial_mean) < 0.03
        assert stored.intermediate_values == dict(
            zip(expected.checkpoint_epochs.tolist(), expected.fold_scores.mean(axis=1).tolist(), strict=True)
        )
        np.testing.assert_array_equal(load_logits(path, "fraud", trial.number), expected.logits)


def test_a_pruned_trial_is_never_the_best_nor_among_the_scored(path):
    def fading(batch, folds=None):
        """Trial 3 leads in the folds it has, then a rival of the first repeat beats everybody."""
        boost = {3: 0.5}
        answers = [score(trial, folds) for trial in batch]
        return [replace(a, fold_scores=a.fold_scores - boost.get(a.number, 0.0)) for a in answers]

    run(racing_plan(n_trials=8), path, fading)
    summary = load_summary(path, "fraud")
    assert summary.trials[3].state == "pruned"
    assert summary.trials[3] not in summary.scored
    assert summary.best.state == "complete"


def test_baselines_and_listed_trials_are_never_ruled_out(path, tmp_path):
    def worst(batch, folds=None):
        answers = noisy(batch, folds)
        return [replace(a, fold_scores=a.fold_scores - 0.5 * (a.number < 3)) for a in answers]

    run(racing_plan(), path, worst)
    assert [trial.state for trial in load_summary(path, "fraud").trials[:3]] == ["complete"] * 3
    listed = [{"minority_weight": float(weight)} for weight in (20, 1, 500, 3, 900)]
    events = []
    run(racing_plan(trials=listed), tmp_path / "listed.db", worst, listen=events.append)
    assert Notice(text="racing changes nothing here: study.trials are never ruled out") in events
    assert load_summary(tmp_path / "listed.db", "fraud").count("complete") == 5


def test_progress_counts_the_pruned(path):
    events = []
    run(racing_plan(), path, noisy, listen=events.append)
    batches = [event for event in events if isinstance(event, BatchFinished)]
    summary = load_summary(path, "fraud")
    assert batches[-1].n_pruned == summary.count("pruned")
    assert batches[-1].n_finished == summary.n_finished == 24
    assert batches[-1].best[:2] == (summary.best.number, summary.best.value)
    events.clear()
    run(racing_plan(n_trials=28), path, noisy, listen=events.append)
    assert events[-1].n_pruned >= batches[-1].n_pruned
    assert events[-1].best[0] == load_summary(path, "fraud").best.number


def test_a_run_whose_last_trials_are_all_pruned_ends(path):
    def worse_and_worse(batch, folds=None):
        return [replace(a, fold_scores=a.fold_scores - 0.02 * a.number) for a in map(score, batch, [folds] * 9)]

    run(racing_plan(n_trials=16), path, worse_and_worse)
    assert_sound(path, 16)
    assert {trial.state for trial in load_summary(path, "fraud").trials[8:]} == {"pruned"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "study.db"
    run(racing_plan(n_trials=36), path, noisy)
    return dump(path)


@pytest.mark.parametrize("n_calls", [0, 2, 3, 6, 9, 14, 19])
def test_a_race_killed_anywhere_goes_on_as_if_it_had_not_been(path, whole, n_calls):
    calls = []

    def stumbling(batch, folds=None):
        calls.append(batch)
        if len(calls) > n_calls:
            raise StudyError("gone")
        return noisy(batch, folds)

    with pytest.raises(StudyError, match="gone"):
        run(racing_plan(n_trials=36), path, stumbling)
    run(racing_plan(n_trials=36), path, noisy)
    assert dump(path) == whole


@pytest.mark.parametrize("n_finished", [4, 8, 12, 28])
def test_a_larger_budget_races_on_as_if_it_had_been_asked_for_at_once(path, whole, n_finished):
    for n_trials in (n_finished, 36):
        run(racing_plan(n_trials=n_trials), path, noisy)
    assert dump(path)["trials"] == whole["trials"]
    assert dump(path)["tuner_folds"] == whole["tuner_folds"]


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (RacingSection(), RACING, "objective.racing.confidence  (absent) -> 0.8"),
        (RACING, RacingSection(), "objective.racing.confidence  0.8 -> (absent)"),
        (RACING, RacingSection(enabled=True, confidence=0.9), "objective.racing.confidence  0.8 -> 0.9"),
    ],
)
def test_changing_the_race_is_refused(path, before, after, line):
    run(racing_plan(before, n_trials=4), path, noisy)
    with pytest.raises(StudyError) as caught:
        run(racing_plan(after, n_trials=8), path, noisy)
    assert f"  {line}\n" in str(caught.value)


def test_the_confidence_of_a_race_that_is_off_may_change(path):
    run(racing_plan(RacingSection(confidence=0.7), n_trials=4), path, noisy)
    run(racing_plan(RacingSection(confidence=0.9), n_trials=8), path, noisy)
    assert_sound(path, 8)


def test_a_trial_that_another_program_pruned_has_no_folds_and_no_reason(path):
    run(racing_plan(n_trials=4), path, noisy)
    study = optuna.load_study(study_name="fraud", storage=f"sqlite:///{path}")
    study.tell(study.ask(), state=optuna.trial.TrialState.PRUNED)
    run(racing_plan(n_trials=8), path, noisy)
    summary = load_summary(path, "fraud")
    assert summary.n_finished == 8
    trial = summary.trials[4]
    assert (trial.state, trial.pruned, trial.partial_mean, trial.n_folds) == ("pruned", None, None, 0)
    assert sum(summary.pruned_after.values()) == summary.count("pruned") - 1
