"""Claims about the pictures of the evidence."""

import numpy as np
import pytest
from report_evidence import (
    BIAS_CORRECTED,
    make_arm,
    make_band,
    make_correction,
    make_decision_verdict,
    make_evidence,
    make_noisy_verdict,
    make_probabilities,
    make_verdict,
)
from report_summaries import failed_trial, make_data, make_summary

from tuner.report.canvas import ORANGE
from tuner.report.evidence_plots import (
    draw_evidence,
    draw_honest_score,
    draw_reliability,
    draw_verdict,
    draw_weight_band,
)

NO_INTERVAL = {"mean": 0.95, "ci95": None, "n_folds": 1, "n_trials": 24}
LONE_ARM = make_arm("tuned", 0.95, half=None) | {"against_none": None}


def bins(*pairs):
    return make_correction("raw", 0.0) | {"bins": [(x, y, 10) for x, y in pairs]}


CASES = {
    "everything": (make_evidence(), ["honest_score", "weight_band", "reliability", "verdict"]),
    "nothing": ({}, []),
    "no verdict": ({"bias_corrected": BIAS_CORRECTED}, ["honest_score"]),
    "one weight": ({"weight_band": make_band(n_weights=1)}, []),
    "two weights": ({"weight_band": make_band(n_weights=2)}, ["weight_band"]),
    "band of one weight": ({"weight_band": make_band(low=30.0, high=41.0)}, ["weight_band"]),
    "points without intervals": ({"weight_band": make_band(half=None)}, ["weight_band"]),
    "no intervals": (
        {"verdict": make_verdict(nested=NO_INTERVAL, arms=[LONE_ARM], references=[])},
        ["honest_score", "verdict"],
    ),
    "too noisy": ({"verdict": make_noisy_verdict()}, ["honest_score", "verdict"]),
    "decisions": ({"verdict": make_decision_verdict()}, ["honest_score", "verdict"]),
    "probabilities of 0 and 1": (
        {"probability_correction": make_probabilities(corrections=[bins((0.0, 0.0), (1.0, 1.0))])},
        ["reliability"],
    ),
    "no bins": ({"probability_correction": make_probabilities(corrections=[])}, ["reliability"]),
}


@pytest.mark.parametrize("case", CASES)
def test_evidence_draws_the_pictures_it_can_fill(case):
    evidence, expected = CASES[case]
    figures = draw_evidence(make_summary(n_trials=8, evidence=evidence))
    assert list(figures) == expected
    for figure in figures.values():
        figure.draw_without_rendering()


def test_honest_score_is_drawn_where_no_trial_was_scored():
    summary = make_summary(trials=(failed_trial(0),), evidence={"verdict": make_verdict()})
    assert row_labels(draw_honest_score(summary).axes[0]) == ["honest: a new search in every fold"]


@pytest.mark.parametrize("label", [r"$\frac{$", "日本", "x" * 500, ""])
def test_labels_are_drawn_as_plain_text_whatever_they_hold(label):
    verdict = make_verdict(metric=label)
    verdict["arms"] = [arm | {"label": label} for arm in verdict["arms"]]
    data = make_data(classes=(label, label + "1"), axes=(label, label))
    for figure in draw_evidence(
        make_summary(n_trials=4, data=data, metric=label, evidence=make_evidence(verdict=verdict))
    ).values():
        figure.draw_without_rendering()


def row_labels(axes):
    """Return the labels of the rows from top to bottom, each on one line."""
    return [text.get_text().replace("\n", " ") for text in axes.get_yticklabels()][::-1]


def bars(axes):
    """Return the ends of every horizontal line between two points, by its height."""
    lines = [line.get_xydata() for line in axes.lines]
    return {
        float(points[0, 1]): tuple(points[:, 0])
        for points in lines
        if len(points) == 2 and points[0, 1] == points[1, 1]
    }


def test_scores_stand_below_each_other_each_with_its_interval():
    axes = draw_honest_score(make_summary(evidence=make_evidence())).axes[0]
    assert row_labels(axes) == [
        "honest: a new search in every fold",
        "partly corrected: bootstrap over the rows (BBC)",
        "optimistic: the best of 98 trials",
    ]
    assert bars(axes)[2.0] == (0.9334, 0.9694)
    assert [text.get_text() for text in axes.texts][:2] == ["0.951", "0.957"]


def test_curve_is_drawn_with_its_interval_the_band_shaded_and_both_weights_marked():
    band = make_band()
    axes = draw_weight_band(make_summary(), band).axes[0]
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == "weight of class 1 relative to class 0"
    curve, smallest, best = axes.lines
    assert curve.get_xydata().tolist() == [[point["weight"], point["mean"]] for point in band["points"]]
    means = {point["weight"]: point["mean"] for point in band["points"]}
    assert smallest.get_xydata()[0] == pytest.approx([band["recommended"], means[band["recommended"]]])
    assert best.get_xydata()[0] == pytest.approx([band["best"], means[band["best"]]])
    (span,) = axes.patches
    assert (span.get_x(), span.get_x() + span.get_width()) == pytest.approx((band["low"], band["high"]))
    interval = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert interval.min() == pytest.approx(min(point["ci95"][0] for point in band["points"]))
    assert interval.max() == pytest.approx(max(point["ci95"][1] for point in band["points"]))


def test_weight_is_a_shift_to_the_side_of_the_reliability_curve():
    correction = make_probabilities()
    axes = draw_reliability(correction).axes[0]
    curves = {line.get_label(): line for line in axes.lines}
    assert {"perfect calibration", "raw", "analytic", "intercept", "sigmoid", "isotonic"} <= set(curves)
    assert (axes.get_xscale(), axes.get_yscale()) == ("logit", "logit")
    raw = curves["raw"].get_xydata()[-3:]
    shift = np.log(raw / (1 - raw))
    assert shift[:, 0] - shift[:, 1] == pytest.approx([3.1] * 3)


def test_bins_without_positive_rows_lie_hollow_on_the_edge_and_out_of_the_line():
    correction = make_probabilities(corrections=[bins((0.01, 0.0), (0.1, 0.08), (0.5, 0.6), (0.99, 1.0))])
    axes = draw_reliability(correction).axes[0]
    _, line, hollow = axes.lines
    low, high = axes.get_ylim()
    assert np.isnan(line.get_ydata()).tolist() == [True, False, False, True]
    assert hollow.get_xydata() == pytest.approx(np.array([[0.01, low], [0.99, high]]))
    assert hollow.get_color() == "white"


def test_arms_and_references_have_a_row_each_with_differences_beside_and_the_margin_shaded():
    verdict = make_verdict()
    scores, differences = draw_verdict(verdict).axes
    assert row_labels(scores) == [one["label"] for one in [*verdict["arms"], *verdict["references"]]]
    n_rows = len(row_labels(scores))
    assert bars(scores)[n_rows - 1.0] == tuple(verdict["arms"][0]["ci95"])
    drawn = bars(differences)
    assert n_rows - 1.0 not in drawn  # no weights has no difference to itself
    assert drawn[n_rows - 4.0] == tuple(verdict["primary"]["ci95"])
    (margin,) = differences.patches
    assert (margin.get_x(), margin.get_x() + margin.get_width()) == (-0.01, 0.01)


def test_reference_far_below_the_arms_is_named_and_does_not_flatten_them():
    axes = draw_verdict(make_verdict()).axes[0]
    assert axes.get_xlim()[0] > 0.9
    assert [text.get_text() for text in axes.texts] == ["\N{LEFTWARDS ARROW} 0.500"]


def test_contrast_of_the_sentence_is_orange_and_has_a_row_of_its_own_where_no_arm_carries_it():
    for verdict, label in (
        (make_verdict(), "weight searched"),
        (make_decision_verdict(), "tuned_threshold - none_threshold"),
    ):
        scores, differences = draw_verdict(verdict).axes
        heights = {line.get_ydata()[0] for line in differences.lines if line.get_color() == ORANGE}
        assert [row_labels(scores)[::-1][int(height)] for height in heights] == [label]


def test_verdict_without_differences_draws_the_scores_alone():
    figure = draw_verdict(make_verdict(arms=[LONE_ARM], references=[], primary=None))
    assert [axes.get_xlabel() for axes in figure.axes] == ["mean roc_auc"]
