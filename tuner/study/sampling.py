"""Parameters of trial n: a pure function of the study's seed, n, and the trials before it.

Optuna does not store the state of a sampler, so a resumed study would repeat draws. Here every trial number has a
fresh sampler of its own, seeded from (study seed, number), which asks a copy of the study in memory. Nothing is written
until a whole batch is drawn, and a study that was killed, or given more trials later, draws what it would have drawn at
once: while the rest of a batch is drawn, the finished trials of that batch count as running.
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from tuner.study.space import Params, ResolvedSpace, contains

TPE_OPTIONS: dict[str, Any] = {
    "n_startup_trials": 10,
    "n_ei_candidates": 24,
    "multivariate": True,
    "group": False,
    "constant_liar": True,
}
"""Every option of Optuna's TPE, so that a changed default changes nothing here. The constant liar counts trials of the
same batch, which are still running, as bad: a batch spreads out."""


def make_sampler(name: str, *, seed: int, number: int) -> BaseSampler:
    """Return the sampler that draws trial `number`, and no other, in a study seeded with `seed`."""
    own_seed = int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
    return TPESampler(seed=own_seed, **TPE_OPTIONS) if name == "tpe" else RandomSampler(seed=own_seed)


class Asker:
    """A copy of the study in memory that draws parameters.

    Args:
        space: what may be drawn.
        trials: all trials of the study, in number order without gaps. Those not finished keep the parameters they have,
            or are queued with; missing ones are drawn.

    Attributes:
        notices: what somebody queued and the space cannot take, in words.
    """

    def __init__(self, space: ResolvedSpace, trials: Sequence[FrozenTrial]) -> None:
        self.notices: list[str] = []
        self._space = space
        self._study = optuna.create_study(
            storage=optuna.storages.InMemoryStorage(), direction="maximize", pruner=optuna.pruners.NopPruner()
        )
        self._unfinished: dict[int, Params] = {}
        self._held: dict[int, FrozenTrial] = {}  # finished; count as running until the rest of their batch is told
        begun = {self._batch(trial.number) for trial in trials if not trial.state.is_finished()}
        begun.add(self._batch(len(trials)))
        for trial in trials:
            if not trial.state.is_finished():
                self._unfinished[trial.number] = self._draw(trial.number, self._known(trial))
            elif self._batch(trial.number) in begun:
                self._held[trial.number] = trial
                self._study.add_trial(_as_running(trial))
            else:
                self._study.add_trial(trial)

    def params(self, number: int) -> Params:
        """Return the parameters of trial `number`: one not finished, or the next one, which is drawn."""
        if number in self._unfinished:
            return self._unfinished[number]
        points = self._space.points
        return self._draw(number, points[number].params if number < len(points) else {})

    def tell(self, number: int, value: float | None) -> None:
        """Finish a trial with its score, None where it failed, when all of its batch is evaluated."""
        self._unfinished.pop(number, None)
        self._study.tell(number, value, state=TrialState.FAIL if value is None else TrialState.COMPLETE)
        for mate in [held for held in self._held if self._batch(held) == self._batch(number)]:
            trial = self._held.pop(mate)
            self._study.tell(mate, trial.values if trial.state == TrialState.COMPLETE else None, state=trial.state)

    def _batch(self, number: int) -> int:
        return number // self._space.batch_size

    def _draw(self, number: int, known: Params) -> Params:
        self._study.sampler = make_sampler(self._space.sampler, seed=self._space.seed, number=number)
        if known:
            self._study.enqueue_trial(known)
        trial = self._study.ask({**self._space.distributions})
        if trial.number != number:
            raise ValueError(f"trial {number} was asked for, but the next one is {trial.number}")
        return trial.params

    def _known(self, trial: FrozenTrial) -> Params:
        """Return what a trial that somebody began or queued already has, as far as the space can take it."""
        given = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
        distributions = self._space.distributions
        known = {name: v for name, v in given.items() if name in distributions and contains(distributions[name], v)}
        if strange := [f"{name}={reprlib.repr(v)}" for name, v in given.items() if name not in known]:
            self.notices.append(
                f"trial {trial.number} was queued by another program with {', '.join(strange)}:"
                " not in the search space, so its own values are drawn"
            )
        points = self._space.points
        return known or (points[trial.number].params if trial.number < len(points) else {})


def _as_running(trial: FrozenTrial) -> FrozenTrial:
    """Return a finished trial as it was while its batch was drawn."""
    return create_trial(
        state=TrialState.RUNNING,
        params=trial.params,
        distributions=trial.distributions,
        intermediate_values=trial.intermediate_values,
    )
