"""Every error raised on purpose, drawn as a tree.

TunerError                 exit code 1
|-- ConfigError            2  the configuration cannot be run as written
|-- DataError              3  the table cannot be used as it is
|-- StudyError             4  no study, lock held, drift, unusable database, no trial completed
|-- EngineError            5  the machine could not do what was asked (memory, a dead worker)
|-- ReplayMismatch         6  a replayed trial disagrees with what is stored
`-- Stopped                130 or 143  a signal asked us to stop; the study is kept

A message says where, what was received, what is expected and what to do next. The command line prints it
as it is, without a traceback, and leaves with `exit_code`.
"""

from __future__ import annotations


class TunerError(Exception):
    """Base of all errors raised on purpose."""

    exit_code = 1


class ConfigError(TunerError):
    """The configuration cannot be run as written."""

    exit_code = 2


class DataError(TunerError):
    """The table cannot be used as it is."""

    exit_code = 3


class StudyError(TunerError):
    """The study or its database cannot be used."""

    exit_code = 4


class EngineError(TunerError):
    """The machine could not do what was asked."""

    exit_code = 5


class ReplayMismatch(TunerError):
    """A replayed trial disagrees with what is stored."""

    exit_code = 6


class Stopped(TunerError):
    """A signal asked us to stop; everything finished so far is kept.

    Args:
        message: what was kept and how to go on.
        signal_number: the signal received, 2 (SIGINT) or 15 (SIGTERM).
    """

    def __init__(self, message: str, *, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number
