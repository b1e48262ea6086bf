"""Where the time of a run goes: a clock that threads note their phases on, and two views of what it noted.

    start     the process until `run_study` is called: the interpreter, imports, the config
    import    Keras and TensorFlow
    data      the table, its folds, its summary and checks
    compile   tracing and compiling programs, and waiting for another thread to compile the same one
    train     training, with the predictions at checkpoints
    metrics   scoring the predictions
    ask       drawing the parameters of trials
    tell      the database: opening it, storing, telling Optuna
    evidence  statistics on stored predictions, when the search is done
    outputs   report and exports

A thread is in one phase at a time: one begun inside another interrupts it. Seconds are those of the wall clock, also
where a thread waits for a core or for the interpreter.

    wall      Each moment of the run belongs to one phase, the first of `PHASES` that any thread is in, else to "other".
              What trains hides what else goes on at the same time, so these seconds add up to those of the run.
    cores     The seconds of each phase, summed over threads. A core is idle while fewer threads than train at the same
              time are in `TRAINING`, counted in `window`: from the first such phase of the run to the end of the last.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, final, get_args

Phase = Literal["train", "compile", "metrics", "import", "start", "data", "ask", "tell", "evidence", "outputs"]
Since = Literal["process", "import", "call"]

PHASES: tuple[Phase, ...] = get_args(Phase)
"""In order of precedence: what a moment of the wall clock belongs to."""

TRAINING: tuple[Phase, ...] = ("train", "compile", "metrics")
"""What the cores are there for."""

_IMPORTED = time.perf_counter()


class Span(NamedTuple):
    """A thread was in a phase. Times are of `time.perf_counter`."""

    phase: Phase
    thread: int
    began: float
    ended: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Both views of a run up to some moment; see the module.

    Attributes:
        since: what the run is counted from: the start of the process as the kernel knows it, the import of tuner where
            the kernel does not tell, or the call of `run_study`, which a library's caller makes whenever they like.
        wall: seconds of each of `PHASES` and "other".
        threads: threads that train at the same time.
        cores: seconds of each of `PHASES`, summed over threads.
        window: seconds from the beginning of the first phase of `TRAINING` to the end of the last; 0 where none was.
        idle: thread-seconds of the window in which fewer than `threads` threads were in a phase of `TRAINING`.
    """

    since: Since
    wall: dict[str, float]
    threads: int
    cores: dict[str, float]
    window: float
    idle: float

    @property
    def total(self) -> float:
        """Seconds of the run."""
        return sum(self.wall.values())

    @property
    def share_outside_training(self) -> float:
        """Share of the run in which nothing trained; compiling and scoring are outside."""
        return 1.0 - self.wall["train"] / self.total if self.total else 0.0

    @property
    def idle_share(self) -> float:
        """Share of the training threads' time in the window that nothing used."""
        return self.idle / (self.threads * self.window) if self.window else 0.0

    @property
    def idle_share_of_run(self) -> float:
        """Share of the training threads' time in the whole run that nothing used."""
        used = self.threads * self.window - self.idle
        return 1.0 - used / (self.threads * self.total) if self.total else 0.0

    def as_dict(self) -> dict[str, object]:
        """Return the object of `run --json` and of the database, in milliseconds; the total is the sum of its parts."""
        wall = {name: round(seconds, 3) for name, seconds in self.wall.items()}
        cores = {name: round(seconds, 3) for name, seconds in self.cores.items()}
        return {
            "since": self.since,
            "wall": {"total": round(sum(wall.values()), 3), **wall},
            "cores": {
                "threads": self.threads,
                **cores,
                "window": round(self.window, 3),
                "idle": round(self.idle, 3),
                "idle_share": round(self.idle_share, 4),
                "idle_share_of_run": round(self.idle_share_of_run, 4),
            },
            "share_outside_training": round(self.share_outside_training, 4),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Account:
        """Return the account that `as_dict` wrote."""
        wall, cores = stored["wall"], stored["cores"]
        return cls(
            since=stored["since"],
            wall={name: wall.get(name, 0.0) for name in (*PHASES, "other")},  # runs from before a phase lack it
            threads=cores["threads"],
            cores={name: cores.get(name, 0.0) for name in PHASES},
            window=cores["window"],
            idle=cores["idle"],
        )


@final
class Clock:
    """Notes which thread is in which phase and when. Any thread may use it at any time; noting takes microseconds.

    Args:
        began: when the run began, of `time.perf_counter`; None is now.
        since: what that moment is; see `Account`.
    """

    def __init__(self, *, began: float | None = None, since: Since = "call") -> None:
        self.began = time.perf_counter() if began is None else began
        self.since = since
        self._spans: list[Span] = []
        self._local = threading.local()

    @classmethod
    def of_process(cls) -> Clock:
        """Return a clock that counts from the start of this process; until now it was in the phase "start"."""
        began, since = process_start()
        clock = cls(began=began, since=since)
        clock.note("start", began, time.perf_counter())
        return clock

    @property
    def spans(self) -> tuple[Span, ...]:
        """What was noted so far. A phase that is not over is not among them."""
        return tuple(self._spans)

    def note(self, phase: Phase, began: float, ended: float) -> None:
        """Note that this thread was in a phase."""
        self._spans.append(Span(phase, threading.get_ident(), began, ended))

    @contextmanager
    def phase(self, phase: Phase) -> Iterator[None]:
        """Note this thread in a phase for the length of the block; the phase around it is interrupted."""
        around: list[tuple[Phase, float]] = self._local.__dict__.setdefault("phases", [])
        now = time.perf_counter()
        if around:
            self.note(around[-1][0], around[-1][1], now)
        around.append((phase, now))
        try:
            yield
        finally:
            now = time.perf_counter()
            self.note(*around.pop(), now)
            if around:
                around[-1] = around[-1][0], now

    def account(self, *, threads: int) -> Account:
        """Return both views of the run until now.

        Args:
            threads: how many may train at the same time.
        """
        return account(self.spans, began=self.began, ended=time.perf_counter(), threads=threads, since=self.since)


def account(spans: tuple[Span, ...], *, began: float, ended: float, threads: int, since: Since = "call") -> Account:
    """Return both views of what was noted between two moments.

    Args:
        spans: in any order; those of one thread do not overlap. What lies outside the two moments is cut off.
        began, ended: of the run.
        threads: how many may train at the same time.
        since: what `began` is.
    """
    cut = [span._replace(began=max(span.began, began), ended=min(span.ended, ended)) for span in spans]
    cut = [span for span in cut if span.ended > span.began]
    training = [span for span in cut if span.phase in TRAINING]
    first = min((span.began for span in training), default=began)
    last = max((span.ended for span in training), default=began)
    wall: dict[str, float] = dict.fromkeys((*PHASES, "other"), 0.0)
    used = 0.0
    for seconds, under_way in _moments(cut, began=began, ended=ended):
        wall[next((phase for phase in PHASES if under_way[phase]), "other")] += seconds
        used += seconds * min(threads, sum(under_way[phase] for phase in TRAINING))
    return Account(
        since=since,
        wall=wall,
        threads=threads,
        cores={phase: math.fsum(s.ended - s.began for s in cut if s.phase == phase) for phase in PHASES},
        window=last - first,
        idle=max(0.0, threads * (last - first) - used),
    )


def _moments(spans: list[Span], *, began: float, ended: float) -> Iterator[tuple[float, dict[Phase, int]]]:
    """Yield the stretches in which nothing begins and nothing ends: seconds, and how many threads are in each phase."""
    changes = [(span.began, span.phase, 1) for span in spans] + [(span.ended, span.phase, -1) for span in spans]
    changes.sort(key=lambda change: change[0])
    under_way: dict[Phase, int] = dict.fromkeys(PHASES, 0)
    at = began
    for moment, phase, more in changes:
        if moment > at:
            yield moment - at, under_way
        at = moment
        under_way[phase] += more
    if ended > at:
        yield ended - at, under_way


def process_start() -> tuple[float, Since]:
    """Return when this process began, on the scale of `time.perf_counter`, and how that is known.

    Linux tells in `/proc/self/stat`, to a hundredth of a second, on the clock since boot. Elsewhere, and where what it
    tells cannot be, it is the import of this module.
    """
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        boot = float(fields[19]) / os.sysconf("SC_CLK_TCK")  # proc(5): field 22, the third is first behind the name
        began = time.perf_counter() - (time.clock_gettime(time.CLOCK_BOOTTIME) - boot)
    except (OSError, AttributeError, IndexError, ValueError):
        return _IMPORTED, "import"
    return (began, "process") if began <= _IMPORTED else (_IMPORTED, "import")
