"""`python -m tuner run configs/default.yaml`, everything included."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from default_run import measure
from recording import ROOT, Measurement


def test_default_run_is_timed_from_start_to_end(
    keep: Callable[[Measurement], None], quick: bool, tmp_path: Path
) -> None:
    few = {"config": ROOT / "configs" / "smoke.yaml", "n_runs": 1} if quick else {}
    keep(measure(tmp_path, **few))
