"""Dataset, folds, trainer and metric as one thing that scores groups of trials."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tuner.config.schema import ScoringSection
from tuner.data.folds import Folds
from tuner.scoring import score
from tuner.timing import Clock
from tuner.training.trainer import Predictions, Trainer
from tuner.trial import FirstEpoch, TrialParams, TrialScore

Shares = NDArray[np.float64]

ODDS_TOLERANCE = 0.01
"""How far the class weights may be from lifting the odds of a share by their ratio; float32 is 1e-7 off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """Scores trials on frozen folds; pure but for its clock, and safe to call from several threads."""

    y: NDArray[np.int32]
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
            fold_scores[:, j] = score(self.scoring, self.y[rows], logits)
        if predictions.first_epoch is not None:
            reason = self._idle_weights(params, predictions.first_epoch, folds)
            if reason is not None:
                return TrialScore.failed(params.number, reason, seconds=seconds)
        return TrialScore(
            number=params.number,
            checkpoint_epochs=np.array(epochs, np.int64),
            fold_scores=fold_scores,
            logits=self._by_row(predictions.logits[-1], folds),
            seconds=seconds,
            first_epoch=predictions.first_epoch,
        )

    def _idle_weights(self, params: TrialParams, first_epoch: FirstEpoch, folds: Sequence[int]) -> str | None:
        """Return where and how the class weights of a trial did not act in its first epoch; None where they did."""
        weights = np.array(params.class_weights or (params.majority_weight, params.minority_weight))
        is_multilabel = self.y.ndim == 2
        if (weights == (1.0 if is_multilabel else weights[0])).all():
            return None
        for what, before, after in (
            ("loss", first_epoch.unweighted_loss_share, first_epoch.loss_share),
            ("gradient", first_epoch.unweighted_gradient_share, first_epoch.gradient_share),
        ):
            idle = np.argwhere(~_acted(before, after, weights=weights, is_multilabel=is_multilabel))
            if len(idle):
                place, of_class = tuple(idle[0]), 1 if before.ndim == 1 else int(idle[0][1])
                fold = folds[place[0]]
                return (
                    f"the class weights cannot act: in the first epoch of repeat {self.folds.repeat[fold]}, fold "
                    f"{self.folds.split[fold]}, {'label' if is_multilabel else 'class'} {of_class} has "
                    f"{_share(before[place])} of the {what} without them and {_share(after[place])} with them "
                    f"({_weight_words(params)}); standardize the columns, lower learning_rate, or leave the "
                    "weights equal"
                )
        return None

    def _divergence(self, params: TrialParams, fold: int, epoch: int) -> str:
        repeat, split = int(self.folds.repeat[fold]), int(self.folds.split[fold])
        return (
            f"training diverged: predictions of repeat {repeat}, fold {split} are not finite after epoch {epoch} "
            f"(learning_rate {params.learning_rate:g}, {_diverged_words(params)}); "
            "a smaller learning rate helps"
        )

    def _by_row(self, logits: NDArray[np.float32], folds: Sequence[int]) -> NDArray[np.float32]:
        """Return the logits of one checkpoint, `(J', V)`, as `(R', N)` in the order of `folds.scored_rows`.

        Logits of more than one output keep their last axis.
        """
        repeats, places = np.unique(self.folds.repeat[list(folds)], return_inverse=True)
        out = np.full((len(repeats), len(self.folds.scored_rows), *logits.shape[2:]), np.nan, np.float32)
        for j, fold in enumerate(folds):
            rows = self.folds.valid[fold]
            out[places[j], np.searchsorted(self.folds.scored_rows, rows)] = logits[j, : len(rows)]
        return out


def _acted(before: Shares, after: Shares, *, weights: Shares, is_multilabel: bool) -> NDArray[np.bool_]:
    """Return where the weights turned a share `before` into `after`, as they must. Shape of the shares.

    Of two classes, and of each label, odds(after) = ratio * odds(before); of more classes, after is proportional to
    weight * before. And d share = share * (1 - share) * d log odds. A share of 0, of 1 or of nothing is moved by no
    weight.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        if before.ndim == 2 and not is_multilabel:
            due = weights * before / (weights * before).sum(axis=1, keepdims=True)
        else:
            ratio = weights if is_multilabel else weights[1] / weights[0]
            due = ratio * before / (ratio * before + 1.0 - before)
    tolerance = ODDS_TOLERANCE * due * (1.0 - due) + np.finfo(np.float64).eps
    return np.asarray((before > 0.0) & (before < 1.0) & (np.abs(after - due) <= tolerance))


def _diverged_words(params: TrialParams) -> str:
    largest = max(params.class_weights) if params.class_weights else None
    return f"minority_weight {params.minority_weight:g}" if largest is None else f"largest class weight {largest:g}"


def _weight_words(params: TrialParams) -> str:
    if params.class_weights:
        return f"class weights {', '.join(f'{weight:g}' for weight in params.class_weights)}"
    return f"minority_weight {params.minority_weight:g}, majority_weight {params.majority_weight:g}"


def _share(value: float) -> str:
    """Return a share for people; NaN is the share of a sum that is 0 or not finite."""
    return "no finite share" if np.isnan(value) else f"a share of {value:.4g}"
