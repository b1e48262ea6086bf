"""Claims about the band of exponents, of many classes and of labels: page, picture, terminal and best_weights.json."""

import json

import pytest
from report_classes import classes_summary, make_classes, make_exponent_band, make_labels, weights_of
from test_report_html import page

from tuner.cli import show
from tuner.errors import StudyError
from tuner.report.evidence_plots import draw_evidence, draw_weight_band
from tuner.report.export import best_weights, write_best_weights
from tuner.report.weights import read_best_weights

DATA = {"classes": make_classes(), "labels": make_labels()}


def with_band(data=None, **changes):
    data = data or make_classes()
    return classes_summary(data, evidence={"weight_band": make_exponent_band(data) | changes})


def test_band_of_exponents_is_told_as_exponents_with_the_weights_of_the_recommended_one():
    data = make_classes()
    words = page(with_band(data)).words
    assert (
        "The band: which exponents do as well At the other parameters of trial 3, exponents from 0.2 to 1.1 do as well as"
        " the best of the sweep, 0.6, as far as these folds can tell. The one nearest to no weighting, 0.2, is"
        " recommended: of exponents that score alike, it changes training least."
    ) in words
    assert "The sweep in numbers, 16 exponents exponent mean roc_auc" in words
    weights = dict(enumerate(weights_of(data, 0.2)))
    assert f"# the smallest exponent of the band, 0.2 class_weight = {weights!r}" in words
    labels = make_labels()
    recommended = dict(zip(labels.classes, weights_of(labels, 0.2), strict=True))
    assert f"# the smallest exponent of the band, 0.2 label_weight = {recommended!r}" in page(with_band(labels)).words


def test_single_exponent_in_the_band_is_told():
    alone = with_band(low=0.6, high=0.6, recommended=0.6)
    assert (
        "At the other parameters of trial 3, no other exponent of the sweep does as well as 0.6." in page(alone).words
    )
    assert show.status_text(alone).splitlines()[-1] == "band     no other exponent of the sweep does as well as 0.6"


def test_band_of_exponents_is_told_on_the_terminal():
    assert show.status_text(with_band()).splitlines()[-2:] == [
        "band     exponents 0.2 to 1.1 do as well as the best of the sweep, 0.6, as far as these folds can",
        "         tell",
    ]


@pytest.mark.parametrize("name", DATA)
def test_band_of_exponents_is_drawn_on_an_even_axis_that_begins_at_no_weights(name):
    summary = with_band(DATA[name])
    band = summary.evidence["weight_band"]
    axes = draw_weight_band(summary, band).axes[0]
    assert (axes.get_xscale(), axes.get_xlabel()) == ("linear", "weight exponent")
    curve, smallest, best = axes.lines
    assert curve.get_xydata().tolist() == [[point["weight"], point["mean"]] for point in band["points"]]
    assert smallest.get_xydata().tolist() == [[0.2, band["points"][2]["mean"]]]
    assert best.get_xydata().tolist() == [[0.6, band["points"][6]["mean"]]]
    assert list(draw_evidence(summary)) == ["weight_band"]


def test_band_of_exponents_is_exported_with_its_kind_and_read_back(tmp_path):
    data = make_classes()
    summary = with_band(data)
    band = best_weights(summary)["weight_band"]
    assert list(band) == ["kind", "low", "high", "best", "recommended", "recommended_class_weight", "points"]
    assert (band["kind"], band["low"], band["high"], band["best"], band["recommended"]) == (
        "exponent",
        0.2,
        1.1,
        0.6,
        0.2,
    )
    assert band["recommended_class_weight"] == dict(zip(data.classes, weights_of(data, 0.2), strict=True))
    assert band["points"][0] == {"exponent": 0.0, "mean": 0.81, "ci95": [0.76, 0.86]}
    path = tmp_path / "best_weights.json"
    write_best_weights(summary, path)
    read = read_best_weights(path).weight_band
    assert (read["kind"], read["recommended"]) == ("exponent", 0.2)
    assert show.status_object(summary)["weight_band"] == band


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"kind": "power"}, 'weight_band.kind  must be one of weight, exponent, got "power"'),
        ({"kind": ["weight"]}, 'weight_band.kind  must be one of weight, exponent, got ["weight"]'),
        ({"low": -0.1}, "weight_band.low  must be a number, at least 0, got -0.1"),
        (
            {"points": [{"weight": 0.5, "mean": 0.9, "ci95": None}]},
            "weight_band.points  must be a list of objects with exponent, mean and ci95, got "
            '[{"weight": 0.5, "mean": 0.9, "ci95": null}]',
        ),
        (
            {"recommended_class_weight": {"bus": 1.0}},
            "weight_band.recommended_class_weight  must have the keys ['bus', 'car', 'van'], got ['bus']",
        ),
        (
            {"recommended_class_weight": {"bus": 1.0, "car": 0, "van": 2.0}},
            "weight_band.recommended_class_weight.car  must be a number above 0, got 0",
        ),
        ({"high": 0.5}, "weight_band.high  must not be below best and recommended, got 0.5"),
    ],
)
def test_what_is_wrong_with_a_band_of_exponents_is_told(tmp_path, changes, problem):
    record = best_weights(with_band())
    record["weight_band"] |= changes
    path = tmp_path / "best_weights.json"
    path.write_text(json.dumps(record))
    with pytest.raises(StudyError) as caught:
        read_best_weights(path)
    assert problem in [line.strip() for line in str(caught.value).splitlines()]
