"""Claims about rules in words."""

import pytest
from report_evidence import make_threshold

from tuner.config.evidence import AlertsAtMost, MaximizeMetric, MinimizeCost, PrecisionAtLeast, RecallAtLeast
from tuner.report.words import rule_text


@pytest.mark.parametrize(
    ("rule", "measure", "text"),
    [
        (MaximizeMetric(), "f1", "the threshold of greatest f1"),
        (MaximizeMetric(metric="fbeta", beta=2.0), "fbeta", "the threshold of greatest fbeta, beta 2"),
        (
            MinimizeCost(rule="cost", false_negative=50.0),
            "cost",
            "the least cost, where a missed positive row costs 50 and a false alarm 1",
        ),
        (
            MinimizeCost(rule="cost", false_negative=50.0, true_positive=2.5, true_negative=0.1),
            "cost",
            "the least cost, where a missed positive row costs 50, a false alarm 1, a right alarm 2.5"
            " and a negative row left alone 0.1",
        ),
        (
            RecallAtLeast(rule="recall", at_least=0.9),
            "recall",
            "the highest threshold that calls at least 90 % of the positive rows",
        ),
        (
            PrecisionAtLeast(rule="precision", at_least=0.125),
            "precision",
            "the threshold of greatest recall at which at least 12.5 % of the rows called are positive",
        ),
        (
            AlertsAtMost(rule="alerts", at_most=1_200),
            "alerts",
            "the lowest threshold that calls at most 1,200 rows of a table as long as this one",
        ),
    ],
    ids=["maximize", "fbeta", "cost", "every cost", "recall", "precision", "alerts"],
)
def test_every_rule_of_the_config_has_words(rule, measure, text):
    assert rule_text(make_threshold(rule=rule.model_dump(), measure=measure)) == text
