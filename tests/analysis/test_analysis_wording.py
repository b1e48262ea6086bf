"""Whole sentences of verdicts."""

import pytest

from tuner.analysis.wording import LABELS, LABELS_OF_TASK, Rate, label, sentence

SEARCHED, FIXED = Rate(searched="0.001 to 0.3", fixed=0.01), Rate(searched=None, fixed=0.01)


def contrast(name, difference, half, *, half90=None):
    ci90 = None if half90 is None else [difference - half90, difference + half90]
    return {
        "contrast": name,
        "difference": difference,
        "ci95": [difference - half, difference + half],
        "ci90": ci90,
        "p_value": 0.5,
    }


def said(
    conclusion,
    difference,
    *,
    half=0.006,
    rate=SEARCHED,
    contrasts=(),
    threshold=None,
    metric="roc_auc",
    name=None,
    task="binary",
):
    primary = contrast(name or "tuned - none", difference, half, half90=0.8 * half)
    return sentence(
        conclusion,
        primary,
        metric=metric,
        decision_metric="f1",
        margin=0.01,
        rate=rate,
        contrasts={one["contrast"]: one for one in contrasts},
        threshold=threshold,
        task=task,
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"conclusion": "helps", "difference": 0.02, "threshold": 0.08},
            "On this table class weights help: the searched weight makes +0.0200 roc_auc against no weights, 95 %"
            " interval +0.0140 to +0.0260.",
        ),
        (
            {"conclusion": "hurts", "difference": -0.02, "threshold": 0.08},
            "On this table class weights hurt: the searched weight makes -0.0200 roc_auc against no weights, 95 %"
            " interval -0.0260 to -0.0140. Leave the weights and move the threshold: without them f1 is greatest near"
            " 0.08.",
        ),
        (
            {"conclusion": "changes_nothing", "difference": 0.001, "half": 0.01, "threshold": 0.0812},
            "On this table class weights change nothing: the searched weight makes +0.0010 roc_auc against no weights,"
            " 90 % interval -0.0070 to +0.0090, within +-0.01. Leave the weights and move the threshold: without them"
            " f1 is greatest near 0.081.",
        ),
        (
            {"conclusion": "too_noisy", "difference": 0.012, "half": 0.022, "threshold": 0.08},
            "On this table it is too noisy to tell whether class weights help: the searched weight makes +0.0120"
            " roc_auc against no weights, 95 % interval -0.0100 to +0.0340.",
        ),
        (
            {
                "conclusion": "helps",
                "difference": 0.02,
                "metric": "f1",
                "name": "tuned_threshold - none_threshold",
            },
            "On this table class weights help: the searched weight makes +0.0200 f1 against no weights, both thresholds"
            " tuned, 95 % interval +0.0140 to +0.0260.",
        ),
        (
            {
                "conclusion": "helps",
                "difference": 0.02,
                "rate": FIXED,
                "contrasts": [contrast("none_larger_step - none", 0.018, 0.005)],
            },
            "At learning rate 0.01, on this table class weights help: the searched weight makes +0.0200 roc_auc against"
            " no weights, 95 % interval +0.0140 to +0.0260. Without weights, searching the rate instead makes +0.0180"
            " +- 0.0050: a larger weight is also a larger step.",
        ),
        (
            {
                "conclusion": "changes_nothing",
                "difference": -0.001,
                "contrasts": [
                    contrast("tuned_fixed_rate - none_fixed_rate", 0.029, 0.025),
                    contrast("none_fixed_rate - none", -0.031, 0.022),
                ],
            },
            "On this table class weights change nothing: the searched weight makes -0.0010 roc_auc against no weights,"
            " 90 % interval -0.0058 to +0.0038, within +-0.01. At learning rate 0.01 alone the searched weight makes"
            " +0.0290 +- 0.0250, and searching the rate instead +0.0310 +- 0.0220: a larger weight is also a larger"
            " step.",
        ),
        (
            {
                "conclusion": "helps",
                "difference": 0.02,
                "contrasts": [contrast("tuned_fixed_rate - none_fixed_rate", 0.029, 0.025)],
            },
            "On this table class weights help: the searched weight makes +0.0200 roc_auc against no weights, 95 %"
            " interval +0.0140 to +0.0260. At learning rate 0.01 alone the searched weight makes +0.0290 +- 0.0250.",
        ),
    ],
)
def test_sentence_says_effect_and_interval_and_what_a_step_explains(arguments, text):
    assert said(**arguments) == text


def test_small_difference_at_one_rate_is_not_worth_a_sentence():
    contrasts = [contrast("tuned_fixed_rate - none_fixed_rate", 0.002, 0.025)]
    assert "rate" not in said("changes_nothing", 0.001, contrasts=contrasts)


def test_every_arm_and_reference_has_a_label():
    assert label("none_fixed_rate", SEARCHED) == "no weights, rate 0.01"
    assert label("tuned_fixed_rate", SEARCHED) == "weight searched, rate 0.01"
    for name in LABELS:
        assert label(name, SEARCHED) == LABELS[name]


MORE = {"metric": "balanced_accuracy", "task": "multiclass"}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"conclusion": "changes_nothing", "difference": 0.002, "half": 0.005},
            "On this table class weights change nothing: the searched exponent makes +0.0020 balanced_accuracy against no"
            " weights, 90 % interval -0.0020 to +0.0060, within +-0.01.",
        ),
        (
            {"conclusion": "helps", "difference": 0.02},
            "On this table class weights help: the searched exponent makes +0.0200 balanced_accuracy against no weights,"
            " 95 % interval +0.0140 to +0.0260.",
        ),
        (
            {
                "conclusion": "hurts",
                "difference": -0.02,
                "contrasts": [
                    contrast("tuned_fixed_rate - none_fixed_rate", 0.029, 0.025),
                    contrast("none_fixed_rate - none", -0.031, 0.022),
                ],
            },
            "On this table class weights hurt: the searched exponent makes -0.0200 balanced_accuracy against no weights,"
            " 95 % interval -0.0260 to -0.0140. At learning rate 0.01 alone the searched exponent makes +0.0290 +-"
            " 0.0250, and searching the rate instead +0.0310 +- 0.0220: a larger weight is also a larger step.",
        ),
    ],
)
def test_sentence_of_more_classes_speaks_of_the_exponent(arguments, text):
    assert said(**MORE, **arguments) == text


def test_arms_of_more_classes_are_called_by_their_exponent():
    names = ["none", "sqrt", "balanced", "tuned", "tuned_fixed_rate", "smote", "dummy"]
    assert [label(name, SEARCHED, task="multiclass") for name in names] == [
        "no weights",
        "exponent 0.5, root of balanced",
        "exponent 1, balanced weights",
        "exponent searched",
        "exponent searched, rate 0.01",
        "SMOTE",
        "the share of each class for every row",
    ]
    assert label("dummy", SEARCHED, task="multilabel") == "the share of each label for every row"
    for labels in LABELS_OF_TASK.values():
        assert list(labels) == list(LABELS)
        assert len(set(labels.values())) == len(labels)
