"""Fold racing: the candidates of a batch train repeat by repeat, and a clear loser never trains the rest.

After every complete repeat the leader is the one of greatest mean over the folds done so far, among the candidates and
their rivals, finished trials with all folds. A candidate whose paired difference to the leader lies below 0 at a
one-sided confidence, by the corrected resampled variance of `tuner.intervals`, is ruled out.

It is a speed heuristic, not a test: the leader is the best of many, and looking again after each repeat voids whatever
error control a single look would have. The confidence is a knob between speed and care, no error rate.

Source  Maron & Moore 1994, Hoeffding races; Birattari et al. 2002, F-race; Nadeau & Bengio 2003 (variance)
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tuner.intervals import corrected_interval
from tuner.trial import Evaluate, FirstEpoch, FoldPlan, TrialParams, TrialScore

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """Who runs a race and by which rule.

    Attributes:
        confidence: one-sided, in (0.5, 1).
        folds: the folds; a repeat is `n_splits` of them.
        safe: numbers of candidates that are never ruled out.
        rivals: scores of finished trials on all folds after their last epoch, by number. Each of shape `(J,)`.
    """

    confidence: float
    folds: FoldPlan
    safe: Container[int]
    rivals: Mapping[int, Scores]

    def run(self, batch: Sequence[TrialParams], evaluate: Evaluate) -> list[TrialScore]:
        """Evaluate a batch repeat by repeat.

        Args:
            batch: the candidates.
            evaluate: answers finite scores of the folds asked for, or a failure, which ends a candidate's race.

        Returns:
            One score per candidate, same order: with all folds, with those of some repeats and the reason why, or with
            a failure.
        """
        scores: dict[int, TrialScore] = {}
        racing = list(batch)
        for repeat in range(self.folds.n_repeats):
            n_done = (repeat + 1) * self.folds.n_splits
            for score in evaluate(racing, range(n_done - self.folds.n_splits, n_done)):
                scores[score.number] = _joined(scores.get(score.number), score)
            if n_done < self.folds.n_folds:
                scores |= self._ruled_out([scores[params.number] for params in racing])
            racing = [params for params in racing if _goes_on(scores[params.number])]
            if not racing:
                break
        return [scores[params.number] for params in batch]

    def values(self, scores: Sequence[TrialScore]) -> dict[int, float | None]:
        """Return what the sampler is told of each candidate of a finished race, by number; None of one that failed.

        That is the mean over all folds. Of those ruled out it is estimated: the mean of the winner, the best trial with
        all folds, plus the mean paired difference to it over the folds there are. Their own mean would not do: a repeat
        that is easy is so for all trials, often by more than the good ones differ.
        """
        whole = {score.number: score.fold_scores[-1] for score in scores if _goes_on(score)} | {**self.rivals}
        winner = max(whole.items(), key=lambda item: (item[1].mean(), -item[0]))[1] if whole else None
        values: dict[int, float | None] = {}
        for score in scores:
            values[score.number] = score.mean
            if score.pruned is not None and winner is not None:
                difference = score.fold_scores[-1] - winner[: score.fold_scores.shape[1]]
                values[score.number] = float(winner.mean() + difference.mean())
        return values

    def _ruled_out(self, scores: Sequence[TrialScore]) -> dict[int, TrialScore]:
        """Return those that the leader leaves behind, each with the reason."""
        done = {score.number: score.fold_scores[-1] for score in scores if score.failure is None}
        if not done:
            return {}
        n_done = len(next(iter(done.values())))
        field = {**{number: rival[:n_done] for number, rival in self.rivals.items()}, **done}
        leader = max(field, key=lambda number: (field[number].mean(), -number))
        ruled_out = {}
        for score in scores:
            if score.number in done and score.number not in self.safe:
                reason = self._reason(done[score.number] - field[leader], leader)
                if reason is not None:
                    ruled_out[score.number] = replace(score, pruned=reason)
        return ruled_out

    def _reason(self, differences: Scores, leader: int) -> str | None:
        """Return why a candidate is ruled out, None where it is not."""
        interval = corrected_interval(
            differences, test_over_train=self.folds.test_over_train, level=2 * self.confidence - 1
        )
        if interval.high >= 0:
            return None
        return (
            f"ruled out after {len(differences)} of {self.folds.n_folds} folds: {-interval.mean:.3g} below trial"
            f" {leader}, at least {-interval.high:.3g} at confidence {self.confidence:g}"
        )


def _goes_on(score: TrialScore) -> bool:
    return score.failure is None and score.pruned is None


def _joined(before: TrialScore | None, score: TrialScore) -> TrialScore:
    """Return a candidate's score with the folds of one more repeat."""
    if before is None:
        return score
    seconds = before.seconds + score.seconds
    if score.failure is not None:
        return replace(score, seconds=seconds)
    return replace(
        score,
        fold_scores=np.concatenate([before.fold_scores, score.fold_scores], axis=1),
        logits=np.concatenate([before.logits, score.logits]),
        first_epoch=_both(before.first_epoch, score.first_epoch),
        seconds=seconds,
    )


def _both(before: FirstEpoch | None, now: FirstEpoch | None) -> FirstEpoch | None:
    return None if before is None or now is None else before.followed_by(now)
