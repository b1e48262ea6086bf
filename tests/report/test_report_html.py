"""Claims about report.html."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from report_summaries import (
    FOLDS,
    HOLDOUT,
    SPACE,
    VERSIONS,
    failed_trial,
    foreign_trials,
    make_data,
    make_summary,
    make_trial,
    pruned_trial,
)

from tuner.report.html import render_report
from tuner.trial import FoldPlan

PICTURES = dict.fromkeys(["class_counts", "data", "weight_score", "history", "learning_curves"], b"\x89PNG")


class Page(HTMLParser):
    """The elements of a page with their attribute names, and its text."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.attributes, self.text = [], [], ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, tuple(name for name, _ in attrs)))
        self.attributes += [(tag, name, value) for name, value in attrs]
        self.text += " " if tag in ("dd", "th", "td") else ""

    def handle_data(self, data):
        self.text += data

    @property
    def words(self):
        return " ".join(self.text.split())


def page(summary, pictures=PICTURES):
    return Page(render_report(summary, pictures))


def test_first_sentence_gives_weights_score_and_interval_on_this_table():
    summary = make_summary(metric="average_precision")
    best = summary.best
    sentence = (
        f"On this table, weight {best.params['minority_weight']:.4g} for class 1 and 1 for class 0 scored"
        f" a mean average_precision of {best.value:.3f},"
        f" corrected 95 % interval {best.interval.low:.3f} to {best.interval.high:.3f}."
    )
    words = page(summary).words
    assert sentence in words
    assert (
        words.index(sentence) < words.index("The best trial") < words.index("The data") < words.index("Config as run")
    )


def test_class_weight_can_be_pasted_with_every_digit():
    weight = make_summary().best.params["minority_weight"]
    assert f"class_weight = {{0: 1.0, 1: {weight!r}}}" in page(make_summary()).words


def test_difference_to_no_weights_is_called_noise_when_its_interval_contains_0():
    none = make_trial(0, origin="none", params={"minority_weight": 1.0}, center=0.95)
    close, far = make_trial(1, center=0.9515), make_trial(1, center=0.99)
    assert (
        "The interval contains 0: on this table the difference may be noise."
        in page(make_summary(trials=(none, close))).words
    )
    assert "The interval lies above 0; read the cautions below" in page(make_summary(trials=(none, far))).words


def test_study_whose_best_has_no_weights_says_so():
    none = make_trial(0, origin="none", params={"minority_weight": 1.0}, center=0.99)
    words = page(make_summary(trials=(none, make_trial(1)))).words
    assert "no weight tried here scored better than equal weights" in words
    assert "is the best" in words


def test_fixed_weight_study_says_it_cannot_compare():
    trials = tuple(make_trial(i, params={"minority_weight": 5.0}) for i in range(3))
    assert "this study cannot say what another weight would do" in page(make_summary(trials=trials)).words


def test_winners_curse_and_the_meaning_of_the_intervals_stand_by_the_baselines():
    words = page(make_summary()).words
    assert "The best of 98 is optimistic." in words
    assert "a conservative heuristic, not an exact interval" in words
    assert "also differ in hidden_size, epochs" in words
    assert "At learning rate 0.01. A larger weight is also a larger step" in words


def test_trials_ruled_out_early_are_counted_apart_and_called_a_heuristic():
    pruned = (pruned_trial(1, center=0.999), pruned_trial(2, 2), pruned_trial(3))
    summary = make_summary(trials=(make_trial(0, center=0.9), *pruned))
    words = page(summary).words
    assert "4 of 100 trials finished (1 complete, 3 pruned)" in words
    assert "Ruled out early: 2 after 1 of 3 repeats, 1 after 2 of 3." in words
    assert "a speed heuristic, not a test: its repeated looks control no error" in words
    assert "The best of 4 is optimistic." in words
    assert "All 1 scored trials, best first" in words
    assert summary.best.number == 0
    assert "Ruled out early" not in page(make_summary()).words


def test_baseline_that_is_pruned_is_not_compared():
    """Racing spares the baselines; another program may prune one."""
    none = pruned_trial(0, origin="none", params={"minority_weight": 1.0})
    words = page(make_summary(trials=(none, make_trial(1)))).words
    assert "That is 0." not in words
    assert "0 pruned" in words


def test_learning_rate_caution_is_gone_when_the_rate_was_searched():
    space = SPACE | {"learning_rate": {"low": 0.001, "high": 0.1, "log": True}}
    assert "larger step" not in page(make_summary(space=space)).words


def test_holdout_says_its_intervals_are_over_seeds_and_not_about_new_rows():
    words = page(make_summary(folds=HOLDOUT, n_trials=8)).words
    assert "the intervals are over 20 training seeds on it" in words
    assert "and nothing about other rows." in words
    assert "corrected" not in words
    assert "on the same folds" not in words
    assert "training folds overlap" not in words


def test_single_fold_score_has_no_interval():
    folds = FoldPlan(kind="holdout", n_splits=1, n_repeats=1, test_over_train=1.0, n_scored_rows=9, sha256="0")
    words = page(make_summary(folds=folds, n_trials=8)).words
    assert "from a single fold score: there is no interval." in words
    assert "inf" not in re.findall(r"\w+", words)
    assert "nan" not in re.findall(r"\w+", words)


def test_study_without_a_complete_trial_says_so_and_why():
    words = page(make_summary(n_trials=1, trials=(failed_trial(0, "out of memory"),))).words
    assert (
        "No trial completed, so there are no weights to recommend. 1 of 1 trials finished, 1 failed. "
        "The first failure: out of memory Running it again trains nothing: correct the cause"
    ) in words
    assert "class_weight =" not in words


def test_study_without_any_trial_has_a_report():
    assert "no trial yet" in page(make_summary(trials=()), pictures={}).words


def test_complete_trials_that_another_program_made_are_told_and_left_out():
    trials = (make_trial(0, params={"minority_weight": 5.0}), make_trial(1), *foreign_trials(2))
    words = page(make_summary(trials=trials)).words
    assert "2 complete trials have no fold scores: another program added or completed them." in words
    assert "All 2 scored trials, best first" in words
    assert "The best of 2 is optimistic." in words
    assert "none: no weights 3 no score" in words
    assert "1 complete trial has no fold scores" in page(make_summary(trials=trials[:3])).words
    assert "fold scores:" not in page(make_summary(trials=trials[:2])).words


def test_study_of_nothing_but_other_programs_trials_has_no_answer():
    assert "No trial completed, so there are no weights" in page(make_summary(trials=tuple(foreign_trials(0)))).words


def test_usual_weights_are_named_where_a_study_holds_none_of_them():
    words = page(make_summary(trials=(make_trial(0), make_trial(1)))).words
    usual = "no weights, square root of the imbalance ratio, imbalance ratio"
    assert f"This study holds none of the usual weights ({usual}) to compare with." in words


def test_cells_of_the_comparison_carry_the_names_of_their_columns_for_narrow_screens():
    html = render_report(make_summary(n_trials=8), {})
    assert html.count('<table class="stacks">') == 1
    table = html.split('<table class="stacks">')[1].split("</table>")[0]
    names = [value for tag, name, value in Page(table).attributes if name == "data-name"]
    heads = Page(table.split("</thead>")[0]).text.split()
    assert len(names) == 4 * 9
    assert " ".join(names[:9]).split() == heads


def test_many_trials_are_cut_to_the_best_fifty_and_failures_listed_with_reasons():
    summary = make_summary()
    rows = render_report(summary, {}).split("<h2>Trials</h2>")[1].split("<h3>Failed trials</h3>")
    assert rows[0].count("<tr") == 51
    assert "The 50 best of 98 scored trials" in Page(rows[0]).words
    assert "4 the loss became NaN in epoch 3" in Page(rows[1]).text.replace("\n", "")


def test_making_of_the_study_is_told():
    config = {"study": {"name": "default", "seed": 0}, "search_space": {"epochs": [10, 20]}, "engine": {}}
    space = SPACE | {"optimizer": {"choices": ["sgd", "adam"]}, "batch_size": {"low": 16, "high": 64, "step": 16}}
    words = page(make_summary(config=config, space=space)).words
    for told in (
        "5 stratified folds, 3 repeats",
        "searched: minority_weight 1 to 990, log",
        "searched: optimizer sgd, adam",
        "searched: batch_size 16 to 64, step 16",
        "keras 3.15.1",
        "f0f0f0f0",
        "0123456789abcdef",
    ):
        assert told in words
    cells = Page(render_report(make_summary(config=config), {}).split("Config as run")[1]).text.split("\n")
    assert {" study.name default", " study.seed 0", " search_space.epochs [10, 20]", " engine {}"} <= set(cells)


@pytest.mark.parametrize(
    ("splitter", "told"),
    [
        ("grouped", "5 grouped folds, 3 repeats"),
        ("time", "5 folds in order of time"),
        ("predefined", "5 folds named by a column"),
    ],
)
def test_what_decided_the_folds_is_told(splitter, told):
    assert told in page(make_summary(folds=replace(FOLDS, splitter=splitter))).words


def test_score_shows_two_digits_of_a_narrow_interval():
    trial = make_trial(0, center=0.9)
    narrow = replace(trial.interval, mean=0.9123456, low=0.9122356, high=0.9124556)
    words = page(make_summary(trials=(replace(trial, value=0.9123456, interval=narrow),))).words
    assert "of 0.91235, corrected 95 % interval 0.91224 to 0.91246" in words


def test_losses_are_written_with_a_true_minus():
    words = page(make_summary(trials=(make_trial(0, center=-0.25),), metric="neg_log_loss")).words
    assert "a mean neg_log_loss of \N{MINUS SIGN}0.2" in words


@pytest.mark.parametrize(
    ("scoring", "text"),
    [
        ({"metric": "roc_auc", "beta": 1.0, "threshold": 0.5}, "roc_auc"),
        ({"metric": "f1"}, "f1, at probability 0.5"),  # a study from before thresholds could be set
        ({"metric": "fbeta", "beta": 2.0, "threshold": 0.3}, "fbeta, beta 2, at probability 0.3"),
        ({"metric": "g_mean", "beta": 1.0, "threshold": "best"}, "g_mean, at the best threshold of each fold"),
    ],
)
def test_metric_is_told_with_its_beta_and_threshold(scoring, text):
    words = page(make_summary(metric=scoring["metric"], config={"scoring": scoring})).words
    assert f"Class weights searched for {text} \N{MIDDLE DOT} " in words
    assert f"metric {text} folds" in words
    caution = "every score here is too high; compare it only with itself."
    assert (caution in words) == (scoring.get("threshold") == "best")


def test_page_is_self_contained():
    html = render_report(make_summary(), PICTURES)
    attributes = Page(html).attributes
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert ("meta", "content", policy) in attributes
    sources = [value for tag, name, value in attributes if name in ("src", "href", "action", "srcset")]
    assert len(sources) == len(PICTURES)
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert not {"script", "link", "iframe", "object", "form", "a"} & {tag for tag, _ in Page(html).elements}
    assert "url(" not in html
    assert "@import" not in html
    assert "http://" not in html
    assert "https://" not in html


PAYLOADS = [
    "<script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "{{ 7 * 7 }}{% include 'x' %}",
    "<!-- <b>",
    "&lt;script&gt;&amp;",
    "javascript:alert('\u202e\u00e9\U0001f642')",
    "</pre></td></table><iframe srcdoc='<script>1</script>'>",
]


def summary_of(text):
    """A study in which everything that may come from outside is `text`."""
    data = make_data(classes=(text, text + "1"), target=text, source=text, axes=(text, text), sha256=text)
    trials = (
        make_trial(0, params={"optimizer": text}, origin="none"),
        make_trial(1, params={"optimizer": text}),
        failed_trial(2, text),
    )
    return make_summary(
        name=text,
        metric=text,
        created_at=text,
        data=data,
        trials=trials,
        versions=dict.fromkeys(VERSIONS, text),
        space=SPACE | {"optimizer": {"choices": [text]}},
        config={"study": {text: text, "list": [text]}},
    )


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_never_becomes_markup(payload):
    harmless, hostile = page(summary_of("plain")), page(summary_of(payload))
    assert hostile.elements == harmless.elements
    assert hostile.text.count(payload) >= 15
