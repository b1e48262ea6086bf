"""The report: one HTML file that answers first and can be mailed, printed and opened without a network.

No script, no outside resource: pictures are `data:` URIs and a content security policy forbids the rest. Everything
that comes from a study (names, labels, config, reasons of failure) is escaped by Jinja; no value is marked as safe.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast, get_args

import jinja2

from tuner.config.values import DecisionMetric
from tuner.report.classes import (
    columns_table,
    imbalance_text,
    noun,
    per_class_section,
    weights_code,
    weights_table,
)
from tuner.report.comparison import BASELINES, Comparison, compare_baselines
from tuner.report.evidence import evidence_sections
from tuner.report.export import class_weights, is_unweighted, no_trial_completed, ordered_params
from tuner.report.numbers import (
    interval_text,
    number_text,
    plural,
    pruned_text,
    score_digits,
    score_text,
    signed_text,
)
from tuner.report.runs import runs_section
from tuner.report.tables import search_params
from tuner.report.words import HOW_TO_GET_A_VERDICT
from tuner.study.summary import DEVIATION, State, StudySummary, TrialRecord

TEMPLATE = "report.html.j2"
MAX_TRIALS = 50
MAX_FAILURES = 50

Row = list[str]


def render_report(summary: StudySummary, pictures: Mapping[str, bytes]) -> str:
    """Return the report of a study as one self-contained HTML page.

    Args:
        summary: the study; a report without a complete trial says so.
        pictures: PNG files by name, as `plots.draw_all` names them; those that are missing are left out.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(TEMPLATE).render(
        study=summary,
        data=summary.data,
        metric=_metric_text(summary),
        folds=_folds_text(summary),
        counts=_counts_text(summary),
        answer=_answer(summary),
        why_no_answer=no_trial_completed(summary).splitlines()[1:],
        interval_name="95 % interval" if summary.folds.kind == "holdout" else "corrected 95 % interval",
        how_to_get_a_verdict=HOW_TO_GET_A_VERDICT,
        usual_weights=", ".join(BASELINES.values()),
        trials=_trials(summary),
        failures=[(str(trial.number), trial.failure) for trial in summary.trials if trial.failure][:MAX_FAILURES],
        time=runs_section(summary),
        noun=noun(summary.data),
        imbalance=imbalance_text(summary.data),
        per_class=per_class_section(summary),
        columns=columns_table(summary.data),
        space=[(name, _range_text(spec)) for name, spec in summary.space.items()],
        config=[(key, text) for key, text in _flatten(summary.config) if key != "output.root"],
        pictures={name: base64.b64encode(png).decode("ascii") for name, png in pictures.items()},
        **evidence_sections(summary),
    )


def _answer(summary: StudySummary) -> dict[str, object] | None:
    """What the first screen says; None where no trial was scored."""
    best = summary.best
    if best is None or best.interval is None:
        return None
    weights = class_weights(best)
    comparisons = compare_baselines(summary)
    return {
        "number": best.number,
        "weights": [number_text(weight) for weight in weights],
        "span": (number_text(min(weights)), number_text(max(weights))),
        "exponent": _text(best.resolved.get("weight_exponent")),
        "has_deviations": any(name.startswith(DEVIATION) for name in best.params),
        "weights_table": weights_table(summary.data, best),
        "score": score_text(best.interval.mean, score_digits(summary)),
        "interval": interval_text(best.interval, score_digits(summary)),
        "code": weights_code(summary.data, weights),
        "params": [(name, _text(value)) for name, value in ordered_params(best).items()],
        "against_none": _against_none(comparisons, score_digits(summary)),
        "comparison": _comparison(summary, best, comparisons),
        "n_candidates": len(summary.scored) + sum(summary.pruned_after.values()),
        "is_unweighted": is_unweighted(summary, best),
        "is_single": best.interval.n == 1,
        "is_best_threshold": _scoring(summary).get("threshold") == "best",
        "is_weight_searched": len({class_weights(one) for one in summary.scored}) > 1,
        "fixed_rate": None if "learning_rate" in summary.space else _text(best.resolved["learning_rate"]),
        "differing": list(dict.fromkeys(name for one in comparisons for name in one.differing)),
    }


def _against_none(comparisons: tuple[Comparison, ...], digits: int) -> dict[str, object] | None:
    """The paired difference to no weights, in words; None where there is nothing to compare."""
    for one in comparisons:
        if one.trial.origin == "none" and one.difference is not None and one.difference.n > 1:
            difference = one.difference
            return {
                "difference": score_text(abs(difference.mean), digits),
                "interval": interval_text(difference, digits),
                "is_clear": difference.low > 0,
            }
    return None


def _comparison(
    summary: StudySummary, best: TrialRecord, comparisons: tuple[Comparison, ...]
) -> dict[str, list[str] | list[Row]]:
    """A table: the best trial, then each baseline with its paired difference."""
    names, digits = search_params(summary), score_digits(summary)
    rows = [["best", *_score_cells(best, digits), "", "", *_param_cells(best, names)]]
    for one in comparisons:
        origin = one.trial.origin
        rows.append(
            [
                f"{origin}: {BASELINES[origin]}",
                *_score_cells(one.trial, digits),
                *_difference_cells(one, digits, is_best=one.trial.number == best.number),
                *_param_cells(one.trial, names),
            ]
        )
    head = ["", "trial", "score", "95 % interval", "best minus this", "95 % interval", *names]
    return {"head": head, "rows": rows}


def _score_cells(trial: TrialRecord, digits: int) -> Row:
    if trial.value is None or trial.interval is None:
        return [str(trial.number), "no score" if trial.state == "complete" else trial.state, ""]
    return [str(trial.number), score_text(trial.value, digits), interval_text(trial.interval, digits)]


def _difference_cells(comparison: Comparison, digits: int, *, is_best: bool) -> Row:
    difference = comparison.difference
    if difference is None:
        return ["is the best" if is_best else "", ""]
    return [signed_text(difference.mean, digits), interval_text(difference, digits)]


def _param_cells(trial: TrialRecord, names: tuple[str, ...]) -> Row:
    return [_text(trial.params.get(name, trial.resolved.get(name))) for name in names]


def _trials(summary: StudySummary) -> dict[str, object]:
    """The scored trials of greatest value."""
    names, digits = search_params(summary), score_digits(summary)
    scored = sorted(summary.scored, key=lambda trial: (-(trial.value or 0.0), trial.number))
    rows = [
        [*_score_cells(trial, digits), *_param_cells(trial, names), trial.origin, _seconds(trial.seconds)]
        for trial in scored[:MAX_TRIALS]
    ]
    head = ["trial", "score", "95 % interval", *names, "origin", "seconds"]
    n_foreign = summary.count("complete") - len(scored)
    return {
        "head": head,
        "rows": rows,
        "n_scored": len(scored),
        "n_foreign": n_foreign,
        "n_failed": summary.count("failed"),
        "pruned": pruned_text(summary),
    }


def _counts_text(summary: StudySummary) -> str:
    states: tuple[State, ...] = ("complete", "failed", "pruned", "running", "waiting")
    counts = [f"{summary.count(state):,} {state}" for state in states if summary.count(state)]
    return ", ".join(counts) or "no trial yet"


def _metric_text(summary: StudySummary) -> str:
    """The metric with what else decides it: "fbeta, beta 2, at probability 0.3"."""
    metric, scoring = summary.metric, _scoring(summary)
    if metric not in get_args(DecisionMetric) or summary.data.task == "multiclass":
        return metric
    beta = f", beta {_text(scoring['beta'])}" if metric == "fbeta" else ""
    threshold = scoring.get("threshold", 0.5)  # older studies name none
    return f"{metric}{beta}, at " + (
        "the best threshold of each fold" if threshold == "best" else f"probability {threshold}"
    )


def _scoring(summary: StudySummary) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], summary.config.get("scoring", {}))


def _folds_text(summary: StudySummary) -> str:
    folds = summary.folds
    if folds.kind == "holdout":
        return f"one fixed split, {plural(folds.n_repeats, 'training seed')}"
    if folds.splitter in ("time", "predefined"):
        return f"{folds.n_splits} folds " + ("in order of time" if folds.splitter == "time" else "named by a column")
    return f"{plural(folds.n_splits, f'{folds.splitter} fold')}, {plural(folds.n_repeats, 'repeat')}"


def _range_text(spec: Mapping[str, object]) -> str:
    """One dimension of the search space in words: "1 to 990, log"."""
    choices = spec.get("choices")
    if isinstance(choices, list | tuple):
        return ", ".join(map(_text, choices))
    step = f", step {_text(spec['step'])}" if spec.get("step") else ""
    return f"{_text(spec['low'])} to {_text(spec['high'])}" + step + (", log" if spec.get("log") else "")


def _flatten(config: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The leaves of a nested config, by dotted path, as `--set` takes them."""
    for key, value in config.items():
        if isinstance(value, dict) and value:
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value) if isinstance(value, float) else str(value)
