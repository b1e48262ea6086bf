"""More than two classes: the best of a search beside scikit-learn's classifiers, on the same numbers and folds."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from commands import init, overrides, succeeded
from numpy.typing import NDArray
from recording import Measurement
from sklearn.base import ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.neural_network import MLPClassifier

from tuner.config.load import load_config
from tuner.config.schema import ScoringSection
from tuner.intervals import corrected_interval
from tuner.prepared import Prepared, prepare
from tuner.scoring import score
from tuner.study.records import load_logits
from tuner.study.summary import StudySummary, load_summary

METHOD = """\
5 folds x 1 repeat, the same for all; balanced accuracy is the mean recall of all classes, macro F1 the mean F1.
*Tuned* is the best of {trials} trials of the config that `init` writes, by balanced accuracy: one exponent for the
weights of all classes, 4 to 64 hidden units, up to 100 epochs, the learning rate. Macro F1 is that of the same trial,
from its stored predictions. Chosen among {trials} by the very folds it is shown on, it is optimistic; what stands
beside it was fitted once. *None* and *balanced* are trials of that search in the middle of its ranges, without weights
and with weights of inverse frequency. scikit-learn's models get the numbers that our encoding makes of the training
rows of each fold: `LogisticRegression(class_weight="balanced")`, `RandomForestClassifier(300,
class_weight="balanced")`, and `MLPClassifier()` with its 100 hidden units and 200 epochs of Adam, which knows no
weights of classes. Means with the half-widths of corrected 95 % intervals. nursery is without its class of two rows."""

CHOICES = {"nursery": ("dataset.small_classes=drop",)}
NAMES = ("car", "glass", "page_blocks", "ann_thyroid", "nursery", "covtype_10k")

SCORES: dict[str, tuple[str, Callable[..., float]]] = {
    "balanced_accuracy": ("balanced accuracy", balanced_accuracy_score),
    "f1_macro": ("macro F1", lambda y, called: f1_score(y, called, average="macro", zero_division=0)),
}
"""Name for people, and scikit-learn's function of labels and calls."""

MODELS: dict[str, Callable[[], ClassifierMixin]] = {
    "logistic regression": lambda: LogisticRegression(class_weight="balanced", max_iter=10_000),
    "random forest": lambda: RandomForestClassifier(300, class_weight="balanced", random_state=0, n_jobs=2),
    "MLPClassifier": lambda: MLPClassifier(random_state=0),
}

FoldScores = dict[str, dict[str, list[float]]]
"""Score of each fold, by method and metric."""


def test_search_of_class_weights_beside_classifiers_of_scikit_learn(
    tables: Mapping[str, dict[str, Any]], keep: Callable[[Measurement], None], quick: bool, tmp_path: Path
) -> None:
    n_trials = 4 if quick else 20
    # studies cut short go on there
    folder = Path(os.environ.get("TUNER_BENCH_PARTIAL", tmp_path)) / f"classes_{n_trials}"
    folder.mkdir(parents=True, exist_ok=True)
    rows, figures = [], {}
    for name in NAMES[:2] if quick else NAMES:
        prepared, summary, database = _studied(name, tables[name], folder, n_trials)
        scores = _own_scores(prepared, summary, database) | _others_scores(prepared)
        figures[name] = scores
        rows += [_row(f"{name}, {label}", scores, key, prepared) for key, (label, _) in SCORES.items()]
        print(f"\n{rows[-2]}\n{rows[-1]}", flush=True)
    keep(
        Measurement(
            name="classes",
            title="More than two classes, beside scikit-learn",
            method=METHOD.format(trials=n_trials),
            columns=("table", "tuned (best of search)", "none", "balanced", *MODELS),
            rows=rows,
            figures=figures,
        )
    )


def _studied(name: str, table: Mapping[str, Any], folder: Path, n_trials: int) -> tuple[Prepared, StudySummary, Path]:
    """Return a table as its finished study saw it, the study, and its database."""
    config = folder / f"{name}.yaml"
    init(table, config)
    settings = (f"study.n_trials={n_trials}", "cv.n_repeats=1", *CHOICES.get(name, ()))
    answer = succeeded(folder, "run", config.name, *overrides(*settings)).answer
    database = folder / answer["files"]["database"]
    return (
        prepare(load_config(config, overrides=settings).config),
        load_summary(database, answer["study"]),
        database,
    )


def _own_scores(prepared: Prepared, summary: StudySummary, database: Path) -> FoldScores:
    origins = {trial.origin: trial for trial in summary.scored}
    assert summary.best is not None
    found: FoldScores = {}
    for method, trial in {"tuned": summary.best, "none": origins["none"], "balanced": origins["balanced"]}.items():
        logits = load_logits(database, summary.name, trial.number)
        found[method] = {key: _scores_of(prepared, logits, key) for key in SCORES}
        assert found[method][summary.metric] == trial.fold_scores[-1].tolist()
    return found


def _scores_of(prepared: Prepared, logits: NDArray[np.float32], metric: str) -> list[float]:
    """Return the score of each fold, of logits of shape `(1, N, K)`."""
    section = ScoringSection(metric=metric)
    return [float(score(section, prepared.dataset.y[rows], logits[:, rows])[0]) for rows in prepared.folds.valid]


def _others_scores(prepared: Prepared) -> FoldScores:
    table, folds = prepared.table, prepared.folds
    found: FoldScores = {method: {key: [] for key in SCORES} for method in MODELS}
    for fold, (train, valid) in enumerate(zip(folds.train, folds.valid, strict=True)):
        X_train, X_valid = (table.scaled.transform(table.X[rows], fold) for rows in (train, valid))
        for method, make in MODELS.items():
            with warnings.catch_warnings():
                if method == "MLPClassifier":
                    warnings.simplefilter("ignore", ConvergenceWarning)  # its number of epochs is its default
                called = make().fit(X_train, table.y[train]).predict(X_valid)
            for key, (_, measure) in SCORES.items():
                found[method][key].append(float(measure(table.y[valid], called)))
    return found


def _row(label: str, scores: FoldScores, metric: str, prepared: Prepared) -> tuple[str, ...]:
    ratio = prepared.folds.plan.test_over_train
    intervals = [corrected_interval(of_method[metric], test_over_train=ratio) for of_method in scores.values()]
    return label, *(f"{interval.mean:.4f} +- {interval.half_width:.4f}" for interval in intervals)
