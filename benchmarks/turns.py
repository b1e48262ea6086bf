"""Processes that train when they are asked to, so that what is compared can take turns.

A process answers each line of its standard input, a number of epochs, with a JSON object on a line of standard output.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

Ask = Callable[[int], dict[str, Any]]


@contextmanager
def process(
    script: str, argument: str, log: Path, *, cores: int | None = None, python: str = sys.executable
) -> Iterator[Ask]:
    """Yield what asks `python SCRIPT ARGUMENT` to train a number of epochs.

    Its standard error goes to `log`; it is confined to so many `cores` from its start, None to all there are.
    """
    command = [python, str(Path(__file__).with_name(script)), argument]
    with log.open("w") as errors, _started(command, errors, cores) as running:
        requests, answers = cast("IO[str]", running.stdin), cast("IO[str]", running.stdout)

        def ask(epochs: int) -> dict[str, Any]:
            requests.write(f"{epochs}\n")
            requests.flush()
            if not (line := answers.readline()):
                raise RuntimeError(f"{script} {argument} ended early:\n{log.read_text()}")
            answer: dict[str, Any] = json.loads(line)
            return answer

        yield ask


def serve(train: Callable[[int], object], state: Callable[[], dict[str, object]]) -> None:
    """Train as asked until standard input ends; answer the seconds, and what `state` tells afterwards."""
    for line in sys.stdin:
        began = time.perf_counter()
        train(int(line))
        seconds = time.perf_counter() - began
        print(json.dumps({"seconds": seconds, **state()}), flush=True)


def _started(command: list[str], errors: IO[str], cores: int | None) -> subprocess.Popen[str]:
    """Start a process on the first `cores`: it inherits them, and so do threads that libraries start when imported."""
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(own)[:cores])
    try:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
    finally:
        os.sched_setaffinity(0, own)
