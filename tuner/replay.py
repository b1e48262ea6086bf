"""Train a stored trial again, one fold at a time with plain Keras, and compare with what is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from tuner.config.load import LoadedConfig
from tuner.config.schema import ScoringSection
from tuner.errors import StudyError
from tuner.interruption import StopRequest
from tuner.prepared import Prepared, prepare
from tuner.run import find_database
from tuner.scoring import CLASS_RANKINGS, RANKING_METRICS, cuts, score, softmax
from tuner.study.lifecycle import refuse_drift
from tuner.study.records import load_logits
from tuner.study.summary import StudySummary, TrialRecord, load_summary
from tuner.study.weighting import stored_trial
from tuner.trial import Task, TrialParams

SCORE_TOLERANCE = 1e-3
"""Ranking metrics and losses of a fold agree within this."""

ROW_TOLERANCE = 2
"""Threshold metrics agree when at most so many rows of a fold change sides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldReplay:
    """One fold, trained again.

    `probability_difference` and `changed_rows`, both after the last epoch, are None where no predictions were kept.
    `alike_until` is the last epoch up to which all scores on the way are within `SCORE_TOLERANCE` of those stored, None
    where already the first is not.
    """

    repeat: int
    fold: int
    stored: float
    replayed: float
    probability_difference: float | None
    changed_rows: int | None
    alike_until: int | None
    agrees: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What replaying a trial found."""

    study: str
    trial: int
    metric: str
    folds: list[FoldReplay]

    @property
    def agrees(self) -> bool:
        """Whether every fold does."""
        return all(fold.agrees for fold in self.folds)

    def as_dict(self) -> dict[str, object]:
        """Return the replay as JSON can hold it."""
        return {**asdict(self), "agrees": self.agrees}


def replay_trial(
    loaded: LoadedConfig,
    number: int,
    *,
    n_folds: int | None = None,
    stop: StopRequest | None = None,
    listen: Callable[[FoldReplay], None] = lambda _: None,
) -> Replay:
    """Train the first folds of a stored trial with `keras.Sequential.fit` and compare.

    Args:
        loaded: from `load_config`.
        number: the trial.
        n_folds: how many folds; None for all, those of a pruned trial that it was trained on.
        stop: asked between epochs.
        listen: hears of every fold.

    Raises:
        StudyError: no such study or trial, no score to compare with, or the study was made with other settings.
        DataError: the table cannot be used.
        Stopped: a signal arrived.
    """
    stop = stop or StopRequest()
    database = find_database(loaded)
    summary = load_summary(database, loaded.config.study.name)
    record = _scored_trial(summary, number)
    prepared = prepare(loaded.config)
    refuse_drift(prepared.study_plan, database)
    kept = loaded.config.study.predictions.keep
    if not kept and not _is_ranking(summary.metric, summary.data.task):
        raise StudyError(
            f"{summary.metric} counts rows on either side of a threshold, so replaying it needs the stored "
            "predictions, and study.predictions.keep is false.\nReplay a study that kept them."
        )
    logits = load_logits(database, summary.name, number) if kept else None
    params = stored_trial(number, record.resolved)
    compared = []
    for fold in range(min(n_folds or record.n_folds, record.n_folds)):
        compared.append(_replay_fold(prepared, params, record, fold=fold, logits=logits, stop=stop))
        listen(compared[-1])
    return Replay(study=summary.name, trial=number, metric=summary.metric, folds=compared)


def _scored_trial(summary: StudySummary, number: int) -> TrialRecord:
    record = next((trial for trial in summary.trials if trial.number == number), None)
    if not summary.trials:
        raise StudyError(f'study "{summary.name}" holds no trial yet.\nRun it with `python -m tuner run`.')
    if record is None:
        raise StudyError(
            f'study "{summary.name}" has no trial {number}; it holds trials 0 to {len(summary.trials) - 1}.\n'
            "Choose one with `python -m tuner status CONFIG`."
        )
    if record.state not in ("complete", "pruned"):
        raise StudyError(
            f'trial {number} of study "{summary.name}" is {record.state}, so there is no score to compare with.\n'
            "Choose a complete or a pruned trial."
        )
    if record.n_folds == 0:
        raise StudyError(
            f'trial {number} of study "{summary.name}" has no fold scores to compare with: another program added or '
            "completed it.\nChoose a trial that this program scored."
        )
    return record


def _replay_fold(
    prepared: Prepared,
    params: TrialParams,
    record: TrialRecord,
    *,
    fold: int,
    logits: NDArray[np.float32] | None,
    stop: StopRequest,
) -> FoldReplay:
    from tuner.training.sequential import SequentialTrainer

    folds, scoring = prepared.folds, prepared.config.scoring
    trainer = SequentialTrainer(prepared.training_plan)
    epochs = record.checkpoint_epochs.tolist()
    answer = trainer.train_fold(params, fold, due=epochs, should_stop=stop)
    stop.raise_if_set()
    if answer is None:
        raise RuntimeError("the trainer stopped although nobody asked it to")
    again, _ = answer
    repeat, rows = int(folds.repeat[fold]), folds.valid[fold]
    y = prepared.dataset.y[rows]
    stored, replayed = record.fold_scores[:, fold], score(scoring, y, again)
    alike = np.abs(stored - replayed) <= SCORE_TOLERANCE
    n_alike = int(np.cumprod(alike).sum())
    difference, changed = None, None
    if logits is not None:
        before = logits[repeat, np.searchsorted(folds.scored_rows, rows)]
        difference, changed = _differences(scoring, y, before, again[-1])
    same_rows = changed is not None and changed <= ROW_TOLERANCE
    return FoldReplay(
        repeat=repeat,
        fold=int(folds.split[fold]),
        stored=float(stored[-1]),
        replayed=float(replayed[-1]),
        probability_difference=difference,
        changed_rows=changed,
        alike_until=epochs[n_alike - 1] if n_alike else None,
        agrees=bool(alike[-1]) if _is_ranking(scoring.metric, prepared.dataset.task) else same_rows,
    )


def _is_ranking(metric: str, task: Task) -> bool:
    """Return whether a metric moves little when a logit moves little."""
    return metric in (CLASS_RANKINGS if task == "multiclass" else RANKING_METRICS)


def _differences(
    scoring: ScoringSection, y: NDArray[np.int32], before: NDArray[np.float32], again: NDArray[np.float32]
) -> tuple[float, int]:
    """Return the largest difference in a probability, and how many rows are called otherwise.

    Of logits `(V,)`, or `(V, K)`: of more than two classes the greatest is called, of labels each on its own.
    """
    if before.ndim == 2 and y.ndim == 1:
        difference = np.abs(softmax(before) - softmax(again)).max()
        return float(difference), int((before.argmax(axis=1) != again.argmax(axis=1)).sum())
    columns = [(y, before, again)] if before.ndim == 1 else zip(y.T, before.T, again.T, strict=True)
    changed = np.zeros(len(y), np.bool_)
    for own, one, other in columns:
        cut = cuts(scoring, own, one[None])[0]
        changed |= (one > cut) != (other > cut)
    return float(np.abs(expit(before) - expit(again)).max()), int(changed.sum())
