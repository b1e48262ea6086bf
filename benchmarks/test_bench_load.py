"""A million rows: seconds and memory until folds are cut and columns are numbers, and of `check`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from commands import succeeded
from large_tables import MISSING, N_CATEGORIES, N_LEVELS, N_NUMBERS, SHARE, TARGET
from recording import Measurement, seconds_text

from tuner.config.dataset import TableDataset
from tuner.config.load import dump_config
from tuner.config.schema import Config

SCRIPT = Path(__file__).with_name("large_tables.py")

ROWS = 1_000_000
PEAK_BYTES = 6e9
"""The most memory that loading or `check` may take."""
SECONDS = 60

METHOD = """\
{rows:,} rows and a target of two classes, {share:.0%} of them rare. *Numeric* is {all} columns of numbers, *mixed*
{numbers} of them and {categories} of {levels} categories, {missing:.0%} of all cells missing. Each file is loaded in a
fresh process: *load and fold* reads it, finds out what each column is and cuts 5 folds x 3 repeats, *encode* makes the
numbers that models train on and all that the training rows of each fold teach about them; imports come before. *Peak*
is the most memory of that process, imports included. `check` is the whole command on the same file, which also looks
for repeated rows, leaks and the like. Once each. Asked: load and fold in under {seconds} seconds and {peak:,.0f} MB."""

COLUMNS = (
    "file",
    "MB",
    "encoded",
    "load and fold, seconds",
    "encode, seconds",
    "peak, MB",
    "`check`, seconds",
    "its peak, MB",
)


def test_a_million_rows_are_loaded_folded_and_checked_in_bounded_memory(
    keep: Callable[[Measurement], None], quick: bool, tmp_path: Path
) -> None:
    n_rows = ROWS // 50 if quick else ROWS
    subprocess.run([sys.executable, str(SCRIPT), "write", str(tmp_path), str(n_rows)], check=True)
    files = [tmp_path / f"{name}.{form}" for name in ("numeric", "mixed") for form in ("csv", "parquet")]
    findings = {file.name: _measured(file) for file in files}
    keep(
        Measurement(
            name="load",
            title="A million rows, thirty columns",
            method=METHOD.format(
                rows=n_rows,
                share=SHARE,
                all=N_NUMBERS + N_CATEGORIES,
                numbers=N_NUMBERS,
                categories=N_CATEGORIES,
                levels=N_LEVELS,
                missing=MISSING,
                seconds=SECONDS,
                peak=PEAK_BYTES / 1e6,
            ),
            columns=COLUMNS,
            rows=[_row(file, findings[file.name]) for file in files],
            figures=findings,
        )
    )
    for finding in findings.values():
        assert (finding["rows"], finding["folds"]) == (n_rows, 15)
        assert max(finding["peak_bytes"], finding["check_peak_bytes"]) < PEAK_BYTES


def _measured(file: Path) -> dict[str, Any]:
    config = file.with_suffix(f"{file.suffix}.yaml")
    config.write_text(dump_config(Config(dataset=TableDataset(kind="table", path=file, target=TARGET))))
    loading = [sys.executable, str(SCRIPT), "load", str(config)]
    loaded = json.loads(subprocess.run(loading, check=True, stdout=subprocess.PIPE).stdout)
    checked = succeeded(file.parent, "check", str(config))
    print(f"\n{file.name}: {loaded}, check {checked.seconds:.1f} s, {checked.peak_bytes / 1e6:,.0f} MB", flush=True)
    return loaded | {"check_seconds": checked.seconds, "check_peak_bytes": checked.peak_bytes}


def _row(file: Path, finding: dict[str, Any]) -> tuple[str, ...]:
    return (
        f"{file.stem}, {'CSV' if file.suffix == '.csv' else 'Parquet'}",
        f"{file.stat().st_size / 1e6:,.0f}",
        f"{finding['encoded']:,}",
        seconds_text(finding["fold_seconds"]),
        seconds_text(finding["encode_seconds"]),
        f"{finding['peak_bytes'] / 1e6:,.0f}",
        seconds_text(finding["check_seconds"]),
        f"{finding['check_peak_bytes'] / 1e6:,.0f}",
    )
