"""Dataset, folds, trainer and metric as one thing that scores groups of trials."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tuner.config.schema import ScoringSection
from tuner.data.dataset import Dataset
from tuner.data.folds import Folds
from tuner.scoring import score
from tuner.timing import Clock
from tuner.training.trainer import Predictions, Trainer
from tuner.trial import TrialParams, TrialScore


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """Scores trials on frozen folds; pure but for its clock, and safe to call from several threads."""

    dataset: Dataset
    folds: Folds
    trainer: Trainer
    scoring: ScoringSection
    clock: Clock = field(default_factory=Clock)

    def stacks(self, batch: Sequence[TrialParams], *, n_folds: int) -> list[tuple[TrialParams, ...]]:
        """Return the batch as groups that train together on `n_folds` folds each, longest first."""
        return self.trainer.stacks(batch, n_folds=n_folds)

    def evaluate(
        self, stack: Sequence[TrialParams], *, folds: Sequence[int], should_stop: Callable[[], bool]
    ) -> tuple[list[TrialScore], tuple[float, float]] | None:
        """Train and score one group on some folds.

        Args:
            stack: from `stacks`.
            folds: which folds j, ascending.
            should_stop: asked between epochs.

        Returns:
            One score per trial in the same order, and when its training began and ended (`time.perf_counter`);
            None when `should_stop` answered true on the way.
        """
        began = time.perf_counter()
        with self.clock.phase("train"):
            predictions = self.trainer.train(stack, folds=folds, should_stop=should_stop)
        ended = time.perf_counter()
        if predictions is None:
            return None
        seconds = (ended - began) / len(stack)
        with self.clock.phase("metrics"):
            scores = [
                self._score(params, one, folds=folds, seconds=seconds)
                for params, one in zip(stack, predictions, strict=True)
            ]
        return scores, (began, ended)

    def _score(
        self, params: TrialParams, predictions: Predictions, *, folds: Sequence[int], seconds: float
    ) -> TrialScore:
        epochs = predictions.checkpoint_epochs
        fold_scores = np.empty((len(epochs), len(folds)))
        for j, fold in enumerate(folds):
            rows = self.folds.valid[fold]
            logits = predictions.logits[:, j, : len(rows)]
            lost = [epoch for epoch, z in zip(epochs, logits, strict=True) if not np.isfinite(z).all()]
            if lost:
                return TrialScore.failed(params.number, self._divergence(params, fold, lost[0]), seconds=seconds)
            fold_scores[:, j] = score(self.scoring, self.dataset.y[rows], logits)
        return TrialScore(
            number=params.number,
            checkpoint_epochs=np.array(epochs, np.int64),
            fold_scores=fold_scores,
            logits=self._by_row(predictions.logits[-1], folds),
            seconds=seconds,
        )

    def _divergence(self, params: TrialParams, fold: int, epoch: int) -> str:
        repeat, split = int(self.folds.repeat[fold]), int(self.folds.split[fold])
        return (
            f"training diverged: predictions of repeat {repeat}, fold {split} are not finite after epoch {epoch} "
            f"(learning_rate {params.learning_rate:g}, minority_weight {params.minority_weight:g}); "
            "a smaller learning rate helps"
        )

    def _by_row(self, logits: NDArray[np.float32], folds: Sequence[int]) -> NDArray[np.float32]:
        """Return the logits of one checkpoint, `(J', V)`, as `(R', N)` in the order of `folds.scored_rows`."""
        repeats, places = np.unique(self.folds.repeat[list(folds)], return_inverse=True)
        out = np.full((len(repeats), len(self.folds.scored_rows)), np.nan, np.float32)
        for j, fold in enumerate(folds):
            rows = self.folds.valid[fold]
            out[places[j], np.searchsorted(self.folds.scored_rows, rows)] = logits[j, : len(rows)]
        return out
