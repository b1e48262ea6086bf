"""Where the table comes from and what its columns mean: one frozen model for each kind of dataset."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, PlainValidator, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from tuner.config.values import FilePath, PositiveFloat, PositiveInt, Scalar, Section, Seed, distinct
from tuner.errors import ConfigError

ColumnKind = Literal["numeric", "boolean", "categorical", "date", "text", "drop"]
SmallClasses = Literal["refuse", "merge", "drop"]
Scaling = Literal["standard", "robust", "power"]

MISSING = ("", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "<null>", "None", "NaT")
"""Cells that stand for a missing value, apart from spaces around them."""


def _target(value: object) -> object:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        return distinct(value)
    raise PydanticCustomError("target", "must be the name of a column, or a list of names")


Target = Annotated[str | list[str], PlainValidator(_target)]
"""A column of classes, or several of two classes each."""


class DatasetBase(Section):
    """What every kind of dataset shares."""

    store_sample: bool = True


class SyntheticDataset(DatasetBase):
    """scikit-learn's `make_classification`, settings by their own names. The defaults are the tutorial's problem."""

    kind: Literal["synthetic"] = "synthetic"
    n_samples: Annotated[int, Field(ge=10)] = 10_000
    n_features: PositiveInt = 2
    n_informative: PositiveInt = 2
    n_redundant: Annotated[int, Field(ge=0)] = 0
    n_repeated: Annotated[int, Field(ge=0)] = 0
    n_clusters_per_class: PositiveInt = 2
    weights: Annotated[list[Annotated[float, Field(gt=0, lt=1)]], Field(min_length=1, max_length=2)] = [0.99]
    flip_y: Annotated[float, Field(ge=0, lt=1)] = 0.0
    class_sep: PositiveFloat = 1.0
    hypercube: bool = True
    shift: Annotated[float, Field(allow_inf_nan=False)] | None = 0.0
    scale: PositiveFloat | None = 1.0
    shuffle: bool = True
    random_state: Seed = 4

    @model_validator(mode="after")
    def _feasible(self) -> Self:
        used = self.n_informative + self.n_redundant + self.n_repeated
        if used > self.n_features:
            raise ValueError(
                f"n_informative + n_redundant + n_repeated must not exceed n_features, got {used} and {self.n_features}"
            )
        clusters = 2 * self.n_clusters_per_class
        if math.log2(clusters) > self.n_informative:
            raise ValueError(
                f"2 classes x {self.n_clusters_per_class} clusters need a corner each of a cube of n_informative"
                f" dimensions, got 2 ** {self.n_informative} corners for {clusters} clusters"
            )
        if len(self.weights) == 2 and not math.isclose(sum(self.weights), 1.0):
            raise ValueError(f"two weights must add up to 1, got {self.weights[0]!r} and {self.weights[1]!r}")
        return self


class Columns(DatasetBase):
    """What the columns of a table of one's own mean.

    A list of targets makes the table multi-label: each of them holds two classes.
    """

    target: Target
    positive: Scalar | None = None
    drop: list[str] = []
    columns: dict[str, ColumnKind] = {}
    weight: str | None = None
    missing: list[str] = list(MISSING)
    small_classes: SmallClasses = "refuse"
    unlabeled: Literal["refuse", "drop"] = "refuse"

    @property
    def targets(self) -> list[str]:
        """The target columns, one or several."""
        return [self.target] if isinstance(self.target, str) else self.target

    @model_validator(mode="after")
    def _usable(self) -> Self:
        problems = [f"drop must not hold the target column {name!r}" for name in self.targets if name in self.drop]
        problems += [
            f"columns must not hold the target column {name!r}" for name in self.targets if name in self.columns
        ]
        if self.weight is not None and self.weight in self.targets:
            problems.append(f"weight must not be the target column {self.weight!r}")
        if self.positive is not None and len(self.targets) > 1:
            problems.append(
                "positive goes with one target; of several, 1, true or yes is positive, else the rarer class"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self


class TableDataset(Columns):
    """A CSV or TSV file, gzipped or not, with a header row, or a Parquet file."""

    kind: Literal["table"]
    path: FilePath
    separator: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    decimal: Literal[".", ","] = "."
    encoding: str = "utf-8"


def table_section(values: Mapping[str, object]) -> TableDataset:
    """Return the section that a command line makes.

    Raises:
        ConfigError: the values contradict each other; names every mistake.
    """
    try:
        return TableDataset.model_validate({"kind": "table", **values})
    except ValidationError as error:
        found = [
            " ".join([*map(str, details["loc"]), details["msg"].removeprefix("Value error, ")])
            for details in error.errors(include_url=False)
        ]
        raise ConfigError("; ".join(found)) from None


class OpenMLDataset(Columns):
    """A dataset of OpenML by its number, fetched once by scikit-learn and cached."""

    kind: Literal["openml"]
    id: PositiveInt


class SklearnDataset(DatasetBase):
    """A table bundled with scikit-learn. `positive` names the class that stands against the rest."""

    kind: Literal["sklearn"]
    name: Literal["breast_cancer", "digits"]
    positive: Scalar | None = None


DatasetSection = Annotated[
    SyntheticDataset | TableDataset | SklearnDataset | OpenMLDataset, Field(discriminator="kind")
]


class EncodingSection(Section):
    """How columns become numbers; what is learned is learned from the training rows of each fold alone."""

    scaling: Scaling = "standard"
    max_categories: Annotated[int, Field(ge=1, le=10_000)] = 50
    min_category_rows: PositiveInt = 5
    text_features: Annotated[int, Field(ge=1, le=10_000)] = 500
    max_ngram: Annotated[int, Field(ge=1, le=3)] = 1
