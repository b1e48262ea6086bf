"""Dataset, folds, trainer and metric as one thing that scores groups of trials."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuner.data.dataset import Dataset
from tuner.data.folds import Folds
from tuner.scoring import score
from tuner.training.trainer import Predictions, Trainer
from tuner.trial import TrialParams, TrialScore


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """Scores trials on frozen folds; pure, and safe to call from several threads."""

    dataset: Dataset
    folds: Folds
    trainer: Trainer
    metric: str

    def stacks(self, batch: Sequence[TrialParams]) -> list[tuple[TrialParams, ...]]:
        """Return the batch as groups that train together, longest first."""
        return self.trainer.stacks(batch)

    def evaluate(
        self, stack: Sequence[TrialParams], *, should_stop: Callable[[], bool]
    ) -> tuple[list[TrialScore], tuple[float, float]] | None:
        """Train and score one group.

        Returns:
            One score per trial in the same order, and when its training began and ended (`time.perf_counter`);
            None when `should_stop` answered true on the way.
        """
        began = time.perf_counter()
        predictions = self.trainer.train(stack, should_stop=should_stop)
        ended = time.perf_counter()
        if predictions is None:
            return None
        seconds = (ended - began) / len(stack)
        scores = [self._score(params, p, seconds) for params, p in zip(stack, predictions, strict=True)]
        return scores, (began, ended)

    def _score(self, params: TrialParams, predictions: Predictions, seconds: float) -> TrialScore:
        epochs = predictions.checkpoint_epochs
        fold_scores = np.empty((len(epochs), len(self.folds.valid)))
        for fold, rows in enumerate(self.folds.valid):
            logits = predictions.logits[:, fold, : len(rows)]
            lost = [epoch for epoch, z in zip(epochs, logits, strict=True) if not np.isfinite(z).all()]
            if lost:
                return TrialScore.failed(params.number, self._divergence(params, fold, lost[0]), seconds=seconds)
            fold_scores[:, fold] = score(self.metric, self.dataset.y[rows], logits)
        return TrialScore(
            number=params.number,
            checkpoint_epochs=np.array(epochs, np.int64),
            fold_scores=fold_scores,
            logits=self._by_row(predictions.logits[-1]),
            seconds=seconds,
        )

    def _divergence(self, params: TrialParams, fold: int, epoch: int) -> str:
        repeat, split = int(self.folds.repeat[fold]), int(self.folds.split[fold])
        return (
            f"training diverged: predictions of repeat {repeat}, fold {split} are not finite after epoch {epoch} "
            f"(learning_rate {params.learning_rate:g}, minority_weight {params.minority_weight:g}); "
            "a smaller learning rate helps"
        )

    def _by_row(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the logits of one checkpoint, `(J, V)`, as `(R, N)` in the order of `folds.scored_rows`."""
        out = np.full((self.folds.plan.n_repeats, len(self.folds.scored_rows)), np.nan, np.float32)
        for fold, rows in enumerate(self.folds.valid):
            columns = np.searchsorted(self.folds.scored_rows, rows)
            out[self.folds.repeat[fold], columns] = logits[fold, : len(rows)]
        return out
