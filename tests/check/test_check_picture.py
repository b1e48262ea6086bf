"""The picture of a table that `check --plot` writes."""

import io

import matplotlib.image
import numpy as np
import pytest
from check_configs import N_ROWS, columns, prepared

from tuner.check.picture import find_gaps, picture_name, table_picture

RNG = np.random.default_rng(1)


def with_gaps(share):
    return [None if i < share * N_ROWS else value for i, value in enumerate(RNG.normal(size=N_ROWS))]


def test_gaps_are_those_of_the_cells_most_of_them_first(tmp_path):
    dataset = prepared(tmp_path, columns(few=with_gaps(0.1), many=with_gaps(0.5))).dataset
    gaps = find_gaps(dataset, show_rows=True)
    assert (gaps.names, gaps.shares) == (("many", "few"), (0.5, 0.1))
    assert (gaps.n_others, gaps.n_complete) == (0, 2)
    assert gaps.cells.shape == (2, N_ROWS)
    np.testing.assert_array_equal(gaps.cells, np.arange(N_ROWS) < N_ROWS * np.array([[0.5], [0.1]]))


def test_gaps_of_a_date_are_drawn_once_by_its_name(tmp_path):
    days = [None if i % 3 == 0 else f"2024-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(N_ROWS)]
    gaps = find_gaps(prepared(tmp_path, columns(when=days)).dataset, show_rows=True)
    assert (gaps.names, gaps.n_complete) == (("when",), 2)


def test_columns_and_rows_that_find_no_room_are_left_out(tmp_path, monkeypatch):
    dataset = prepared(tmp_path, columns(**{f"x{i}": with_gaps(i / 10) for i in range(1, 6)})).dataset
    monkeypatch.setattr("tuner.check.picture.MAX_GAP_COLUMNS", 2)
    monkeypatch.setattr("tuner.check.picture.MAX_GAP_ROWS", 30)
    gaps = find_gaps(dataset, show_rows=True)
    assert (gaps.names, gaps.n_others, gaps.cells.shape) == (("x5", "x4"), 3, (2, 30))
    assert gaps.cells.mean(axis=1) == pytest.approx([0.5, 0.4])


def test_rows_stay_in_the_table_where_none_may_leave_it(tmp_path):
    gaps = find_gaps(prepared(tmp_path, columns(few=with_gaps(0.1))).dataset, show_rows=False)
    np.testing.assert_allclose(gaps.cells, [[0.1]])


@pytest.mark.parametrize("store_sample", [True, False])
def test_picture_is_a_png_wide_enough_to_read(tmp_path, store_sample):
    options = {"dataset": {"store_sample": store_sample}}
    png = table_picture(prepared(tmp_path, columns(few=with_gaps(0.1)), **options))
    height, width, _ = matplotlib.image.imread(io.BytesIO(png)).shape
    assert width == 1600
    assert (height > 1000) == store_sample  # without the scatter it is a strip


def test_picture_goes_by_the_name_of_the_study():
    assert picture_name("small") == "small_data.png"
