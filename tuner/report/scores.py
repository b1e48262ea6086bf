"""One search, three scores: the honest one, the partly corrected one, and the optimistic one of the best trial.

Page, picture and terminal show the same lines, in this order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from tuner.evidence import Pair
from tuner.intervals import Interval
from tuner.report.numbers import plural
from tuner.study.summary import StudySummary

Kind = Literal["honest", "partly corrected", "optimistic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreLine:
    """One score of a search: how far it can be believed, how it came about, and its 95 % interval, if it has one."""

    kind: Kind
    source: str
    mean: float
    ci95: Pair | None

    @property
    def label(self) -> str:
        """Kind and source in one line: `honest: a new search in every fold`."""
        return f"{self.kind}: {self.source}"


def score_lines(summary: StudySummary) -> tuple[ScoreLine, ...]:
    """Return what is known of the score of the search, the most honest first; empty where no trial was scored."""
    lines = []
    if (verdict := summary.evidence.get("verdict")) is not None:
        nested = verdict["nested"]
        lines.append(
            ScoreLine(kind="honest", source="a new search in every fold", mean=nested["mean"], ci95=nested["ci95"])
        )
    if (corrected := summary.evidence.get("bias_corrected")) is not None:
        lines.append(
            ScoreLine(
                kind="partly corrected",
                source="bootstrap over the rows (BBC)",
                mean=corrected["mean"],
                ci95=corrected["ci95"],
            )
        )
    if (best := summary.best) is not None and best.interval is not None:
        n_candidates = len(summary.scored) + sum(summary.pruned_after.values())
        source = "the only trial" if n_candidates == 1 else f"the best of {plural(n_candidates, 'trial')}"
        lines.append(
            ScoreLine(kind="optimistic", source=source, mean=best.interval.mean, ci95=_finite_pair(best.interval))
        )
    return tuple(lines)


def _finite_pair(interval: Interval) -> Pair | None:
    return [interval.low, interval.high] if math.isfinite(interval.half_width) else None
