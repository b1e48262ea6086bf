"""The whole pipeline: the one place that sees both halves of the program and the whole config."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from tuner.config.load import CONFIG_NAME, LoadedConfig, dump_config
from tuner.config.schema import Config
from tuner.data.checks import Finding, examine
from tuner.data.dataset import Dataset, load_dataset
from tuner.data.folds import Folds, make_folds
from tuner.data.summary import summarize
from tuner.engine import LocalEngine, open_engine
from tuner.events import Listener, Notice, OutputsWritten, ignore
from tuner.files import make_folder, remove, write_atomically
from tuner.interruption import StopRequest
from tuner.objective import Objective
from tuner.report import write_report
from tuner.report.export import WEIGHTS_NAME, write_best_weights
from tuner.study.database import database_path
from tuner.study.lifecycle import StudyPlan, open_study
from tuner.study.loop import optimize
from tuner.study.space import ResolvedSpace, resolve_space
from tuner.study.summary import StudySummary, load_summary
from tuner.training.trainer import Trainer, TrainingPlan
from tuner.trial import TrialParams, TrialScore


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A config met by its data: everything that is known before the first model trains."""

    config: Config
    dataset: Dataset
    folds: Folds
    space: ResolvedSpace

    @property
    def training_plan(self) -> TrainingPlan:
        """What the trainers must know."""
        return TrainingPlan(
            dataset=self.dataset,
            folds=self.folds,
            seed=self.config.study.seed,
            longest=self.space.longest_training,
            n_checkpoints=self.config.training.checkpoints,
        )

    @property
    def study_plan(self) -> StudyPlan:
        """What the bookkeeping must know."""
        config = self.config
        return StudyPlan(
            section=config.study,
            metric=config.scoring.metric,
            space=self.space,
            data=summarize(self.dataset, store_sample=config.dataset.store_sample),
            folds=self.folds.plan,
            spec=_spec(self),
            config=config.model_dump(mode="json"),
            versions=_versions(),
        )

    def findings(self) -> list[Finding]:
        """Return what a person should know about the table and its folds."""
        return examine(self.dataset, self.folds)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What one run did. `seconds` is the whole run, `train_seconds` the wall-clock time in which anything trained."""

    summary: StudySummary
    files: dict[str, str]
    seconds: float
    train_seconds: float
    models_trained: int


def prepare(config: Config) -> Prepared:
    """Load the table, cut the folds and resolve the search space.

    Raises:
        ConfigError: the config contradicts itself or the table.
        DataError: the table cannot be used.
    """
    dataset = load_dataset(config.dataset)
    folds = make_folds(dataset.y, config.cv, source=dataset.source)
    space = resolve_space(config.search_space, config.training, config.study, imbalance_ratio=dataset.imbalance_ratio)
    return Prepared(config=config, dataset=dataset, folds=folds, space=space)


def run_study(loaded: LoadedConfig, *, listen: Listener = ignore, stop: StopRequest | None = None) -> RunResult:
    """Run or resume the study that a config describes, then write its report and exports.

    Args:
        loaded: from `load_config`.
        listen: hears what happens on the way.
        stop: asked between epochs; see `interruption.catching_signals`.

    Raises:
        TunerError: in one of its kinds; everything finished until then is kept.
    """
    began = time.perf_counter()
    prepared = prepare(loaded.config)
    for finding in prepared.findings():
        if finding.level == "warning":
            listen(Notice(text=f"{finding.subject}: {finding.evidence}. {finding.advice}"))
    stop = stop or StopRequest()
    database = find_database(loaded)
    with open_study(prepared.study_plan, database) as study, _OnDemand(prepared, stop) as evaluate:
        if study.target == study.plan.n_trials or not (loaded.folder / CONFIG_NAME).exists():
            _write_config(loaded)
        optimize(study, evaluate, listen=listen, should_stop=stop)
    stop.raise_if_set()

    summary = load_summary(database, loaded.config.study.name)
    files = {"config": str(loaded.folder / CONFIG_NAME), "database": str(database)}
    files |= write_outputs(summary, loaded.folder, listen=listen)
    return RunResult(
        summary=summary,
        files=files,
        seconds=time.perf_counter() - began,
        train_seconds=evaluate.train_seconds,
        models_trained=evaluate.models_trained,
    )


def _write_config(loaded: LoadedConfig) -> None:
    """Keep the config as run in the study's folder, which with `study.storage` nobody has made yet."""
    if not loaded.folder.is_dir():
        make_folder(loaded.folder)
    write_atomically(loaded.folder / CONFIG_NAME, dump_config(loaded.config).encode())


def write_outputs(summary: StudySummary, folder: Path, *, listen: Listener = ignore) -> dict[str, str]:
    """Write report and best weights, or remove those of an earlier study that had some; return path by kind."""
    files = write_report(summary, folder)
    if summary.best is None:
        remove(folder / WEIGHTS_NAME)
    else:
        write_best_weights(summary, folder / WEIGHTS_NAME)
        files["weights"] = str(folder / WEIGHTS_NAME)
    listen(OutputsWritten(files=files))
    return files


def find_database(loaded: LoadedConfig) -> Path:
    """Return where the database of a config's study is, or will be."""
    return database_path(loaded.config.study.storage, folder=loaded.folder)


def make_objective(prepared: Prepared) -> Objective:
    """Return what scores trials, with the trainer that the config names. Loads TensorFlow."""
    return Objective(
        dataset=prepared.dataset,
        folds=prepared.folds,
        trainer=_trainer(prepared),
        metric=prepared.config.scoring.metric,
    )


def _trainer(prepared: Prepared) -> Trainer:
    if prepared.config.training.trainer == "sequential":
        from tuner.training.sequential import SequentialTrainer

        return SequentialTrainer(prepared.training_plan)
    from tuner.training.stacked import StackedTrainer

    return StackedTrainer(prepared.training_plan)


@dataclass(slots=True)
class _OnDemand:
    """The engine, made when the first batch arrives: a study that is done never loads TensorFlow."""

    prepared: Prepared
    stop: StopRequest
    _engine: LocalEngine | None = None
    _resources: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> _OnDemand:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def __call__(self, batch: Sequence[TrialParams]) -> list[TrialScore]:
        if self._engine is None:
            engine = open_engine(self.prepared.config.engine, make_objective(self.prepared), self.stop)
            self._engine = self._resources.enter_context(engine)
        return self._engine(batch)

    @property
    def train_seconds(self) -> float:
        return self._engine.train_seconds if self._engine else 0.0

    @property
    def models_trained(self) -> int:
        return self._engine.models_trained if self._engine else 0


def _spec(prepared: Prepared) -> dict[str, dict[str, object]]:
    """Return what decides a score beside the search space, the metric and the folds, part by part."""
    dataset, training = prepared.dataset, prepared.config.training
    env = {name: text for name, text in _versions().items() if name != "tuner"}
    return {
        "objective": {"threshold": 0.5},
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


def _versions() -> dict[str, str]:
    names = ("tuner", "keras", "tensorflow", "optuna", "numpy")
    return {**{name: version(name) for name in names}, "python": platform.python_version()}
