"""Export the best weights as JSON: the contract "tuner.best_weights/1", whose keys may be added to, never changed.

Everything comes from the summary, so the same study gives the same bytes. `weights.py` reads the file back.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast

from tuner.errors import StudyError
from tuner.evidence import WeightBand
from tuner.files import write_atomically
from tuner.intervals import Interval
from tuner.report.contract import SCHEMA
from tuner.report.words import band_kind
from tuner.study.summary import StudySummary, TrialRecord, is_weight_parameter

FIRST_PARAMS = (
    "minority_weight",
    "hidden_size",
    "epochs",
    "learning_rate",
    "batch_size",
    "optimizer",
    "activation",
)
CORRECTION_FIELDS = ("method", "logit_shift", "analytic_shift", "fitted_shift")
VERDICT_FIELDS = ("sentence", "conclusion", "primary", "metric", "margin", "n_folds", "what_would_settle_it")
EXPORTED_VERSIONS = ("tuner", "keras", "tensorflow", "optuna")


def class_weights(trial: TrialRecord) -> tuple[float, ...]:
    """Return the loss weight of each class, or of each label, in a trial that was evaluated; of two, class 0 first."""
    if "class_weights" in trial.resolved:
        return tuple(map(float, cast(list[float], trial.resolved["class_weights"])))
    majority, minority = trial.resolved["majority_weight"], trial.resolved["minority_weight"]
    return float(cast(float, majority)), float(cast(float, minority))


def is_unweighted(summary: StudySummary, trial: TrialRecord) -> bool:
    """Return whether the weights of a trial change nothing: equal ones of classes, 1 for every label."""
    weights = set(class_weights(trial))
    return weights == {1.0} if summary.data.task == "multilabel" else len(weights) == 1


def ordered_params(trial: TrialRecord) -> dict[str, object]:
    """Return every resolved value of an evaluated trial: those that the contract names first, then the others.

    The weights of more than two classes, or of labels, are not among them; what they come from leads.
    """
    weights = [name for name in trial.resolved if is_weight_parameter(name)]
    first = {name: trial.resolved[name] for name in (*weights, *FIRST_PARAMS) if name in trial.resolved}
    return {name: value for name, value in (first | trial.resolved).items() if name != "class_weights"}


def best_weights(summary: StudySummary) -> dict[str, object]:
    """Return the content of `best_weights.json`, a function of the database alone.

    Raises:
        StudyError: no trial completed.
    """
    best = summary.best
    if best is None or best.interval is None:
        raise StudyError(no_trial_completed(summary))
    data = summary.data
    return {
        "schema": SCHEMA,
        "study": summary.name,
        "created_at": summary.created_at,
        "target": data.target,
        "task": data.task,
        "classes": list(data.classes),
        "label_type": data.label_type,
        "positive_class": data.classes[1] if data.task == "binary" else None,
        "class_weight": dict(zip(data.classes, class_weights(best), strict=True)),
        "params": ordered_params(best),
        "score": _score(summary, best.interval),
        **evidence_in_short(summary),
        "dataset": {
            "rows": data.n_rows,
            "class_counts": dict(zip(data.classes, data.class_counts, strict=True)),
            "sha256": data.sha256,
        },
        "trial": best.number,
        "n_trials": summary.n_finished,
        "seed": summary.seed,
        "versions": {package: summary.versions[package] for package in EXPORTED_VERSIONS},
    }


def evidence_in_short(summary: StudySummary) -> dict[str, object]:
    """Return what is worth taking away of the evidence, null for what there is none of.

    Bins, arms and fold scores stay with the report and the database. Threshold and correction belong to the model of
    the best trial, as `class_weight` and `params` do.
    """
    evidence = summary.evidence
    verdict = evidence.get("verdict")
    return {
        "corrected_score": {"bbc": evidence.get("bias_corrected"), "nested": verdict and verdict["nested"]},
        "weight_band": _weight_band(evidence.get("weight_band"), summary.data.classes),
        "threshold": evidence.get("threshold"),
        "probability_correction": _chosen(evidence.get("probability_correction"), CORRECTION_FIELDS),
        "verdict": _chosen(verdict, VERDICT_FIELDS),
    }


def _weight_band(band: WeightBand | None, classes: Sequence[str]) -> dict[str, object] | None:
    if band is None:
        return None
    kind = band_kind(band)
    points = [{kind: point["weight"], "mean": point["mean"], "ci95": point["ci95"]} for point in band["points"]]
    ends = {name: band[name] for name in ("low", "high", "best", "recommended")}
    if kind == "weight":
        return {**ends, "points": points}
    weights = dict(zip(classes, band["recommended_weights"], strict=True))
    return {"kind": kind, **ends, "recommended_class_weight": weights, "points": points}


def _chosen(record: Mapping[str, object] | None, names: Iterable[str]) -> dict[str, object] | None:
    return None if record is None else {name: record[name] for name in names}


def best_weights_text(summary: StudySummary) -> str:
    """Return `best_weights.json` as text: strict JSON, the same for the same study.

    Raises:
        StudyError: no trial completed.
    """
    return json.dumps(best_weights(summary), allow_nan=False, ensure_ascii=False, indent=2) + "\n"


def write_best_weights(summary: StudySummary, path: Path) -> None:
    """Write `best_weights.json` to `path`, whole or not at all.

    Raises:
        StudyError: no trial completed, `path` is a symbolic link, or it cannot be written.
    """
    write_atomically(path, best_weights_text(summary).encode("utf-8"))


def _score(summary: StudySummary, interval: Interval) -> dict[str, object]:
    """The score; a single fold score has neither spread nor interval, so both are null."""
    single = interval.n == 1
    return {
        "metric": summary.metric,
        "mean": interval.mean,
        "std": None if single else interval.std,
        "ci95": None if single else [interval.low, interval.high],
        "n_splits": summary.folds.n_splits,
        "n_repeats": summary.folds.n_repeats,
    }


def no_trial_completed(summary: StudySummary) -> str:
    """Return why a study has no weights to export, and what to do."""
    reason = next((trial.failure for trial in summary.trials if trial.failure), None)
    is_done = summary.n_finished >= summary.n_trials
    return (
        f'no trial of study "{summary.name}" completed, so there are no weights to export.\n'
        f"{summary.n_finished} of {summary.n_trials} trials finished, {summary.count('failed')} failed.\n"
        + (f"The first failure: {reason}\n" if reason else "")
        + (
            "Running it again trains nothing: correct the cause, then give the study another study.name."
            if is_done
            else "Go on with `python -m tuner run`."
        )
    )
