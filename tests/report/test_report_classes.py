"""Claims about page, pictures, tables and terminal where a table has more than two classes, or several labels."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from report_classes import (
    CLASSES,
    classes_summary,
    classes_trial,
    make_classes,
    make_labels,
    make_per_class,
)
from report_summaries import make_data, make_summary
from test_report_html import PAYLOADS, Page, page
from test_report_plots import HOSTILE, legend_texts

from tuner.cli import show
from tuner.report.classes import columns_table, imbalance_text, weights_text
from tuner.report.comparison import compare_baselines
from tuner.report.html import render_report
from tuner.report.layers import CLASS_COLORS, MAX_BARS, bars, class_colors, layers
from tuner.report.plots import draw_all, draw_class_counts, draw_data, draw_weight_score
from tuner.report.tables import csv_bytes, folds_table, trials_table

MANY = make_classes(tuple(f"c{k:02}" for k in range(40)), tuple(100 * (k + 1) for k in range(40)), n_rows=82_000)
EQUAL = make_classes(counts=(5_000, 5_000, 5_000))
DATA = {"classes": make_classes(), "labels": make_labels(), "many": MANY}


def everything(data, **changes):
    return classes_summary(data, evidence={"per_class": make_per_class(data)}, **changes)


# page


def test_first_sentence_gives_the_reach_of_the_weights_and_the_exponent():
    sentence = (
        "On this table, weights from 1 to 11.55 for the 3 classes, each the imbalance ratio of its class to the power of"
        " 0.6, scored a mean roc_auc of 0.902, corrected 95 % interval 0.890 to 0.915."
    )
    assert sentence in page(classes_summary()).words
    labels = page(classes_summary(make_labels())).words
    assert "weights from 1.933 to 6.732 for the 2 labels, each the imbalance ratio of its label to the power" in labels


def test_deviations_and_equal_weights_are_told():
    data = make_classes()
    deviating = (classes_trial(0, 0.6, data, deviations=(1.0, 1.0, 2.0)),)
    assert "to the power of 0.6 with a deviation, scored" in page(classes_summary(data, trials=deviating)).words
    equal = (classes_trial(0, 0.0, data, origin="none", center=0.95), classes_trial(1, 0.6, data))
    words = page(classes_summary(data, trials=equal)).words
    assert "On this table, equal weights for the 3 classes scored a mean roc_auc" in words
    assert "That is no weighting at all: no weight tried here scored better than equal weights." in words


def test_equal_weights_other_than_1_weight_labels_but_not_classes():
    for data, is_unweighted in ((make_classes(), True), (make_labels(), False)):
        trial = classes_trial(0, 0.6, data)
        trial = replace(trial, resolved=trial.resolved | {"class_weights": [3.0] * len(data.classes)})
        other = classes_trial(1, 0.9, data, center=0.1)
        assert ("no weighting at all" in page(classes_summary(data, trials=(trial, other))).words) == is_unweighted


def test_weights_of_every_class_can_be_pasted_and_stand_in_a_table():
    words = page(classes_summary()).words
    assert "class_weight = {0: 1.2626274074593054, 1: 1.0, 2: 11.54811784266086}" in words
    assert "class rows weight bus 4,000 1.263 car 5,900 1 van 100 11.55" in words
    assert "classes count from 0 in the order of the table" in words


def test_weights_of_labels_are_named_and_not_offered_to_keras():
    words = page(classes_summary(make_labels())).words
    assert "label_weight = {'red': 1.9331820449317627, 'round': 6.731730872677196}" in words
    assert "label rows weight red 2,500 1.933 round 400 6.732" in words
    assert "keras.Model.fit" not in words


def test_imbalance_is_told_for_what_there_is():
    assert imbalance_text(make_data()) == "99 rows of class 0 for each of class 1"
    assert imbalance_text(make_classes()) == "59 rows of the largest class, car, for each of the smallest, van"
    assert imbalance_text(make_labels()) == "24 rows without the rarest label, round, for each with it"
    assert "59 rows of the largest class, car, for each of the smallest, van." in page(classes_summary()).words


def test_scores_of_each_class_stand_in_a_table_with_the_worst_marked():
    html = render_report(everything(make_classes()), {})
    words = Page(html).words
    assert (
        "In the out-of-fold predictions of trial 3, the one found worst is class van, recall 0.000 of 100 rows."
        in words
    )
    assert "class rows weight precision recall F1 ROC AUC bus 4,000 1.263 0.750 0.900 0.800 0.950" in words
    assert "van 100 11.55 never called 0.000 0.000 0.950" in words
    assert "rows of called bus called car called van bus 10.5 0.5 0.5 car 0.5 10.5 0.5" in words
    assert "van" in html.split('<tr class="best">')[1].split("</tr>")[0]


def test_labels_are_not_confused_and_many_classes_make_no_table_of_it():
    for data in (make_labels(), MANY):
        words = page(everything(data)).words
        assert "recall F1 ROC AUC" in words
        assert "Which class is called which" not in words


def test_page_without_scores_of_classes_leaves_them_out():
    assert "Each class" not in page(classes_summary()).words


def test_weights_that_acted_are_shown_class_by_class():
    words = page(classes_summary()).words
    assert "Share of each class in the first epoch of training of trial 3" in words
    assert "bus 1.263 25 % 26 % 27 % 28 % car 1 25 % 26 % 27 % 28 % van 11.55" in words
    assert (
        "the rows that have it, in the first epoch of training of trial 3" in page(classes_summary(make_labels())).words
    )


def test_columns_are_listed_with_their_kinds():
    assert "Columns and their kinds, 2 columns column kind x1 numeric x2 text" in page(classes_summary()).words
    assert "Columns and their kinds" not in page(make_summary(n_trials=3)).words
    wide = make_classes(columns=tuple((f"x{i}", "numeric") for i in range(2_000)))
    assert len(columns_table(wide)["rows"]) == 1_000
    assert "Columns and their kinds, 2,000 columns" in page(classes_summary(wide)).words


def test_verdict_is_offered_whatever_the_number_of_classes():
    assert "python -m tuner verdict" in page(make_summary()).words
    assert "python -m tuner verdict" in page(classes_summary()).words


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("make", [make_classes, make_labels])
def test_hostile_classes_and_columns_never_become_markup(payload, make):
    def of(text):
        names = (text, text + "1", text + "2")
        data = make(names, (4_000, 5_900, 100), columns=((text, "numeric"),))
        return page(everything(data, trials=(classes_trial(0, 0.6, data, deviations=(1.0, 2.0, 3.0)),)))

    assert of(payload).elements == of("plain").elements


def test_weights_are_not_counted_among_what_else_differs():
    data = make_classes()
    trials = (classes_trial(0, 0.0, data, origin="none"), classes_trial(3, 0.6, data, deviations=(2.0, 1.0, 1.0)))
    [against] = compare_baselines(classes_summary(data, trials=trials))
    assert set(against.differing) <= {"hidden_size", "epochs"}


# pictures


@pytest.mark.parametrize("name", DATA)
def test_every_picture_is_drawn_for_any_number_of_classes(name):
    figures = draw_all(classes_summary(DATA[name]))
    assert list(figures) == ["class_counts", "data", "weight_score", "history", "learning_curves"]
    for figure in figures.values():
        figure.draw_without_rendering()


def test_every_class_has_a_bar_with_its_share_of_the_rows():
    axes = draw_class_counts(classes_summary()).axes[0]
    assert [text.get_text() for text in axes.texts] == ["4,000  (40.00%)", "5,900  (59.00%)", "100  (1.00%)"]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["class bus", "class car", "class van"]
    shares = [text.get_text() for text in draw_class_counts(classes_summary(make_labels())).axes[0].texts]
    assert shares == ["2,500  (25.00%)", "400  (4.00%)"]


def test_more_classes_than_bars_are_counted_together():
    shown = bars(MANY)
    assert len(shown) == MAX_BARS
    assert (shown[0].label, shown[-1].label) == ("class c39", "16 more classes")
    assert sum(bar.count for bar in shown) == 82_000
    labels = replace(MANY, task="multilabel")
    assert (bars(labels)[-1].label, bars(labels)[-1].count) == (
        "16 more labels, at most",
        1_600,
    )


def test_small_classes_lie_on_top_and_the_largest_have_a_color_of_their_own():
    assert [layer.label for layer in layers(make_classes())] == ["class car", "class bus", "class van"]
    scattered = draw_data(classes_summary()).axes[0].collections
    assert len({tuple(layer.get_facecolor()[0][:3]) for layer in scattered}) == 3
    assert [layer.get_zorder() for layer in scattered] == sorted(layer.get_zorder() for layer in scattered)
    colors = class_colors(MANY)
    assert colors[39] == CLASS_COLORS[0]
    assert len(set(colors)) == len(CLASS_COLORS) + 1


def test_legend_of_many_classes_is_capped_and_no_point_is_lost():
    figure = draw_data(classes_summary(MANY))
    assert len(legend_texts(figure)) == len(CLASS_COLORS) + 1
    assert legend_texts(figure)[-1] == "32 smaller classes: 640 of 52,800 rows"
    assert sum(len(layer.get_offsets()) for layer in figure.axes[0].collections) == len(MANY.points)


def test_rows_with_the_first_label_are_drawn_above_those_without():
    assert legend_texts(draw_data(classes_summary(make_labels()))) == [
        "without label red: 20 of 7,500 rows",
        "with label red: 20 of 2,500 rows",
    ]


def test_scores_are_drawn_over_the_exponent_on_an_even_axis():
    figure = draw_weight_score(classes_summary())
    axes = figure.axes[0]
    assert (axes.get_xscale(), axes.get_xlabel()) == ("linear", "weight exponent")
    assert axes.collections[0].get_offsets()[:, 0].tolist() == [0.0, 0.5, 1.0, 0.6, 1.3]
    assert legend_texts(figure) == ["none", "sqrt", "balanced", "best (trial 3)"]


@pytest.mark.parametrize("label", HOSTILE)
def test_names_of_classes_are_drawn_as_plain_text_whatever_they_hold(label):
    for data in (make_classes((label, label + "1", label + "2")), make_labels((label, label + "1"))):
        for figure in draw_all(classes_summary(data)).values():
            figure.draw_without_rendering()


# tables


def test_deviations_and_exponent_are_columns_of_trials():
    data = make_classes(("=a\nb", "car", "van"))
    trial = classes_trial(0, 0.6, data, deviations=(2.0, 1.0, 0.5))
    table = list(csv.reader(io.StringIO(csv_bytes(trials_table(classes_summary(data, trials=(trial,)))).decode())))
    cells = dict(zip(*table, strict=True))
    assert cells["weight_exponent"] == "0.6"
    assert [cells[f"weight_deviation_{name}"] for name in ("=a b", "car", "van")] == ["2.0", "1.0", "0.5"]


def test_shares_of_every_class_are_columns_of_folds():
    table = folds_table(classes_summary())
    last = table[(table.trial == 3) & (table.epoch == table[table.trial == 3].epoch.max())]
    names = [f"{share}_{label}" for share in ("loss_share", "unweighted_loss_share") for label in CLASSES]
    assert set(names) <= set(table.columns)
    np.testing.assert_allclose(last[names], [[0.26] * 3 + [0.25] * 3] * 15)


# terminal


def test_status_tells_the_weights_of_every_class_and_the_one_found_worst():
    assert show.status_text(everything(make_classes())).splitlines()[3:] == [
        "         weight_exponent 0.6, hidden_size 14, epochs 55",
        "weights  {bus: 1.263, car: 1, van: 11.55}",
        "beside   0.5431 +- 0.0155 with weight_exponent 0, no weights",
        "         0.8919 +- 0.0128 with weight_exponent 0.5, square root of the imbalance ratio",
        "         0.7421 +- 0.0154 with weight_exponent 1, imbalance ratio",
        "weakest  class van, recall 0.000 of 100 rows",
    ]


def test_weights_of_many_classes_are_told_by_the_least_and_the_greatest():
    summary = everything(MANY)
    assert weights_text(MANY, summary.best) == "40 weights, 1 (c39) to 9.146 (c00)"
    assert weights_text(MANY, summary.trials[0]) == "40 weights, all 1"
    assert max(map(len, show.status_text(summary).splitlines())) <= 100


def test_status_as_an_object_holds_the_weights_and_the_scores_of_every_class():
    summary = everything(make_labels())
    status = show.status_object(summary)
    assert status["best"]["class_weight"] == {"red": 1.9331820449317627, "round": 6.731730872677196}
    assert status["best"]["params"]["weight_exponent"] == 0.6
    assert status["per_class"] == summary.evidence["per_class"]
    json.dumps(status, allow_nan=False)
    assert "per_class" not in show.status_object(make_summary(n_trials=3))
