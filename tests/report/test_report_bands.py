"""What is said where the best trial and its band disagree, and where the band ends at the end of the range."""

from dataclasses import replace

from report_evidence import make_band, make_evidence, make_verdict
from report_summaries import make_summary, make_trial
from test_report_html import page

from tuner.report.bands import end_text, outside_text


def summary_of(weight, band):
    """A study whose best trial has a weight, and its band."""
    trial = make_trial(band["trial"], center=0.5)
    trial = replace(trial, resolved={**trial.resolved, "majority_weight": 1.0, "minority_weight": weight})
    return make_summary(trials=(trial,), evidence=make_evidence(weight_band=band))


def test_best_trial_within_its_band_needs_no_word():
    band = make_band(low=4.0, high=250.0)
    assert outside_text(summary_of(39.6, band), band) == ""
    assert outside_text(summary_of(band["low"], band), band) == ""


def test_best_trial_outside_its_band_is_told_with_what_to_do():
    band = make_band(low=4.0, high=250.0)
    expected = (
        "The weight of the best trial, 1.5, is not among them: at its other parameters these did better, so take one of "
        "the band, or search longer."
    )
    summary = summary_of(1.5, band)
    assert outside_text(summary, band) == expected
    assert expected in page(summary).words


def test_band_of_another_trial_says_nothing_of_the_best():
    band = {**make_band(), "trial": 99}
    assert outside_text(summary_of(1.5, make_band()), band) == ""


def test_best_of_the_sweep_at_the_end_of_the_range_asks_for_a_wider_one():
    band = make_band()
    greatest = max(point["weight"] for point in band["points"])
    assert end_text(band) == ""
    text = "The best of the sweep is the greatest weight tried: widen search_space.minority_weight."
    assert end_text({**band, "best": greatest}) == text
    exponent = {**band, "best": greatest, "kind": "exponent"}
    assert end_text(exponent) == text.replace("greatest weight", "greatest exponent").replace(
        "minority_weight", "weight_exponent"
    )


def test_rule_that_cost_too_much_in_the_verdict_is_not_recommended():
    band, verdict = make_band(), make_verdict()
    nested = verdict["nested"]
    words = {}
    for loss in (0.0, 5 * verdict["margin"]):
        smallest = {**nested, "mean": nested["mean"] - loss}
        evidence = make_evidence(weight_band=band, verdict={**verdict, "smallest_of_band": smallest})
        words[loss] = page(make_summary(evidence=evidence)).words
    assert "is recommended: of weights that score alike" in words[0.0]
    assert "is recommended: of weights that score alike" not in words[5 * verdict["margin"]]
    assert "here it costs too much to be recommended" in words[5 * verdict["margin"]]
