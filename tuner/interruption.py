"""Stopping politely: a signal becomes a request that long work asks for between two steps."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from tuner.errors import Stopped


class StopRequest:
    """Answers whether a signal asked us to stop. Call it between two steps of long work."""

    def __init__(self) -> None:
        self.signal_number: int | None = None

    def __call__(self) -> bool:
        """Return whether to stop."""
        return self.signal_number is not None

    def raise_if_set(self) -> None:
        """Raise `Stopped` when a signal arrived."""
        if self.signal_number is not None:
            name = signal.Signals(self.signal_number).name
            raise Stopped(
                f"stopped by {name}; every finished trial is kept, the same command goes on from here",
                signal_number=self.signal_number,
            )


@contextmanager
def catching_signals() -> Iterator[StopRequest]:
    """Turn SIGINT and SIGTERM into a `StopRequest`; the second one acts as if nobody had caught the first.

    A signal that is ignored, as SIGINT is in what a shell script starts in the background, stays ignored.
    """
    request = StopRequest()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = {number: handler for number, handler in handlers.items() if handler not in (signal.SIG_IGN, None)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def receive(number: int, frame: FrameType | None) -> None:
        request.signal_number = number
        restore()

    try:
        for number in before:
            signal.signal(number, receive)
        yield request
    finally:
        restore()
