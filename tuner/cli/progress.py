"""Show a run while it happens: a live table on a terminal, plain lines in a log, JSON lines for programs, or nothing.

Everything goes to the stream given, standard error in the command line; standard output carries results only.
"""

from __future__ import annotations

import dataclasses
import json as json_format
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import TextIO, final

from rich.console import Console
from rich.live import Live
from rich.text import Text

from tuner.cli.printable import indented, printable
from tuner.events import BatchFinished, Event, EvidenceStep, Listener, Notice, OutputsWritten, StudyOpened, ignore

_NAMES = {
    StudyOpened: "study_opened",
    BatchFinished: "batch_finished",
    EvidenceStep: "evidence_step",
    Notice: "notice",
    OutputsWritten: "outputs_written",
}
_MAX_NAME = 40


@contextmanager
def make_listener(*, json: bool, quiet: bool, terminal: bool, stream: TextIO) -> Iterator[Listener]:
    """Yield the listener for a run; a terminal is given back at the end of the block.

    Args:
        json: one JSON object per event and line.
        quiet: nothing at all; wins over everything else.
        terminal: whether `stream` is a terminal, whose last row may be redrawn.
        stream: where to write.
    """
    if quiet:
        yield ignore
    elif json:
        yield JSONLines(stream)
    elif terminal:
        console = Console(file=stream, force_terminal=True, highlight=False, markup=False, emoji=False)
        table = TerminalTable(console)
        with Live(
            console=console,
            get_renderable=table.live_row,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        ):
            yield table
    else:
        yield PlainLines(stream)


@final
class JSONLines:
    """One object per event: its name under "event", then its fields. What is not finite is null."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        """Write the event as one line."""
        record = {"event": _NAMES[type(event)], **dataclasses.asdict(event)}
        if isinstance(event, BatchFinished) and event.best is not None:
            number, mean, half_width, params = event.best
            finite = half_width if math.isfinite(half_width) else None
            record["best"] = {"trial": number, "mean": mean, "half_width": finite, "params": params}
        print(json_format.dumps(record, allow_nan=False), file=self._stream, flush=True)


@final
class PlainLines:
    """The table as plain lines, for logs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._table: Table | None = None

    def __call__(self, event: Event) -> None:
        """Write what the event adds to the table."""
        if isinstance(event, StudyOpened):
            self._table = Table(event)
            self._write(f"{headline(event)}\n\n{self._table.header}")
        elif isinstance(event, BatchFinished) and self._table:
            self._write(self._table.row(event))
        elif isinstance(event, EvidenceStep):
            self._write(printable(event.text))
        elif isinstance(event, Notice):
            self._write(_note(event))

    def _write(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


@final
class TerminalTable:
    """The table on a terminal: below its rows a live one that counts the seconds of the batch under way."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._table: Table | None = None
        self._left_seconds: float | None = None
        self._since = 0.0
        self._busy = False

    def __call__(self, event: Event) -> None:
        """Draw what the event adds to the table."""
        if isinstance(event, StudyOpened):
            self._table = Table(event)
            name = _short(event.study)
            hint = ("      Ctrl-C keeps the study", "dim")
            self._print(Text.assemble((name, "bold"), headline(event).removeprefix(name), hint))
            self._print(Text(f"\n{self._table.header}", style="dim"))
            self._begin(None, busy=event.n_finished < event.n_trials)
        elif isinstance(event, BatchFinished) and self._table:
            self._begin(event.left_seconds, busy=event.n_finished < event.n_trials)
            self._print(Text(self._table.row(event)))
        elif isinstance(event, EvidenceStep):
            self._print(Text(printable(event.text), style="dim"))
        elif isinstance(event, Notice):
            self._print(Text(_note(event), style="yellow"))

    def live_row(self) -> Text:
        """Return the row of the batch under way; empty between batches."""
        if not self._busy or self._table is None:
            return Text(end="")
        elapsed = monotonic() - self._since
        left = None if self._left_seconds is None else max(self._left_seconds - elapsed, 0.0)
        return Text(self._table.live_row(elapsed, left), style="dim", no_wrap=True, overflow="crop")

    def _begin(self, left_seconds: float | None, *, busy: bool) -> None:
        self._left_seconds, self._busy, self._since = left_seconds, busy, monotonic()

    def _print(self, text: Text) -> None:
        self._console.print(text, no_wrap=True, overflow="crop", crop=True)


@final
class Table:
    """Rows of one study with stable widths."""

    def __init__(self, event: StudyOpened) -> None:
        best = f"best {event.metric.replace('_', ' ')}"
        digits = len(str(event.n_trials))
        self._trials_width = max(len(" trials"), 2 * digits + 1)
        self._best_width = max(len(best), len("-0.123 +- 0.123 (trial )") + digits)
        self.header = self._line(" trials", best, "at weight", "hidden", "epochs", "batch", "left")

    def row(self, event: BatchFinished) -> str:
        """Return the row of a finished batch."""
        best, weight, hidden, epochs = "none yet", "-", "-", "-"
        if event.best is not None:
            number, mean, half_width, params = event.best
            spread = f" +- {half_width:.3f}" if math.isfinite(half_width) else ""
            best = f"{mean:.3f}{spread} (trial {number})"
            weight, hidden, epochs = (
                _weight(_largest_weight(params)),
                str(params["hidden_size"]),
                str(params["epochs"]),
            )
        left = "-" if event.left_seconds is None else duration(event.left_seconds)
        trials = f"{event.n_finished}/{event.n_trials}"
        line = self._line(trials, best, weight, hidden, epochs, duration(event.batch_seconds), left)
        counts = ((event.n_pruned, "pruned"), (event.n_failed, "failed"))
        return "   ".join([line, *(f"{count} {what}" for count, what in counts if count)])

    def live_row(self, elapsed_seconds: float, left_seconds: float | None) -> str:
        """Return the row of the batch under way."""
        left = "" if left_seconds is None else duration(left_seconds)
        return self._line("...", "", "", "", "", duration(elapsed_seconds), left)

    def _line(self, trials: str, best: str, *numbers: str) -> str:
        cells = "  ".join(f"{number:>{width}}" for number, width in zip(numbers, (9, 6, 6, 7, 7), strict=True))
        return f"{trials:>{self._trials_width}}   {best:<{self._best_width}}  {cells}".rstrip()


def headline(event: StudyOpened) -> str:
    """Return the line above the table: name, budget, models of each trial, seed, what is there already."""
    trials = "1 trial" if event.n_trials == 1 else f"{event.n_trials} trials"
    models = "1 model each" if event.n_folds == 1 else f"{event.n_folds} models each"
    finished = f", {event.n_finished} finished before" if event.n_finished else ""
    adopted = f", {event.n_adopted} evaluated again" if event.n_adopted else ""
    return f"{_short(event.study)}   {trials}, {models}, seed {event.seed}{finished}{adopted}"


def duration(seconds: float) -> str:
    """Return seconds as people read them, at most 7 characters: `3.9 s`, `45 s`, `1m 34s`, `2h 05m`, `3d 04h`."""
    whole = round(seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d {whole % 86_400 // 3600:02d}h"


def _largest_weight(params: Mapping[str, object]) -> object:
    """Return the weight of class 1, or the largest of more than two classes or of labels."""
    weights = params.get("class_weights")
    return max(weights) if isinstance(weights, list) else params["minority_weight"]


def _weight(value: object) -> str:
    if not isinstance(value, int | float):
        return str(value)
    if value < 1:
        return f"{value:.3g}"
    return f"{value:.1f}" if value < 1000 else f"{value:.0f}"


def _short(name: str) -> str:
    return name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 3]}..."


def _note(event: Notice) -> str:
    label = "note: "
    return label + indented(printable(event.text), len(label))
