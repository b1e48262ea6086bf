"""Messages from raw text: the best of a search beside TF-IDF and logistic regression, on the same folds."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from commands import init, overrides, succeeded
from numpy.typing import NDArray
from recording import Measurement, seconds_text
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.pipeline import make_pipeline

from tuner.config.load import load_config
from tuner.intervals import Interval, corrected_interval
from tuner.prepared import Prepared, prepare
from tuner.study.summary import TrialRecord, load_summary

ASKED = 0.95
"""Average precision of the best trial."""

METHOD = """\
Average precision on 5,574 text messages, 747 of them spam, from the raw text: the one column of the file. *Tuned* is
the best of {trials} trials of the config that `init` writes, with `scoring.metric: average_precision`; it is the best
on the folds that chose it and so optimistic. *None* and *balanced* are trials of that search in the middle of its
ranges, without weights and with the imbalance ratio as weight. Both encodings learn their vocabulary from the training
rows of each fold: ours takes the {features} words that most messages hold; `TfidfVectorizer()` with its
defaults takes all words, about {words:,}, and `LogisticRegression` its default penalty, without and with balanced
weights. {repeated} messages repeat an earlier one; unless they are kept together, copies are trained on and scored, by
all methods alike. Means with the half-widths of corrected 95 % intervals. Asked: {asked} of the best trial."""

CUTS = {
    "3 folds x 1 repeat": ("study.name=sms_3x1", "cv.n_splits=3", "cv.n_repeats=1"),
    "5 folds x 3 repeats": ("study.name=sms_5x3", "cv.n_splits=5", "cv.n_repeats=3"),
    "3 folds x 1 repeat, repeated messages together": (
        "study.name=sms_together",
        "cv.n_splits=3",
        "cv.n_repeats=1",
        "cv.group=duplicates",
    ),
}

WEIGHTS = {"TF-IDF, logistic regression": None, "the same, balanced": "balanced"}


def test_spam_is_found_in_raw_text(
    tables: Mapping[str, dict[str, Any]], keep: Callable[[Measurement], None], quick: bool, tmp_path: Path
) -> None:
    n_trials = 4 if quick else 20
    # studies cut short go on there
    folder = Path(os.environ.get("TUNER_BENCH_PARTIAL", tmp_path)) / f"text_{n_trials}"
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "sms_spam.yaml"
    init(tables["sms_spam"], config)
    rows, figures = [], {}
    for label, cut in list(CUTS.items())[: 1 if quick else None]:
        settings = (f"study.n_trials={n_trials}", "scoring.metric=average_precision", *cut)
        ran = succeeded(folder, "run", config.name, *overrides(*settings))
        prepared = prepare(load_config(config, overrides=settings).config)
        trials = _trials(folder / ran.answer["files"]["database"], ran.answer["study"])
        others, n_words = _others(prepared)
        scores = {method: trial.fold_scores[-1].tolist() for method, trial in trials.items()} | others
        ratio = prepared.folds.plan.test_over_train
        intervals = {key: corrected_interval(each, test_over_train=ratio) for key, each in scores.items()}
        rows.append((label, *map(_cell, intervals.values()), seconds_text(ran.seconds)))
        figures[label] = {"scores": scores, "run_seconds": ran.seconds, "params": trials["tuned"].params}
    keep(
        Measurement(
            name="text",
            title="Spam from raw text",
            method=METHOD.format(
                trials=n_trials,
                features=load_config(config).config.encoding.text_features,
                words=round(n_words, -2),
                repeated=len(prepared.dataset.y) - len(prepared.dataset.columns[0].levels),
                asked=ASKED,
            ),
            columns=("folds", "tuned (best of search)", "none", "balanced", *WEIGHTS, "`run`, seconds"),
            rows=rows,
            figures=figures,
        )
    )
    assert all(np.mean(each["scores"]["tuned"]) >= ASKED for each in figures.values())


def _trials(database: Path, name: str) -> dict[str, TrialRecord]:
    """Return the trials that are shown, by method."""
    summary = load_summary(database, name)
    origins = {trial.origin: trial for trial in summary.scored}
    assert summary.best is not None
    return {"tuned": summary.best, "none": origins["none"], "balanced": origins["balanced"]}


def _others(prepared: Prepared) -> tuple[dict[str, list[float]], int]:
    """Return the scores of scikit-learn's pipelines in every fold, and how many words the last of them took."""
    dataset, folds = prepared.dataset, prepared.folds
    texts, y = _texts(prepared), dataset.y
    found: dict[str, list[float]] = {method: [] for method in WEIGHTS}
    for train, valid in zip(folds.train, folds.valid, strict=True):
        for method, class_weight in WEIGHTS.items():
            model = make_pipeline(TfidfVectorizer(), LogisticRegression(class_weight=class_weight, max_iter=1_000))
            logits = model.fit(texts[train], y[train]).decision_function(texts[valid])
            found[method].append(float(average_precision_score(y[valid], logits)))
    return found, len(model[0].vocabulary_)


def _texts(prepared: Prepared) -> NDArray[np.object_]:
    """Return the text of each row, in the order of the dataset's rows."""
    (column,) = prepared.dataset.columns
    assert column.kind == "text"
    return np.array(column.levels, object)[prepared.dataset.X[:, 0].astype(np.int64)]


def _cell(interval: Interval) -> str:
    return f"{interval.mean:.4f} +- {interval.half_width:.4f}"
