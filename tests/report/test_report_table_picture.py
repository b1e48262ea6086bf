"""What the picture of a table shows."""

import numpy as np
import pytest
from report_summaries import make_data

from tuner.report.table_picture import Gaps, draw_table
from tuner.trial import DataSummary

NO_GAPS = Gaps(names=(), shares=(), cells=np.zeros((0, 9), np.float32), n_others=0, n_complete=3)
GAPS = Gaps(
    names=("age", "a_very_long_name_of_a_column_that_goes_on"),
    shares=(0.25, 0.0004),
    cells=np.array([[1, 0, 0, 0], [0, 0, 0, 1]], np.float32),
    n_others=2,
    n_complete=3,
)


def titles(figure):
    return [part.get_suptitle() for part in figure.subfigs]


def test_picture_has_a_titled_part_for_classes_rows_and_gaps():
    data = make_data()
    first, second, third = titles(draw_table(data, GAPS))
    assert first == f"{data.n_rows:,} rows of {data.source}"
    assert second.startswith(f"{len(data.points):,} rows")
    assert third == "Missing cells in 4 rows, in their order: 2 columns and 2 more with fewer; 3 columns complete"


def test_rows_are_not_drawn_where_none_are_stored():
    data = make_data(points=(), point_classes=())
    assert len(titles(draw_table(data, GAPS))) == 2


def test_projected_rows_are_called_so_and_two_columns_are_not():
    on_columns, on_components = (
        titles(draw_table(make_data(axes=axes), GAPS))[1] for axes in (("x1", "x2"), ("PC1 (9 %)", "PC2 (8 %)"))
    )
    assert "components" not in on_columns
    assert on_components.endswith(" rows on the first two components")


def test_map_shows_each_column_with_its_share():
    (axes,) = draw_table(make_data(), GAPS).subfigs[-1].axes
    np.testing.assert_array_equal(axes.images[0].get_array(), GAPS.cells)
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "age",
        "a_very_long_name_of_a_colum\N{HORIZONTAL ELLIPSIS}",
    ]
    assert [text.get_text() for text in axes.texts] == ["25.0%", "0.040%"]


def test_complete_table_has_a_sentence_in_place_of_the_map():
    figure = draw_table(make_data(), NO_GAPS)
    assert titles(figure)[-1] == "No cell of 3 columns is missing"
    assert list(figure.subfigs[-1].axes[0].images) == []


def many_classes(n_classes):
    rng = np.random.default_rng(0)
    of_point = np.arange(20 * n_classes) % n_classes
    return DataSummary(
        source="a table",
        n_rows=20 * n_classes,
        n_features=2,
        target="y",
        classes=tuple(f"class {k} of many" for k in range(n_classes)),
        class_counts=(20,) * n_classes,
        label_type="str",
        sha256="0",
        n_duplicate_rows=0,
        axes=("x1", "x2"),
        points=tuple(map(tuple, rng.normal(size=(len(of_point), 2)).tolist())),
        point_classes=tuple(of_point.tolist()),
        task="multiclass",
    )


@pytest.mark.parametrize("n_classes", [3, 40])
def test_legend_has_ten_entries_at_most_and_stays_inside_the_picture(n_classes):
    figure = draw_table(many_classes(n_classes), GAPS)
    figure.canvas.draw()
    legend = figure.subfigs[1].axes[0].get_legend()
    assert len(legend.get_texts()) == min(n_classes, 9)
    assert legend.get_window_extent().x1 <= figure.bbox.x1


def test_text_of_the_table_is_never_read_as_math():
    broken = r"$\frac$"
    data = make_data(classes=(broken, "c"), source=broken, axes=(broken, broken))
    gaps = Gaps(names=(broken,), shares=(0.5,), cells=np.ones((1, 1), np.float32), n_others=0, n_complete=0)
    figure = draw_table(data, gaps)
    figure.canvas.draw()
    assert titles(figure)[0] == f"10,000 rows of {broken}"
    assert titles(figure)[-1] == "Missing cells as shares: 1 column"
