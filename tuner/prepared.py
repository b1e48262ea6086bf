"""A config met by its data: everything that is known before the first model trains."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version

import numpy as np

from tuner.appraisal import AppraisalPlan
from tuner.config.cv import KFold
from tuner.config.dataset import MISSING, Columns, EncodingSection, TableDataset
from tuner.config.schema import Config
from tuner.data.checks import examine
from tuner.data.dataset import Dataset, Roles, load_dataset
from tuner.data.encoded import EncodedTable
from tuner.data.encoder import Encoder, make_encoder
from tuner.data.encoding import encode, encode_whole
from tuner.data.finding import Finding
from tuner.data.folds import Folds, make_folds, with_seeds
from tuner.data.small_classes import settle_small_classes
from tuner.data.summary import summarize
from tuner.engine import n_threads
from tuner.scoring import check_metric
from tuner.study.lifecycle import StudyPlan
from tuner.study.space import ResolvedSpace, resolve_space
from tuner.training.trainer import TrainingPlan
from tuner.verdict.comparison import Comparison, VerdictPlan


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A config met by its data: everything that is known before the first model trains."""

    config: Config
    dataset: Dataset
    folds: Folds
    space: ResolvedSpace
    notices: tuple[str, ...] = ()

    @cached_property
    def all_folds(self) -> Folds:
        """The study's folds, and behind them the same ones under the other seeds of the noise budget."""
        n_seeds = self.config.evidence.noise_seeds
        return with_seeds(self.folds, n_seeds) if n_seeds and self.folds.plan.kind != "holdout" else self.folds

    @cached_property
    def table(self) -> EncodedTable:
        """The table as trainers see it."""
        return encode(self.dataset, self.all_folds, self.config.encoding)

    @cached_property
    def whole(self) -> EncodedTable:
        """The table as a model sees it that is trained on all rows."""
        return encode_whole(self.dataset, self.config.encoding)

    @property
    def encoder(self) -> Encoder:
        """What was learned from all rows: how raw rows become numbers."""
        section = self.config.dataset
        return make_encoder(
            self.dataset,
            self.whole,
            self.config.encoding,
            missing=tuple(section.missing) if isinstance(section, Columns) else MISSING,
            decimal=section.decimal if isinstance(section, TableDataset) else ".",
        )

    @property
    def training_plan(self) -> TrainingPlan:
        """What the trainers must know."""
        return TrainingPlan(
            table=self.table,
            folds=self.all_folds,
            seed=self.config.study.seed,
            longest=self.space.longest_training,
            n_checkpoints=self.config.training.checkpoints,
        )

    @property
    def appraisal_plan(self) -> AppraisalPlan:
        """What decides the evidence beside the trials."""
        config = self.config
        return AppraisalPlan(
            section=config.evidence,
            rule=config.threshold,
            scoring=config.scoring,
            space=self.space,
            y=self.dataset.y,
            folds=self.all_folds,
            seed=config.study.seed,
            threads=n_threads(config.engine),
        )

    @property
    def study_plan(self) -> StudyPlan:
        """What the bookkeeping must know."""
        config = self.config
        return StudyPlan(
            section=config.study,
            racing=config.racing,
            metric=config.scoring.metric,
            space=self.space,
            data=summarize(self.dataset, self.whole, store_sample=config.dataset.store_sample),
            folds=self.folds.plan,
            spec=_spec(self),
            config=config.model_dump(mode="json"),
            versions=_versions(),
        )

    def comparison(self) -> Comparison:
        """Return the verdict that the config describes, about to be made.

        Raises:
            ConfigError: the folds or the metric cannot carry a verdict.
            DataError: too few rows of a class.
        """
        config = self.config
        return Comparison(
            VerdictPlan(
                section=config.verdict,
                scoring=config.scoring,
                space=self.space,
                dataset=self.dataset,
                encoding=config.encoding,
                folds=self.folds,
                seed=config.study.seed,
                band_weights=config.evidence.band_weights,
                trainer=config.training.trainer,
            )
        )

    def findings(self) -> list[Finding]:
        """Return what a person should know about the table and its folds."""
        return examine(self.dataset, self.folds)


def prepare(config: Config) -> Prepared:
    """Load the table, cut the folds and resolve the search space.

    Raises:
        ConfigError: the config contradicts itself or the table.
        DataError: the table cannot be used.
    """
    roles = Roles(**config.cv.model_dump(include={"group", "time", "fold"}))
    dataset = load_dataset(config.dataset, roles)
    n_left_out = dataset.n_unlabeled
    notices = [f"rows without a label are left out: {n_left_out:,}"] if n_left_out else []
    if isinstance(config.dataset, Columns) and isinstance(config.cv, KFold):
        dataset, done = settle_small_classes(dataset, config.dataset.small_classes, config.cv.n_splits)
        notices += [] if done is None else [done]
    check_metric(config.scoring, dataset.task, n_classes=len(dataset.classes))
    folds = make_folds(
        dataset.y,
        config.cv,
        source=dataset.source,
        classes=dataset.classes,
        group=dataset.group,
        time=dataset.time,
        fold=dataset.fold,
    )
    space = resolve_space(
        config.search_space,
        config.training,
        config.study,
        imbalance_ratio=dataset.imbalance_ratio,
        task=dataset.task,
        classes=dataset.classes,
        class_counts=dataset.class_counts,
        n_rows=len(dataset.y),
    )
    return Prepared(config=config, dataset=dataset, folds=folds, space=space, notices=tuple(notices))


def _spec(prepared: Prepared) -> dict[str, dict[str, object]]:
    """Return what decides a score beside the search space, the metric and the folds, part by part."""
    dataset, training, scoring = prepared.dataset, prepared.config.training, prepared.config.scoring
    env = {name: text for name, text in _versions().items() if name != "tuner"}
    return _encoding_spec(prepared) | {
        "objective": scoring.model_dump(include={"threshold", "beta"} if scoring.metric == "fbeta" else {"threshold"}),
        "data": {
            "rows": len(dataset.y),
            "columns": list(dataset.feature_names),
            "target": dataset.target,
            "class_counts": dict(zip(dataset.classes, dataset.class_counts, strict=True)),
        },
        "training": {"trainer": training.trainer, "checkpoints": training.checkpoints},
        "code": {"tuner": version("tuner")},
        "env": {**env, "machine": platform.machine()},
    }


def _encoding_spec(prepared: Prepared) -> dict[str, dict[str, object]]:
    """Return how columns became numbers; nothing of a table of complete numbers under the defaults."""
    dataset, encoding = prepared.dataset, prepared.config.encoding
    kinds = {spec.name: spec.kind for spec in dataset.specs if spec.kind != "numeric"}
    if not kinds and not np.isnan(dataset.X).any() and dataset.sample_weight is None:
        is_default = encoding.scaling == EncodingSection().scaling
        return {} if is_default else {"encoding": {"scaling": encoding.scaling}}
    return {"encoding": {**encoding.model_dump(), "kinds": kinds, "weighted": dataset.sample_weight is not None}}


def _versions() -> dict[str, str]:
    names = ("tuner", "keras", "tensorflow", "optuna", "numpy")
    return {**{name: version(name) for name in names}, "python": platform.python_version()}
