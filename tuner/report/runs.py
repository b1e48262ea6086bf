"""Where the time of a study's runs went, as the rows of a table and the parts of a bar for each."""

from __future__ import annotations

from tuner.study.summary import RunRecord, StudySummary
from tuner.timing import Account

MAX_RUNS = 20
LEAST_SHARE = 0.005
"""Phases below this share of a run are not drawn."""

HEAD = ["run", "trials", "seconds", "training", "outside training", "threads", "idle"]


def runs_section(summary: StudySummary) -> dict[str, object] | None:
    """Return the last runs, oldest first, for the template; None of a study that recorded none."""
    if not summary.runs:
        return None
    runs = summary.runs[-MAX_RUNS:]
    drawn = [_shares(run.time) for run in runs]
    return {
        "head": HEAD,
        "runs": [
            {"cells": _cells(run), "parts": _parts(run.time, shares)} for run, shares in zip(runs, drawn, strict=True)
        ],
        "phases": [phase for phase in runs[0].time.wall if any(phase in shares for shares in drawn)],
        "n_runs": len(summary.runs),
    }


def _cells(run: RunRecord) -> list[str]:
    time = run.time
    return [
        f"{run.started_at[:16].replace('T', ' ')} UTC",
        f"{run.n_trials:,}",
        f"{time.total:,.1f}",
        f"{time.wall['train']:,.1f}",
        f"{100 * time.share_outside_training:.0f} %",
        str(time.threads),
        f"{100 * time.idle_share:.0f} %",
    ]


def _shares(time: Account) -> dict[str, float]:
    return {phase: s / time.total for phase, s in time.wall.items() if s >= LEAST_SHARE * time.total > 0.0}


def _parts(time: Account, shares: dict[str, float]) -> list[dict[str, str]]:
    return [
        {"phase": phase, "percent": f"{100 * share:.2f}", "seconds": f"{time.wall[phase]:,.1f}"}
        for phase, share in shares.items()
    ]
