"""Every real table from nothing: `init`, `check` and `run` as a new user calls them, without editing anything."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from commands import command, import_bytes, init, overrides
from recording import Measurement, seconds_text

from tuner.errors import DataError
from tuner.study.summary import load_summary

METHOD = """\
`init` with the target of each table and, where it has a column of row numbers, `--drop`; then `check` and `run` on the
file that it wrote, {trials} trials on 3 folds x 1 repeat, each a process of its own from start to end. Nothing is
edited. *Columns* are those of the file, in the kinds that `init` inferred; *encoded* is how many numbers a row becomes.
*Peak* is the most memory that a command held, {imports:,.0f} MB of it by imports. *Best* is the mean score of the best
trial, which is optimistic as every winner's is, with the half-width of its corrected 95 % interval. A table is refused
where `init` wrote down before the run why it would be, and what to choose instead; the row below it is that choice."""

COLUMNS = (
    "table",
    "rows",
    "columns",
    "encoded",
    "classes",
    "`init`, seconds",
    "`check`, seconds",
    "`run`, seconds",
    "peak, MB",
    "metric",
    "best",
)

SMALL = ("glass", "keel_ecoli1", "german_credit", "nursery")
"""Those of `--quick`."""

REFUSAL = re.compile(r"^ *# (Too few rows for folds: .+?)\. `run` refuses until you choose", re.MULTILINE)
"""What `init` writes above a choice that it leaves to people."""

CHOICE = "dataset.small_classes=drop"


class Finding(NamedTuple):
    """What happened to one table; `refused` is the reason that `init` wrote, and there is then no score."""

    rows: int
    kinds: dict[str, int]
    encoded: int | None
    classes: int
    seconds: dict[str, float]
    peak_bytes: int
    metric: str | None = None
    best: float | None = None
    half_width: float | None = None
    refused: str | None = None


def test_every_table_finishes_or_is_refused_for_the_reason_that_init_wrote(
    tables: Mapping[str, dict[str, Any]], keep: Callable[[Measurement], None], quick: bool, tmp_path: Path
) -> None:
    n_trials = 4 if quick else 20
    # a run that was cut short goes on there
    root = Path(os.environ.get("TUNER_BENCH_PARTIAL", tmp_path)) / f"tables_{n_trials}"
    findings: dict[str, Finding] = {}
    for name in SMALL if quick else tables:
        findings[name] = _found(tables[name], root / name, n_trials)
        if findings[name].refused:
            findings[f"{name}, {CHOICE}"] = _found(tables[name], root / f"{name}_chosen", n_trials, CHOICE)
    keep(
        Measurement(
            name="tables",
            title="Every real table from nothing",
            method=METHOD.format(trials=n_trials, imports=import_bytes() / 1e6),
            columns=COLUMNS,
            rows=[_row(name, finding) for name, finding in findings.items()],
            figures={name: finding._asdict() for name, finding in findings.items()},
        )
    )


def _found(table: Mapping[str, Any], folder: Path, n_trials: int, *choices: str) -> Finding:
    kept = folder / "finding.json"
    if kept.exists():
        return Finding(**json.loads(kept.read_text()))
    folder.mkdir(parents=True, exist_ok=True)
    finding = _measured(table, folder, n_trials, choices)
    print(f"\n{folder.name}: {finding}", flush=True)
    kept.write_text(json.dumps(finding._asdict()))
    return finding


def _measured(table: Mapping[str, Any], folder: Path, n_trials: int, choices: tuple[str, ...]) -> Finding:
    config = folder / f"{folder.name}.yaml"
    written = init(table, config)
    cuts = ("cv.n_splits=3", "cv.n_repeats=1")
    checked = command(folder, "check", config.name, *overrides(*choices))
    ran = command(folder, "run", config.name, *overrides(f"study.n_trials={n_trials}", *cuts, *choices))
    table_used = written.answer | checked.answer
    common = {
        "rows": table_used["rows"],
        "kinds": dict(Counter(column["kind"] for column in written.answer["columns"])),
        "encoded": table_used.get("encoded_features"),
        "classes": len(table_used["classes"]),
        "seconds": {"init": written.seconds, "check": checked.seconds, "run": ran.seconds},
        "peak_bytes": max(each.peak_bytes for each in (written, checked, ran)),
    }
    if ran.exit_code:
        return Finding(**common, refused=_reason(config, ran.exit_code, ran.answer))
    assert checked.exit_code == 0, f"check ended with {checked.exit_code}, and run worked"
    assert ran.answer["complete"] == ran.answer["n_trials"], ran.answer
    summary = load_summary(folder / ran.answer["files"]["database"], ran.answer["study"])
    best = summary.best
    assert best is not None
    assert best.interval is not None
    return Finding(**common, metric=summary.metric, best=best.interval.mean, half_width=best.interval.half_width)


def _reason(config: Path, exit_code: int, answer: Mapping[str, Any]) -> str:
    """Return why `init` wrote that a run would be refused; it was refused for that and no other reason."""
    assert exit_code == DataError.exit_code, f"{config.name}: exit code {exit_code}, {answer}"
    written = REFUSAL.search(config.read_text())
    assert written, f"{config.name} says nothing of this: {answer}"
    assert "dataset.small_classes" in answer["error"]["message"], answer
    return written[1]


def _row(name: str, finding: Finding) -> tuple[str, ...]:
    best = f"refused: {finding.refused}" if finding.refused else f"{finding.best:.4f} +- {finding.half_width:.4f}"
    return (
        name,
        f"{finding.rows:,}",
        ", ".join(f"{n} {kind}" for kind, n in finding.kinds.items()),
        "" if finding.encoded is None else f"{finding.encoded:,}",
        str(finding.classes),
        *(seconds_text(finding.seconds[step]) for step in ("init", "check", "run")),
        f"{finding.peak_bytes / 1e6:,.0f}",
        finding.metric or "",
        best,
    )
