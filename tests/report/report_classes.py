"""Studies of more than two classes and of several labels, made in code."""

from dataclasses import replace

import numpy as np
from report_summaries import FIXED, FOLDS, SPACE, make_data, make_summary, make_trial

from tuner.trial import FirstEpoch

CLASSES, COUNTS = ("bus", "car", "van"), (4_000, 5_900, 100)
LABELS, LABEL_COUNTS = ("red", "round"), (2_500, 400)
NAMES = ("unweighted_loss_share", "loss_share", "unweighted_gradient_share", "gradient_share")


def make_classes(classes=CLASSES, counts=COUNTS, **changes):
    """Return the data of a table of many classes, with points of each."""
    rng = np.random.default_rng(1)
    point_classes = tuple(np.arange(20 * len(classes)) % len(classes))
    points = tuple(map(tuple, rng.normal(size=(len(point_classes), 2)).tolist()))
    return make_data(
        **{
            "task": "multiclass",
            "classes": classes,
            "class_counts": counts,
            "label_type": "str",
            "points": points,
            "point_classes": tuple(map(int, point_classes)),
            "columns": (("x1", "numeric"), ("x2", "text")),
            **changes,
        }
    )


def make_labels(labels=LABELS, counts=LABEL_COUNTS, **changes):
    """Return the data of a table of two labels that exclude neither each other nor none."""
    return make_classes(labels, counts, **{"task": "multilabel", "label_type": "int", "target": "red,round", **changes})


def weights_of(data, exponent):
    most = max(data.class_counts)
    if data.task == "multilabel":
        return [((data.n_rows - count) / count) ** exponent for count in data.class_counts]
    return [(most / count) ** exponent for count in data.class_counts]


def classes_trial(number, exponent, data, *, deviations=(), **changes):
    """Return a scored trial whose weights come from an exponent."""
    trial = make_trial(number, center=changes.pop("center", 0.9 - (exponent - 0.6) ** 2))
    names = [f"weight_deviation_{name}" for name in data.classes]
    params = {
        "weight_exponent": exponent,
        **dict(zip(names, deviations, strict=False)),
        "hidden_size": trial.params["hidden_size"],
        "epochs": trial.params["epochs"],
    }
    others = {name: value for name, value in FIXED.items() if name != "majority_weight"}
    shares = np.full((FOLDS.n_folds, len(data.classes)), 0.25)
    acted = FirstEpoch(**{name: shares + i / 100 for i, name in enumerate(NAMES)})
    resolved = {**params, **others, "class_weights": weights_of(data, exponent)}
    return replace(trial, params=params, resolved=resolved, first_epoch=acted, **changes)


def classes_summary(data=None, **changes):
    """Return a study with the three baselines and two more trials; trial 3, of exponent 0.6, is the best."""
    data = data or make_classes()
    exponents = {"none": 0.0, "sqrt": 0.5, "balanced": 1.0}
    trials = [classes_trial(i, b, data, origin=origin) for i, (origin, b) in enumerate(exponents.items())]
    trials += [classes_trial(3, 0.6, data), classes_trial(4, 1.3, data)]
    space = {"weight_exponent": {"low": 0.0, "high": 1.5, "log": False}} | {
        name: spec for name, spec in SPACE.items() if name != "minority_weight"
    }
    return replace(make_summary(n_trials=5, trials=tuple(trials), data=data, space=space), **changes)


def make_per_class(data=None):
    """Return the evidence of each class; the last one is found worst and never called."""
    data = data or make_classes()
    n = len(data.classes)
    rows = [
        {
            "label": label,
            "n_rows": count,
            "weight": weight,
            "precision": None if k == n - 1 else 0.75,
            "recall": 0.9 - 0.9 * k / (n - 1),
            "f1": 0.0 if k == n - 1 else 0.8,
            "roc_auc": 0.95,
        }
        for k, (label, count, weight) in enumerate(
            zip(data.classes, data.class_counts, weights_of(data, 0.6), strict=True)
        )
    ]
    confusion = None if data.task == "multilabel" else [[10.0 * (i == j) + 1 / 2 for j in range(n)] for i in range(n)]
    return {"trial": 3, "rows": rows, "confusion": confusion}


def make_exponent_band(data=None):
    """Return a response curve over the exponent: 0.2 to 1.1 do as well as the best, 0.6."""
    data = data or make_classes()
    points = [
        {
            "weight": i / 10,
            "mean": 0.9 - (i / 10 - 0.6) ** 2 / 4,
            "ci95": [0.85 - (i / 10 - 0.6) ** 2 / 4, 0.95 - (i / 10 - 0.6) ** 2 / 4],
            "difference": (i / 10 - 0.6) ** 2 / 4,
            "difference_ci95": [(i / 10 - 0.6) ** 2 / 4 - 0.063, (i / 10 - 0.6) ** 2 / 4 + 0.063],
            "in_band": 2 <= i <= 11,
        }
        for i in range(16)
    ]
    return {
        "low": 0.2,
        "high": 1.1,
        "best": 0.6,
        "recommended": 0.2,
        "trial": 3,
        "points": points,
        "kind": "exponent",
        "recommended_weights": weights_of(data, 0.2),
    }
