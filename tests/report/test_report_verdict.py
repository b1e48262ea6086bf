"""Claims about the verdict as rows and words."""

import pytest
from report_classes import classes_summary, make_classes, make_labels
from report_evidence import contrast, make_arm, make_decision_verdict, make_verdict
from report_summaries import make_summary
from test_report_html import page

from tuner.report.verdict import chosen_text, is_primary, verdict_section

NO_BREAK = "\N{NO-BREAK SPACE}"


def rows_of(table):
    return [
        dict(zip(table["head"], [cell.replace(NO_BREAK, " ") for cell in row], strict=True)) for row in table["rows"]
    ]


def test_arm_shows_effect_and_interval_first_and_the_p_value_last():
    table = verdict_section(make_verdict(), digits=3)["arms"]
    assert table["head"] == ["arm", "mean roc_auc", "95 % interval", "minus no weights", "its interval", "p"]
    rows = rows_of(table)
    assert list(rows[0].values()) == ["no weights", "0.951", "0.933 to 0.969", "", "", ""]
    assert list(rows[3].values()) == [
        *("weight searched", "0.951", "0.933 to 0.969", "+0.001", "\N{MINUS SIGN}0.005 to 0.007", "0.780")
    ]
    assert table["marked"] == 3


def test_what_the_searches_chose_and_what_they_cost_is_a_table_of_its_own():
    section = verdict_section(make_verdict(), digits=3)
    assert rows_of(section["chosen"])[3] == {
        "arm": "weight searched",
        "models trained": "1,095",
        "weight chosen": "31.6 (2.4 to 412)",
        "learning rate chosen": "0.104 (0.0312 to 0.287)",
    }
    assert section["n_training_runs"] == "7,665"


@pytest.mark.parametrize(
    ("chosen", "text"),
    [((1.0, 1.0, 1.0), "1"), ((2.4, 31.6, 412.0), "31.6 (2.4 to 412)")],
)
def test_choice_is_the_median_with_its_range_where_there_is_one(chosen, text):
    assert chosen_text(chosen).replace(NO_BREAK, " ") == text


def test_contrast_fixed_beforehand_is_known_by_its_name():
    verdict = make_verdict()
    assert [arm["name"] for arm in verdict["arms"] if is_primary(arm, verdict)] == ["tuned"]
    decision = make_decision_verdict()
    assert not any(is_primary(arm, decision) for arm in decision["arms"])


def test_rule_of_the_conclusion_is_told_with_the_margin():
    words = page(make_summary(evidence={"verdict": make_verdict()})).words
    assert (
        "The contrast fixed beforehand is tuned - none: +0.001, 95 % interval \N{MINUS SIGN}0.005 to 0.007,"
        " 90 % interval \N{MINUS SIGN}0.004 to 0.006, p 0.780."
    ) in words
    assert "change nothing where the 90 % interval lies within \N{PLUS-MINUS SIGN}0.01;" in words
    assert "All but the contrast fixed beforehand are secondary" in words
    assert "SMOTE took 3 neighbors in 2 of 15 folds" in words


def test_difference_of_decisions_is_split_in_two_parts():
    table = verdict_section(make_verdict(), digits=3)["decisions"]
    assert rows_of(table) == [
        {"difference in f1": label, "tuned minus none": difference, "95 % interval": interval}
        for label, difference, interval in (
            ("at probability 0.5", "+0.081", "0.031 to 0.131"),
            ("ranking: each at its own best threshold", "+0.004", "\N{MINUS SIGN}0.026 to 0.034"),
            ("threshold: what is left", "+0.077", "0.027 to 0.127"),
        )
    ]


def test_references_stand_apart_and_measures_are_united():
    verdict = make_verdict()
    section = verdict_section(verdict, digits=3)
    assert [row["model"] for row in rows_of(section["references"])] == [
        *("logistic regression", "gradient boosting", "dummy")
    ]
    assert section["measures"]["head"] == ["", "neg log loss", "f1", "recall"]
    assert len(section["measures"]["rows"]) == len(verdict["arms"]) + 3
    assert rows_of(section["measures"])[-1] == {"": "dummy", "neg log loss": "", "f1": "0.4", "recall": ""}


def test_verdict_of_one_fold_without_intervals_or_comparison_is_shown_bare():
    alone = make_arm("tuned", 0.95, half=None) | {"against_none": None, "measures": {}}
    bare = make_verdict(
        sentence="There is nothing to compare with.",
        conclusion=None,
        primary=None,
        arms=[alone],
        references=[],
        smallest_of_band=None,
        why_decisions_changed=None,
        nested={"mean": 0.95, "ci95": None, "n_folds": 1, "n_trials": 24},
        notes=[],
    )
    section = verdict_section(bare, digits=3)
    assert section["arms"]["rows"] == [["weight searched", "0.950", "none", "", "", ""]]
    assert (section["references"], section["measures"], section["decisions"]) == (None, None, None)
    words = page(make_summary(evidence={"verdict": bare})).words
    assert "There is nothing to compare with." in words
    assert "fixed beforehand" not in words
    assert "None" not in words.split("Config as run")[0]


def test_contrast_without_intervals_says_none():
    verdict = make_verdict(primary=contrast("tuned - none", 0.1, half=None, p_value=None))
    assert verdict_section(verdict, digits=3)["primary"] == {
        "contrast": "tuned - none",
        "difference": "+0.100",
        "ci95": "none",
        "ci90": "none",
        "p_value": "",
    }


@pytest.mark.parametrize(("task", "kind"), [("multiclass", "class"), ("multilabel", "label")])
def test_verdict_of_more_classes_speaks_of_the_exponent(task, kind):
    verdict = make_verdict(task=task)
    verdict["arms"][3]["weights"] = (0.4, 0.75, 1.2)
    section = verdict_section(verdict, digits=3)
    assert section["weight"] == "exponent"
    assert rows_of(section["chosen"])[3]["exponent chosen"] == "0.75 (0.4 to 1.2)"
    data = make_classes() if task == "multiclass" else make_labels()
    words = page(classes_summary(data, evidence={"verdict": verdict})).words
    assert "every arm searched everything but its exponent with 24 candidates" in words
    assert (
        f"Weights are the imbalance ratio of each {kind} in the training rows to the power of the exponent: 0 is no"
        " weights, 1 balanced ones."
    ) in words


def test_study_of_more_classes_without_a_verdict_says_how_to_get_one():
    words = page(classes_summary()).words
    assert (
        "Whether weights beat no weights, beyond noise, takes a new search in every fold: python -m tuner verdict CONFIG."
    ) in words
