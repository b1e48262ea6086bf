"""Read `best_weights.json` back.

JSON keys are text, but Keras wants class indices (and ignores other keys in silence) and scikit-learn the original
labels (and raises on others); so `BestWeights` hands out one dict for each, and one of labels where rows have several.
Of two classes it undoes the weight in probabilities and
decides by the recommended threshold, too. Whatever is wrong with a file is said in one message.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast, overload

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from tuner.errors import StudyError
from tuner.report.contract import EVIDENCE, LABEL_TYPES, SCHEMA, SCORE_FIELDS, WEIGHTS_NAME, Label, problems

Probabilities = NDArray[np.floating] | Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The score of the best trial: mean over folds, spread, corrected 95 % interval.

    `std` and `ci95` are None where there was a single fold score.
    """

    metric: str
    mean: float
    std: float | None
    ci95: tuple[float, float] | None
    n_splits: int
    n_repeats: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BestWeights:
    """What `best_weights.json` says, read back.

    Attributes:
        study, created_at, trial, n_trials, seed, versions: where the weights come from.
        target: name of the target column.
        task: "binary", "multiclass", or "multilabel" where rows have several labels.
        classes: the labels as text, of two classes class 0 (negative) first; where rows have several labels, their
            names.
        label_type: "int", "float", "bool" or "str": the type the labels had.
        positive_class: the label of class 1, as text; None unless there are two classes.
        class_weight: loss weight by label as text, of several labels that of the rows which have it; `for_keras`,
            `for_sklearn` and `for_labels` give it the keys a library expects.
        params: every training and search value of the best trial; of more than two classes, and of labels, those that
            `class_weight` was made from.
        score: its score.
        dataset: "rows", "class_counts" and "sha256" of the table.
        corrected_score: the same search scored without the luck of the best trial: "bbc", partly corrected, and
            "nested", the honest score; each None or with "mean" and "ci95".
        weight_band: weights that do as well as the best one as far as the folds can tell: "low" to "high"; "best" and
            "recommended", and the "points" of the curve. They are ratios, as with weight 1 for class 0; where "kind" is
            "exponent", they are exponents, and "recommended_class_weight" are the weights of the recommended one.
        threshold: the cut that `decide` takes, what it was chosen for and what it achieves.
        probability_correction: "logit_shift", which `correct` adds, its "method", and the shifts it was chosen from.
        verdict: whether class weights help on this table: "sentence", "conclusion", "primary" and so on.

    The last five are as in the file, unchangeable, and None where the study has none; `tuner/evidence.py` says what
    their keys mean.
    """

    study: str
    created_at: str
    target: str
    classes: tuple[str, ...]
    label_type: str
    positive_class: str | None
    class_weight: Mapping[str, float]
    params: Mapping[str, object]
    score: Score
    dataset: Mapping[str, object]
    trial: int
    n_trials: int
    seed: int
    versions: Mapping[str, str]
    corrected_score: Mapping[str, Any] | None = None
    weight_band: Mapping[str, Any] | None = None
    threshold: Mapping[str, Any] | None = None
    probability_correction: Mapping[str, Any] | None = None
    verdict: Mapping[str, Any] | None = None
    task: str = "binary"

    def for_keras(self) -> dict[int, float]:
        """Return the weights for `keras.Model.fit(class_weight=...)`: by class index, in the order of `classes`.

        Raises:
            StudyError: rows have several labels, which Keras weights in the loss alone.
        """
        self._require_classes("for_keras")
        return {index: self.class_weight[label] for index, label in enumerate(self.classes)}

    def for_sklearn(self) -> dict[Label, float]:
        """Return the weights for scikit-learn's `class_weight`: by the original label, with its original type.

        scikit-learn 1.9 reads a text label such as "1" as the number 1 and then finds no weight for it, and says so;
        fit on numbers there.

        Raises:
            StudyError: rows have several labels.
        """
        self._require_classes("for_sklearn")
        as_label = LABEL_TYPES[self.label_type]
        return {as_label(label): self.class_weight[label] for label in self.classes}

    def for_labels(self) -> dict[str, float]:
        """Return by name of the label what multiplies its loss in rows that have it; 1 in those that do not.

        Raises:
            StudyError: rows have one class each.
        """
        if self.task != "multilabel":
            raise StudyError(
                f'study "{self.study}" weights {len(self.classes)} classes, of which every row has one.\n'
                "Use for_keras() or for_sklearn()."
            )
        return {label: self.class_weight[label] for label in self.classes}

    def _require_classes(self, method: str) -> None:
        if self.task == "multilabel":
            raise StudyError(
                f'study "{self.study}" weights {len(self.classes)} labels, of which a row may have several, and'
                f" {method}() weights classes.\n"
                "Use for_labels(), and multiply the loss of each label by its weight where a row has it."
            )

    @overload
    def correct(self, probability: float) -> float: ...

    @overload
    def correct(self, probability: Probabilities) -> NDArray[np.float64]: ...

    def correct(self, probability: float | Probabilities) -> float | NDArray[np.float64]:
        """Return probabilities after undoing the weight, which makes the positive class look more likely than it is.

        sigmoid(logit(probability) + logit_shift): ranks stay, 0 and 1 stay. It was fitted to the network of the best
        trial; a model that is trained with the weights in another way needs a shift of its own.

        Args:
            probability: of the positive class, as the model gives it, each from 0 to 1. A number or any shape.

        Returns:
            A float for a number, otherwise float64 of the same shape.

        Raises:
            StudyError: the study has no probability correction.
            ValueError: a value is not from 0 to 1.
        """
        if self.probability_correction is None:
            raise StudyError(self._missing("probability correction"))
        values = _probabilities(probability)
        corrected: NDArray[np.float64] = expit(logit(values) + self.probability_correction["logit_shift"])
        return corrected if values.ndim else float(corrected)

    @overload
    def decide(self, probability: float) -> bool: ...

    @overload
    def decide(self, probability: Probabilities) -> NDArray[np.bool_]: ...

    def decide(self, probability: float | Probabilities) -> bool | NDArray[np.bool_]:
        """Return whether a row is called positive: whether its probability is above the recommended threshold.

        Probabilities near 1 are told apart by what float32 leaves of them only; where the threshold is close to 1, as
        large weights make it, compare the logits of the model with `threshold["logit"]` instead.

        Args:
            probability: of the positive class, as the model gives it and not from `correct`, each from 0 to 1. A number
                or any shape. After `correct`, the same cut is `threshold["corrected_probability"]`.

        Returns:
            A bool for a number, otherwise bools of the same shape.

        Raises:
            StudyError: the study recommends no threshold, or one that is 1 as a float32 probability.
            ValueError: a value is not from 0 to 1.
        """
        if self.threshold is None:
            raise StudyError(self._missing("threshold"))
        if self.threshold["probability"] is None:
            raise StudyError(f'study "{self.study}" recommends no threshold: {self.threshold["reason"]}')
        if np.float32(self.threshold["probability"]) == 1.0:
            raise StudyError(
                f'study "{self.study}" recommends a threshold that probabilities cannot tell from 1.\n'
                f"Compare the model's logits with its logit, {self.threshold['logit']:g}."
            )
        values = _probabilities(probability)
        decisions: NDArray[np.bool_] = values > self.threshold["probability"]
        return decisions if values.ndim else bool(decisions)

    def _missing(self, what: str) -> str:
        if self.task != "binary":
            kind = "classes" if self.task == "multiclass" else "labels"
            here = f"{len(self.classes)} {kind}"
            return f'study "{self.study}" has no {what}: it is made for two classes, and this study has {here}.'
        return (
            f'study "{self.study}" has no {what}: its file was written by a run that made none.\n'
            "Run the study again with `python -m tuner run`: finished trials are kept, and the file is written anew."
        )


def _probabilities(given: float | Probabilities) -> NDArray[np.float64]:
    """Probabilities in float64, in which the threshold was chosen: as float32 it would move."""
    values = np.asarray(given, np.float64)
    if not ((values >= 0.0) & (values <= 1.0)).all():
        raise ValueError(f"probabilities must be from 0 to 1, got {given!r}")
    return values


def read_best_weights(path: str | os.PathLike[str]) -> BestWeights:
    """Read `best_weights.json`, or that of a study's folder. Keys that this version does not know are ignored.

    Raises:
        StudyError: the file cannot be read, is not strict JSON, has another schema, or holds a wrong value.
    """
    source = Path(path) / WEIGHTS_NAME if Path(path).is_dir() else Path(path)
    record = _parse(source)
    if found := problems(record):
        raise _unusable(source, f"is not a valid {SCHEMA} file:\n\n" + "\n".join(f"  {line}" for line in found) + "\n")
    fields = ("study", "created_at", "target", "label_type", "positive_class", "trial", "n_trials", "seed")
    score = record["score"]
    interval = None if score["ci95"] is None else tuple(score["ci95"])
    return BestWeights(
        **{name: record[name] for name in fields},
        params=MappingProxyType(record["params"]),
        dataset=MappingProxyType(record["dataset"]),
        versions=MappingProxyType(record["versions"]),
        task=record.get("task", "binary"),
        classes=tuple(record["classes"]),
        class_weight=MappingProxyType({label: float(weight) for label, weight in record["class_weight"].items()}),
        score=Score(**{name: score[name] for name in SCORE_FIELDS} | {"ci95": interval}),
        **{key: _frozen(record.get(key)) for key in EVIDENCE},
    )


def _frozen(value: Any) -> Any:
    """JSON that nobody can change: mappings and tuples all the way down."""
    if isinstance(value, dict):
        return MappingProxyType({name: _frozen(one) for name, one in value.items()})
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _unusable(source: Path, what: str) -> StudyError:
    return StudyError(f"{source} {what}\nWrite it again with `tuner export`.")


def _parse(source: Path) -> dict[str, Any]:
    """Read strict JSON of our schema: an object without duplicate keys, NaN or infinity."""
    try:
        record = json.loads(
            source.read_bytes().decode("utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant
        )
    except OSError as error:
        raise StudyError(f"{source} could not be read: {error.strerror or error}.\nCheck the path.") from error
    except (ValueError, RecursionError) as error:
        raise _unusable(source, f"is not valid JSON: {error}.") from error
    found = record.get("schema") if isinstance(record, dict) else None
    if found != SCHEMA:
        raise _unusable(source, f"has schema {found!r}, and this version of tuner reads {SCHEMA!r}.")
    return cast(dict[str, Any], record)


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {repeated!r} appears twice")
    return record


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")
