"""What is worked out beside the search, as plain data: the numerics make it, the study stores it, the report shows it.

Each record is JSON as it stands: `best_weights.json`, `--json` and the report show the same numbers. A pair is
`[low, high]`; `None` stands where a number does not exist, and `reason` says why.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

Pair = list[float]
Conclusion = Literal["helps", "hurts", "changes_nothing", "too_noisy"]
BandKind = Literal["weight", "exponent"]
"""What is swept: the weight of one of two classes, or the exponent that weights more classes, or labels."""


class BiasCorrected(TypedDict):
    """The score of the search after bootstrap bias correction: partly corrected (`tuner.analysis.winners_curse`).

    `raw` is the best trial's score by the same statistic, `mean` the mean over the bootstrap samples of the score, on
    the rows left out, of the trial that is best on the rows drawn; `ci95` holds the middle 95 % of them.
    """

    mean: float
    ci95: Pair
    raw: float
    n_trials: int
    n_bootstraps: int
    n_redrawn: int


class BandPoint(TypedDict):
    """One weight of the sweep: score and difference to the best weight of the sweep, with corrected 95 % intervals.

    `weight` is an exponent where those are swept.
    """

    weight: float
    mean: float
    ci95: Pair | None
    difference: float
    difference_ci95: Pair | None
    in_band: bool


class WeightBand(TypedDict):
    """The response curve over the weight at the best trial's other parameters, and the band around its top.

    `low`, `high` are the ends of the contiguous run of weights that holds `best` and whose paired difference to it is
    not beyond the corrected interval; `recommended` is the weight of it that is nearest to 1. Weights are ratios.

    Where `kind` is "exponent", all of them are exponents, `recommended` is the smallest of the band, and
    `recommended_weights` are the weights of the classes or labels that it makes, in their order.
    """

    low: float
    high: float
    best: float
    recommended: float
    trial: int
    points: list[BandPoint]
    kind: NotRequired[BandKind]
    recommended_weights: NotRequired[list[float]]


class Correction(TypedDict):
    """Probabilities after one correction: `raw`, `analytic`, `intercept`, `sigmoid` or `isotonic`.

    Scored on rows that the correction was not fitted on; lower is better throughout. `calibration_error` is the mean
    over repeats. `mean_probability` is to be compared with the prevalence. `bins`, of the rows of all repeats, are
    (mean probability, share of positive rows, rows) of equal-mass bins.
    """

    name: str
    log_loss: float
    brier: float
    calibration_error: float
    mean_probability: float
    bins: list[tuple[float, float, int]]


class ProbabilityCorrection(TypedDict):
    """How to undo the weight: probability = sigmoid(logit + logit_shift).

    `analytic_shift` is -log(weight ratio), `fitted_shift` the one at which the mean out-of-fold probability equals the
    prevalence, `logit_shift` the recommended one of the two, called `method`. `perfect_calibration_error` is the mean
    calibration error of perfectly calibrated probabilities on as many rows.
    """

    method: Literal["analytic", "intercept"]
    logit_shift: float
    analytic_shift: float
    fitted_shift: float
    weight_ratio: float
    prevalence: float
    perfect_calibration_error: float
    corrections: list[Correction]


class Achieved(TypedDict):
    """What the decisions reach on rows that did not choose the threshold; counts are per repeat, so may be fractions.

    Intervals of recall and precision are Clopper-Pearson's, of one repeat's rows; None where nothing is called. `value`
    is a mean over folds with its corrected interval, or, of recall, precision or alerts, what stands above it with an
    interval of the rows.
    """

    recall: float
    recall_ci95: Pair
    precision: float | None
    precision_ci95: Pair | None
    n_alerts: float
    value: float
    ci95: Pair | None


class ThresholdChoice(TypedDict):
    """The threshold to recommend: call a row positive where its probability is above `probability`.

    `logit` and `probability` are of the model's own output, `corrected_probability` the same cut after
    `ProbabilityCorrection`; None for all three, with a `reason`, where none can be recommended. `rule` is the config's
    section, `measure` what `achieved.value` is: a metric, the cost per row, or what the rule bounds.
    """

    rule: dict[str, object]
    measure: str
    logit: float | None
    probability: float | None
    corrected_probability: float | None
    achieved: Achieved | None
    at_half: Achieved | None
    reason: str | None


class NoiseBudget(TypedDict):
    """Where the noise in the difference of the two best trials comes from; `n_seeds` seeds on each of `n_folds` folds.

    `difference` and `ci95` are of the means over all seeds. `sd_folds` and `sd_seeds` are standard deviations of the
    difference over folds and, within a fold, over seeds; `share_seeds` is the seeds' share of both variances.
    `half_width` is what all seeds together make that of the corrected 95 % interval with one seed, as the study has it,
    `half_width_all_seeds` that of `ci95`, `floor` the one with any number of repeats and seeds.
    """

    trials: tuple[int, int]
    n_folds: int
    n_seeds: int
    difference: float
    ci95: Pair
    sd_folds: float
    sd_seeds: float
    share_seeds: float
    half_width: float
    half_width_all_seeds: float
    floor: float


class Nested(TypedDict):
    """The honest score: a new search inside every outer fold, scored on rows that it never saw."""

    mean: float
    ci95: Pair | None
    n_folds: int
    n_trials: int


class Contrast(TypedDict):
    """One paired difference over the outer folds. `p_value` is Holm's and `ci95` Bonferroni's where it is secondary."""

    contrast: str
    difference: float
    ci95: Pair | None
    ci90: Pair | None
    p_value: float | None


class ArmResult(TypedDict):
    """One arm of the verdict.

    Attributes:
        name: of the arm, such as "tuned" or "none_threshold".
        label: the same for people.
        mean, ci95: score on the outer folds.
        against_none: the paired difference to the arm without weights; None for that arm and where there is none.
        n_training_runs: models trained for it.
        weights, learning_rates: smallest, median and largest of what its search chose over the outer folds. Of more
            than two classes, or labels, weights are exponents: 0 is no weights, 1 balanced ones.
        measures: means over the outer folds of other measures: log loss and so on.
    """

    name: str
    label: str
    mean: float
    ci95: Pair | None
    against_none: Contrast | None
    n_training_runs: int
    weights: tuple[float, float, float]
    learning_rates: tuple[float, float, float]
    measures: dict[str, float]


class ReferenceResult(TypedDict):
    """One model of scikit-learn on the same outer folds, for perspective."""

    name: str
    label: str
    mean: float
    ci95: Pair | None
    measures: dict[str, float]


class DecisionSplit(TypedDict):
    """Why a metric of decisions changed: total = ranking + threshold, exactly. Differences are tuned minus none.

    `total` is at probability 0.5, `ranking` at thresholds chosen on inner out-of-fold predictions, `threshold` what is
    left.
    """

    metric: str
    total: Contrast
    ranking: Contrast
    threshold: Contrast


class Verdict(TypedDict):
    """Do class weights help on this table? `fold_scores` are those of each arm and reference on the outer folds.

    `task` is there for more than two classes, and for several labels.
    """

    sentence: str
    conclusion: Conclusion | None
    primary: Contrast | None
    arms: list[ArmResult]
    references: list[ReferenceResult]
    what_would_settle_it: str | None
    metric: str
    margin: float
    learning_rate: str
    n_folds: int
    n_trials: int
    nested: Nested
    smallest_of_band: Nested | None
    why_decisions_changed: DecisionSplit | None
    fold_scores: dict[str, list[float]]
    notes: list[str]
    task: NotRequired[Literal["multiclass", "multilabel"]]


class ClassResult(TypedDict):
    """One class, or one of several labels, against the rest of the rows.

    Of `rows` in truth and `predicted` rows called so. `roc_auc` ranks by its probability. None for what does not exist:
    precision where no row is called so, recall where none is, F1 where neither, a ranking without rows of both kinds.
    """

    rows: int
    predicted: int
    precision: float | None
    recall: float | None
    f1: float | None
    roc_auc: float | None


class ClassTable(TypedDict):
    """One model on more than two classes, in their order; `confusion[k][c]` counts rows of class k called c."""

    classes: list[ClassResult]
    confusion: list[list[int]]


class ClassScores(TypedDict):
    """How well one class, or one label, is told from the rest.

    `n_rows` are the scored rows that have it, `weight` is what multiplied their loss. A class is called where its
    probability is the greatest, a label where it is above 0.5; `precision` is None where it is never called, `f1` is
    then 0. `roc_auc` is of the class against all others, None where it does not exist.
    """

    label: str
    n_rows: int
    weight: float
    precision: float | None
    recall: float
    f1: float
    roc_auc: float | None


class PerClass(TypedDict):
    """The out-of-fold predictions of one trial, class by class, in the order of the classes.

    Every number is a mean over repeats. `confusion` counts rows of class i that were called class j, in row i and
    column j, so it may hold fractions; None for labels, which are not called one instead of another.
    """

    trial: int
    rows: list[ClassScores]
    confusion: list[list[float]] | None


class Evidence(TypedDict, total=False):
    """All there is of one study, by kind."""

    bias_corrected: BiasCorrected
    weight_band: WeightBand
    probability_correction: ProbabilityCorrection
    threshold: ThresholdChoice
    noise_budget: NoiseBudget
    verdict: Verdict
    per_class: PerClass
