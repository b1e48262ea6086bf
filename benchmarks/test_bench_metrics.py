"""Metrics of many models at once, beside a loop over scikit-learn's functions."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np
from recording import Measurement, range_text, seconds_text
from scipy.special import expit
from sklearn import metrics

from tuner.config.schema import ScoringSection
from tuner.scoring import score

SIZES = ((120, 2_000), (15, 30_000))
"""Models and rows: a trial of the default config, 15 folds at 8 checkpoints; the folds of a table of 150,000 rows."""

METHOD = """\
Seconds to score all models on the same labels, 1 % of them positive, from float32 logits without ties; in turns, after
one round that does not count. *scikit-learn* is a loop over models with its own function on the same scores, which for
losses are probabilities and for decisions the rows called, both made beforehand; the best F1 is the greatest on its
`precision_recall_curve`. G-mean it does not have: that is the root of the product of two recalls. Both answers are
compared before anything is timed."""

Labels, Scores = np.ndarray, np.ndarray


def _best_f1(y: Labels, z: Scores) -> float:
    precision, recall, _ = metrics.precision_recall_curve(y, z)
    return float((2 * precision * recall / np.maximum(precision + recall, 1e-300)).max())


def _g_mean(y: Labels, called: Scores) -> float:
    return float(np.sqrt(metrics.recall_score(y, called) * metrics.recall_score(y, called, pos_label=0)))


CONTENDERS: dict[str, tuple[ScoringSection, str, Callable[[Labels, Scores], float]]] = {
    "ROC AUC": (ScoringSection(metric="roc_auc"), "logits", metrics.roc_auc_score),
    "average precision": (ScoringSection(metric="average_precision"), "logits", metrics.average_precision_score),
    "log loss": (ScoringSection(metric="neg_log_loss"), "probabilities", lambda y, p: -metrics.log_loss(y, p)),
    "Brier": (ScoringSection(metric="neg_brier_score"), "probabilities", lambda y, p: -metrics.brier_score_loss(y, p)),
    "F1": (ScoringSection(metric="f1"), "called", metrics.f1_score),
    "MCC": (ScoringSection(metric="matthews_corrcoef"), "called", metrics.matthews_corrcoef),
    "G-mean": (ScoringSection(metric="g_mean"), "called", _g_mean),
    "F1 at its best threshold": (ScoringSection(metric="f1", threshold="best"), "logits", _best_f1),
}


def test_metrics_of_many_models_cost_a_fraction_of_a_loop(keep: Callable[[Measurement], None], quick: bool) -> None:
    sizes, n_rounds = (((4, 500),), 2) if quick else (SIZES, 8)
    taken = {
        f"{name}, {n_models} x {n_rows:,}": seconds
        for n_models, n_rows in sizes
        for name, seconds in _timed(n_models, n_rows, n_rounds=n_rounds).items()
    }
    keep(
        Measurement(
            name="metrics",
            title="Metrics of many models",
            method=METHOD,
            columns=("metric, models x rows", "tuner, seconds", "range", "scikit-learn, seconds", "times tuner"),
            rows=[(name, *_cells(seconds["tuner"], seconds["scikit-learn"])) for name, seconds in taken.items()],
            figures={"seconds": taken},
        )
    )
    for seconds in taken.values():
        assert quick or median(seconds["tuner"]) < median(seconds["scikit-learn"])


def _cells(ours: list[float], theirs: list[float]) -> tuple[str, ...]:
    ratio = median(theirs) / median(ours)
    return seconds_text(median(ours)), range_text(ours), seconds_text(median(theirs)), f"{ratio:.3g}"


def _timed(n_models: int, n_rows: int, *, n_rounds: int) -> dict[str, dict[str, list[float]]]:
    """Return the seconds of both, by metric, on one problem."""
    y, scores = _problem(n_models, n_rows)
    taken = {}
    for name, (scoring, form, function) in CONTENDERS.items():
        contenders = {
            "tuner": partial(score, scoring, y, scores["logits"]),
            "scikit-learn": partial(_each, function, y, scores[form]),
        }
        np.testing.assert_allclose(contenders["tuner"](), contenders["scikit-learn"](), rtol=1e-9)
        taken[name] = _in_turns(contenders, n_rounds=n_rounds)
    return taken


def _each(function: Callable[[Labels, Scores], float], y: Labels, scores: Scores) -> list[float]:
    return [function(y, row) for row in scores]


def _problem(n_models: int, n_rows: int) -> tuple[Labels, dict[str, Scores]]:
    """Return labels, shape `(n_rows,)`, and the same scores in three forms, each `(n_models, n_rows)`."""
    rng = np.random.default_rng(0)
    y = (np.arange(n_rows) % 100 == 0).astype(np.int32)
    logits = (rng.normal(size=(n_models, n_rows)) + 2 * y - 1.5).astype(np.float32)
    return y, {"logits": logits, "probabilities": expit(logits.astype(np.float64)), "called": logits > 0}


def _in_turns(contenders: dict[str, Callable[[], object]], *, n_rounds: int) -> dict[str, list[float]]:
    """Return the seconds of every contender in each round but the first."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(n_rounds):
        for name, run in contenders.items():
            began = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - began)
    return {name: seconds[1:] for name, seconds in taken.items()}
