"""Claims about trials.csv and folds.csv."""

import csv
import io

import numpy as np
import pandas as pd
import pytest
from report_summaries import FOLDS, HOLDOUT, failed_trial, make_summary, make_trial, pruned_trial

from tuner.report.tables import csv_bytes, folds_table, trials_table
from tuner.study.summary import TrialRecord
from tuner.trial import FirstEpoch, FoldPlan


def read(frame):
    return list(csv.reader(io.StringIO(csv_bytes(frame).decode("utf-8"))))


def test_trials_have_one_row_each_with_every_search_parameter():
    summary = make_summary(n_trials=10)
    rows = read(trials_table(summary))
    assert rows[0] == [
        *("number", "state", "origin", "value", "std", "ci95_low", "ci95_high", "folds", "partial_mean"),
        *("minority_weight", "hidden_size", "epochs", "seconds", "failure", "pruned"),
    ]
    assert len(rows) == 11
    assert rows[1][:3] == ["0", "complete", "none"]
    assert rows[5] == [
        "4",
        "failed",
        "sampled",
        "",
        "",
        "",
        "",
        "0",
        "",
        "900.0",
        "8",
        "20",
        "0.5",
        "the loss became NaN in epoch 3",
        "",
    ]


def test_numbers_keep_every_digit():
    summary = make_summary(n_trials=12)
    frame = pd.read_csv(io.BytesIO(csv_bytes(trials_table(summary))))
    for row, trial in zip(frame.to_dict("records"), summary.trials, strict=True):
        assert row["minority_weight"] == trial.params["minority_weight"]
        if trial.interval is not None:
            assert row["value"] == trial.value
            assert (row["std"], row["ci95_low"], row["ci95_high"]) == (
                trial.interval.std,
                trial.interval.low,
                trial.interval.high,
            )
    frame = pd.read_csv(io.BytesIO(csv_bytes(folds_table(summary))))
    stored = np.concatenate([trial.fold_scores.ravel() for trial in summary.trials])
    np.testing.assert_array_equal(frame["score"].to_numpy(), stored)


def test_fold_rows_carry_the_epoch_repeat_and_fold_they_belong_to():
    trial = make_trial(7, params={"epochs": 20}, n_checkpoints=2)
    frame = folds_table(make_summary(trials=(trial,)))
    assert len(frame) == 2 * FOLDS.n_folds
    row = frame[(frame["epoch"] == 20) & (frame["repeat"] == 2) & (frame["fold"] == 1)]
    assert row["score"].tolist() == [trial.fold_scores[1, 2 * FOLDS.n_splits + 1]]
    assert row["trial"].tolist() == [7]


def test_shares_of_the_first_epoch_stand_in_the_rows_of_the_last_one():
    values = np.linspace(0.1, 0.9, FOLDS.n_folds)
    measured = FirstEpoch(
        loss_share=values,
        gradient_share=values + 0.01,
        unweighted_loss_share=values + 0.02,
        unweighted_gradient_share=values + 0.03,
    )
    trials = make_trial(0, params={"epochs": 20}, n_checkpoints=2, first_epoch=measured), make_trial(1)
    frame = folds_table(make_summary(trials=trials))
    known = frame[frame["loss_share"].notna()]
    assert (set(known["trial"]), set(known["epoch"])) == ({0}, {20})
    assert known["loss_share"].tolist() == values.tolist()
    assert known["unweighted_gradient_share"].tolist() == (values + 0.03).tolist()
    assert known["score"].tolist() == trials[0].fold_scores[-1].tolist()


def test_pruned_trials_keep_their_folds_and_the_mean_of_them_under_a_name_of_its_own():
    summary = make_summary(trials=(make_trial(0), pruned_trial(1)))
    complete, pruned = trials_table(summary).to_dict("records")
    assert (complete["folds"], complete["partial_mean"], complete["pruned"]) == (15, None, None)
    assert (pruned["state"], pruned["value"], pruned["ci95_low"]) == ("pruned", None, None)
    assert (pruned["folds"], pruned["partial_mean"]) == (5, summary.trials[1].partial_mean)
    assert pruned["pruned"].startswith("ruled out after 5 of 15 folds: ")
    frame = folds_table(summary)
    assert sorted(set(frame[frame["trial"] == 1]["repeat"])) == [0]
    assert sorted(set(frame[frame["trial"] == 0]["repeat"])) == [0, 1, 2]


def test_every_repeat_of_a_holdout_is_fold_0():
    frame = folds_table(make_summary(folds=HOLDOUT, n_trials=1))
    assert set(frame["fold"]) == {0}
    assert set(frame["repeat"]) == set(range(HOLDOUT.n_repeats))


def test_study_without_scores_has_tables_with_only_their_header():
    empty = make_summary(trials=())
    shares = ["loss_share", "gradient_share", "unweighted_loss_share", "unweighted_gradient_share"]
    assert read(folds_table(empty)) == [["trial", "epoch", "repeat", "fold", "score", *shares]]
    assert len(read(trials_table(empty))) == 1


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_a_spreadsheet_would_run_is_prefixed_and_stays_one_record(start):
    reason = f"{start}1+cmd|' /C calc'!A0\r\n=2, \"x\"\ry"
    rows = read(trials_table(make_summary(trials=(failed_trial(0, reason),))))
    assert len(rows) == 2
    assert rows[1][-2] == "'" + reason.replace("\r\n", " ").replace("\r", " ")


def test_text_parameters_are_guarded_and_negative_numbers_are_not():
    trial = make_trial(0, center=-0.5, params={"optimizer": "@sgd", "shift": -3})
    row = trials_table(make_summary(trials=(trial,))).iloc[0]
    assert row["optimizer"] == "'@sgd"
    assert row["shift"] == -3
    assert row["value"] == trial.value
    assert row["value"] < 0


def test_spread_of_a_single_fold_and_values_of_a_waiting_trial_are_empty():
    folds = FoldPlan(kind="holdout", n_splits=1, n_repeats=1, test_over_train=1.0, n_scored_rows=9, sha256="0")
    waiting = TrialRecord(number=1, state="waiting", origin="sampled", params={"hidden_size": 9})
    rows = read(trials_table(make_summary(folds=folds, trials=(make_trial(0, folds=folds), waiting))))
    assert rows[1][3] != ""
    assert rows[1][4:7] == ["", "", ""]
    assert rows[2] == ["1", "waiting", "sampled", "", "", "", "", "0", "", "", "9", "", "", "", ""]
