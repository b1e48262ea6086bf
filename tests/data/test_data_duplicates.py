"""Rows with the same cells."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tuner.data import duplicates
from tuner.data.duplicates import row_groups

CELLS = st.sampled_from([0.0, -0.0, 1.0, np.nan, -np.nan, 2.5, 1e30])


def as_seen(row):
    """Return cells that are equal exactly where cells of a table are."""
    return tuple("gap" if np.isnan(cell) else float(cell) for cell in row)


@given(arrays(np.float32, st.tuples(st.integers(1, 30), st.integers(1, 3)), elements=CELLS))
def test_rows_share_a_number_exactly_when_all_cells_are_equal_numbered_as_they_occur(X):
    seen = {}
    expected = [seen.setdefault(as_seen(row), len(seen)) for row in X]
    assert row_groups(X).tolist() == expected


@pytest.mark.parametrize("mix", [0, 1 << 63], ids=["every hash equal", "hashes of one bit"])
def test_rows_whose_hashes_collide_are_told_apart(mix, monkeypatch):
    X = np.random.default_rng(0).integers(0, 4, (500, 3)).astype(np.float32)
    expected = row_groups(X)
    monkeypatch.setattr(duplicates, "MIX", np.uint64(mix))
    np.testing.assert_array_equal(row_groups(X), expected)


def test_blocks_of_rows_do_not_change_the_answer(monkeypatch):
    X = np.random.default_rng(0).integers(0, 3, (101, 4)).astype(np.float32)
    X[::7, 1] = np.nan
    expected = row_groups(X)
    monkeypatch.setattr(duplicates, "BLOCK_ROWS", 10)
    np.testing.assert_array_equal(row_groups(X), expected)
