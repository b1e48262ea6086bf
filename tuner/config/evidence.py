"""What is worked out beside the search: the threshold to recommend, the evidence in every run, the verdict."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from tuner.config.values import (
    Beta,
    DecisionMetric,
    NonNegativeFloat,
    Number,
    PositiveFloat,
    PositiveInt,
    Range,
    Section,
    Share,
    distinct,
)


class MaximizeMetric(Section):
    """The threshold at which a metric of decisions is greatest; `metric: null` is the scored one, or f1."""

    rule: Literal["maximize"] = "maximize"
    metric: DecisionMetric | None = None
    beta: Beta = 1.0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.beta != 1.0 and self.metric != "fbeta":
            raise ValueError(f"beta goes with metric: fbeta, not with {self.metric}; remove it or choose fbeta")
        if self.metric == "recall":
            raise ValueError("recall is always 1 at its best threshold, which calls every row; choose rule: recall")
        return self


class MinimizeCost(Section):
    """The threshold at which the stated costs are least; a right decision may cost something, too."""

    rule: Literal["cost"]
    false_negative: PositiveFloat
    false_positive: PositiveFloat = 1.0
    true_positive: NonNegativeFloat = 0.0
    true_negative: NonNegativeFloat = 0.0

    @model_validator(mode="after")
    def _worth_it(self) -> Self:
        if self.false_negative <= self.true_positive or self.false_positive <= self.true_negative:
            raise ValueError("a wrong decision must cost more than the right one for the same row")
        return self


class RecallAtLeast(Section):
    """The highest threshold that still calls this share of the positive rows."""

    rule: Literal["recall"]
    at_least: Share


class PrecisionAtLeast(Section):
    """The threshold of greatest recall at which this share of the rows called are positive."""

    rule: Literal["precision"]
    at_least: Share


class AlertsAtMost(Section):
    """The lowest threshold that calls no more rows than this of a table as long as this one."""

    rule: Literal["alerts"]
    at_most: PositiveInt


def _rule(value: object) -> str:
    rule = value.get("rule", "maximize") if isinstance(value, dict) else getattr(value, "rule", None)
    return rule if isinstance(rule, str) else "maximize"


ThresholdSection = Annotated[
    Annotated[MaximizeMetric, Tag("maximize")]
    | Annotated[MinimizeCost, Tag("cost")]
    | Annotated[RecallAtLeast, Tag("recall")]
    | Annotated[PrecisionAtLeast, Tag("precision")]
    | Annotated[AlertsAtMost, Tag("alerts")],
    Discriminator(_rule),
]


class EvidenceSection(Section):
    """What every run works out when its search is done; 0 leaves a part out."""

    bootstraps: Annotated[int, Field(ge=0, le=100_000)] = 1000
    band_weights: Annotated[int, Field(ge=0, le=1000)] = 16
    noise_seeds: Annotated[int, Field(ge=0, le=100)] = 5

    @model_validator(mode="after")
    def _enough(self) -> Self:
        problems = []
        if 0 < self.bootstraps < 100:
            problems.append(f"bootstraps must be 0 or at least 100, got {self.bootstraps}")
        if 0 < self.band_weights < 5:
            problems.append(f"band_weights must be 0 or at least 5, got {self.band_weights}")
        if 0 < self.noise_seeds < 2:
            problems.append("noise_seeds must be 0 or at least 2, got 1")
        if problems:
            raise ValueError("; ".join(problems))
        return self


Arm = Literal["none", "sqrt", "balanced", "tuned", "oversampling", "smote", "focal_loss"]
Reference = Literal["logistic_regression", "gradient_boosting", "dummy"]
ALL_ARMS: list[Arm] = ["none", "sqrt", "balanced", "tuned", "oversampling", "smote", "focal_loss"]
ALL_REFERENCES: list[Reference] = ["logistic_regression", "gradient_boosting", "dummy"]


class VerdictSection(Section):
    """The comparison of class weights with what a careful person would try instead, by nested cross-validation.

    `learning_rate: null` is `search_space.learning_rate` where that is searched, else 0.1 to 30 times
    `training.learning_rate`; a number fixes it, and the verdict then holds at that rate only.
    """

    enabled: bool = False
    n_trials: PositiveInt = 24
    inner_splits: Annotated[int, Field(ge=2, le=100)] = 3
    learning_rate: Number[PositiveFloat, Range[PositiveFloat]] | None = None
    margin: PositiveFloat = 0.01
    arms: Annotated[list[Arm], Field(min_length=1), AfterValidator(distinct)] = ALL_ARMS
    references: Annotated[list[Reference], AfterValidator(distinct)] = ALL_REFERENCES

    @model_validator(mode="after")
    def _comparable(self) -> Self:
        if "tuned" not in self.arms:
            raise ValueError("arms must hold tuned, whose score is the honest one; none beside it makes a verdict")
        return self
