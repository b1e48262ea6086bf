"""How mistakes in a config are told: words, place, nearest key."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tuner.config.load import plain_config
from tuner.config.problems import config_error, schema_problems
from tuner.config.schema import PARAMS, Config
from tuner.config.strict_yaml import parse_yaml

HEADLINE = "fraud.yaml has 1 problem\n\n"
FOOTER = "\n\nNothing was run. See every key in configs/default.yaml."


def load(text):
    value, mistakes = parse_yaml(text)
    assert mistakes == []
    return Config.model_validate(value)


def refusal(text):
    with pytest.raises(ValidationError) as caught:
        load(text)
    return str(config_error("fraud.yaml", schema_problems(caught.value, [])))


def test_message_has_the_shape_of_the_style_guide():
    text = 'search_space: {hiden_size: 3, minority_weight: {low: -1.0, high: 5}}\nstudy: {n_trials: "200"}'
    assert refusal(text) == (
        "fraud.yaml has 3 problems\n"
        "\n"
        "  search_space.hiden_size            unknown key; did you mean hidden_size?\n"
        "  search_space.minority_weight.low   must be above 0, got -1.0\n"
        '  study.n_trials                     must be a whole number, got "200" (text)\n'
        "\n"
        "Nothing was run. See every key in configs/default.yaml."
    )


STORAGE = "study.storage   must be the path of an SQLite file or null, got"

WORDING = {
    "study: {n_trials: 1.5}": "study.n_trials   must be a whole number, got 1.5",
    "study: {n_trials: true}": "study.n_trials   must be a whole number, got true",
    "study: {timeout_seconds: 1h}": 'study.timeout_seconds   must be a number, got "1h" (text)',
    "study: {seed: 4294967296}": "study.seed   must be below 4294967296, got 4294967296",
    "study: {batch_size: 1025}": "study.batch_size   must be at most 1024, got 1025",
    "study: {storage: 3}": "study.storage   must be text, got 3; quote it to make it text",
    "study: {storage: 'postgresql://user:secret@host/db'}": f"{STORAGE} postgresql://...",
    "study: {storage: 'sqlite://'}": f"{STORAGE} sqlite://...",
    "study: {storage: 'sqlite:///:memory:'}": f"{STORAGE} sqlite://...",
    "study: {storage: ':memory:'}": f'{STORAGE} ":memory:"',
    "study: {storage: ''}": f'{STORAGE} ""',
    "racing: {confidence: 0.5}": "racing.confidence   must be above 0.5, got 0.5",
    "{racing: {enabled: true}, cv: {n_repeats: 1}}": (
        "racing   enabled: true needs cv.n_repeats of 2 or more: trials race repeat by repeat, got 1"
    ),
    "{racing: {enabled: true}, cv: {kind: holdout, n_train: 9}}": (
        "racing   enabled: true goes with cv.kind: stratified_kfold; remove it, or change cv.kind"
    ),
    "study: {sampler: tpo}": 'study.sampler   must be tpe, random or grid, got "tpo" (text); did you mean tpe?',
    "study: {predictions: {keep: yes}}": 'study.predictions.keep   must be true or false, got "yes" (text)',
    "study: {baseline_params: {hiden_size: 3}}": (
        "study.baseline_params.hiden_size   unknown key; did you mean hidden_size?"
    ),
    "study: {baseline_params: {epochs: 0}}": "study.baseline_params.epochs   must be at least 1, got 0",
    "study: {baseline_params: {epochs: {low: 1, high: 2}}}": (
        "study.baseline_params   epochs must be one value here, not a range, a list or nothing"
    ),
    "study: {baseline_params: {minority_weight: 3}}": (
        "study   baseline_params must not hold minority_weight: the baselines differ in nothing else"
    ),
    "study: {trials: []}": "study.trials   must hold 1 or more values, got 0",
    "study: {trials: [3]}": "study.trials[0]   must hold keys, got 3",
    "study: {trials: [{l2: 0}, {optimizer: sdg}]}": (
        'study.trials[1].optimizer   must be sgd or adam, got "sdg" (text); did you mean sgd?'
    ),
    "study: {trials: [{learning_rate: null}]}": (
        "study.trials[0]   learning_rate must be one value here, not a range, a list or nothing"
    ),
    "study: {trials: [{l2: 0}], sampler: grid}": (
        "study   sampler: grid has nothing to draw when trials lists every trial; remove one of the two"
    ),
    "study: 3": "study   must hold keys, got 3",
    "study:": "study   must hold keys, got nothing; remove it to use the defaults",
    "stduy: {}": "stduy   unknown key; did you mean study?",
    "n_trials: 3": "n_trials   unknown key; did you mean study.n_trials or verdict.n_trials?",
    "learning_rate: 3": (
        "learning_rate   unknown key; did you mean search_space.learning_rate, training.learning_rate or\n"
        "                  verdict.learning_rate?"
    ),
    "cv: {training: {}}": "cv.training   unknown key; did you mean training?",
    "training: {hidden_size: 8}": "training.hidden_size   unknown key; did you mean search_space.hidden_size?",
    "engine: {zzz: 8}": "engine.zzz   unknown key; known here: kind, threads",
    "output: {root: 3}": "output.root   must be a path, got 3",
    "dataset: {n_samples: 100}": "dataset.kind   missing; choose synthetic, table, sklearn or openml",
    "dataset: {kind: tabel}": (
        'dataset.kind   must be synthetic, table, sklearn or openml, got "tabel" (text); did you mean table?'
    ),
    "dataset: {kind: 5}": "dataset.kind   must be synthetic, table, sklearn or openml, got 5",
    "dataset: [a]": "dataset   must hold keys, got a list",
    "dataset: {kind: table, target: y}": "dataset.path   missing; it has no default",
    "dataset: {kind: table, path: a, target: 1}": (
        "dataset.target   must be the name of a column, or a list of names, got 1; quote it to make it text"
    ),
    "dataset: {kind: table, path: a, target: y, drop: id}": 'dataset.drop   must be a list, got "id" (text)',
    "dataset: {kind: table, path: a, target: y, drop: [a, 2]}": (
        "dataset.drop[1]   must be text, got 2; quote it to make it text"
    ),
    "dataset: {kind: table, path: a, target: y, drop: [y]}": "dataset   drop must not hold the target column 'y'",
    "dataset: {kind: table, path: a, target: y, separator: ''}": (
        'dataset.separator   must be one character, got "" (text)'
    ),
    "dataset: {kind: table, path: a, target: y, separator: ab}": (
        'dataset.separator   must be one character, got "ab" (text)'
    ),
    "dataset: {kind: table, path: a, target: y, positive: [1]}": (
        "dataset.positive   must be text, a number, true or false, got a list"
    ),
    "dataset: {kind: table, path: a, target: y, table: 3}": (
        "dataset.table   unknown key; known here: store_sample, target, positive, drop, columns, weight, missing,\n"
        "                  small_classes, unlabeled, kind, path, separator, decimal, encoding"
    ),
    "dataset: {kind: table, path: a, target: [a, b, a]}": (
        "dataset.target   holds 'a' more than once; list each choice once"
    ),
    "dataset: {kind: table, path: a, target: []}": (
        "dataset.target   must be the name of a column, or a list of names, got a list"
    ),
    "dataset: {kind: table, path: a, target: [a, b], positive: 1}": (
        "dataset   positive goes with one target; of several, 1, true or yes is positive, else the rarer class"
    ),
    "dataset: {kind: table, path: a, target: y, columns: {y: text}}": "dataset   columns must not hold the target column 'y'",
    "dataset: {kind: table, path: a, target: y, columns: {zip: code}}": (
        'dataset.columns.zip   must be numeric, boolean, categorical, date, text or drop, got "code" (text)'
    ),
    "dataset: {kind: table, path: a, target: y, columns: [zip]}": (
        "dataset.columns   must hold names of columns as keys, got a list"
    ),
    "dataset: {kind: table, path: a, target: y, weight: y}": "dataset   weight must not be the target column 'y'",
    "encoding: {scaling: log}": 'encoding.scaling   must be standard, robust or power, got "log" (text)',
    "dataset: {kind: table, path: a, target: y, n_samples: 3}": (
        "dataset.n_samples   unknown key here; it goes with kind: synthetic"
    ),
    "dataset: {kind: synthetic, weights: [0.5, 0.2, 0.3]}": "dataset.weights   must hold 2 or fewer values, got 3",
    "dataset: {kind: synthetic, weights: [1]}": "dataset.weights[0]   must be below 1, got 1",
    "dataset: {kind: synthetic, weights: [0.9, 0.2]}": "dataset   two weights must add up to 1, got 0.9 and 0.2",
    "dataset: {kind: synthetic, n_redundant: 2}": (
        "dataset   n_informative + n_redundant + n_repeated must not exceed n_features, got 4 and 2"
    ),
    "dataset: {kind: synthetic, n_clusters_per_class: 3}": (
        "dataset   2 classes x 3 clusters need a corner each of a cube of n_informative dimensions,"
        " got 2 ** 2 corners for 6\n"
        "            clusters"
    ),
    "cv: {kind: loo}": 'cv.kind   must be stratified_kfold or holdout, got "loo" (text)',
    "cv: {kind: holdout}": "cv.n_train   missing; it has no default",
    "cv: {n_train: 3}": "cv.n_train   unknown key here; it goes with kind: holdout",
    "cv: {kind: holdout, n_train: 3, n_splits: 3}": (
        "cv.n_splits   unknown key here; it goes with kind: stratified_kfold"
    ),
    "cv: {n_splits: 1}": "cv.n_splits   must be at least 2, got 1",
    "cv: {group: user, fold: part}": (
        "cv   group, time and fold each decide alone which rows are scored together, got group and fold; keep one of them"
    ),
    "cv: {group: user, time: day, fold: part}": (
        "cv   group, time and fold each decide alone which rows are scored together, got group, time and fold; keep one of"
        "\n       them"
    ),
    "cv: {time: day, n_repeats: 3}": (
        "cv   time cuts the rows one way only, so there is nothing to repeat: n_repeats must be 1, got 3; remove n_repeats"
    ),
    "cv: {fold: part, n_repeats: 2}": (
        "cv   fold cuts the rows one way only, so there is nothing to repeat: n_repeats must be 1, got 2; remove n_repeats"
    ),
    "cv: {group: 3}": "cv.group   must be text, got 3; quote it to make it text",
    "cv: {kind: holdout, n_train: 3, time: day}": "cv.time   unknown key here; it goes with kind: stratified_kfold",
    "{racing: {enabled: true}, cv: {time: day}}": (
        "racing   enabled: true needs repeats to race by, and cv.time cuts the rows one way only; remove it, or remove"
        "\n           cv.time"
    ),
    "{dataset: {kind: table, path: a, target: y}, cv: {group: y}}": "cv   group must not be the target column 'y'",
    "cv: 5": "cv   must hold keys, got 5",
    "scoring: {beta: 2}": "scoring   beta goes with metric: fbeta, not with roc_auc; remove it or choose fbeta",
    "scoring: {metric: neg_log_loss, threshold: best}": (
        "scoring   threshold goes with metrics of decisions, not with neg_log_loss; remove it or choose f1"
    ),
    "scoring: {beta: 2, threshold: 0.3}": (
        "scoring   beta goes with metric: fbeta, not with roc_auc; remove it or choose fbeta; threshold goes with metrics of\n"
        "            decisions, not with roc_auc; remove it or choose f1"
    ),
    "scoring: {metric: recall, threshold: best}": (
        "scoring   recall is always 1 at its best threshold, which calls every row; set a probability"
    ),
    "scoring: {metric: f1, threshold: bset}": (
        'scoring.threshold   must be a probability between 0 and 1, or best, got "bset" (text)'
    ),
    "scoring: {metric: f1, threshold: 1.0}": (
        "scoring.threshold   must be a probability between 0 and 1, or best, got 1.0"
    ),
    "scoring: {metric: f1, threshold: true}": (
        "scoring.threshold   must be a probability between 0 and 1, or best, got true"
    ),
    "scoring: {metric: fbeta, beta: 0}": "scoring.beta   must be at least 0.01, got 0",
    "search_space: {epochs: auto}": 'search_space.epochs   must be a whole number, got "auto" (text)',
    "search_space: {epochs: null}": "search_space.epochs   must be a whole number, got nothing (null)",
    "search_space: {epochs: {low: 3}}": "search_space.epochs.high   missing; it has no default",
    "search_space: {epochs: {low: 3, high: 2}}": (
        "search_space.epochs   low must not be above high, got low 3 and high 2"
    ),
    "search_space: {epochs: {low: 3, hihg: 2, high: 4}}": "search_space.epochs.hihg   unknown key; did you mean high?",
    "search_space: {epochs: {low: 1, high: 9, log: true, step: 2}}": (
        "search_space.epochs   step goes with whole numbers and without log: true; remove step or log"
    ),
    "search_space: {l2: {low: 0, high: 1, log: true}}": "search_space.l2   log: true needs low above 0, got 0.0",
    "search_space: {l2: {low: 0, high: 1, step: 1}}": (
        "search_space.l2   step goes with whole numbers and without log: true; remove step or log"
    ),
    "search_space: {minority_weight: {low: 1, high: atuo}}": (
        'search_space.minority_weight.high   must be a number above 0 or auto, got "atuo" (text)'
    ),
    "search_space: {minority_weight: {low: 1, high: 0}}": (
        "search_space.minority_weight.high   must be a number above 0 or auto, got 0"
    ),
    "search_space: {hidden_size: [4, 8, 4]}": (
        "search_space.hidden_size   holds 4 more than once; list each choice once"
    ),
    "search_space: {hidden_size: [4, '8']}": 'search_space.hidden_size[1]   must be a whole number, got "8" (text)',
    "search_space: {optimizer: {low: sgd, high: adam}}": (
        "search_space.optimizer   must be one value or a list of values, got keys and values"
    ),
    "search_space: {standardize: [true, no]}": 'search_space.standardize[1]   must be true or false, got "no" (text)',
    "search_space: {trainer: stacked}": "search_space.trainer   unknown key; did you mean training.trainer?",
}


@pytest.mark.parametrize("text", WORDING)
def test_mistake_is_told_in_words_for_people(text):
    assert refusal(text) == f"{HEADLINE}  {WORDING[text]}{FOOTER}"


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | st.just("auto"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["low", "high", "kind"]), inner),
    max_leaves=4,
)
KEYS = [(section, key) for section, keys in plain_config(Config()).items() for key in keys]


@given(st.sampled_from(KEYS), PLAIN)
@settings(max_examples=300, deadline=None)
def test_any_value_anywhere_is_taken_or_refused_in_our_words(place, value):
    section, key = place
    data = plain_config(Config())
    data[section][key] = value
    try:
        Config.model_validate(data)
    except ValidationError as error:
        for problem in schema_problems(error, []):
            assert problem.where.startswith(section)
            assert not re.search("Input|valid |instance|<class", problem.what)


def test_step_that_leaves_a_remainder_is_allowed():
    assert load("search_space: {epochs: {low: 1, high: 10, step: 4}}").search_space.epochs.step == 4


@pytest.mark.parametrize("name", PARAMS)
def test_every_way_to_give_a_parameter_checks_its_values(name):
    """A value that no parameter can take is refused alone, in a list and at both ends of a range."""
    assert "search_space" in refusal(f"search_space: {{{name}: -1}}")
    assert f"search_space.{name}[0] " in refusal(f"search_space: {{{name}: [-1]}}")
    if name in ("optimizer", "activation", "standardize"):
        assert f"search_space.{name} " in refusal(f"search_space: {{{name}: {{low: -1, high: -1}}}}")
        return
    message = refusal(f"search_space: {{{name}: {{low: -1, high: -1}}}}")
    assert f"search_space.{name}.low " in message
    assert f"search_space.{name}.high " in message


def test_range_of_a_fraction_holds_fractions_even_where_whole_numbers_are_written():
    space = load(
        "search_space: {l2: {low: 0, high: 1}, minority_weight: {low: 1, high: 9}, momentum: [0]}"
    ).search_space
    values = [space.l2.low, space.minority_weight.high, space.momentum[0]]
    assert [type(value) for value in values] == [float, float, float]
