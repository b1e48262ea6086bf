"""Tables of many rows, written and loaded in processes of their own, so that the caller's memory stays small.

`python large_tables.py write FOLDER ROWS` writes `numeric` and `mixed` as CSV and as Parquet; `python large_tables.py
load CONFIG` prints what loading, folding and encoding took, as JSON.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

import numpy as np

N_NUMBERS, N_CATEGORIES, N_LEVELS = 20, 10, 20
"""Columns of `mixed`; `numeric` has as many in all."""
MISSING = 0.02
"""Share of missing cells in `mixed`."""
TARGET, SHARE = "target", 0.05
"""Column of labels, and the share of the rare one."""


def write(folder: Path, n_rows: int) -> None:
    """Write both tables in both forms."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    rng = np.random.default_rng(0)
    labels = (rng.random(n_rows) < SHARE).astype(np.int8)
    for name in ("numeric", "mixed"):
        columns = {}
        for place in range(N_NUMBERS + N_CATEGORIES):
            is_category = name == "mixed" and place >= N_NUMBERS
            values = _levels(rng, n_rows) if is_category else rng.normal(labels * (place % 5) / 5).astype(np.float32)
            gaps = rng.random(n_rows) < MISSING if name == "mixed" else None
            columns[f"x{place + 1}"] = pa.array(values, mask=gaps)
        table = pa.table({**columns, TARGET: labels})
        csv.write_csv(table, folder / f"{name}.csv")
        parquet.write_table(table, folder / f"{name}.parquet")


def load(config: Path) -> dict[str, float]:
    """Return seconds of reading and folding a table and of encoding it, what became of it, and the peak of memory."""
    began = time.perf_counter()
    from tuner.config.load import load_config
    from tuner.prepared import prepare

    imported = time.perf_counter()
    prepared = prepare(load_config(config).config)
    folded = time.perf_counter()
    table = prepared.table
    encoded = time.perf_counter()
    return {
        "import_seconds": imported - began,
        "fold_seconds": folded - imported,
        "encode_seconds": encoded - folded,
        "rows": table.X.shape[0],
        "folds": len(prepared.folds.train),
        "encoded": table.X.shape[1],
        "peak_bytes": _peak_bytes(),
    }


def _levels(rng: np.random.Generator, n_rows: int) -> np.ndarray:
    return np.array([f"level_{number}" for number in range(N_LEVELS)])[rng.integers(0, N_LEVELS, n_rows)]


def _peak_bytes() -> int:
    """Return the most resident memory that this program held; unlike the kernel's count it leaves out its parent's."""
    match = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if match is None:
        raise RuntimeError("/proc/self/status says nothing of VmHWM: this needs Linux")
    return 1024 * int(match[1])


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        print(json.dumps(load(Path(sys.argv[2]))))
