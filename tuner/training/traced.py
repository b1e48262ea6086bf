"""Functions compiled once, by XLA, and called from any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from tuner.timing import Clock
from tuner.training.backend import tf


class Traced:
    """A function compiled by XLA for the shapes of its first call, which must be those of all calls.

    Traced under a lock: the model of a program is shared by all threads, and tracing puts tensors into it.
    """

    def __init__(self, function: Callable[..., Any], clock: Clock) -> None:
        self._clock = clock
        self._function = tf.function(function, jit_compile=True, autograph=False)
        self._concrete: Any = None
        self._is_compiled = False
        self._lock = threading.Lock()

    def __call__(self, *arguments: Any) -> Any:
        """Return what the function returns, of arguments of the shapes of the first call."""
        if self._is_compiled:
            return self._concrete(*arguments)
        with self._clock.phase("compile"):  # XLA compiles when the program first runs
            with self._lock:
                if self._concrete is None:
                    self._concrete = self._function.get_concrete_function(*arguments)
            answer = self._concrete(*arguments)
        self._is_compiled = True
        return answer
