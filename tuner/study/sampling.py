"""Parameters of trial n: a pure function of the study's seed, n, and the trials before it.

Optuna does not store the state of a sampler, so a resumed study would repeat draws. Here every trial number has a
fresh sampler of its own, seeded from (study seed, number), which asks a copy of the study in memory. Nothing is written
until a whole batch is drawn.

Batches are asked one ahead, so that the next one is ready when the cores are: while batch k is drawn, the trials of
batches 0 to k - 2 have their scores, those of batch k - 1 and of batch k itself count as running. That holds whatever
finished first, so a study that was killed, or given more trials later, draws what it would have drawn at once.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from tuner.study.distributions import contains
from tuner.study.points import Params
from tuner.study.space import ResolvedSpace

TPE_OPTIONS: dict[str, Any] = {
    "n_startup_trials": 10,
    "n_ei_candidates": 24,
    "multivariate": True,
    "group": False,
    "constant_liar": True,
}
"""Every option of Optuna's TPE, so that a changed default changes nothing here. The constant liar counts running
trials, those of the same batch and of the one before it, as bad: they spread out."""


def make_sampler(name: str, *, seed: int, number: int) -> BaseSampler:
    """Return the sampler that draws trial `number`, and no other, in a study seeded with `seed`."""
    own_seed = int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
    return TPESampler(seed=own_seed, **TPE_OPTIONS) if name == "tpe" else RandomSampler(seed=own_seed)


class Asker:
    """A copy of the study in memory that draws parameters.

    The sampler sees a pruned trial as complete, with the value that was stored for it (`racing.Race.values`). Optuna's
    TPE would rank pruned trials behind all others, by their last step, here an epoch.

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
        self._stored = tuple(trials)
        self._study = optuna.create_study(
            storage=optuna.storages.InMemoryStorage(), direction="maximize", pruner=optuna.pruners.NopPruner()
        )
        self._given = {trial.number: self._known(trial) for trial in trials if not trial.state.is_finished()}
        self._n_copied = 0
        self._held: dict[int, float | None] = {}  # scores that the sampler may not see yet; None of a failed trial

    def ask(self, numbers: Sequence[int]) -> list[Params]:
        """Return the parameters of trials `numbers`, those of one batch that are not finished; batches go in order."""
        batch = numbers[0] // self._space.batch_size
        self._reveal(batch - 2)
        drawn = []
        for number in numbers:
            for stored in self._stored[self._n_copied : number]:
                self._copy(stored, as_running=stored.number // self._space.batch_size > batch - 2)
            points = self._space.points
            known = self._given.get(number) or (points[number].params if number < len(points) else {})
            drawn.append(self._draw(number, known))
        return drawn

    def tell(self, values: Mapping[int, float | None]) -> None:
        """Take the values of a batch by number, None of a trial that failed; drawing learns of them a batch later."""
        self._held |= values

    def _reveal(self, last_batch: int) -> None:
        """Let the sampler see the scores of all batches up to `last_batch`."""
        for number in sorted(n for n in self._held if n // self._space.batch_size <= last_batch):
            value = self._held.pop(number)
            self._study.tell(number, value, state=_state(value))

    def _copy(self, trial: FrozenTrial, *, as_running: bool) -> None:
        """Take over a stored trial that is finished, or pass it for one that is still running."""
        if not trial.state.is_finished():
            raise ValueError(f"trial {trial.number} is not finished, so it must be asked before a later one")
        value = None if trial.state == TrialState.FAIL or not trial.values else trial.values[0]
        self._study.add_trial(
            create_trial(
                state=TrialState.RUNNING if as_running else _state(value),
                value=None if as_running else value,
                params=trial.params,
                distributions=trial.distributions,
            )
        )
        self._n_copied += 1
        if as_running:
            self._held[trial.number] = value

    def _draw(self, number: int, known: Params) -> Params:
        self._study.sampler = make_sampler(self._space.sampler, seed=self._space.seed, number=number)
        if known:
            self._study.enqueue_trial(known)
        trial = self._study.ask({**self._space.distributions})
        if trial.number != number:
            raise ValueError(f"trial {number} was asked for, but the next one is {trial.number}")
        self._n_copied += 1
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
        return known


def _state(value: float | None) -> TrialState:
    return TrialState.FAIL if value is None else TrialState.COMPLETE
