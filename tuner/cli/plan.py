"""The plan and the findings of `check` as text for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from tuner.cli.layout import BESIDE, aligned, params_text, value_text, wrapped
from tuner.report.numbers import number_text

if TYPE_CHECKING:
    from tuner.check.plan import Plan

MAX_LISTED = 12
"""Classes that are listed one by one."""


def plan_text(plan: Plan, *, files: Mapping[str, str] | None = None) -> str:
    """Return the plan and the data, for people; `files` are those written, by kind."""
    rows = [
        ("data", f"{plan.source}: {plan.rows:,} rows, {plan.features:,} features, target {plan.target}"),
        ("columns", _columns(plan)),
        ("labels" if plan.task == "multilabel" else "classes", _classes(plan)),
        ("folds", f"{plan.folds}: at least {plan.fewest_minority_rows:,} {_rarest(plan)} in each validation fold"),
        ("study", f"{plan.study}: {_trials(plan.n_trials, plan)}, {plan.metric}"),
    ]
    searched = enumerate(plan.search_space.items())
    rows += [("search" if not i else "", f"{name} {_range(values)}") for i, (name, values) in searched]
    rows.append(("fixed", params_text(plan.fixed)))
    rows += [("first" if not i else "", params_text(params)) for i, params in enumerate(plan.baselines)]
    if plan.evidence_models:
        rows.append(("beside", f"{plan.evidence_models:,} models for the weight band and the noise budget"))
    if plan.verdict_models:
        rows.append(("verdict", f"{plan.verdict_models:,} models, a new search in every fold for every arm"))
    rows += [
        ("at once", _trials(plan.trials_at_once, plan)),
        ("memory", f"about {bytes_text(plan.memory_bytes)}, beside 0.7 GB of TensorFlow and other libraries"),
        ("disk", f"about {bytes_text(plan.predictions_bytes)} of predictions"),
        ("time", _time(plan)),
    ]
    rows += [("note", text) for text in plan.notices]
    rows += [(f.level, wrapped(f"{f.subject}: {f.evidence}. {f.advice}", BESIDE)) for f in plan.findings]
    if not plan.findings:
        rows.append(("checks", "nothing found: no leaks, no rows repeated across folds, no ids, no constant columns"))
    rows += list((files or {}).items())
    return aligned([*rows, ("", "Nothing was trained.")])


def _columns(plan: Plan) -> str:
    """How many columns there are of each kind, what they become, and what was left out."""
    kinds = ", ".join(f"{n:,} {kind}" for kind, n in plan.columns.items())
    words = [kinds]
    if plan.encoded_features != plan.features:
        words.append(f"{plan.encoded_features:,} numbers after encoding")
    reasons = Counter(why.partition(":")[0] for why in plan.left_out.values())
    if reasons:
        words.append("left out: " + ", ".join(f"{n:,} {reason}" for reason, n in reasons.items()))
    return "; ".join(words)


def _classes(plan: Plan) -> str:
    """Rows of every class; of many, of the largest and the smallest."""
    by_size = sorted(plan.classes.items(), key=lambda item: -item[1])
    words = [f"{label}: {n:,}" for label, n in plan.classes.items()]
    if len(words) > MAX_LISTED:
        ends = (f"{label}: {n:,}" for label, n in (by_size[0], by_size[-1]))
        words = [f"{len(words)}, from {' to '.join(ends)}"]
    meaning = {
        "binary": f"; positive {plan.positive_class}; imbalance ratio ",
        "multiclass": "; imbalance ratio (largest / smallest class) ",
        "multilabel": "; imbalance ratio of the rarest label ",
    }[plan.task]
    return wrapped(", ".join(words) + meaning + number_text(plan.imbalance_ratio), BESIDE)


def _rarest(plan: Plan) -> str:
    words = {"binary": "minority rows", "multiclass": "rows of each class", "multilabel": "rows with each label"}
    return words[plan.task]


def _trials(n: int, plan: Plan) -> str:
    return f"{n:,} trial{'s' * (n > 1)} x {plan.models_per_trial} model{'s' * (plan.models_per_trial > 1)}"


def _time(plan: Plan) -> str:
    if plan.seconds is None:
        return "not estimated: trainer sequential is plain Keras, one fold at a time"
    return f"very roughly {_duration(plan.seconds)} of training; it depends on the machine"


def _range(description: Mapping[str, object]) -> str:
    if "choices" in description:
        choices = description["choices"]
        return "one of " + ", ".join(map(str, choices)) if isinstance(choices, Iterable) else str(choices)
    words = f"{value_text(description['low'])} to {value_text(description['high'])}"
    return words + (", logarithmic" if description["log"] else "")


def bytes_text(n: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if n < 999.5:  # what `.3g` writes without an exponent
            return f"{n:.3g} {unit}"
        n /= 1000
    return f"{number_text(n)} TB"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
