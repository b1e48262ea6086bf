"""The best trial class by class: means over repeats of what scikit-learn says of each."""

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, roc_auc_score

from tuner.analysis.per_class import class_scores
from tuner.scoring import softmax


def made_up(n_rows=120, n_classes=3, n_repeats=2):
    rng = np.random.default_rng(0)
    y = (np.arange(n_rows) % n_classes).astype(np.int32)
    logits = rng.normal(size=(n_repeats, n_rows, n_classes)) + np.eye(n_classes)[y]
    return y, logits.astype(np.float32)


def test_numbers_are_means_over_repeats_of_what_scikit_learn_says():
    y, logits = made_up()
    found = class_scores(y, logits, labels=("a", "b", "c"), weights=(1.0, 2.0, 3.0), trial=7)
    assert found["trial"] == 7
    expected = np.mean([precision_recall_fscore_support(y, own.argmax(axis=1))[:3] for own in logits], axis=0)
    for k, row in enumerate(found["rows"]):
        assert (row["label"], row["n_rows"], row["weight"]) == ("abc"[k], 40, float(k + 1))
        np.testing.assert_allclose([row["precision"], row["recall"], row["f1"]], expected[:, k], atol=1e-12)
        auc = np.mean([roc_auc_score(y == k, softmax(own)[:, k]) for own in logits])
        np.testing.assert_allclose(row["roc_auc"], auc, atol=1e-12)
    matrices = [confusion_matrix(y, own.argmax(axis=1)) for own in logits]
    np.testing.assert_allclose(found["confusion"], np.mean(matrices, axis=0))


def test_class_that_is_never_called_has_no_precision():
    y, logits = made_up()
    logits[..., 2] = -9.0
    row = class_scores(y, logits, labels=("a", "b", "c"), weights=(1.0, 1.0, 1.0), trial=0)["rows"][2]
    assert (row["precision"], row["recall"], row["f1"]) == (None, 0.0, 0.0)


def test_labels_have_rows_and_no_confusion():
    rng = np.random.default_rng(1)
    y = (rng.random((60, 2)) < 0.3).astype(np.int32)
    logits = rng.normal(size=(1, 60, 2)).astype(np.float32)
    found = class_scores(y, logits, labels=("x", "z"), weights=(1.0, 4.0), trial=0)
    assert found["confusion"] is None
    expected = precision_recall_fscore_support(y[:, 1], logits[0, :, 1] > 0, average="binary")[:3]
    row = found["rows"][1]
    np.testing.assert_allclose([row["precision"], row["recall"], row["f1"]], expected, atol=1e-12)
    assert row["n_rows"] == y[:, 1].sum()
