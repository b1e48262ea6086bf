"""Claims about best_weights.json as read back."""

import dataclasses
import json
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_evidence import NO_THRESHOLD, make_evidence, make_probabilities, make_threshold
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


EVIDENCE_KEYS = ("corrected_score", "weight_band", "threshold", "probability_correction", "verdict")


def thawed(value):
    """Return what was read back as JSON has it."""
    if isinstance(value, MappingProxyType):
        return {name: thawed(one) for name, one in value.items()}
    return [thawed(one) for one in value] if isinstance(value, tuple) else value


def with_evidence(tmp_path, **evidence):
    path = tmp_path / "best_weights.json"
    write_best_weights(make_summary(n_trials=3, evidence=evidence), path)
    return read_best_weights(path)


def test_evidence_written_is_read_back(tmp_path):
    weights = with_evidence(tmp_path, **make_evidence())
    written = best_weights(make_summary(n_trials=3, evidence=make_evidence()))
    for name in EVIDENCE_KEYS:
        assert thawed(getattr(weights, name)) == json.loads(json.dumps(written[name]))


@pytest.mark.parametrize("remove", [False, True], ids=["null", "absent: an older file"])
def test_evidence_that_a_file_does_not_have_is_none(tmp_path, remove):
    record = json.loads(best_weights_text(make_summary(n_trials=3)))
    for name in EVIDENCE_KEYS:
        record[name] = None
        if remove:
            del record[name]
    path = tmp_path / "older.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    weights = read_best_weights(path)
    assert [getattr(weights, name) for name in EVIDENCE_KEYS] == [None] * 5


def test_evidence_read_back_cannot_be_changed_at_any_depth(tmp_path):
    weights = with_evidence(tmp_path, **make_evidence())
    with pytest.raises(TypeError):
        weights.threshold["achieved"]["recall"] = 1.0
    with pytest.raises(TypeError):
        weights.weight_band["points"][0]["mean"] = 1.0
    with pytest.raises(TypeError):
        weights.verdict["primary"]["ci95"][0] = 1.0


@settings(max_examples=60, deadline=None)
@given(
    probability=st.floats(0.0, 1.0) | st.lists(st.floats(0.0, 1.0), max_size=5),
    shift=st.floats(-50.0, 50.0),
)
def test_undoing_the_weight_multiplies_the_odds_and_keeps_the_order(tmp_path_factory, probability, shift):
    folder = tmp_path_factory.getbasetemp()
    weights = with_evidence(folder, probability_correction=make_probabilities(logit_shift=shift))
    corrected, given_ = weights.correct(probability), np.asarray(probability)
    assert np.shape(corrected) == given_.shape
    assert type(corrected) is (float if given_.ndim == 0 else np.ndarray)
    odds = np.exp(shift)
    np.testing.assert_allclose(corrected, given_ * odds / (given_ * odds + (1 - given_)), rtol=1e-9, atol=1e-300)
    order = np.argsort(given_, axis=None)
    assert (np.diff(np.ravel(corrected)[order]) >= 0).all()


def test_correction_of_certain_rows_changes_nothing_whatever_the_weight(tmp_path):
    weights = with_evidence(tmp_path, probability_correction=make_probabilities(logit_shift=-690.0))
    np.testing.assert_array_equal(weights.correct(np.array([[0.0, 1.0]])), [[0.0, 1.0]])


def test_correction_turns_odds_of_the_weight_into_even_ones(tmp_path):
    shift = -float(np.log(31.6))
    weights = with_evidence(tmp_path, probability_correction=make_probabilities(logit_shift=shift))
    assert weights.correct(31.6 / 32.6) == pytest.approx(0.5, abs=1e-14)
    assert weights.correct(np.float32([0.5])).dtype == np.float64


def test_row_is_called_where_its_probability_is_above_the_threshold(tmp_path):
    weights = with_evidence(tmp_path, threshold=make_threshold(probability=0.3))
    above = float(np.nextafter(0.3, 1.0))
    assert weights.decide(above) is True
    assert weights.decide(0.3) is False
    np.testing.assert_array_equal(weights.decide([[0.3, above], [0.0, 1.0]]), [[False, True], [False, True]])
    assert weights.decide(np.zeros((0, 2))).shape == (0, 2)


def test_threshold_is_not_rounded_to_the_type_of_the_probabilities(tmp_path):
    single = np.float32(0.3)  # above 0.3, and equal to it once 0.3 is a float32
    assert float(single) > 0.3
    weights = with_evidence(tmp_path, threshold=make_threshold(probability=0.3))
    assert weights.decide(np.array([single]))[0]
    assert weights.decide(single) is True


@pytest.mark.parametrize("probability", [-0.1, [0.2, 1.01], np.array([[np.nan]])])
@pytest.mark.parametrize("method", ["correct", "decide"])
def test_value_that_is_no_probability_is_refused(tmp_path, method, probability):
    weights = with_evidence(tmp_path, **make_evidence())
    with pytest.raises(ValueError, match="probabilities must be from 0 to 1, got") as caught:
        getattr(weights, method)(probability)
    assert str(caught.value) == f"probabilities must be from 0 to 1, got {probability!r}"


@pytest.mark.parametrize(("method", "what"), [("correct", "probability correction"), ("decide", "threshold")])
def test_study_without_it_neither_corrects_nor_decides(tmp_path, method, what):
    with pytest.raises(StudyError) as caught:
        getattr(with_evidence(tmp_path), method)(0.5)
    assert str(caught.value) == (
        f'study "default" has no {what}: its file was written by a run that made none.\n'
        "Run the study again with `python -m tuner run`: finished trials are kept, and the file is written anew."
    )


def test_study_that_recommends_no_threshold_says_why(tmp_path):
    weights = with_evidence(tmp_path, threshold=NO_THRESHOLD)
    with pytest.raises(StudyError) as caught:
        weights.decide(0.5)
    assert str(caught.value) == (
        'study "default" recommends no threshold: the training rows of a fold hold 12 positive rows, fewer than the 20 '
        "that a threshold needs."
    )


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
    record = json.loads(best_weights_text(make_summary(n_trials=3, evidence=make_evidence())))
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
    "score corrected into text": (
        lambda record: record["corrected_score"]["bbc"].update(mean="0.9"),
        'corrected_score.bbc.mean  must be a finite number, got "0.9"',
    ),
    "honest score without an interval": (
        lambda record: record["corrected_score"]["nested"].pop("ci95"),
        "corrected_score.nested.ci95  is missing",
    ),
    "band as a list": (
        lambda record: record.update(weight_band=[1, 2]),
        "weight_band  must be an object or null, got [1, 2]",
    ),
    "band of weight zero": (
        lambda record: record["weight_band"].update(low=0),
        "weight_band.low  must be a number above 0, got 0",
    ),
    "band below its best weight": (
        lambda record: record["weight_band"].update(high=5.0),
        "weight_band.high  must not be below best and recommended, got 5.0",
    ),
    "band above its recommendation": (
        lambda record: record["weight_band"].update(recommended=1.0, low=2.0),
        "weight_band.low  must not be above best and recommended, got 2.0",
    ),
    "point without a mean": (
        lambda record: record["weight_band"].update(points=[{"weight": 2.0}]),
        'weight_band.points  must be a list of objects with weight, mean and ci95, got [{"weight": 2.0}]',
    ),
    "threshold beyond one": (
        lambda record: record["threshold"].update(probability=1.5),
        "threshold.probability  must be a number from 0 to 1 or null, got 1.5",
    ),
    "no threshold without a reason": (
        lambda record: record["threshold"].update(probability=None),
        "threshold.reason  must be text where probability is null, got null",
    ),
    "unknown correction": (
        lambda record: record["probability_correction"].update(method="isotonic"),
        'probability_correction.method  must be one of analytic, intercept, got "isotonic"',
    ),
    "shift that is no number": (
        lambda record: record["probability_correction"].update(logit_shift=None),
        "probability_correction.logit_shift  must be a finite number, got null",
    ),
    "unknown conclusion": (
        lambda record: record["verdict"].update(conclusion="maybe"),
        'verdict.conclusion  must be one of helps, hurts, changes_nothing, too_noisy, or null, got "maybe"',
    ),
    "contrast with half an interval": (
        lambda record: record["verdict"]["primary"].update(ci90=[0.1]),
        "verdict.primary.ci90  must be a list of two finite numbers, or null, got [0.1]",
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
    record = json.loads(best_weights_text(make_summary(n_trials=3, evidence=make_evidence())))
    record["next_year"], record["score"]["honest"], record["threshold"]["costs"] = [1.0, 9.0], 0.9, [1, 2]
    path = tmp_path / "later.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    assert read_best_weights(path).study == "default"
