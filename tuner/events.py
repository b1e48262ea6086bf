"""What happened during a run, as frozen records, and who hears of it.

Values flow down the program; only events flow back up. A listener draws progress, writes JSON lines or ignores them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyOpened:
    """The study is open and its lock is held. Of its trials, `n_finished` are done and `n_adopted` begin again."""

    study: str
    metric: str
    n_trials: int
    n_finished: int
    n_adopted: int
    n_folds: int
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFinished:
    """One batch was evaluated, stored and told.

    `n_pruned` counts trials that racing ruled out. `batch_seconds` passed since the batch before it finished, or since
    the run began: batches overlap.
    `best` is None until a trial completed: (trial number, mean, corrected 95 % half-width, resolved params).
    `left_seconds` is an estimate from the batches so far; None when there is nothing to estimate from.
    """

    n_finished: int
    n_trials: int
    n_failed: int
    n_pruned: int
    best: tuple[int, float, float, dict[str, object]] | None
    batch_seconds: float
    left_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One line for the person: something that is not an error but that they would want to know."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputsWritten:
    """Report and exports were written; `files` maps a kind ("report", "weights", ...) to a path."""

    files: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceStep:
    """Something beside the search began, or came one step further: a line that says what."""

    text: str


Event = StudyOpened | BatchFinished | EvidenceStep | Notice | OutputsWritten
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Listen to nothing."""
