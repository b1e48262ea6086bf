"""What a config may hold: numbers with their bounds, ranges, lists, names of metrics; the base of all sections."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Generic, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    Strict,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

T = TypeVar("T")
R = TypeVar("R")

Seed = Annotated[int, Field(ge=0, lt=2**32)]
PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]
FilePath = Annotated[Path, Strict(False)]

Weight = PositiveFloat
Exponent = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]
Units = Annotated[int, Field(ge=1, le=4096)]
Layers = Annotated[int, Field(ge=1, le=2)]
Epochs = Annotated[int, Field(ge=1, le=100_000)]
BatchSize = Annotated[int, Field(ge=1, le=1_000_000)]
Momentum = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
DropoutRate = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, lt=1)]
Beta = Annotated[float, Field(ge=0.01, le=100)]

RankingMetric = Literal["roc_auc", "average_precision", "neg_log_loss", "neg_brier_score"]
DecisionMetric = Literal[
    "f1", "fbeta", "precision", "recall", "balanced_accuracy", "g_mean", "accuracy", "matthews_corrcoef"
]
ClassesMetric = Literal[
    "balanced_accuracy",
    "f1_macro",
    "f1_weighted",
    "precision_macro",
    "precision_weighted",
    "g_mean",
    "accuracy",
    "matthews_corrcoef",
    "roc_auc_ovr",
    "roc_auc_ovr_weighted",
    "average_precision",
    "neg_log_loss",
    "neg_brier_score",
]
"""Metrics of more than two classes; several labels take those of two classes, averaged over the labels."""

Metric = Literal[RankingMetric, DecisionMetric, ClassesMetric]


def _scalar(value: object) -> object:
    if isinstance(value, bool | int | float | str):
        return value
    raise PydanticCustomError("scalar_type", "must be text, a number, true or false")


def _weight_or_auto(value: object) -> object:
    if value == "auto":
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf:
        return float(value)
    raise PydanticCustomError("weight_or_auto", "must be a number above 0 or auto")


def distinct(values: list[T]) -> list[T]:
    """Return a list as it is, where nothing in it stands twice."""
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"holds {value!r} more than once; list each choice once")
    return values


Scalar = Annotated[bool | int | float | str, PlainValidator(_scalar)]


class Section(BaseModel):
    """Base of all sections: frozen, no unknown keys, no silent conversion from text to numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Range(Section, Generic[T]):
    """A range, both ends included. `step` only spaces whole numbers."""

    low: T
    high: T
    log: bool = False
    step: PositiveInt | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        ends: list[float] = [end for end in (self.low, self.high) if isinstance(end, int | float)]
        if ends != sorted(ends):
            raise ValueError(f"low must not be above high, got low {self.low!r} and high {self.high!r}")
        if self.log and ends[0] <= 0:
            raise ValueError(f"log: true needs low above 0, got {self.low!r}")
        if self.step is not None and (self.log or any(isinstance(end, float) for end in ends)):
            raise ValueError("step goes with whole numbers and without log: true; remove step or log")
        return self


class WeightRange(Range[Weight]):
    """A range of class weights. `high: auto` is 10 x imbalance ratio, resolved once and stored with the study."""

    high: Annotated[Weight | Literal["auto"], PlainValidator(_weight_or_auto)]  # type: ignore[assignment]


def _shape(value: object) -> str:
    if isinstance(value, dict | Range):
        return "range"
    return "choices" if isinstance(value, list) else "fixed"


Choices = Annotated[list[T], Field(min_length=1, max_length=100), AfterValidator(distinct), Tag("choices")]
Number = Annotated[Annotated[T, Tag("fixed")] | Annotated[R, Tag("range")] | Choices[T], Discriminator(_shape)]
Choice = Annotated[Annotated[T, Tag("fixed")] | Choices[T], Discriminator(_shape)]
