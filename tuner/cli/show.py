"""Results as text for people and as objects for `--json`; every function returns a value, none prints."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from tuner.cli.layout import BESIDE, WIDTH, aligned, params_text, value_text, wrapped
from tuner.report.bands import end_text, outside_text
from tuner.report.classes import weakest_text, weights_text
from tuner.report.comparison import BASELINES, baselines
from tuner.report.export import class_weights, evidence_in_short, ordered_params
from tuner.report.numbers import chance_text, p_text, pruned_text
from tuner.report.scores import ScoreLine, score_lines
from tuner.report.verdict import weight_word
from tuner.report.words import band_kind, rule_text

if TYPE_CHECKING:
    from tuner.evidence import ArmResult, Contrast, Pair, ThresholdChoice, Verdict, WeightBand
    from tuner.replay import FoldReplay, Replay
    from tuner.run import RunResult
    from tuner.start import Start
    from tuner.study.summary import StudySummary, TrialRecord
    from tuner.timing import Account


def status_object(summary: StudySummary) -> dict[str, object]:
    """Return what a study holds, for `--json`."""
    return {
        "study": summary.name,
        "metric": summary.metric,
        "n_trials": summary.n_trials,
        "finished": summary.n_finished,
        **{state: summary.count(state) for state in ("complete", "pruned", "failed", "running")},
        "best": _best_object(summary),
        **evidence_in_short(summary),
        **({"per_class": summary.evidence["per_class"]} if "per_class" in summary.evidence else {}),
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
        "time": result.time.as_dict(),
        "files": result.files,
    }


def _best_object(summary: StudySummary) -> dict[str, object] | None:
    best = summary.best
    if best is None:
        return None
    weights = dict(zip(summary.data.classes, class_weights(best), strict=True))
    return {"trial": best.number, "value": best.value, "params": ordered_params(best), "class_weight": weights}


def start_text(begun: Start) -> str:
    """Return what was inferred from a table, and what to do next, for people."""
    dataset, kinds = begun.dataset, Counter(spec.kind for spec in begun.table.specs)
    counts = zip(dataset.classes, dataset.class_counts, strict=True)
    rows = [
        ("wrote", str(begun.path)),
        ("rows", f"{begun.table.n_rows:,}"),
        ("target", wrapped(f"{dataset.target}: " + ", ".join(f"{label} {n:,}" for label, n in counts), BESIDE)),
        ("columns", ", ".join(f"{n:,} {kind}" for kind, n in kinds.most_common())),
    ]
    rows += [("left out", f"{name} ({why})") for name, why in dataset.left_out]
    return aligned([*rows, ("next", f"python -m tuner check {begun.path}")])


def status_text(summary: StudySummary) -> str:
    """Return what a study holds, for people."""
    counts = ", ".join(f"{summary.count(state)} {state}" for state in ("complete", "pruned", "failed", "running"))
    rows = [
        *_verdict_rows(summary),
        ("study", f"{summary.name}, on {summary.data.source}"),
        ("trials", f"{summary.n_finished} of {summary.n_trials} finished ({counts})"),
        *([("pruned", pruned)] if (pruned := pruned_text(summary)) else []),
        *_best_rows(summary),
        *_evidence_rows(summary),
    ]
    return aligned(rows)


def run_text(result: RunResult) -> str:
    """Return what a run found and where it lies, for people."""
    summary, files = result.summary, result.files
    rows = [*_verdict_rows(summary), *_best_rows(summary), *_evidence_rows(summary)]
    if pruned := pruned_text(summary):
        rows.append(("pruned", pruned))
    rows += [(kind, files[kind]) for kind in ("weights", "report", "trials", "folds", "database") if kind in files]
    return aligned([*rows, ("time", time_text(result.time, n_models=result.models_trained))])


def time_text(time: Account, *, n_models: int) -> str:
    """Return where the seconds of a run went, the longest phase first; those below 0.05 s are left out."""
    wall = dict(time.wall)
    training = wall.pop("train")
    words = [f"{seconds:.1f} {phase}" for phase, seconds in sorted(wall.items(), key=lambda item: -item[1])]
    words = [text for text in words if not text.startswith("0.0 ")]
    if time.window:
        cores = f"{time.threads} core{'s' * (time.threads > 1)} ({100 * time.idle_share:.0f} % idle)"
        words.insert(0, f"{training:.1f} training {n_models:,} model{'s' * (n_models != 1)} on {cores}")
    return ": ".join([f"{time.total:.1f} s", *([", ".join(words)] if words else [])])


def _best_rows(summary: StudySummary) -> list[tuple[str, str]]:
    best = summary.best
    if best is None:
        return [("best", "no trial completed yet")]
    rows = [
        ("best", f"{_score(best)} {summary.metric} on this table (trial {best.number})"),
        ("", wrapped(params_text(best.params), BESIDE)),
        ("weights", wrapped(weights_text(summary.data, best), BESIDE)),
    ]
    scored = [trial for trial in baselines(summary) if trial.interval is not None]
    for i, trial in enumerate(scored):
        exponent = trial.resolved.get("weight_exponent")
        weights = weights_text(summary.data, trial) if exponent is None else f"weight_exponent {value_text(exponent)}"
        words = f"{_score(trial)} with {weights}, {BASELINES[trial.origin]}"
        rows.append(("" if i else "beside", wrapped(words, BESIDE)))
    return rows


def _verdict_rows(summary: StudySummary) -> list[tuple[str, str]]:
    """The verdict in a sentence, and what would settle it; nothing where there is none."""
    verdict = summary.evidence.get("verdict")
    if verdict is None:
        return []
    sentences = [verdict["sentence"], verdict["what_would_settle_it"]]
    return [("verdict" if not i else "", wrapped(text, BESIDE)) for i, text in enumerate(filter(None, sentences))]


def _evidence_rows(summary: StudySummary) -> list[tuple[str, str]]:
    """The honest score, the class found worst, the weight band and the threshold, as far as there are any."""
    rows = []
    evidence, lines = summary.evidence, score_lines(summary)
    if lines and lines[0].kind != "optimistic":
        rows.append(("honest" if lines[0].kind == "honest" else "corrected", " / ".join(map(_score_words, lines))))
    if (per_class := evidence.get("per_class")) is not None:
        rows.append(("weakest", wrapped(weakest_text(summary.data, per_class), BESIDE)))
    if (band := evidence.get("weight_band")) is not None:
        words = [_band(band), outside_text(summary, band), end_text(band)]
        rows.append(("band", wrapped(". ".join(text.removesuffix(".") for text in words if text), BESIDE)))
    if (choice := evidence.get("threshold")) is not None:
        rows.append(("threshold", wrapped(_threshold(choice), BESIDE)))
    return rows


def _band(band: WeightBand) -> str:
    kind = band_kind(band)
    if band["low"] == band["high"]:
        return f"no other {kind} of the sweep does as well as {value_text(band['best'])}"
    return (
        f"{kind}s {value_text(band['low'])} to {value_text(band['high'])} do as well as the best of the sweep, "
        f"{value_text(band['best'])}, as far as these folds can tell"
    )


def _score_words(line: ScoreLine) -> str:
    if line.kind == "optimistic":
        return f"raw best {line.mean:.4f}"
    source = "nested" if line.kind == "honest" else "BBC, partly corrected"
    return f"{_plus_minus(line.mean, line.ci95 if line.kind == 'honest' else None)} ({source})"


def _threshold(choice: ThresholdChoice) -> str:
    probability, achieved = choice["probability"], choice["achieved"]
    if probability is None:
        return f"none: {choice['reason']}"
    corrected = choice["corrected_probability"]
    words = f"probability above {chance_text(probability)}"
    if corrected is not None:
        words += f" ({chance_text(corrected)} after the correction)"
    words += f", {rule_text(choice)}"
    if achieved is None:
        return words
    precision = "" if achieved["precision"] is None else f", precision {achieved['precision']:.3f}"
    return f"{words}: recall {achieved['recall']:.3f}{precision}, {achieved['n_alerts']:,.0f} rows called"


def _score(trial: TrialRecord) -> str:
    if trial.interval is None:
        return "no score"
    spread = f" +- {trial.interval.half_width:.4f}" if math.isfinite(trial.interval.half_width) else ""
    return f"{trial.interval.mean:.4f}{spread}"


def verdict_object(verdict: Verdict) -> dict[str, object]:
    """Return a verdict for `--json`: the record itself, what the contract names first."""
    first = ("sentence", "conclusion", "primary", "arms", "references", "what_would_settle_it")
    record = cast(dict[str, object], verdict)
    return {name: record[name] for name in first} | record


def verdict_text(verdict: Verdict, *, files: Mapping[str, str] | None = None) -> str:
    """Return a verdict for people: the sentence, what would settle it, a table of the arms, and where the report is."""
    paragraphs = [wrapped(text, WIDTH) for text in (verdict["sentence"], verdict["what_would_settle_it"]) if text]
    head = ("", verdict["metric"], "minus none", weight_word(verdict), "rate", "models", "p")
    rows = [_arm_cells(arm) for arm in verdict["arms"]]
    rows += [(one["label"], _plus_minus(one["mean"], one["ci95"]), *[""] * 5) for one in verdict["references"]]
    paragraphs.append(_table([head, *rows]))
    if (primary := verdict["primary"]) is not None:
        paragraphs.append(wrapped(_primary(primary, verdict["margin"]), WIDTH))
    paragraphs += [wrapped(note, WIDTH) for note in verdict["notes"]]
    if files is not None:
        paragraphs.append(aligned([(kind, files[kind]) for kind in ("report", "database") if kind in files]))
    return "\n\n".join(paragraphs)


def _arm_cells(arm: ArmResult) -> tuple[str, ...]:
    against = arm["against_none"]
    return (
        arm["label"],
        _plus_minus(arm["mean"], arm["ci95"]),
        "" if against is None else _plus_minus(against["difference"], against["ci95"], sign="+"),
        value_text(arm["weights"][1]),
        value_text(arm["learning_rates"][1]),
        f"{arm['n_training_runs']:,}",
        "" if against is None else p_text(against["p_value"]),
    )


def _primary(primary: Contrast, margin: float) -> str:
    low, high = primary["ci90"] or (math.nan, math.nan)
    ci90 = "" if primary["ci90"] is None else f", 90 % interval {low:+.4f} to {high:+.4f}"
    difference = _plus_minus(primary["difference"], primary["ci95"], sign="+")
    return (
        f"Fixed beforehand: {primary['contrast']}, {difference}{ci90}, margin {value_text(margin)}. "
        "Every other difference is secondary: Bonferroni's interval, Holm's p."
    )


def _plus_minus(mean: float, pair: Pair | None, *, sign: str = "") -> str:
    spread = "" if pair is None else f" +- {(pair[1] - pair[0]) / 2:.4f}"
    return f"{mean:{sign}.4f}{spread}"


def _table(rows: list[tuple[str, ...]]) -> str:
    """Columns as wide as their longest cell; labels, the first column, are wrapped where `WIDTH` leaves less."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[0] = min(widths[0], WIDTH - sum(2 + width for width in widths[1:]))
    return "\n".join(line for row in rows for line in _row_lines(row, widths))


def _row_lines(row: tuple[str, ...], widths: list[int]) -> list[str]:
    first, *others = textwrap.wrap(row[0], widths[0], subsequent_indent="  ") or [""]
    cells = zip((first, *row[1:]), widths, strict=True)
    return ["  ".join(f"{cell:<{width}}" for cell, width in cells).rstrip(), *others]


def replay_row(fold: FoldReplay, *, metric: str) -> str:
    """Return one row of the replay table; the first fold brings the header with it."""
    difference = "" if fold.probability_difference is None else f"{fold.probability_difference:.1e}"
    changed = "" if fold.changed_rows is None else str(fold.changed_rows)
    rows: list[tuple[object, ...]] = [
        (fold.repeat, fold.fold, f"{fold.stored:.6f}", f"{fold.replayed:.6f}", difference, changed)
    ]
    if fold.repeat == fold.fold == 0:
        rows.insert(0, ("repeat", "fold", f"stored {metric}", "replayed", "probability", "changed rows"))
    lines = [f"{a:>6} {b:>4}  {c:>24} {d:>12} {e:>12} {f:>13}" for a, b, c, d, e, f in rows]
    return "\n".join(lines) + ("" if fold.agrees else "  disagrees")


def replay_text(replay: Replay) -> str:
    """Return what a replay found, and of a disagreement when it began."""
    largest = max(abs(fold.stored - fold.replayed) for fold in replay.folds)
    n = len(replay.folds)
    verb = "agrees with" if replay.agrees else "disagrees with"
    text = (
        f"Plain Keras {verb} the stored trial {replay.trial} on {n} fold{'s' * (n > 1)}; "
        f"the largest difference in {replay.metric} is {largest:.1e}."
    )
    if replay.agrees:
        return text
    alike = [fold.alike_until for fold in replay.folds if not fold.agrees]
    if None in alike:
        return f"{text}\nScores differ from the first stored epoch on: this is more than rounding."
    return (
        f"{text}\nScores are alike until epoch {min(filter(None, alike))}. Where learning rate x weight is large,"
        " rounding grows like that from step to step;\nreplay a trial of a smaller rate or of fewer epochs to be sure."
    )
