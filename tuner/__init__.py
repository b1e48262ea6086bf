"""Find class weights for imbalanced classification, and say honestly whether they help.

>>> import tuner
>>> weights = tuner.load_best_weights("studies/default/best_weights.json")
>>> weights.for_keras()
{0: 1.0, 1: 31.6}

Names are resolved on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tuner.config.load import load_config as load_config
    from tuner.errors import TunerError as TunerError
    from tuner.interruption import catching_signals as catching_signals
    from tuner.report.weights import BestWeights as BestWeights
    from tuner.report.weights import read_best_weights

    load_best_weights = read_best_weights
    from tuner.run import RunResult as RunResult
    from tuner.run import load_encoder as load_encoder
    from tuner.run import run_study as run_study
    from tuner.study.summary import StudySummary as StudySummary
    from tuner.study.summary import load_summary as load_summary

_HOMES = {
    "BestWeights": ("tuner.report.weights", "BestWeights"),
    "RunResult": ("tuner.run", "RunResult"),
    "StudySummary": ("tuner.study.summary", "StudySummary"),
    "TunerError": ("tuner.errors", "TunerError"),
    "catching_signals": ("tuner.interruption", "catching_signals"),
    "load_best_weights": ("tuner.report.weights", "read_best_weights"),
    "load_config": ("tuner.config.load", "load_config"),
    "load_encoder": ("tuner.run", "load_encoder"),
    "load_summary": ("tuner.study.summary", "load_summary"),
    "run_study": ("tuner.run", "run_study"),
}

__all__ = [  # noqa: PLE0604 - the keys of _HOMES
    *sorted(_HOMES)
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'tuner' has no attribute {name!r}; it has {', '.join(sorted(_HOMES))}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted(_HOMES)
