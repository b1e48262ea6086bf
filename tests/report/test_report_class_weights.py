"""Claims about best_weights.json of more than two classes and of several labels: written, read back, refused."""

import json

import numpy as np
import pytest
from report_classes import CLASSES, classes_summary, classes_trial, make_classes, make_labels
from report_summaries import make_summary

from tuner.errors import StudyError
from tuner.report.export import best_weights, best_weights_text, write_best_weights
from tuner.report.weights import read_best_weights

WEIGHTS = (1.2626274074593054, 1.0, 11.54811784266086)
NUMBERS = {"int": ("0", "1", "2"), "float": ("-1.0", "0.5", "2.0"), "str": CLASSES}


def read(tmp_path, data):
    path = tmp_path / "best_weights.json"
    write_best_weights(classes_summary(data), path)
    return read_best_weights(path)


def test_classes_are_exported_with_all_weights_and_no_positive_one():
    weights = best_weights(classes_summary())
    assert (weights["task"], weights["classes"], weights["positive_class"]) == ("multiclass", list(CLASSES), None)
    assert weights["class_weight"] == dict(zip(CLASSES, WEIGHTS, strict=True))
    assert weights["dataset"]["class_counts"] == {"bus": 4_000, "car": 5_900, "van": 100}
    assert list(weights) == list(best_weights(make_summary()))


def test_params_hold_what_the_weights_come_from_and_not_the_weights():
    data = make_classes()
    trials = (classes_trial(0, 0.6, data, deviations=(2.0, 1.0, 0.5)),)
    params = best_weights(classes_summary(data, trials=trials))["params"]
    deviations = [f"weight_deviation_{name}" for name in CLASSES]
    assert list(params)[:6] == ["weight_exponent", *deviations, "hidden_size", "epochs"]
    assert [params[name] for name in deviations] == [2.0, 1.0, 0.5]
    assert not {"class_weights", "minority_weight", "majority_weight"} & set(params)


def test_two_classes_are_exported_as_a_binary_task():
    assert (best_weights(make_summary())["task"], best_weights(make_summary())["positive_class"]) == ("binary", "1")


@pytest.mark.parametrize("label_type", NUMBERS)
def test_classes_come_back_with_their_type_for_sklearn_and_as_index_for_keras(tmp_path, label_type):
    names = NUMBERS[label_type]
    weights = read(tmp_path, make_classes(names, label_type=label_type))
    as_label = {"int": int, "float": float, "str": str}[label_type]
    assert (weights.task, weights.positive_class, weights.classes) == ("multiclass", None, names)
    assert weights.for_keras() == dict(enumerate(WEIGHTS))
    assert weights.for_sklearn() == dict(zip(map(as_label, names), WEIGHTS, strict=True))
    assert {type(label) for label in weights.for_sklearn()} == {as_label}


def test_labels_come_back_by_name(tmp_path):
    weights = read(tmp_path, make_labels())
    assert (weights.task, weights.positive_class, weights.classes) == ("multilabel", None, ("red", "round"))
    assert weights.for_labels() == {"red": 1.9331820449317627, "round": 6.731730872677196}


@pytest.mark.parametrize("method", ["for_keras", "for_sklearn"])
def test_labels_are_no_classes_for_any_library(tmp_path, method):
    with pytest.raises(StudyError) as caught:
        getattr(read(tmp_path, make_labels()), method)()
    assert str(caught.value) == (
        f'study "default" weights 2 labels, of which a row may have several, and {method}() weights classes.\n'
        "Use for_labels(), and multiply the loss of each label by its weight where a row has it."
    )


def test_classes_are_no_labels(tmp_path):
    with pytest.raises(StudyError) as caught:
        read(tmp_path, make_classes()).for_labels()
    assert str(caught.value) == (
        'study "default" weights 3 classes, of which every row has one.\nUse for_keras() or for_sklearn().'
    )


@pytest.mark.parametrize(("method", "what"), [("correct", "probability correction"), ("decide", "threshold")])
def test_what_is_made_for_two_classes_is_not_promised_for_more(tmp_path, method, what):
    for data, there in ((make_classes(), "3 classes"), (make_labels(), "2 labels")):
        with pytest.raises(StudyError) as caught:
            getattr(read(tmp_path, data), method)(0.5)
        assert str(caught.value) == (
            f'study "default" has no {what}: it is made for two classes, and this study has {there}.'
        )


def test_file_from_before_there_were_tasks_is_of_two_classes(tmp_path):
    record = json.loads(best_weights_text(make_summary(n_trials=3)))
    del record["task"]
    path = tmp_path / "older.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    assert read_best_weights(path).task == "binary"
    assert list(read_best_weights(path).for_keras()) == [0, 1]


CHANGES = {
    "unknown task": ({"task": "regression"}, 'task  must be one of binary, multiclass, multilabel, got "regression"'),
    "task as a number": ({"task": 3}, "task  must be one of binary, multiclass, multilabel, got 3"),
    "two classes": (
        {"classes": ["bus", "car"]},
        'classes  must be a list of three or more different texts, got ["bus", "car"]',
    ),
    "a class twice": (
        {"classes": ["bus", "car", "bus"]},
        'classes  must be a list of three or more different texts, got ["bus", "car", "bus"]',
    ),
    "no labels": (
        {"task": "multilabel", "classes": []},
        "classes  must be a list of one or more different texts, got []",
    ),
    "positive class": ({"positive_class": "van"}, 'positive_class  must be null, got "van"'),
    "a weight missing": (
        {"class_weight": {"bus": 1.0, "car": 2.0}},
        "class_weight  must have the keys ['bus', 'car', 'van'], got ['bus', 'car']",
    ),
    "weight of zero": (
        {"class_weight": {"bus": 1.0, "car": 0, "van": 2.0}},
        "class_weight.car  must be a number above 0, got 0",
    ),
    "labels not of their type": (
        {"label_type": "int"},
        "classes  must be labels of type int, got ['bus', 'car', 'van']",
    ),
    "labels equal once typed": (
        {"label_type": "int", "classes": ["1", "2", "01"], "class_weight": {"1": 1.0, "2": 1.0, "01": 1.0}},
        "classes  must be 3 different labels of type int, got ['1', '2', '01']",
    ),
    "two classes with a null": (
        {"task": "binary", "classes": ["bus", "van"], "class_weight": {"bus": 1.0, "van": 2.0}},
        "positive_class  must be text, got null",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_wrong_value_is_named_with_what_it_must_be(tmp_path, case):
    change, line = CHANGES[case]
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(json.loads(best_weights_text(classes_summary())) | change), encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        read_best_weights(path)
    assert str(caught.value) == (
        f"{path} is not a valid tuner.best_weights/1 file:\n\n  {line}\n\nWrite it again with `tuner export`."
    )


def test_sklearn_honors_the_weights_of_every_class(tmp_path):
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    y = np.repeat(np.array(CLASSES), [120, 160, 20])
    X = rng.normal(size=(300, 2)) + np.repeat([0.0, 0.5, 1.5], [120, 160, 20])[:, None]
    weights = read(tmp_path, make_classes()).for_sklearn()
    weighted = LogisticRegression(class_weight=weights).fit(X, y)
    row_weights = np.array([weights[label] for label in y])
    np.testing.assert_allclose(weighted.coef_, LogisticRegression().fit(X, y, row_weights).coef_, rtol=1e-4)
    assert np.abs(weighted.intercept_ - LogisticRegression().fit(X, y).intercept_).max() > 0.3
