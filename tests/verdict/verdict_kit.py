"""A verdict that costs nothing: small tables, and a trainer whose logits follow from rows and parameters."""

import numpy as np

from tuner.config.cv import KFold
from tuner.config.dataset import EncodingSection
from tuner.config.evidence import VerdictSection
from tuner.config.schema import ScoringSection, SearchSpace, StudySection, TrainingSection
from tuner.config.values import Range
from tuner.data.dataset import make_dataset
from tuner.data.folds import make_folds
from tuner.objective import Objective
from tuner.study.space import resolve_space
from tuner.training.trainer import Predictions
from tuner.verdict.comparison import Comparison, VerdictPlan

N_ROWS = 150


def make_table(*, n_positive=45, seed=0):
    """Three columns of which the first tells the classes apart, more or less."""
    rng = np.random.default_rng(seed)
    y = np.zeros(N_ROWS, np.int32)
    y[rng.permutation(N_ROWS)[:n_positive]] = 1
    X = rng.normal(size=(N_ROWS, 3)).astype(np.float32)
    X[:, 0] += 1.2 * y
    return make_dataset(
        X,
        y,
        feature_names=("a", "b", "c"),
        target="y",
        classes=("no", "yes"),
        label_type="str",
        source="made up",
    )


def make_classes_table(counts=(75, 48, 27), *, seed=0):
    """Three columns or more, of which each raises the chance of one class."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts)).astype(np.int32)
    X = rng.normal(size=(len(y), len(counts))).astype(np.float32)
    X[np.arange(len(y)), y] += 1.2
    return of_more(X, y, classes=("bus", "car", "van", "tram")[: len(counts)], task="multiclass")


def make_labels_table(*, shares=(0.4, 0.25), seed=0):
    """As many columns as labels, each of which raises the chance of one label."""
    rng = np.random.default_rng(seed)
    y = (rng.uniform(size=(N_ROWS, len(shares))) < shares).astype(np.int32)
    X = (rng.normal(size=y.shape) + 1.2 * y).astype(np.float32)
    return of_more(X, y, classes=("red", "round")[: len(shares)], task="multilabel")


def of_more(X, y, *, classes, task):
    """Return a table of more classes or labels, with a column for each."""
    return make_dataset(
        X,
        y,
        feature_names=[f"x{number}" for number in range(X.shape[1])],
        target="y",
        classes=classes,
        label_type="str",
        source="made up",
        task=task,
    )


def make_plan(*, dataset=None, metric="roc_auc", search=None, n_splits=3, n_repeats=1, band_weights=0, **section):
    """Return the plan of a verdict with four candidates; `section` are keys of `verdict`."""
    dataset = dataset or make_table()
    search = search or SearchSpace(hidden_size=Range[int](low=4, high=8), epochs=Range[int](low=2, high=6))
    space = resolve_space(
        search,
        TrainingSection(),
        StudySection(),
        imbalance_ratio=dataset.imbalance_ratio,
        task=dataset.task,
        classes=dataset.classes,
        class_counts=dataset.class_counts,
        n_rows=len(dataset.y),
    )
    return VerdictPlan(
        section=VerdictSection(**{"n_trials": 4, "inner_splits": 2, "references": ["dummy"], **section}),
        scoring=ScoringSection(metric=metric),
        space=space,
        dataset=dataset,
        encoding=EncodingSection(),
        folds=make_folds(dataset.y, KFold(n_splits=n_splits, n_repeats=n_repeats)),
        seed=0,
        band_weights=band_weights,
        trainer="stacked",
    )


class MadeUpTrainer:
    """Ranks by the first column, worse the further the weight is from 3; `seen` holds (trial, fold) of every model.

    Of more classes, or labels, each is ranked by its own column, worse the further the largest weight is from 3.
    """

    def __init__(self, comparison, diverges=lambda params, fold: False):
        self.nested, self.diverges, self.seen = comparison.nested, diverges, []

    def stacks(self, batch, *, n_folds):
        return [(params,) for params in batch]

    def train(self, stack, *, folds, should_stop):
        (params,) = stack
        if should_stop():
            return None
        valid = self.nested.folds.valid
        is_of_more = len(params.class_weights) > 0
        logits = np.full((1, len(folds), max(map(len, valid)), *[len(params.class_weights)] * is_of_more), np.nan)
        logits = logits.astype(np.float32)
        for j, fold in enumerate(folds):
            self.seen.append((params, fold))
            rows = valid[fold]
            x = self.nested.table.X[rows]
            weight = params.minority_weight if not is_of_more else max(params.class_weights)
            noise = abs(np.log(weight / 3.0)) + 0.1 * params.focal_gamma
            if is_of_more:
                values = x + noise * np.roll(x, 1, axis=1) - 0.5 + np.log(params.class_weights)
            else:
                values = x[:, 0] + noise * x[:, 1] - 1.0 + np.log(weight)
            logits[0, j, : len(rows)] = np.nan if self.diverges(params, fold) else values
        return [Predictions(checkpoint_epochs=(params.epochs,), logits=logits)]


def made_up_evaluate(comparison, **options):
    """Return `evaluate` for a comparison, and the trainer behind it."""
    nested, trainer = comparison.nested, MadeUpTrainer(comparison, **options)
    objective = Objective(y=nested.table.y, folds=nested.folds, trainer=trainer, scoring=comparison.scoring)

    def evaluate(batch, folds=None):
        answers = [objective.evaluate((params,), folds=folds, should_stop=lambda: False) for params in batch]
        return [scores[0] for scores, _ in answers]

    return evaluate, trainer


def make_comparison(**plan):
    """Return a comparison, its `evaluate` and its trainer."""
    diverges = plan.pop("diverges", lambda params, fold: False)
    comparison = Comparison(make_plan(**plan))
    return comparison, *made_up_evaluate(comparison, diverges=diverges)
