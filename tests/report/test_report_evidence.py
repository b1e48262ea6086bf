"""Claims about what the page says of the evidence of a run."""

from dataclasses import replace

import numpy as np
import pytest
from report_evidence import (
    BIAS_CORRECTED,
    NO_THRESHOLD,
    achieved,
    make_band,
    make_evidence,
    make_noise,
    make_noisy_verdict,
    make_probabilities,
    make_threshold,
    make_verdict,
)
from report_summaries import FOLDS, HOLDOUT, baseline_trials, failed_trial, make_summary, make_trial
from test_report_html import PAYLOADS, PICTURES, page

from tuner.report.evidence_plots import NAMES
from tuner.report.html import render_report
from tuner.trial import FirstEpoch

ALL_PICTURES = PICTURES | dict.fromkeys(NAMES, b"\x89PNG")


def words_of(**evidence):
    return page(make_summary(evidence=evidence), ALL_PICTURES).words


def cells_of(html, *, heading):
    """Return the rows of the first table after a heading, as texts."""
    table = html.split(f">{heading}</h")[1].split("<tbody>")[1].split("</tbody>")[0]
    rows = [row.split("</td>")[:-1] for row in table.split("</tr>")[:-1]]
    return [[cell.rpartition(">")[2].replace("\N{NO-BREAK SPACE}", " ") for cell in row] for row in rows]


def test_page_answers_first_and_the_evidence_follows():
    words = words_of(**make_evidence())
    order = [
        "class weights change nothing: the searched weight",
        "The honest score",
        "The weight On this table, weight",
        "class_weight = {0: 1.0",
        "The band: which weights do as well",
        "The threshold",
        "Undoing the weight",
        "The evidence",
        "Weights beside what else one would try",
        "Why decisions changed",
        "How much of a difference is noise",
        "The best trial: number",
        "Beside the usual weights",
        "The data",
        "Config as run",
    ]
    places = [words.index(text) for text in order]
    assert places == sorted(places)


def test_study_without_evidence_says_how_to_get_a_verdict_and_shows_no_empty_section():
    words = page(make_summary()).words
    assert "takes a new search in every fold: python -m tuner verdict CONFIG." in words
    for heading in ("The honest score", "The band", "The threshold", "Undoing the weight", "The evidence"):
        assert heading not in words


def test_noisy_verdict_is_followed_by_what_would_settle_it():
    words = words_of(verdict=make_noisy_verdict())
    assert (
        "On this table it is too noisy to tell whether class weights help. What would settle it: about 40 more repeats"
        " of the folds, or roughly 3.4 times as many rows. The honest score"
    ) in words
    assert "python -m tuner verdict" not in words
    assert "What would settle it" not in words_of(verdict=make_verdict())


def test_scores_are_labelled_by_how_far_they_can_be_believed():
    summary = make_summary(evidence=make_evidence())
    best = summary.best.interval
    rows = cells_of(render_report(summary, {}), heading="The honest score")
    assert [row[:3] for row in rows] == [
        ["honest: a new search in every fold", "0.951", "0.933 to 0.969"],
        ["partly corrected: bootstrap over the rows (BBC)", "0.957", "0.941 to 0.971"],
        ["optimistic: the best of 98 trials", f"{best.mean:.3f}", f"{best.low:.3f} to {best.high:.3f}"],
    ]
    assert rows[0][3] == (
        "15 outer folds, each scored by the winner of a search of 24 candidates that never saw it, learning rate"
        " searched from 0.001 to 0.3"
    )
    assert rows[1][3] == "the best of 98 trials on the rows drawn, scored on the rows left out, 1,000 times"
    words = page(summary).words
    assert "The correction moves the best score by \N{MINUS SIGN}0.004;" in words
    assert "The scores at the top say how much of that is known." in words
    assert "were drawn again" not in words


def test_partly_corrected_score_alone_says_that_the_honest_one_is_missing():
    words = words_of(bias_corrected=BIAS_CORRECTED | {"n_redrawn": 12})
    assert "The honest score takes a new search in every fold: python -m tuner verdict CONFIG." in words
    assert "of which 12 lacked a class and were drawn again" in words


def test_band_is_told_with_what_its_smallest_weight_costs_and_that_it_is_no_confidence_set():
    words = words_of(weight_band=make_band(), verdict=make_verdict())
    assert (
        "weights from 6.293 to 249.2 do as well as the best of the sweep, 39.6, as far as these folds can tell."
        " The one nearest to no weighting, 6.293, is recommended"
    ) in words
    assert "scored 0.950 (95 % interval 0.932 to 0.968), \N{MINUS SIGN}0.001 against taking the best one." in words
    assert "The band is not a confidence set." in words
    assert "The sweep in numbers, 16 weights" in words
    assert "That rule was tried" not in words_of(weight_band=make_band())
    assert "That rule was tried" not in words_of(weight_band=make_band(), verdict=make_verdict(smallest_of_band=None))


def test_smallest_weight_of_the_band_can_be_pasted_beside_the_best_one():
    trial = make_trial(0, params={"majority_weight": 0.5, "minority_weight": 20.0})
    band = make_band()
    words = page(make_summary(trials=(trial,), evidence={"weight_band": band})).words
    assert (
        "# trial 0, the best class_weight = {0: 0.5, 1: 20.0} # the weight of the band that is nearest to none"
        f" class_weight = {{0: 0.5, 1: {0.5 * band['recommended']!r}}}"
    ) in words


def test_band_of_one_weight_recommends_nothing_else():
    words = words_of(weight_band=make_band(low=30.0, high=41.0))
    assert "no weight of the sweep does as well as 39.6." in words
    assert "is recommended" not in words


def test_points_without_intervals_are_shown_without():
    html = render_report(make_summary(evidence={"weight_band": make_band(half=None)}), {})
    assert {(row[2], row[4]) for row in cells_of(html, heading="The band: which weights do as well")} == {
        ("none", "none")
    }


def test_threshold_is_given_before_and_after_the_correction_with_what_it_achieves_beside_one_half():
    summary = make_summary(evidence={"threshold": make_threshold()})
    words = page(summary).words
    assert (
        "Call a row class 1 where the model's probability is above 0.8497; after the correction below, above 0.2026."
        " That is the threshold of greatest f1"
    ) in words
    assert "Intervals of recall and precision are Clopper and Pearson's, of the rows of one repeat." in words
    html = render_report(summary, {})
    assert "<th>rows called of 10,000</th>" in html
    assert cells_of(html, heading="The threshold") == [
        ["above 0.8497, recommended", "0.597", "0.620", "0.520 to 0.710", "0.575", "0.475 to 0.675", "107.7"],
        ["above 0.5", "0.231", "0.930", "0.830 to 1.000", "0.132", "0.032 to 0.232", "704.3"],
    ]


@pytest.mark.parametrize("measure", ["recall", "precision", "alerts"])
def test_what_a_rule_bounds_is_not_shown_twice(measure):
    choice = make_threshold(measure=measure, rule={"rule": "recall", "at_least": 0.6})
    rows = cells_of(render_report(make_summary(evidence={"threshold": choice}), {}), heading="The threshold")
    assert [len(row) for row in rows] == [6, 6]


def test_threshold_that_calls_nothing_has_no_precision():
    nothing = achieved(0.0, recall=0.1, precision=None, n_alerts=0.0)
    html = render_report(make_summary(evidence={"threshold": make_threshold(achieved=nothing)}), {})
    assert cells_of(html, heading="The threshold")[0][4:] == ["nothing is called", "", "0"]


def test_threshold_that_cannot_be_recommended_says_why():
    words = words_of(threshold=NO_THRESHOLD)
    assert (
        "No threshold is recommended: the training rows of a fold hold 12 positive rows, fewer than the 20 that a"
        " threshold needs."
    ) in words
    assert "Clopper" not in words


def test_undoing_the_weight_is_a_formula_with_the_other_shift_beside_it():
    words = words_of(probability_correction=make_probabilities())
    assert "logit = log(p / (1 - p)) - 3.1021 probability = 1 / (1 + exp(-logit))" in words
    assert (
        "equal to the share of positive rows, 0.01. Minus the logarithm of the ratio of the weights, 31.6, is" in words
    )
    analytic = words_of(probability_correction=make_probabilities(method="analytic", logit_shift=-3.4532))
    assert "log(p / (1 - p)) - 3.4532" in analytic
    assert "The shift is minus the logarithm of the ratio of the weights, 31.6: right for a converged" in analytic
    assert "is \N{MINUS SIGN}3.102." in analytic


def test_equal_weights_leave_nothing_to_undo():
    equal = make_probabilities(weight_ratio=1.0, analytic_shift=0.0, logit_shift=0.12, fitted_shift=0.12)
    words = words_of(probability_correction=equal)
    assert "so there is no weight to undo" in words
    assert "log(p / (1 - p)) + 0.12" in words
    assert "ratio of the weights" not in words


def test_calibration_error_stands_beside_that_of_perfect_calibration():
    html = render_report(make_summary(evidence={"probability_correction": make_probabilities()}), {})
    rows = cells_of(html, heading="Undoing the weight")
    assert [row[0] for row in rows] == [
        "as the model gives them",
        "shifted by the logarithm of the weights",
        "shifted to the share of positive rows",
        "sigmoid fit (Platt)",
        "isotonic fit",
        "perfect calibration, as many rows",
    ]
    assert rows[0][3] == "0.15710"
    assert rows[-1] == ["perfect calibration, as many rows", "", "", "0.00190", "0.01000"]
    assert '<tr class="best"><td data-name="probabilities">shifted to the share of positive rows' in html


def test_noise_budget_says_what_more_seeds_would_bring_and_what_nothing_brings():
    summary = make_summary(evidence={"noise_budget": make_noise()})
    words = page(summary).words
    assert (
        "Trials 57 and 43, the two best, were trained with 5 seeds on each of 15 folds. They differ by +0.001"
        " (95 % interval \N{MINUS SIGN}0.005 to 0.007): which of them is better, this study cannot tell."
    ) in words
    assert "seeds make 69 % of the noise." in words
    assert cells_of(render_report(summary, {}), heading="How much of a difference is noise") == [
        ["as the study has it, one seed for each fold", "0.009"],
        ["with the mean over 5 seeds", "0.006"],
        ["with any number of repeats and seeds", "0.004"],
    ]
    assert "cannot tell" not in words_of(noise_budget=make_noise(ci95=[0.001, 0.003]))


def test_verdict_of_a_study_without_a_scored_trial_is_shown_all_the_same():
    words = page(make_summary(trials=(failed_trial(0),), evidence={"verdict": make_verdict()})).words
    assert "class weights change nothing" in words
    assert "No trial completed" in words
    assert "class_weight =" not in words


def test_holdout_speaks_of_no_corrected_interval():
    assert (
        "corrected 95" not in page(make_summary(folds=HOLDOUT, n_trials=8, evidence={"weight_band": make_band()})).words
    )


def test_pictures_of_the_evidence_are_shown_where_there_are_any():
    summary = make_summary(evidence=make_evidence())
    attributes = page(summary, ALL_PICTURES).attributes
    assert sum(tag == "img" and name == "src" for tag, name, _ in attributes) == len(ALL_PICTURES)
    assert not any(tag == "img" for tag, _, _ in page(summary, {}).attributes)


def with_text(text):
    """A study whose evidence holds `text` wherever it may hold words."""
    verdict = make_noisy_verdict() | {
        "sentence": text,
        "what_would_settle_it": text,
        "notes": [text],
        "learning_rate": text,
    }
    verdict["arms"] = [arm | {"label": text} for arm in verdict["arms"]]
    verdict["references"] = [one | {"label": text} for one in verdict["references"]]
    verdict["primary"] = verdict["primary"] | {"contrast": text}
    evidence = make_evidence(verdict=verdict, threshold=NO_THRESHOLD | {"reason": text})
    return make_summary(n_trials=3, trials=tuple(baseline_trials()), evidence=evidence)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_of_the_evidence_never_becomes_markup(payload):
    harmless, hostile = page(with_text("plain"), ALL_PICTURES), page(with_text(payload), ALL_PICTURES)
    assert hostile.elements == harmless.elements
    assert hostile.text.count(payload) >= 15


def with_shares(trial, *, before):
    """The trial with a first epoch in which its weights acted; half of the folds lie above `before`, half below."""
    ratio = trial.resolved["minority_weight"] / trial.resolved["majority_weight"]
    loss = before + np.resize([0.001, -0.001], trial.n_folds - 1)
    loss, gradient = np.append(loss, before), np.full(trial.n_folds, 2 * before)
    return replace(
        trial,
        first_epoch=FirstEpoch(
            loss_share=ratio * loss / (ratio * loss + 1 - loss),
            gradient_share=ratio * gradient / (ratio * gradient + 1 - gradient),
            unweighted_loss_share=loss,
            unweighted_gradient_share=gradient,
        ),
    )


def test_weights_are_shown_to_have_acted_in_the_best_trial_and_the_baselines():
    baselines = [with_shares(trial, before=0.01) for trial in baseline_trials()]
    best = with_shares(make_trial(3, center=0.99, params={"minority_weight": 33.0}), before=0.02)
    html = render_report(make_summary(trials=(*baselines, best)), {})
    rows = cells_of(html, heading="The weights acted")
    assert [row[:2] for row in rows] == [
        ["best, trial 3", "33"],
        ["none, trial 0", "1"],
        ["sqrt, trial 1", "9.95"],
        ["balanced, trial 2", "99"],
    ]
    assert rows[1][2:] == ["1 %", "1 %", "2 %", "2 %"]
    assert rows[3][4:] == ["2 %", "66.89 %"]
    assert "It holds 1 % of the rows" in page(make_summary(trials=(*baselines, best))).words


def test_best_trial_that_is_a_baseline_is_shown_once_and_a_share_of_nothing_is_none():
    trials = [with_shares(trial, before=0.01) for trial in baseline_trials()]
    nothing = np.full(FOLDS.n_folds, np.nan)
    trials[1] = replace(trials[1], first_epoch=replace(trials[1].first_epoch, gradient_share=nothing))
    best = max(trials, key=lambda trial: trial.value)
    rows = cells_of(render_report(make_summary(trials=tuple(trials)), {}), heading="The weights acted")
    assert len(rows) == 3
    assert rows[0][0] == f"best, trial {best.number}"
    assert sorted(row[5] == "none" for row in rows) == [False, False, True]


def test_study_from_before_the_measurement_shows_nothing_of_it():
    assert "The weights acted" not in words_of(**make_evidence())
