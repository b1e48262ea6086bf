"""Create a study, resume it, or refuse: what happens before the first trial is asked.

A study holds what it was made with (`drift.py`). Resuming it with settings that change scores is refused with a diff;
budgets may change freely. An `OpenStudy` holds the run lock and is the only writer of Optuna's tables and ours.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import Connection, RowMapping, update

from tuner.config.schema import RacingSection, StudySection
from tuner.errors import StudyError
from tuner.files import make_folder
from tuner.study import encoders, evidence, first_epochs, records
from tuner.study.database import check_database, read_database, refuse_network_file_system
from tuner.study.drift import DECISIVE, NOTED, Spec, differences, seal
from tuner.study.lock import run_lock, utc_now
from tuner.study.points import Params
from tuner.study.predictions import check_predictions, n_outputs
from tuner.study.space import ResolvedSpace
from tuner.study.storage import Storage, open_storage
from tuner.timing import Clock
from tuner.trial import DataSummary, FoldPlan, TrialParams, TrialScore

LATER_FOLDS = {"splitter": "stratified"}
"""What was added to the folds after there were studies, and what those have; specs leave it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPlan:
    """What a study is to be, resolved.

    Attributes:
        section: name, budgets, seed, predictions.
        racing: whether losers are ruled out early; becomes part of the spec where it is on.
        metric: greater is better.
        space: what is searched; the part "space" of the stored spec is made from it.
        data, folds: stored for readers; their fingerprints become part of the spec.
        spec: the parts "objective", "data", "training", "code", "env", each a JSON-able dict.
        config: the config as run, a nested dict.
        versions: versions of this machine, "tuner", "python", "optuna" and so on.
    """

    section: StudySection
    metric: str
    space: ResolvedSpace
    data: DataSummary
    folds: FoldPlan
    spec: Spec
    config: Mapping[str, object]
    versions: Mapping[str, str]
    racing: RacingSection = field(default_factory=RacingSection)

    @property
    def n_trials(self) -> int:
        """How many finished trials the study shall hold."""
        return self.space.n_trials(self.section)

    @property
    def full_spec(self) -> dict[str, dict[str, object]]:
        """The spec with what this half of the program knows better."""
        parts = {part: dict(value) for part, value in self.spec.items()}
        parts["space"] = self.space.spec()
        folds = {name: value for name, value in asdict(self.folds).items() if LATER_FOLDS.get(name) != value}
        parts["objective"] = {"metric": self.metric, "folds": folds, **parts.get("objective", {})}
        if self.racing.enabled:
            parts["objective"]["racing"] = self.racing.model_dump(exclude={"enabled"})
        parts["data"] = {"sha256": self.data.sha256, **parts.get("data", {})}
        return parts


class OpenStudy:
    """A study whose lock is held: reads its trials, begins and finishes batches.

    Attributes:
        plan: what the study is.
        target: finished trials it shall hold: `plan.n_trials`, or those already begun where these are more.
        notices: what opening it found worth saying.
        clock: notes where the time of this run goes.
    """

    def __init__(
        self, plan: StudyPlan, storage: Storage, *, row: RowMapping, notices: Sequence[str], clock: Clock
    ) -> None:
        self.plan = plan
        self.clock = clock
        self.notices = tuple(notices)
        self._storage = storage
        self._study_id: int = row["study_id"]
        self._env_sha256 = seal({"env": plan.spec.get("env", {})})["env"]["sha256"]
        with storage.explained():
            self.trials: tuple[FrozenTrial, ...] = tuple(storage.optuna.get_all_trials(self._study_id, deepcopy=False))
        self._n_begun = len(self.trials)
        self._n_finished_here = 0
        self.target = max(plan.n_trials, self._n_begun)

    def begin(self, batch: Sequence[TrialParams], params: Sequence[Params]) -> None:
        """Store a batch as running, in one transaction: all of its trials with all of their parameters, or none.

        Args:
            batch: what will be evaluated, in number order. Trials begun before are begun anew.
            params: the search parameters of each.

        Raises:
            StudyError: the database cannot be written, or another program changed the study meanwhile.
        """
        with self.clock.phase("tell"), self._storage.transaction() as connection:
            self._refuse_strangers(connection)
            for trial, searched in zip(batch, params, strict=True):
                if trial.number < self._n_begun:
                    self._adopt(self.trials[trial.number], searched)
                else:
                    self._create(trial.number, searched)
            rows = [self._trial_row(trial, searched) for trial, searched in zip(batch, params, strict=True)]
            records.begin_trials(connection, rows)
        self._n_begun = max(self._n_begun, batch[-1].number + 1)

    def finish(self, scores: Sequence[TrialScore], values: Mapping[int, float | None]) -> None:
        """Store what a batch scored and tell Optuna, in number order and one transaction.

        Args:
            scores: finite, or with a failure; in number order. A pruned trial is stored with the folds it has.
            values: what Optuna is told of each; None of one that failed.

        Raises:
            StudyError: the database cannot be written, or another program finished one of these trials or deleted the
                study; nothing of the batch is then stored, and a resume evaluates what is still running.
        """
        with self.clock.phase("tell"), self._storage.transaction() as connection:
            self._require_study(connection)
            records.finish_trials(
                connection,
                self._study_id,
                scores,
                n_splits=self.plan.folds.n_splits,
                keep=self.plan.section.predictions.keep,
                finished_at=utc_now(),
            )
            first_epochs.keep(connection, self._study_id, scores, n_splits=self.plan.folds.n_splits)
            for score in scores:
                self._tell(score, values[score.number])
            evidence.remove(connection, self._study_id, kinds=evidence.OF_TRIALS)  # it was about fewer trials
        self._n_finished_here += len(scores)

    def record_run(self, *, threads: int) -> None:
        """Store where the time of this run went, in a transaction of its own; nothing where nothing was trained.

        Args:
            threads: how many stacks train at the same time.

        Raises:
            StudyError: the database cannot be written.
        """
        account = self.clock.account(threads=threads)
        if not account.window:
            return
        row = {
            "study_id": self._study_id,
            "started_at": utc_now(ago_seconds=account.total),
            "finished_at": utc_now(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "n_trials": self._n_finished_here,
            "threads": account.threads,
            "time": records.to_json(account.as_dict()),
        }
        with self._storage.transaction() as connection:
            records.add_run(connection, row)

    @contextmanager
    def transaction(self) -> Iterator[tuple[Connection, int]]:
        """Yield one transaction for tables of ours, and the study's id in them.

        Raises:
            StudyError: the database cannot be written, or another program deleted the study.
        """
        with self.clock.phase("tell"), self._storage.transaction() as connection:
            self._require_study(connection)
            yield connection, self._study_id

    def evidence(self, kind: str, basis: str) -> Any:
        """Return the stored record of a kind, None where there is none that was made from `basis`."""
        with self.transaction() as (connection, study_id):
            return evidence.find(connection, study_id, kind=kind, basis=basis)

    def keep_evidence(self, kind: str, basis: str, value: object) -> None:
        """Store a record of `tuner.evidence` with what it was made from, in place of an earlier one of its kind."""
        with self.transaction() as (connection, study_id):
            evidence.keep(connection, study_id, kind=kind, basis=basis, value=value)

    def keep_encoder(self, encoder: dict[str, Any]) -> None:
        """Store what was learned from the table."""
        with self.transaction() as (connection, study_id):
            encoders.keep(connection, study_id, encoder)

    def remove_evidence(self, kinds: Collection[str]) -> None:
        """Remove the records of these kinds, which no longer hold."""
        with self.transaction() as (connection, study_id):
            evidence.remove(connection, study_id, kinds=kinds)

    @property
    def path(self) -> Path:
        """The database."""
        return self._storage.path

    def last_fold_scores(self, number: int) -> NDArray[np.float64]:
        """Return the fold scores of a stored trial after its last epoch. Shape `(J,)`."""
        with self._storage.explained(), self._storage.optuna.engine.connect() as connection:
            return records.last_fold_scores(connection, self._study_id, number)

    def _create(self, number: int, params: Params) -> None:
        origin = self.plan.space.origin(number, params)
        trial = create_trial(
            state=TrialState.RUNNING,
            params=params,
            distributions={**self.plan.space.distributions},
            user_attrs={} if origin == "sampled" else {"origin": origin},
        )
        self._storage.optuna.create_new_trial(self._study_id, template_trial=trial)

    def _adopt(self, trial: FrozenTrial, params: Params) -> None:
        """Make a trial that was begun or queued a running one with all of its parameters."""
        trial_id = self._trial_id(trial.number)
        if trial.state == TrialState.WAITING:
            self._storage.optuna.set_trial_state_values(trial_id, TrialState.RUNNING)
        for name, value in params.items():
            if name not in trial.params:
                distribution = self.plan.space.distributions[name]
                internal = distribution.to_internal_repr(value)
                self._storage.optuna.set_trial_param(trial_id, name, internal, distribution)

    def _tell(self, score: TrialScore, value: float | None) -> None:
        optuna, trial_id = self._storage.optuna, self._trial_id(score.number)
        if value is None:
            optuna.set_trial_user_attr(trial_id, "failure", score.failure)
            optuna.set_trial_state_values(trial_id, TrialState.FAIL)
            return
        means = score.fold_scores.mean(axis=1).tolist()
        for epoch, mean in zip(score.checkpoint_epochs.tolist(), means, strict=True):
            optuna.set_trial_intermediate_value(trial_id, epoch, mean)
        if score.pruned is not None:
            optuna.set_trial_user_attr(trial_id, "pruned", score.pruned)
        state = TrialState.COMPLETE if score.pruned is None else TrialState.PRUNED
        optuna.set_trial_state_values(trial_id, state, [value])

    def _trial_id(self, number: int) -> int:
        return self._storage.optuna.get_trial_id_from_study_id_trial_number(self._study_id, number)

    def _require_study(self, connection: Connection) -> None:
        records.require_study(connection, self.plan.section.name, self._storage.path)

    def _refuse_strangers(self, connection: Connection) -> None:
        self._require_study(connection)
        n_trials = records.count_trials(connection, self._study_id)
        if n_trials != self._n_begun:
            raise StudyError(
                f"{self._storage.path} holds {n_trials} trials of this study where this run knows {self._n_begun}:"
                " another program changed them.\nEnd that program and run again; finished trials are kept."
            )

    def _trial_row(self, trial: TrialParams, params: Params) -> dict[str, object]:
        return {
            "study_id": self._study_id,
            "number": trial.number,
            "origin": self.plan.space.origin(trial.number, params),
            "params": records.to_json(params),
            "resolved": records.to_json(self.plan.space.stored(trial, params)),
            "env": self._env_sha256,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started_at": utc_now(),
        }


@contextmanager
def open_study(plan: StudyPlan, path: Path, *, clock: Clock | None = None) -> Iterator[OpenStudy]:
    """Create or resume a study and hold its lock for the length of the block.

    Args:
        plan: what the study is to be.
        path: the database, from `database_path`; made where there is none, with its folder. Links are followed. Nothing
            is written beside a file that is not a study's database.
        clock: notes where the time goes; None is one that counts from this call.

    Raises:
        ConfigError: the predictions would be larger than `study.predictions.max_bytes`.
        StudyError: another process runs it, it was made with other settings, or the file cannot be used.
    """
    clock = clock or Clock()
    with ExitStack() as resources:
        with clock.phase("tell"):
            study = _open(plan, path, resources, clock=clock)
        yield study


def _open(plan: StudyPlan, path: Path, resources: ExitStack, *, clock: Clock) -> OpenStudy:
    """Return the study; `resources` hold its lock and its storage."""
    check_predictions(plan.section, plan.folds, plan.n_trials, n_outputs(plan.data.task, plan.data.classes))
    path = Path(os.path.realpath(path))  # a link and the file it leads to are one database: one lock
    if os.path.exists(path):  # noqa: PTH110 - Path.exists raises in a folder that may not be entered
        check_database(path)
    make_folder(path.parent)
    refuse_network_file_system(path.parent)
    resources.enter_context(run_lock(path))
    storage = resources.enter_context(open_storage(path))
    name = plan.section.name
    with storage.transaction() as connection:
        row = records.find_study(connection, name)
        notices = [] if row is None else _resume(connection, row, plan, path)
        if row is None:
            _create(connection, storage, plan)
            row = records.require_study(connection, name, path)
    return OpenStudy(plan, storage, row=row, notices=notices, clock=clock)


def _create(connection: Connection, storage: Storage, plan: StudyPlan) -> None:
    """Store a new study: Optuna's row, a few attributes for other people's eyes, and ours."""
    section, optuna = plan.section, storage.optuna
    study_id = optuna.create_new_study([StudyDirection.MAXIMIZE], section.name)
    attributes = {
        "metric": plan.metric,
        "folds_sha256": plan.folds.sha256,
        "seed": section.seed,
        "tuner_version": plan.versions.get("tuner", "unknown"),
    }
    for key, value in attributes.items():
        optuna.set_study_user_attr(study_id, key, value)
    row = {
        "study_id": study_id,
        "name": section.name,
        "created_at": utc_now(),
        "metric": plan.metric,
        "seed": section.seed,
        "n_trials": plan.n_trials,
        "spec": records.to_json(seal(plan.full_spec)),
        "data": records.to_json(asdict(plan.data)),
        "folds": records.to_json(asdict(plan.folds)),
        "space": records.to_json(plan.space.describe()),
        "config": records.to_json(plan.config),
        "versions": records.to_json(dict(plan.versions)),
    }
    connection.execute(records.studies.insert().values(**row))


def refuse_drift(plan: StudyPlan, path: Path) -> None:
    """Check, reading only, that a stored study was made with the planned settings.

    Raises:
        StudyError: there is no such study, or it was made with others.
    """
    with read_database(path) as connection:
        _refuse_other_settings(records.require_study(connection, plan.section.name, path), plan, path)


def _resume(connection: Connection, row: RowMapping, plan: StudyPlan, path: Path) -> list[str]:
    """Check that a study is the planned one, take over what may change, and return what is worth saying.

    Budgets may change, and what a report may draw of the data: `dataset.store_sample: false` takes the rows back.
    """
    _refuse_other_settings(row, plan, path)
    now: dict[str, object] = {"data": records.to_json(asdict(plan.data))}
    if plan.n_trials >= records.count_trials(connection, row["study_id"]):
        now |= {"n_trials": plan.n_trials, "config": records.to_json(plan.config)}
    if any(row[key] != value for key, value in now.items()):
        where = records.studies.c.study_id == row["study_id"]
        connection.execute(update(records.studies).where(where).values(**now))
    noted = differences(json.loads(row["spec"]), plan.full_spec, NOTED)
    return ["the study was begun under other versions (stored -> now):\n" + "\n".join(noted)] if noted else []


def _refuse_other_settings(row: RowMapping, plan: StudyPlan, path: Path) -> None:
    changed = differences(json.loads(row["spec"]), plan.full_spec, DECISIVE)
    if not changed:
        return
    lines = [
        f'study "{row["name"]}" in {path} was made with other settings (stored -> now):',
        "",
        *changed,
        "",
        "Scores under different settings cannot be compared, so nothing was run. Restore the old settings,",
        f"or keep this study and give the new one another study.name, or start over by deleting {path}.",
    ]
    raise StudyError("\n".join(lines))
