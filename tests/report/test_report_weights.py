"""Claims about best_weights.json as read back."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_summaries import make_data, make_summary, make_trial

from tuner.errors import StudyError
from tuner.report.export import best_weights, best_weights_text, write_best_weights
from tuner.report.weights import read_best_weights
from tuner.trial import FoldPlan

LABELS = {
    "int": (("0", "1"), (0, 1)),
    "float": (("-1.0", "2.0"), (-1.0, 2.0)),
    "bool": (("False", "True"), (False, True)),
    "str": (("no", "yes"), ("no", "yes")),
}


def write(tmp_path, label_type="int", classes=("0", "1"), weight=31.5):
    data = make_data(classes=classes, label_type=label_type)
    trial = make_trial(0, params={"minority_weight": weight}, center=0.9)
    path = tmp_path / "best_weights.json"
    write_best_weights(make_summary(trials=(trial,), data=data), path)
    return path


@pytest.mark.parametrize("label_type", LABELS)
def test_labels_come_back_with_their_type_for_sklearn_and_as_index_for_keras(tmp_path, label_type):
    as_text, as_label = LABELS[label_type]
    weights = read_best_weights(write(tmp_path, label_type, as_text))
    assert weights.for_keras() == {0: 1.0, 1: 31.5}
    assert weights.for_sklearn() == {as_label[0]: 1.0, as_label[1]: 31.5}
    assert [type(label) for label in weights.for_sklearn()] == [type(label) for label in as_label]


def test_everything_written_is_read_back(tmp_path):
    summary = make_summary(n_trials=8)
    path = tmp_path / "best_weights.json"
    write_best_weights(summary, path)
    weights, written = read_best_weights(str(path)), best_weights(summary)
    for name in ("study", "created_at", "target", "label_type", "positive_class", "trial", "n_trials", "seed"):
        assert getattr(weights, name) == written[name]
    for name in ("class_weight", "params", "dataset", "versions"):
        assert dict(getattr(weights, name)) == written[name]
    assert dataclasses.asdict(weights.score) | {"ci95": list(weights.score.ci95)} == written["score"]


def test_weights_read_back_cannot_be_changed(tmp_path):
    weights = read_best_weights(write(tmp_path))
    with pytest.raises(dataclasses.FrozenInstanceError):
        weights.trial = 3
    with pytest.raises(TypeError):
        weights.class_weight["1"] = 2.0


def test_single_fold_score_is_read_back_without_interval(tmp_path):
    folds = FoldPlan(kind="holdout", n_splits=1, n_repeats=1, test_over_train=1.0, n_scored_rows=9, sha256="0")
    path = tmp_path / "best_weights.json"
    write_best_weights(make_summary(folds=folds, n_trials=1), path)
    assert read_best_weights(path).score.ci95 is None
    assert read_best_weights(path).score.std is None


@settings(max_examples=40, deadline=None)
@given(
    labels=st.lists(st.text(max_size=8), min_size=2, max_size=2, unique=True),
    weight=st.floats(min_value=1e-300, max_value=1e300),
    name=st.text(max_size=8),
)
def test_any_labels_and_weights_survive_the_round_trip(tmp_path_factory, labels, weight, name):
    data = make_data(classes=tuple(labels), label_type="str", target=name)
    trial = make_trial(0, params={"minority_weight": weight}, center=0.9)
    path = tmp_path_factory.getbasetemp() / "round_trip.json"
    write_best_weights(make_summary(trials=(trial,), data=data), path)
    weights = read_best_weights(path)
    assert weights.for_sklearn() == {labels[0]: 1.0, labels[1]: weight}
    assert weights.target == name


def test_sklearn_honors_the_weights_read_back(tmp_path):
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(180, 2)), rng.normal(1.0, 1.0, (20, 2))])
    for label_type, (as_text, as_label) in LABELS.items():
        y = np.array(as_label)[np.repeat([0, 1], [180, 20])]
        by_label = read_best_weights(write(tmp_path, label_type, as_text)).for_sklearn()
        weighted = LogisticRegression(class_weight=by_label).fit(X, y)
        row_weights = np.where(y == as_label[1], 31.5, 1.0)
        np.testing.assert_allclose(weighted.coef_, LogisticRegression().fit(X, y, row_weights).coef_, rtol=1e-6)
        assert np.abs(weighted.intercept_ - LogisticRegression().fit(X, y).intercept_).max() > 0.5


@pytest.mark.slow
def test_keras_honors_the_weights_read_back(tmp_path):
    import keras

    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(90, 2)), rng.normal(1.0, 1.0, (10, 2))]).astype(np.float32)
    y = np.repeat(np.array([0, 1], np.int32), [90, 10])
    by_index = read_best_weights(write(tmp_path, "str", ("no", "yes"))).for_keras()

    def kernel_after_fit(**weights):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1, activation="sigmoid")])
        model.compile(keras.optimizers.SGD(0.01), "binary_crossentropy")
        model.fit(X, y, batch_size=20, epochs=2, shuffle=False, verbose=0, **weights)
        return model.layers[0].kernel.numpy()

    weighted = kernel_after_fit(class_weight=by_index)
    np.testing.assert_allclose(weighted, kernel_after_fit(sample_weight=np.where(y == 1, 31.5, 1.0)), rtol=1e-5)
    assert np.abs(weighted - kernel_after_fit()).max() > 0.01


def read_changed(tmp_path, change):
    record = json.loads(best_weights_text(make_summary(n_trials=3)))
    change(record)
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        read_best_weights(path)
    return str(caught.value).replace(str(path), "FILE")


def test_every_wrong_value_is_named_in_one_message(tmp_path):
    def change(record):
        del record["trial"]
        record["seed"] = True
        record["score"]["mean"] = "0.9"
        record["score"]["ci95"] = [0.1]
        record["label_type"] = "date"

    assert read_changed(tmp_path, change) == (
        "FILE is not a valid tuner.best_weights/1 file:\n\n"
        '  label_type  must be one of int, float, bool, str, got "date"\n'
        '  score.mean  must be a finite number, got "0.9"\n'
        "  score.ci95  must be a list of two finite numbers, or null, got [0.1]\n"
        "  trial  is missing\n"
        "  seed  must be a whole number, got true\n\n"
        "Write it again with `tuner export`."
    )


CHANGES = {
    "weights for other labels": (
        lambda record: record["class_weight"].update({"2": 1.0}),
        "class_weight  must have the keys ['0', '1'], got ['0', '1', '2']",
    ),
    "weight of zero": (
        lambda record: record["class_weight"].update({"1": 0}),
        "class_weight.1  must be a number above 0, got 0",
    ),
    "weight as text": (
        lambda record: record["class_weight"].update({"1": "9"}),
        'class_weight.1  must be a number above 0, got "9"',
    ),
    "weight beyond float": (
        lambda record: record["class_weight"].update({"1": 10**400}),
        "class_weight.1  must be a number above 0, got 1000",
    ),
    "other positive class": (
        lambda record: record.update(positive_class="0"),
        "positive_class  must be the second of classes, '1', got '0'",
    ),
    "labels not of their type": (
        lambda record: record.update(label_type="bool"),
        "classes  must be labels of type bool, got ['0', '1']",
    ),
    "labels equal once typed": (
        lambda record: record.update(
            classes=["1", "01"], positive_class="01", class_weight={"1": 1.0, "01": 2.0}, label_type="int"
        ),
        "classes  must be two different labels of type int, got ['1', '01']",
    ),
    "three classes": (
        lambda record: record.update(classes=["0", "1", "2"]),
        'classes  must be a list of two different texts, got ["0", "1", "2"]',
    ),
    "newer schema": (
        lambda record: record.update(schema="tuner.best_weights/2"),
        "FILE has schema 'tuner.best_weights/2', and this version of tuner reads 'tuner.best_weights/1'.",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_wrong_file_is_refused_with_the_reason(tmp_path, case):
    change, message = CHANGES[case]
    assert message in read_changed(tmp_path, change)


BROKEN = {
    b'{"schema": "tuner.best_weights/1", "schema": "x"}': "is not valid JSON: the key 'schema' appears twice.",
    b'{"schema": NaN}': "is not valid JSON: NaN is not a JSON number.",
    b'{"schema": "tun': "is not valid JSON: Unterminated string",
    b"\xff\xfe": "is not valid JSON: 'utf-8' codec can't decode",
    b"[]": "has schema None, and this version of tuner reads 'tuner.best_weights/1'.",
    b"[" * 200_000: "is not valid JSON: maximum recursion depth exceeded",
}


@pytest.mark.parametrize("content", BROKEN, ids=lambda content: str(content[:20]))
def test_file_that_is_not_strict_json_is_refused(tmp_path, content):
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(StudyError) as caught:
        read_best_weights(path)
    assert BROKEN[content] in str(caught.value)


def test_missing_file_is_a_clear_error(tmp_path):
    with pytest.raises(StudyError) as caught:
        read_best_weights(tmp_path / "absent.json")
    assert str(caught.value) == (
        f"{tmp_path / 'absent.json'} could not be read: No such file or directory.\nCheck the path."
    )


def test_keys_added_by_a_later_version_are_ignored(tmp_path):
    record = json.loads(best_weights_text(make_summary(n_trials=3)))
    record["weight_band"], record["score"]["honest"] = [1.0, 9.0], 0.9
    path = tmp_path / "later.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    assert read_best_weights(path).study == "default"
