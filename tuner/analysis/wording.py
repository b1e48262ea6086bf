"""The verdict in words: labels of the arms, and the sentence. Every sentence says "on this table".

The sentence is about the primary contrast. Where arms at one learning rate stand beside it, a second one says what
comparing at that rate alone would have shown: a larger weight is also a larger step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tuner.analysis.references import LABELS as REFERENCE_LABELS
from tuner.evidence import Conclusion, Contrast, Pair
from tuner.trial import Task

LABELS: dict[str, str] = {
    "none": "no weights",
    "sqrt": "weight sqrt(imbalance ratio)",
    "balanced": "weight = imbalance ratio",
    "tuned": "weight searched",
    "none_threshold": "no weights, threshold tuned",
    "tuned_threshold": "weight searched, threshold tuned",
    "oversampling": "random oversampling",
    "smote": "SMOTE",
    "focal_loss": "focal loss",
    "none_larger_step": "no weights, rate searched",
}
LABELS |= {str(name): text for name, text in REFERENCE_LABELS.items()}

LABELS_OF_MORE = LABELS | {
    "sqrt": "exponent 0.5, root of balanced",
    "balanced": "exponent 1, balanced weights",
    "tuned": "exponent searched",
}
LABELS_OF_TASK: dict[Task, dict[str, str]] = {
    "binary": LABELS,
    "multiclass": LABELS_OF_MORE | {"dummy": "the share of each class for every row"},
    "multilabel": LABELS_OF_MORE | {"dummy": "the share of each label for every row"},
}
"""What arms and references are called: weights of more than two classes, or labels, are searched by one exponent."""

AT_FIXED_RATE = "tuned_fixed_rate - none_fixed_rate"
LARGER_STEP = "none_larger_step - none"
SMALLER_STEP = "none_fixed_rate - none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Learning rates of a verdict.

    Attributes:
        searched: where every arm searched it, in words; None where all trained at `fixed`.
        fixed: the rate that the config trains with; None where the study searches it.
    """

    searched: str | None
    fixed: float | None

    @property
    def text(self) -> str:
        """For people: "searched from 0.001 to 0.3", or "0.01"."""
        if self.searched is None:
            return f"{self.fixed:g}"
        return f"searched from {self.searched}" if " to " in self.searched else f"searched among {self.searched}"


def label(name: str, rate: Rate, *, task: Task = "binary") -> str:
    """Return what an arm or reference is called for people."""
    labels = LABELS_OF_TASK[task]
    if name.endswith("_fixed_rate"):
        return f"{labels[name.removesuffix('_fixed_rate')]}, rate {rate.fixed:g}"
    return labels[name]


def sentence(
    conclusion: Conclusion | None,
    primary: Contrast | None,
    *,
    metric: str,
    decision_metric: str,
    margin: float,
    rate: Rate,
    contrasts: Mapping[str, Contrast],
    threshold: float | None,
    task: Task = "binary",
) -> str:
    """Return the verdict in words.

    Args:
        conclusion, primary: None where there is nothing to compare with.
        metric: the scored one.
        margin: of the rule.
        rate: learning rates.
        contrasts: all of them, by name.
        decision_metric, threshold: the one of greatest such metric without weights, in the middle of the folds; None
            where none was tuned.
        task: of the table: one weight is searched, or one exponent.
    """
    what = "weight" if task == "binary" else "exponent"
    if conclusion is None or primary is None:
        return "On this table nothing was compared: the arm none, without weights, is not among verdict.arms."
    sentences = [f"{_place(rate)} {_finding(conclusion, primary, metric=metric, margin=margin, what=what)}"]
    sentences += _step_story(rate, contrasts, margin=margin, what=what)
    if conclusion in ("changes_nothing", "hurts") and threshold is not None and 0.0 < threshold < 1.0:
        best = f"without them {decision_metric} is greatest near {_chance(threshold)}"
        sentences.append(f"Leave the weights and move the threshold: {best}.")
    return " ".join(sentences)


def _place(rate: Rate) -> str:
    return "On this table" if rate.searched is not None else f"At learning rate {rate.fixed:g}, on this table"


def _finding(conclusion: Conclusion, primary: Contrast, *, metric: str, margin: float, what: str) -> str:
    tuned = ", both thresholds tuned" if primary["contrast"].startswith("tuned_threshold") else ""
    difference = f"{primary['difference']:+.4f} {metric} against no weights{tuned}"
    if conclusion == "changes_nothing":
        return (
            f"class weights change nothing: the searched {what} makes {difference}, 90 % interval "
            f"{_pair(primary['ci90'])}, within +-{margin:g}."
        )
    says = {"helps": "class weights help", "hurts": "class weights hurt"}.get(
        conclusion, "it is too noisy to tell whether class weights help"
    )
    return f"{says}: the searched {what} makes {difference}, 95 % interval {_pair(primary['ci95'])}."


def _step_story(rate: Rate, contrasts: Mapping[str, Contrast], *, margin: float, what: str) -> list[str]:
    """Return what a comparison at one learning rate shows, where that says something else."""
    fixed, larger = contrasts.get(AT_FIXED_RATE), contrasts.get(LARGER_STEP)
    if fixed is not None and (abs(fixed["difference"]) > margin or _is_clear(fixed)):
        story = f"At learning rate {rate.fixed:g} alone the searched {what} makes {_with_interval(fixed)}"
        step = contrasts.get(SMALLER_STEP)
        if fixed["difference"] > 0 and step is not None and step["difference"] < 0:
            why = _why(_is_clear(fixed) and _is_clear(step))
            return [f"{story}, and searching the rate instead {_with_interval(step, sign=-1)}: {why}."]
        return [f"{story}."]
    if larger is not None:
        story = f"Without weights, searching the rate instead makes {_with_interval(larger)}"
        return [f"{story}: {_why(_is_clear(larger))}." if larger["difference"] > 0 else f"{story}."]
    return []


def _why(is_clear: bool) -> str:
    return (
        "a larger weight is also a larger step" if is_clear else "what a weight gains at one rate may be a larger step"
    )


def _is_clear(one: Contrast) -> bool:
    return one["ci95"] is not None and (one["ci95"][0] > 0.0 or one["ci95"][1] < 0.0)


def _with_interval(one: Contrast, *, sign: int = 1) -> str:
    spread = "" if one["ci95"] is None else f" +- {(one['ci95'][1] - one['ci95'][0]) / 2:.4f}"
    return f"{sign * one['difference']:+.4f}{spread}"


def _chance(probability: float) -> str:
    """Return a probability that is told apart from 1."""
    return f"{probability:.2g}" if probability < 0.99 else f"1 - {1.0 - probability:.1g}"


def _pair(pair: Pair | None) -> str:
    return "none" if pair is None else f"{pair[0]:+.4f} to {pair[1]:+.4f}"
