"""What a config may say: one frozen model per section, with every default.

`configs/default.yaml` is the documentation of every key for people; a test keeps the two equal. Reading YAML, `--set`
overrides and the wording of mistakes are in `load.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    Field,
    PlainValidator,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from tuner.config.cv import CVSection, Holdout, KFold
from tuner.config.dataset import Columns, DatasetSection, EncodingSection, SyntheticDataset
from tuner.config.evidence import EvidenceSection, MaximizeMetric, ThresholdSection, VerdictSection
from tuner.config.values import (
    BatchSize,
    Beta,
    Choice,
    DropoutRate,
    Epochs,
    Exponent,
    FilePath,
    Layers,
    Metric,
    Momentum,
    NonNegativeFloat,
    Number,
    PositiveFloat,
    PositiveInt,
    Range,
    RankingMetric,
    Scalar,
    Section,
    Seed,
    Units,
    Weight,
    WeightRange,
)
from tuner.trial import Activation, Optimizer

STUDY_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"


def _probability_or_best(value: object) -> object:
    if value == "best" or (isinstance(value, float) and 0 < value < 1):
        return value
    raise PydanticCustomError("probability_or_best", "must be a probability between 0 and 1, or best")


def _sqlite_path(storage: str) -> str:
    """Return the path that a path or an `sqlite:///` URL names. A URL may hold a password, so it is not repeated."""
    path = storage.removeprefix("sqlite:///")
    if "://" in path or path in ("", ":memory:"):
        received = f"{storage.partition('://')[0]}://..." if "://" in storage else f'"{storage}"'
        raise ValueError(f"must be the path of an SQLite file or null, got {received}")
    return path


class ScoringSection(Section):
    """What is maximized. Losses carry scikit-learn's `neg_` names; `beta` and `threshold` stay as they are where idle.

    `threshold: best` takes, in each fold, the threshold that is best on the rows scored: optimistic.
    """

    metric: Metric = "roc_auc"
    beta: Beta = 1.0
    threshold: Annotated[float | Literal["best"], PlainValidator(_probability_or_best)] = 0.5

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = []
        if self.beta != 1.0 and self.metric != "fbeta":
            problems.append(f"beta goes with metric: fbeta, not with {self.metric}; remove it or choose fbeta")
        if self.threshold != 0.5 and self.metric in get_args(RankingMetric):
            problems.append(f"threshold goes with metrics of decisions, not with {self.metric}; remove it or choose f1")
        if self.threshold == "best" and self.metric == "recall":
            problems.append("recall is always 1 at its best threshold, which calls every row; set a probability")
        if problems:
            raise ValueError("; ".join(problems))
        return self


class SearchSpace(Section):
    """Where the search looks. Each key is a value (fixed), a range, or a list of choices.

    The first three always have a value; a key of `training` set here moves into the search and wins over `training`.
    `minority_weight` and `majority_weight` are for two classes; more classes, or several labels, have
    `weight_exponent` and `weight_deviation` instead.
    """

    minority_weight: Number[Weight, WeightRange] = WeightRange(low=1.0, high="auto", log=True)
    hidden_size: Number[Units, Range[Units]] = Range[Units](low=4, high=64, log=True)
    epochs: Number[Epochs, Range[Epochs]] = Range[Epochs](low=10, high=200)
    majority_weight: Number[Weight, Range[Weight]] | None = None
    hidden_layers: Number[Layers, Range[Layers]] | None = None
    batch_size: Number[BatchSize, Range[BatchSize]] | None = None
    learning_rate: Number[PositiveFloat, Range[PositiveFloat]] | None = None
    momentum: Number[Momentum, Range[Momentum]] | None = None
    l2: Number[NonNegativeFloat, Range[NonNegativeFloat]] | None = None
    dropout: Number[DropoutRate, Range[DropoutRate]] | None = None
    optimizer: Choice[Optimizer] | None = None
    activation: Choice[Activation] | None = None
    standardize: Choice[bool] | None = None
    weight_exponent: Number[Exponent, Range[Exponent]] = Range[Exponent](low=0.0, high=1.5)
    weight_deviation: Number[Weight, Range[Weight]] | None = None


class Predictions(Section):
    """Out-of-fold predictions kept in the database."""

    keep: bool = True
    max_bytes: PositiveInt = 1_073_741_824


def _fixed_params(value: object) -> dict[str, object]:
    space = SearchSpace.model_validate(value)
    params = {name: getattr(space, name) for name in SearchSpace.model_fields if name in space.model_fields_set}
    for name, param in params.items():
        if not isinstance(param, bool | int | float | str):
            raise ValueError(f"{name} must be one value here, not a range, a list or nothing")
    return params


Params = Annotated[dict[str, Scalar], PlainValidator(_fixed_params)]
"""Values of some parameters by name: a search space in which everything given is fixed."""


class StudySection(Section):
    """Which study, how long, where."""

    name: Annotated[str, Field(pattern=STUDY_NAME)] = "default"
    n_trials: PositiveInt = 100
    timeout_seconds: PositiveFloat | None = None
    seed: Seed = 0
    storage: Annotated[str, AfterValidator(_sqlite_path)] | None = None
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    batch_size: Annotated[int, Field(ge=1, le=1024)] = 8
    baseline_params: Params = {}
    trials: Annotated[list[Params], Field(min_length=1)] | None = None
    predictions: Predictions = Predictions()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if "minority_weight" in self.baseline_params:
            raise ValueError("baseline_params must not hold minority_weight: the baselines differ in nothing else")
        if self.trials is not None and self.sampler == "grid":
            raise ValueError("sampler: grid has nothing to draw when trials lists every trial; remove one of the two")
        return self


class TrainingSection(Section):
    """How every model is trained. All keys but `trainer` and `checkpoints` may move into the search space."""

    batch_size: BatchSize = 32
    optimizer: Optimizer = "sgd"
    learning_rate: PositiveFloat = 0.01
    momentum: Momentum = 0.0
    activation: Activation = "relu"
    hidden_layers: Layers = 1
    l2: NonNegativeFloat = 0.0
    dropout: DropoutRate = 0.0
    majority_weight: Weight = 1.0
    standardize: bool = True
    trainer: Literal["stacked", "sequential"] = "stacked"
    checkpoints: Annotated[int, Field(ge=1, le=100)] = 8


class RacingSection(Section):
    """Whether trials that fall behind are spared the rest of their repeats. A speed heuristic: off by default."""

    enabled: bool = False
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.6


class EngineSection(Section):
    """Where trials are evaluated. `threads: null` uses every core this process may use."""

    kind: Literal["local"] = "local"
    threads: Annotated[int, Field(ge=1, le=256)] | None = None


class OutputSection(Section):
    """Where outputs go: `<root>/<study name>/`."""

    root: FilePath = Path("studies")


PARAMS = tuple(SearchSpace.model_fields)
"""Names of everything a trial can set, in the order of the search space."""


class Config(Section):
    """A whole config file. Only `prepared.py` sees it whole; every other function gets its own section."""

    study: StudySection = StudySection()
    dataset: DatasetSection = SyntheticDataset()
    encoding: EncodingSection = EncodingSection()
    cv: CVSection = KFold()
    scoring: ScoringSection = ScoringSection()
    search_space: SearchSpace = SearchSpace()
    training: TrainingSection = TrainingSection()
    racing: RacingSection = RacingSection()
    threshold: ThresholdSection = MaximizeMetric()
    evidence: EvidenceSection = EvidenceSection()
    verdict: VerdictSection = VerdictSection()
    engine: EngineSection = EngineSection()
    output: OutputSection = OutputSection()

    @field_validator("cv")
    @classmethod
    def _has_columns(cls, cv: Holdout | KFold, info: ValidationInfo) -> Holdout | KFold:
        dataset = info.data.get("dataset")
        for key, column in cv.columns.items() if isinstance(cv, KFold) else ():
            if isinstance(dataset, Columns) and column in dataset.targets:
                raise ValueError(f"{key} must not be the target column {column!r}")
        return cv

    @field_validator("racing")
    @classmethod
    def _has_repeats(cls, racing: RacingSection, info: ValidationInfo) -> RacingSection:
        cv = info.data.get("cv")
        if racing.enabled and isinstance(cv, Holdout):
            raise ValueError("enabled: true goes with cv.kind: stratified_kfold; remove it, or change cv.kind")
        if racing.enabled and isinstance(cv, KFold) and cv.one_way is not None:
            raise ValueError(
                f"enabled: true needs repeats to race by, and cv.{cv.one_way} cuts the rows one way only; remove it, "
                f"or remove cv.{cv.one_way}"
            )
        if racing.enabled and isinstance(cv, KFold) and cv.n_repeats == 1:
            raise ValueError("enabled: true needs cv.n_repeats of 2 or more: trials race repeat by repeat, got 1")
        return racing
