"""The whole pipeline: the one place that sees both halves of the program and the whole config."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tuner import collector
from tuner.appraisal import appraise
from tuner.config.load import CONFIG_NAME, LoadedConfig, dump_config, load_config
from tuner.data.encoder import Encoder
from tuner.engine import OnDemand, n_threads
from tuner.errors import StudyError
from tuner.events import Listener, Notice, OutputsWritten, ignore
from tuner.evidence import Verdict
from tuner.files import make_folder, remove, write_atomically
from tuner.interruption import StopRequest
from tuner.objective import Objective
from tuner.prepared import Prepared, prepare
from tuner.report import write_report
from tuner.report.contract import WEIGHTS_NAME
from tuner.report.export import write_best_weights
from tuner.study.database import database_path
from tuner.study.encoders import load_encoder_dict
from tuner.study.lifecycle import OpenStudy, open_study
from tuner.study.loop import optimize
from tuner.study.summary import StudySummary, load_summary
from tuner.timing import Account, Clock
from tuner.training.trainer import Trainer, TrainingPlan
from tuner.verdict.comparison import Comparison


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
    for text in prepared.notices:
        listen(Notice(text=text))
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
        study.keep_encoder(prepared.encoder.as_dict())
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
            table=nested.table,
            folds=nested.folds,
            seed=config.study.seed,
            longest=prepared.space.longest_training,
            n_checkpoints=1,
            clock=clock,
        )
        return Objective(
            y=nested.table.y,
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


def load_encoder(source: str | Path) -> Encoder:
    """Return what a study learned from its table: how raw rows become the numbers that its models take.

    Args:
        source: the study's folder, or its config.

    Raises:
        StudyError: there is no such study, or it was made before encoders were stored.
    """
    loaded = load_config(Path(source))
    return Encoder.from_dict(load_encoder_dict(find_database(loaded), loaded.config.study.name))


def make_objective(prepared: Prepared, *, clock: Clock | None = None) -> Objective:
    """Return what scores trials, with the trainer that the config names. Loads TensorFlow."""
    clock = clock or Clock()
    return Objective(
        y=prepared.dataset.y,
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
