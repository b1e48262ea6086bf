"""Seconds and memory of training on a table of some size: `python growth.py ROWS`, asked as `turns.py` says.

A process of its own for each size, so that the peak is that of this size.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from turns import serve

from tuner.config.schema import Config, KFold, SearchSpace, SyntheticDataset, TrainingSection

EPOCHS = 3


def main(n_rows: int) -> None:
    """Serve timings and memory of a batch of trials."""
    from batches import make_batch

    after_imports = memory_bytes("VmRSS")
    config = Config(
        dataset=SyntheticDataset(n_samples=n_rows, n_features=10, n_informative=10),
        cv=KFold(n_splits=5, n_repeats=1),
        search_space=SearchSpace(hidden_size=16, epochs=EPOCHS),
        training=TrainingSection(batch_size=512),
    )
    train, n_models = make_batch(config, at_least=1)
    serve(
        train,
        lambda: {
            "models": n_models,
            "peak_bytes": memory_bytes("VmHWM"),
            "after_imports_bytes": after_imports,
        },
    )


def memory_bytes(field: str) -> int:
    """Return a size from this process' status on Linux: VmRSS is resident now, VmHWM was at most."""
    found = re.search(rf"^{field}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError(f"/proc/self/status holds no {field}; this benchmark needs Linux")
    return 1024 * int(found[1])


if __name__ == "__main__":
    main(int(sys.argv[1]))
