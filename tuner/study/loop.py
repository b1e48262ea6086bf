"""Ask a batch, evaluate it, store and tell it; until the study holds as many finished trials as it shall.

Batches begin at multiples of the batch size in trial number and are stored as running before they are evaluated. Two
are under way at the same time, so that no core waits: while one trains, the driver stores the one before it and asks
the one after it. A run that dies leaves at most two running: the next run evaluates the same trials again, under the
same numbers.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import numpy as np

from tuner.errors import EngineError
from tuner.events import Listener, Notice
from tuner.study.lifecycle import OpenStudy, StudyPlan
from tuner.study.predictions import n_outputs
from tuner.study.progress import Progress
from tuner.study.racing import Race
from tuner.study.sampling import Asker
from tuner.trial import Evaluate, FoldPlan, TrialParams, TrialScore

AT_ONCE = 2
"""Batches under way at the same time: `sampling.py` counts on one asked ahead, no more and no less."""


def optimize(
    study: OpenStudy, evaluate: Evaluate, *, listen: Listener, should_stop: Callable[[], bool] = lambda: False
) -> None:
    """Evaluate trials until the study holds `study.target` finished ones.

    Args:
        study: open, its lock held.
        evaluate: the seam to the numerics. After an error, the call for the other batch may still be under way; ending
            it is up to whoever made `evaluate`.
        listen: hears `StudyOpened`, one `BatchFinished` per batch in their order, and `Notice`.
        should_stop: asked before each batch; where it answers true, no further one is begun.

    Raises:
        Stopped, EngineError: from `evaluate`; batches under way stay running, and the next run evaluates them.
        StudyError: the database cannot be written.
    """
    started = time.monotonic()
    progress = Progress(study)
    progress.announce(listen)
    asker = Asker(study.plan.space, study.trials)
    for text in asker.notices:
        listen(Notice(text=text))
    upcoming = _upcoming(progress, should_stop, started=started)
    under_way: deque[tuple[list[TrialParams], Race | None, Future[list[TrialScore]]]] = deque()
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="batch")
    try:
        while True:
            for numbers in islice(upcoming, AT_ONCE - len(under_way)):
                batch, race = _begin(study, progress, asker=asker, numbers=numbers)
                answer = pool.submit(_scores, batch, _checked(evaluate, study.plan), race=race)
                under_way.append((batch, race, answer))
            if not under_way:
                break
            batch, race, answer = under_way.popleft()
            scores = answer.result()
            values = race.values(scores) if race else {score.number: score.mean for score in scores}
            study.finish(scores, values)
            with study.clock.phase("tell"):
                asker.tell(values)
            listen(progress.count(list(zip(batch, scores, strict=True)), elapsed=time.monotonic() - started))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    if progress.is_out_of_time:
        listen(Notice(text=progress.timeout_text()))


def _upcoming(progress: Progress, should_stop: Callable[[], bool], *, started: float) -> Iterator[list[int]]:
    """Yield the numbers of one batch after the other, until all are begun, or it is time to stop."""
    while numbers := progress.next_batch():
        if should_stop() or progress.is_over(time.monotonic() - started):
            return
        yield numbers


def _begin(
    study: OpenStudy, progress: Progress, *, asker: Asker, numbers: Sequence[int]
) -> tuple[list[TrialParams], Race | None]:
    """Ask one batch and store it as running; return it with its race, None where all folds are trained at once."""
    plan = study.plan
    with study.clock.phase("ask"):
        params = asker.ask(numbers)
    batch = [plan.space.resolve(number, searched) for number, searched in zip(numbers, params, strict=True)]
    study.begin(batch, params)
    progress.begin(numbers)
    if not plan.racing.enabled:
        return batch, None
    origins = [plan.space.origin(number, searched) for number, searched in zip(numbers, params, strict=True)]
    race = Race(
        confidence=plan.racing.confidence,
        folds=plan.folds,
        safe=[number for number, origin in zip(numbers, origins, strict=True) if origin != "sampled"],
        rivals=progress.rivals(numbers),
    )
    return batch, race


def _scores(batch: Sequence[TrialParams], evaluate: Evaluate, *, race: Race | None) -> list[TrialScore]:
    """Evaluate one batch; runs beside the driver."""
    return evaluate(batch) if race is None else race.run(batch, evaluate)


def _checked(evaluate: Evaluate, plan: StudyPlan) -> Evaluate:
    """Return `evaluate` as it must be: the trials asked for, shapes of the seam, nothing that is not finite."""
    outputs = n_outputs(plan.data.task, plan.data.classes)

    def checked(batch: Sequence[TrialParams], folds: Sequence[int] | None = None) -> list[TrialScore]:
        answer = evaluate(batch) if folds is None else evaluate(batch, folds)
        asked, scored = [trial.number for trial in batch], [score.number for score in answer]
        if scored != asked:
            raise EngineError(f"trials {asked} were asked for, but {scored} were scored")
        trained = range(plan.folds.n_folds) if folds is None else folds
        return [_judge(score, plan.folds, folds=trained, outputs=outputs) for score in answer]

    return checked


def _judge(score: TrialScore, plan: FoldPlan, *, folds: Sequence[int], outputs: int) -> TrialScore:
    """Return the score, or the failure it amounts to: nothing that is not finite is stored or told.

    Raises:
        EngineError: the arrays do not have the shapes of the seam.
    """
    if score.failure is not None:
        return score
    n_repeats = len({fold // plan.n_splits for fold in folds})
    predicted = (n_repeats, plan.n_scored_rows, outputs)
    expected = (len(score.checkpoint_epochs), len(folds)), predicted if outputs > 1 else predicted[:2]
    shapes = score.fold_scores.shape, score.logits.shape
    if shapes != expected or not len(score.checkpoint_epochs):
        raise EngineError(f"trial {score.number}: arrays of shapes {expected} were expected, {shapes} were scored")
    for epoch, scores in zip(score.checkpoint_epochs, score.fold_scores, strict=True):
        bad = np.flatnonzero(~np.isfinite(scores))
        if bad.size:
            where = f"fold {folds[bad[0]]} scored {scores[bad[0]]} after {epoch} epochs"
            reason = f"{where} ({bad.size} of {len(folds)} folds)"
            return TrialScore.failed(score.number, reason, seconds=score.seconds)
    if not np.isfinite(score.logits).all():
        return TrialScore.failed(score.number, "predictions are not finite", seconds=score.seconds)
    return score
