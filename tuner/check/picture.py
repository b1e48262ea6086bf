"""The picture of a table that `check --plot` writes."""

from __future__ import annotations

import numpy as np

from tuner.data.dataset import Dataset
from tuner.data.summary import summarize
from tuner.prepared import Prepared
from tuner.report.canvas import png_bytes
from tuner.report.table_picture import Gaps, draw_table

MAX_GAP_COLUMNS = 30
MAX_GAP_ROWS = 600
"""More would be finer than the picture."""


def picture_name(study: str) -> str:
    """Return the name of the picture's file where none is given."""
    return f"{study}_data.png"


def table_picture(prepared: Prepared) -> bytes:
    """Return the picture of a table as PNG; no single row is in it where `dataset.store_sample` is false."""
    store_sample = prepared.config.dataset.store_sample
    data = summarize(prepared.dataset, prepared.whole, store_sample=store_sample)
    return png_bytes(draw_table(data, find_gaps(prepared.dataset, show_rows=store_sample)))


def find_gaps(dataset: Dataset, *, show_rows: bool) -> Gaps:
    """Return which cells of the table are missing: of some rows, evenly spaced, or only the share of each column.

    A date's parts lack the same cells, so its days stand for them.
    """
    dates = {f"{spec.name}: days": spec.name for spec in dataset.specs if spec.kind == "date"}
    parts = tuple(f"{name}: " for name in dates.values())
    wanted = [
        place
        for place, column in enumerate(dataset.columns)
        if column.name in dates or not (parts and column.name.startswith(parts))
    ]
    shares = np.array([np.isnan(dataset.X[:, place]).mean() for place in wanted])
    with_gaps = [i for i in np.argsort(-shares, kind="stable").tolist() if shares[i]]
    drawn = with_gaps[:MAX_GAP_COLUMNS]
    rows = np.unique(np.linspace(0, len(dataset.X) - 1, MAX_GAP_ROWS).astype(np.int64))
    if show_rows:
        cells = np.isnan(dataset.X[np.ix_(rows, [wanted[i] for i in drawn])]).T.astype(np.float32)
    else:
        cells = shares[drawn, None].astype(np.float32)
    names = [dataset.columns[place].name for place in wanted]
    return Gaps(
        names=tuple(dates.get(names[i], names[i]) for i in drawn),
        shares=tuple(shares[drawn].tolist()),
        cells=cells,
        n_others=len(with_gaps) - len(drawn),
        n_complete=len(wanted) - len(with_gaps),
    )
