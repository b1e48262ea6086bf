"""Claims about the pictures."""

import io
from dataclasses import replace

import matplotlib.image
import numpy as np
import pytest
from report_evidence import make_evidence
from report_summaries import FOLDS, SPACE, failed_trial, foreign_trials, make_data, make_summary, make_trial

from tuner.intervals import corrected_interval
from tuner.report.canvas import png_bytes
from tuner.report.plots import (
    NAMES,
    draw_all,
    draw_class_counts,
    draw_data,
    draw_history,
    draw_learning_curves,
    draw_weight_score,
)
from tuner.trial import FoldPlan

SINGLE = FoldPlan(kind="holdout", n_splits=1, n_repeats=1, test_over_train=1.0, n_scored_rows=9, sha256="0")


def fixed_weight_trial(number):
    return make_trial(number, params={"minority_weight": 5.0}, center=0.9)


def equal_trial(number):
    trial = make_trial(number)
    scores = np.full_like(trial.fold_scores, 0.5)
    interval = corrected_interval(scores[-1], test_over_train=FOLDS.test_over_train)
    return replace(trial, fold_scores=scores, value=0.5, interval=interval)


ALL = ["class_counts", "data", "weight_score", "history", "learning_curves"]
ALL_BUT_WEIGHTS = ["class_counts", "data", "history", "learning_curves"]
CASES = {
    "an ordinary study": (make_summary(n_trials=20), ALL),
    "no trial": (make_summary(trials=()), ["class_counts", "data"]),
    "no complete trial": (make_summary(trials=(failed_trial(0),)), ["class_counts", "data", "history"]),
    "complete trials that another program made": (
        make_summary(trials=(*foreign_trials(0), make_trial(2))),
        ALL_BUT_WEIGHTS,
    ),
    "only trials that another program made": (make_summary(trials=tuple(foreign_trials(0))), ALL_BUT_WEIGHTS[:-1]),
    "one trial": (make_summary(n_trials=1), ["class_counts", "data", "history", "learning_curves"]),
    "no sample rows": (
        make_summary(n_trials=8, data=make_data(points=(), point_classes=())),
        ["class_counts", "weight_score", "history", "learning_curves"],
    ),
    "fixed weight": (
        make_summary(trials=tuple(map(fixed_weight_trial, range(4)))),
        ["class_counts", "data", "history", "learning_curves"],
    ),
    "all values equal": (make_summary(trials=tuple(map(equal_trial, range(4)))), ALL),
    "one checkpoint": (make_summary(trials=tuple(make_trial(i, n_checkpoints=1) for i in range(4))), ALL),
    "one fold": (make_summary(n_trials=8, folds=SINGLE), ALL),
    "neither hidden size nor epochs searched": (
        make_summary(n_trials=8, space={"minority_weight": SPACE["minority_weight"]}),
        ALL,
    ),
    "weights within a decade": (
        make_summary(trials=tuple(make_trial(i, params={"minority_weight": 10.0 + i}) for i in range(3))),
        ALL,
    ),
}


def test_names_are_those_of_a_study_with_everything_in_the_order_of_the_report():
    assert tuple(draw_all(make_summary(evidence=make_evidence()))) == NAMES


@pytest.mark.parametrize("case", CASES)
def test_every_study_draws_the_pictures_it_can_fill(case):
    summary, expected = CASES[case]
    figures = draw_all(summary)
    assert list(figures) == expected
    for figure in figures.values():
        figure.draw_without_rendering()


def test_pictures_are_twice_as_wide_as_they_are_read():
    for figure in draw_all(make_summary(n_trials=8)).values():
        pixels = matplotlib.image.imread(io.BytesIO(png_bytes(figure)))
        assert pixels.shape[1] == 1600
        assert pixels.std() > 0.01


def test_five_thousand_trials_are_drawn_each():
    trials = [make_trial(i, n_checkpoints=1, center=0.9) for i in range(50)]
    many = tuple(replace(trials[i % 50], number=i) for i in range(5_000))
    figures = draw_all(make_summary(trials=many))
    assert len(figures["weight_score"].axes[0].collections[0].get_offsets()) == 5_000
    assert png_bytes(figures["weight_score"]).startswith(b"\x89PNG")


def legend_texts(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_minority_is_drawn_above_the_majority_in_its_own_color():
    majority, minority = draw_data(make_summary()).axes[0].collections
    assert (len(majority.get_offsets()), len(minority.get_offsets())) == (1_900, 100)
    assert minority.get_zorder() > majority.get_zorder()
    assert majority.get_facecolor()[0].tolist() != minority.get_facecolor()[0].tolist()


def test_axes_carry_the_names_of_the_data():
    axes = draw_data(make_summary(data=make_data(axes=("PC1 (61 %)", "PC2 (17 %)")))).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("PC1 (61 %)", "PC2 (17 %)")


def test_class_counts_are_written_beside_their_bars():
    texts = [text.get_text() for text in draw_class_counts(make_summary()).axes[0].texts]
    assert texts == ["9,900  (99.00%)", "100  (1.00%)"]


def test_weights_are_on_a_log_axis_with_baselines_and_the_best_marked():
    summary = make_summary()
    figure = draw_weight_score(summary)
    axes = figure.axes[0]
    assert axes.get_xscale() == "log"
    assert axes.get_ylabel() == "mean roc_auc over 15 folds"
    assert legend_texts(figure) == ["none", "sqrt", "balanced", f"best (trial {summary.best.number})"]
    best = next(line for line in axes.lines if line.get_label().startswith("best"))
    assert best.get_xydata().tolist() == [[summary.best.params["minority_weight"], summary.best.value]]
    drawn = axes.collections[0].get_offsets()
    assert len(drawn) == summary.count("complete")
    assert figure.axes[1].get_ylabel() == "hidden_size"


def test_bar_of_the_best_is_its_corrected_interval():
    summary = make_summary()
    bar = next(one for one in draw_weight_score(summary).axes[0].collections if hasattr(one, "get_segments"))
    low, high = bar.get_segments()[0][:, 1]
    assert (low, high) == pytest.approx((summary.best.interval.low, summary.best.interval.high))


def test_baseline_that_is_the_best_is_marked_once():
    assert legend_texts(draw_weight_score(make_summary(n_trials=3))) == ["none", "balanced", "best (trial 1, sqrt)"]


def test_weight_is_relative_to_the_other_class():
    trials = (
        make_trial(0, params={"minority_weight": 5.0, "majority_weight": 0.5}),
        make_trial(1, params={"minority_weight": 1.0}),
    )
    offsets = draw_weight_score(make_summary(trials=trials)).axes[0].collections[0].get_offsets()
    assert offsets[:, 0].tolist() == [10.0, 1.0]


def test_history_shows_every_value_the_best_so_far_and_the_failures():
    summary = make_summary(n_trials=30)
    figure = draw_history(summary)
    best, failed = figure.axes[0].lines
    complete = [trial for trial in summary.trials if trial.state == "complete"]
    assert best.get_ydata().tolist() == np.maximum.accumulate([trial.value for trial in complete]).tolist()
    assert failed.get_xdata().tolist() == [4, 5]
    assert legend_texts(figure) == ["trial", "best so far", "failed (2)"]


def test_learning_curve_is_the_mean_with_the_corrected_interval_as_band():
    summary = make_summary(trials=(make_trial(0),))
    axes = draw_learning_curves(summary).axes[0]
    trial = summary.trials[0]
    assert axes.lines[0].get_ydata() == pytest.approx(trial.fold_scores.mean(axis=1))
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    intervals = [corrected_interval(scores, test_over_train=0.25) for scores in trial.fold_scores]
    assert (band.min(), band.max()) == pytest.approx((min(i.low for i in intervals), max(i.high for i in intervals)))


HOSTILE = [r"$\frac{$", "_hidden", "日本", "a\nb\tc", "x" * 500, "", "<b>", "$", "\x00\x07", "🙂"]


@pytest.mark.parametrize("label", HOSTILE)
def test_labels_and_axes_are_drawn_as_plain_text_whatever_they_hold(label):
    data = make_data(classes=(label, label + "1"), axes=(label, label))
    for figure in draw_all(make_summary(n_trials=4, data=data, metric=label)).values():
        figure.draw_without_rendering()
