"""The whole pipeline: the one place that sees both halves of the program and the whole config."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from tuner import collector
from tuner.appraisal import AppraisalPlan, appraise
from tuner.config.load import CONFIG_NAME, LoadedConfig, dump_config
from tuner.config.schema import Config
from tuner.data.checks import Finding, examine
from tuner.data.dataset import Dataset, load_dataset
from tuner.data.folds import Folds, make_folds, with_seeds
from tuner.data.summary import summarize
from tuner.engine import OnDemand, n_threads
from tuner.errors import StudyError
from tuner.events import Listener, Notice, OutputsWritten, ignore
from tuner.evidence import Verdict
from tuner.files import make_folder, remove, write_atomically
from tuner.interruption import StopRequest
from tuner.objective import Objective
from tuner.report import write_report
from tuner.report.export import WEIGHTS_NAME, write_best_weights
from tuner.study.database import database_path
from tuner.study.lifecycle import OpenStudy, StudyPlan, open_study
from tuner.study.loop import optimize
from tuner.study.space import ResolvedSpace, resolve_space
from tuner.study.summary import StudySummary, load_summary
from tuner.timing import Account, Clock
from tuner.training.trainer import Trainer, TrainingPlan
from tuner.verdict.comparison import Comparison, VerdictPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A config met by its data: everything that is known before the first model trains."""

    config: Config
    dataset: Dataset
    folds: Folds
    space: ResolvedSpace

    @property
    def all_folds(self) -> Folds:
        """The study's folds, and behind them the same ones under the other seeds of the noise budget."""
        n_seeds = self.config.evidence.noise_seeds
        return with_seeds(self.folds, n_seeds) if n_seeds and self.folds.plan.kind == "stratified_kfold" else self.folds

    @property
    def training_plan(self) -> TrainingPlan:
        """What the trainers must know."""
        return TrainingPlan(
            dataset=self.dataset,
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
            data=summarize(self.dataset, store_sample=config.dataset.store_sample),
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
                folds=self.folds,
                seed=config.study.seed,
                band_weights=config.evidence.band_weights,
                trainer=config.training.trainer,
            )
        )

    def findings(self) -> list[Finding]:
        """Return what a person should know about the table and its folds."""
        return examine(self.dataset, self.folds)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What one run did.

    Attributes:
        seconds: of `run_study`.
        train_seconds: the wall-clock time in which anything trained.
        time: where the time went, from the moment that the clock counts from.
    """

    summary: StudySummary
    files: dict[str, str]
    seconds: float
    train_seconds: float
    models_trained: int
    time: Account


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


def run_study(
    loaded: LoadedConfig, *, listen: Listener = ignore, stop: StopRequest | None = None, clock: Clock | None = None
) -> RunResult:
    """Run or resume the study that a config describes, then write its report and exports.

    Args:
        loaded: from `load_config`.
        listen: hears what happens on the way.
        stop: asked between epochs; see `interruption.catching_signals`.
        clock: notes where the time goes; None is one that counts from this call.

    Raises:
        TunerError: in one of its kinds; everything finished until then is kept.
    """
    began = time.perf_counter()
    stop, clock = stop or StopRequest(), clock or Clock()
    with clock.phase("data"):
        prepared = prepare(loaded.config)
        findings, plan = prepared.findings(), prepared.study_plan
        comparison = prepared.comparison() if loaded.config.verdict.enabled else None
    for finding in findings:
        if finding.level == "warning":
            listen(Notice(text=f"{finding.subject}: {finding.evidence}. {finding.advice}"))
    database, threads = find_database(loaded), n_threads(loaded.config.engine)
    with (
        collector.thawed_afterwards(),
        open_study(plan, database, clock=clock) as study,
        _recorded(study, threads=threads),
        OnDemand(lambda: make_objective(prepared, clock=clock), loaded.config.engine, stop) as evaluate,
    ):
        if study.target == study.plan.n_trials or not (loaded.folder / CONFIG_NAME).exists():
            _write_config(loaded)
        optimize(study, evaluate, listen=listen, should_stop=stop)
        stop.raise_if_set()
        with clock.phase("evidence"):
            appraise(study, prepared.appraisal_plan, evaluate, listen=listen, should_stop=stop)
        stop.raise_if_set()
        n_judged = 0
        if comparison is not None:
            _, n_judged = judge(prepared, comparison, study, listen=listen, stop=stop, clock=clock)
    stop.raise_if_set()

    with clock.phase("outputs"):
        summary, files = _outputs(loaded, database, listen=listen)
    return RunResult(
        summary=summary,
        files=files,
        seconds=time.perf_counter() - began,
        train_seconds=evaluate.train_seconds,
        models_trained=evaluate.models_trained + n_judged,
        time=clock.account(threads=threads),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictResult:
    """A verdict, and what making it took; see `RunResult`. `models_trained` counts those of this call."""

    verdict: Verdict
    summary: StudySummary
    files: dict[str, str]
    seconds: float
    models_trained: int
    time: Account


def make_verdict(
    loaded: LoadedConfig, *, listen: Listener = ignore, stop: StopRequest | None = None, clock: Clock | None = None
) -> VerdictResult:
    """Make the verdict of a config, or finish one that was begun, then write report and exports.

    The study is made where there is none; none of its trials is trained. Arguments are those of `run_study`.

    Raises:
        TunerError: in one of its kinds; every outer fold finished until then is kept.
    """
    began = time.perf_counter()
    stop, clock = stop or StopRequest(), clock or Clock()
    with clock.phase("data"):
        prepared = prepare(loaded.config)
        plan, comparison = prepared.study_plan, prepared.comparison()
    database, threads = find_database(loaded), n_threads(loaded.config.engine)
    with (
        collector.thawed_afterwards(),
        open_study(plan, database, clock=clock) as study,
        _recorded(study, threads=threads),
    ):
        if not (loaded.folder / CONFIG_NAME).exists():
            _write_config(loaded)
        verdict, n_models = judge(prepared, comparison, study, listen=listen, stop=stop, clock=clock)
    with clock.phase("outputs"):
        summary, files = _outputs(loaded, database, listen=listen)
    return VerdictResult(
        verdict=verdict,
        summary=summary,
        files=files,
        seconds=time.perf_counter() - began,
        models_trained=n_models,
        time=clock.account(threads=threads),
    )


def judge(
    prepared: Prepared,
    comparison: Comparison,
    study: OpenStudy,
    *,
    listen: Listener,
    stop: StopRequest,
    clock: Clock,
) -> tuple[Verdict, int]:
    """Return the verdict of an open study, stored with it, and how many models were trained for it here."""
    config = prepared.config

    def objective() -> Objective:
        with clock.phase("data"):
            nested = comparison.nested
        training = TrainingPlan(
            dataset=nested.dataset,
            folds=nested.folds,
            seed=config.study.seed,
            longest=prepared.space.longest_training,
            n_checkpoints=1,
            clock=clock,
        )
        return Objective(
            dataset=nested.dataset,
            folds=nested.folds,
            trainer=_trainer(config.training.trainer, training),
            scoring=comparison.scoring,
            clock=clock,
        )

    with OnDemand(objective, config.engine, stop) as evaluate:
        verdict = comparison.run(study, evaluate, listen=listen, should_stop=stop)
    stop.raise_if_set()
    if verdict is None:
        raise RuntimeError("the verdict ended before its last fold although nobody asked it to")
    study.keep_evidence("verdict", comparison.key, verdict)
    return verdict, evaluate.models_trained


@contextmanager
def _recorded(study: OpenStudy, *, threads: int) -> Iterator[None]:
    """Store where the time went when the block ends, also where a signal or an error ends it.

    Nothing is stored of a run that trained nothing, or whose database failed.
    """
    try:
        yield
    except StudyError:
        raise
    except BaseException:
        study.record_run(threads=threads)
        raise
    study.record_run(threads=threads)


def _write_config(loaded: LoadedConfig) -> None:
    """Keep the config as run in the study's folder, which with `study.storage` nobody has made yet."""
    if not loaded.folder.is_dir():
        make_folder(loaded.folder)
    write_atomically(loaded.folder / CONFIG_NAME, dump_config(loaded.config).encode())


def _outputs(loaded: LoadedConfig, database: Path, *, listen: Listener) -> tuple[StudySummary, dict[str, str]]:
    """Write report and exports of a study from its database; return its summary and where everything lies."""
    summary = load_summary(database, loaded.config.study.name)
    files = {"config": str(loaded.folder / CONFIG_NAME), "database": str(database)}
    return summary, files | write_outputs(summary, loaded.folder, listen=listen)


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


def make_objective(prepared: Prepared, *, clock: Clock | None = None) -> Objective:
    """Return what scores trials, with the trainer that the config names. Loads TensorFlow."""
    clock = clock or Clock()
    return Objective(
        dataset=prepared.dataset,
        folds=prepared.all_folds,
        trainer=_trainer(prepared.config.training.trainer, replace(prepared.training_plan, clock=clock)),
        scoring=prepared.config.scoring,
        clock=clock,
    )


def _trainer(name: str, plan: TrainingPlan) -> Trainer:
    clock = plan.clock
    if name == "sequential":
        with clock.phase("import"), collector.at_rest():
            from tuner.training.sequential import SequentialTrainer

        return SequentialTrainer(plan)
    with clock.phase("import"), collector.at_rest():
        from tuner.training.stacked import StackedTrainer

    return StackedTrainer(plan)


def _spec(prepared: Prepared) -> dict[str, dict[str, object]]:
    """Return what decides a score beside the search space, the metric and the folds, part by part."""
    dataset, training, scoring = prepared.dataset, prepared.config.training, prepared.config.scoring
    env = {name: text for name, text in _versions().items() if name != "tuner"}
    return {
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


def _versions() -> dict[str, str]:
    names = ("tuner", "keras", "tensorflow", "optuna", "numpy")
    return {**{name: version(name) for name in names}, "python": platform.python_version()}
