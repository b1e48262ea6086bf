"""Small tables as files, and what `check` makes of them."""

import csv

import numpy as np
import yaml

from tuner.check.plan import make_plan
from tuner.config.load import load_config
from tuner.prepared import prepare

N_ROWS = 300


def columns(n_rows=N_ROWS, *, every=5, **more):
    """Return two columns of noise, the target `y` with every n-th row positive, and `more`; None is a missing cell."""
    rng = np.random.default_rng(0)
    noise = {name: rng.normal(size=n_rows) for name in ("a", "b")}
    return {**noise, "y": ["yes" if i % every == 0 else "no" for i in range(n_rows)], **more}


def prepared(tmp_path, cells, **sections):
    """Return what is known of a table of `cells`; `sections` of the config are merged with those of a small study."""
    with (tmp_path / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(cells)
        writer.writerows(["" if cell is None else cell for cell in row] for row in zip(*cells.values(), strict=True))
    dataset = {"kind": "table", "path": "table.csv", "target": "y", **sections.pop("dataset", {})}
    config = {"study": {"name": "small"}, "dataset": dataset, "cv": {"n_repeats": 1}, **sections}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(config))
    return prepare(load_config(tmp_path / "small.yaml", overrides=()).config)


def findings(*arguments, **sections):
    """Return what is found in the plan of a table, all of it."""
    return make_plan(prepared(*arguments, **sections), threads=1).findings
