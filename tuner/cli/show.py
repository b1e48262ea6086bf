"""Results as text for people and as objects for `--json`; every function returns a value, none prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from tuner.report.export import class_weights, ordered_params

if TYPE_CHECKING:
    from tuner.check import Plan
    from tuner.replay import FoldReplay, Replay
    from tuner.run import RunResult
    from tuner.study.summary import StudySummary, TrialRecord


def status_object(summary: StudySummary) -> dict[str, object]:
    """Return what a study holds, for `--json`."""
    return {
        "study": summary.name,
        "metric": summary.metric,
        "n_trials": summary.n_trials,
        "finished": summary.n_finished,
        **{state: summary.count(state) for state in ("complete", "pruned", "failed", "running")},
        "best": _best_object(summary),
    }


def run_object(result: RunResult) -> dict[str, object]:
    """Return the one object that `run --json` ends with."""
    status = status_object(result.summary)
    del status["metric"]
    return {
        **status,
        "seconds": round(result.seconds, 3),
        "train_seconds": round(result.train_seconds, 3),
        "models_trained": result.models_trained,
        "files": result.files,
    }


def _best_object(summary: StudySummary) -> dict[str, object] | None:
    best = summary.best
    if best is None:
        return None
    weights = dict(zip(summary.data.classes, class_weights(best), strict=True))
    return {"trial": best.number, "value": best.value, "params": ordered_params(best), "class_weight": weights}


def status_text(summary: StudySummary) -> str:
    """Return what a study holds, for people."""
    counts = ", ".join(f"{summary.count(state)} {state}" for state in ("complete", "pruned", "failed", "running"))
    rows = [
        ("study", f"{summary.name}, on {summary.data.source}"),
        ("trials", f"{summary.n_finished} of {summary.n_trials} finished ({counts})"),
        *_best_rows(summary),
    ]
    return _aligned(rows)


def run_text(result: RunResult) -> str:
    """Return what a run found and where it lies, for people."""
    summary, files = result.summary, result.files
    rows = [*_best_rows(summary)]
    rows += [(kind, files[kind]) for kind in ("weights", "report", "trials", "folds", "database") if kind in files]
    took = f"{result.seconds:.1f} s, {result.train_seconds:.1f} s of them training {result.models_trained:,} models"
    return _aligned([*rows, ("time", took)])


def _best_rows(summary: StudySummary) -> list[tuple[str, str]]:
    best = summary.best
    if best is None:
        return [("best", "no trial completed yet")]
    rows = [
        ("best", f"{_score(best)} {summary.metric} on this table (trial {best.number})"),
        ("", _params(best.params)),
        ("weights", _weights(summary, best)),
    ]
    baselines = [
        trial for trial in summary.trials if trial.origin in ("none", "sqrt", "balanced") and trial.state == "complete"
    ]
    words = {"none": "no weights", "sqrt": "root of the imbalance ratio", "balanced": "the imbalance ratio"}
    for i, trial in enumerate(baselines):
        weight = class_weights(trial)[1]
        rows.append(("" if i else "beside", f"{_score(trial)} at weight {_number(weight)}, {words[trial.origin]}"))
    return rows


def _weights(summary: StudySummary, trial: TrialRecord) -> str:
    pairs = zip(summary.data.classes, class_weights(trial), strict=True)
    return "{" + ", ".join(f"{label}: {_number(weight)}" for label, weight in pairs) + "}"


def _score(trial: TrialRecord) -> str:
    if trial.interval is None:
        return "no score"
    return f"{trial.interval.mean:.4f} +- {trial.interval.half_width:.4f}"


def _params(params: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {_number(value)}" for name, value in params.items())


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def plan_text(plan: Plan) -> str:
    """Return the plan and the data, for people."""
    counts = ", ".join(f"{label}: {n:,}" for label, n in plan.classes.items())
    rows = [
        ("data", f"{plan.source}: {plan.rows:,} rows, {plan.features:,} features, target {plan.target}"),
        ("classes", f"{counts}; positive {plan.positive_class}; imbalance ratio {plan.imbalance_ratio:.4g}"),
        ("folds", f"{plan.folds}: at least {plan.fewest_minority_rows:,} minority rows in each validation fold"),
        ("study", f"{plan.study}: {plan.n_trials:,} trials x {plan.models_per_trial} models, {plan.metric}"),
    ]
    searched = enumerate(plan.search_space.items())
    rows += [("search" if not i else "", f"{name} {_range(values)}") for i, (name, values) in searched]
    rows.append(("fixed", _params(plan.fixed)))
    rows += [("first" if not i else "", _params(params)) for i, params in enumerate(plan.baselines)]
    rows += [
        ("memory", f"about {_bytes(plan.memory_bytes)} for training, beside TensorFlow's own 0.6 GB"),
        ("disk", f"about {_bytes(plan.predictions_bytes)} of predictions"),
        ("time", f"very roughly {_duration(plan.seconds)} of training; it depends on the machine"),
    ]
    rows += [("note", text) for text in plan.notices]
    rows += [(f.level, f"{f.subject}: {f.evidence}. {f.advice}") for f in plan.findings]
    if not plan.findings:
        rows.append(("checks", "nothing found: no leaks, no rows repeated across folds, no ids, no constant columns"))
    return _aligned([*rows, ("", "Nothing was trained.")])


def _range(description: Mapping[str, object]) -> str:
    if "choices" in description:
        choices = description["choices"]
        return "one of " + ", ".join(map(str, choices)) if isinstance(choices, Iterable) else str(choices)
    words = f"{_number(description['low'])} to {_number(description['high'])}"
    return words + (", logarithmic" if description["log"] else "")


def replay_header(metric: str) -> str:
    """Return the header of the table that `replay_row` fills."""
    return (
        f"{'repeat':>6} {'fold':>4}  {'stored ' + metric:>24} {'replayed':>12} {'probability':>12} {'changed rows':>13}"
    )


def replay_row(fold: FoldReplay) -> str:
    """Return one row of the replay table."""
    difference = "" if fold.probability_difference is None else f"{fold.probability_difference:.1e}"
    changed = "" if fold.changed_rows is None else str(fold.changed_rows)
    verdict = "" if fold.agrees else "  disagrees"
    return (
        f"{fold.repeat:>6} {fold.fold:>4}  {fold.stored:>24.6f} {fold.replayed:>12.6f} {difference:>12} {changed:>13}"
        + verdict
    )


def replay_text(replay: Replay) -> str:
    """Return what a replay found, in one sentence."""
    largest = max(abs(fold.stored - fold.replayed) for fold in replay.folds)
    n = len(replay.folds)
    verb = "agrees with" if replay.agrees else "disagrees with"
    return (
        f"Plain Keras {verb} the stored trial {replay.trial} on {n} fold{'s' * (n > 1)}; "
        f"the largest difference in {replay.metric} is {largest:.1e}."
    )


def _aligned(rows: Iterable[tuple[str, str]]) -> str:
    rows = list(rows)
    width = max(len(label) for label, _ in rows)
    return "\n".join(f"{label:<{width}}  {text}".rstrip() for label, text in rows)


def _bytes(n: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if n < 1000:
            return f"{n:.0f} {unit}" if unit == "bytes" else f"{n:.3g} {unit}"
        n /= 1000
    return f"{n:.3g} GB"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
