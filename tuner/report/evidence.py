"""The evidence of a study as rows and words for the page; what a study lacks is None, and the page leaves it out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tuner.evidence import (
    Achieved,
    Correction,
    Evidence,
    NoiseBudget,
    Pair,
    ProbabilityCorrection,
    ThresholdChoice,
    WeightBand,
)
from tuner.report.bands import end_text, outside_text
from tuner.report.classes import weights_code
from tuner.report.comparison import baselines
from tuner.report.export import class_weights
from tuner.report.numbers import chance_text, number_text, pair_text, score_digits, score_text, signed_text
from tuner.report.scores import ScoreLine, score_lines
from tuner.report.verdict import verdict_section
from tuner.report.words import Table, band_kind, rule_text
from tuner.study.summary import StudySummary, TrialRecord
from tuner.trial import FirstEpoch

CORRECTIONS = {
    "raw": "as the model gives them",
    "analytic": "shifted by the logarithm of the weights",
    "intercept": "shifted to the share of positive rows",
    "sigmoid": "sigmoid fit (Platt)",
    "isotonic": "isotonic fit",
}
"""What each correction of probabilities is, for people."""

ACTED = ("loss, unweighted", "loss, weighted", "gradient, unweighted", "gradient, weighted")

BOUNDED = ("recall", "precision", "alerts")
"""Measures that have a column of their own in every table of what is achieved."""


def evidence_sections(summary: StudySummary) -> dict[str, object]:
    """Return every section of the evidence by its name in the template, None for those the study cannot fill."""
    evidence, digits = summary.evidence, score_digits(summary)
    band, threshold = evidence.get("weight_band"), evidence.get("threshold")
    correction, noise = evidence.get("probability_correction"), evidence.get("noise_budget")
    verdict = evidence.get("verdict")
    return {
        "scores": _scores_section(summary, digits),
        "band": None if band is None else _band_section(summary, band, digits),
        "threshold": None if threshold is None else _threshold_section(summary, threshold, digits),
        "probabilities": None if correction is None else _probabilities_section(correction),
        "noise": None if noise is None else _noise_section(noise, digits),
        "acted": _acted_section(summary),
        "verdict": None if verdict is None else verdict_section(verdict, digits=digits),
    }


def _scores_section(summary: StudySummary, digits: int) -> dict[str, object] | None:
    """The scores of the search; None where there is only the optimistic one."""
    lines = score_lines(summary)
    if not lines or lines[0].kind == "optimistic":
        return None
    evidence = summary.evidence
    corrected = evidence.get("bias_corrected")
    return {
        "table": Table(
            head=["", f"mean {summary.metric}", "95 % interval", "how it came about"],
            rows=[[*_score_cells(line, digits), _how(line, evidence)] for line in lines],
            marked=0 if lines[0].kind == "honest" else None,
        ),
        "is_nested": lines[0].kind == "honest",
        "curse": None if corrected is None else signed_text(corrected["mean"] - corrected["raw"], digits),
        "n_redrawn": 0 if corrected is None else corrected["n_redrawn"],
    }


def _score_cells(line: ScoreLine, digits: int) -> list[str]:
    return [line.label, score_text(line.mean, digits), pair_text(line.ci95, digits)]


def _how(line: ScoreLine, evidence: Evidence) -> str:
    if line.kind == "honest":
        verdict, nested = evidence["verdict"], evidence["verdict"]["nested"]
        return (
            f"{nested['n_folds']:,} outer folds, each scored by the winner of a search of "
            f"{nested['n_trials']:,} candidates that never saw it, learning rate {verdict['learning_rate']}"
        )
    if line.kind == "partly corrected":
        corrected = evidence["bias_corrected"]
        return (
            f"the best of {corrected['n_trials']:,} trials on the rows drawn, scored on the rows left out, "
            f"{corrected['n_bootstraps']:,} times"
        )
    return "chosen for its score, on the rows that scored it"


def _band_section(summary: StudySummary, band: WeightBand, digits: int) -> dict[str, object]:
    verdict = summary.evidence.get("verdict")
    cost = None
    if verdict is not None and (smallest := verdict["smallest_of_band"]) is not None:
        is_worse = smallest["mean"] < verdict["nested"]["mean"] - verdict["margin"]
        cost = {
            "is_worse": is_worse,
            "score": score_text(smallest["mean"], digits),
            "interval": pair_text(smallest["ci95"], digits),
            "difference": signed_text(smallest["mean"] - verdict["nested"]["mean"], digits),
        }
    kind = band_kind(band)
    return {
        "noun": kind,
        "low": number_text(band["low"]),
        "high": number_text(band["high"]),
        "best": number_text(band["best"]),
        "recommended": number_text(band["recommended"]),
        "trial": band["trial"],
        "outside": outside_text(summary, band),
        "end": end_text(band),
        "is_one_weight": band["low"] == band["high"],
        "code": _band_code(summary, band),
        "has_interval": any(point["ci95"] is not None for point in band["points"]),
        "cost": cost,
        "table": Table(
            head=[
                kind,
                f"mean {summary.metric}",
                "95 % interval",
                "minus the best",
                "95 % interval",
                "in the band",
            ],
            rows=[
                [
                    number_text(point["weight"]),
                    score_text(point["mean"], digits),
                    pair_text(point["ci95"], digits),
                    signed_text(point["difference"], digits),
                    pair_text(point["difference_ci95"], digits),
                    "yes" if point["in_band"] else "",
                ]
                for point in band["points"]
            ],
            marked=next((i for i, one in enumerate(band["points"]) if one["weight"] == band["recommended"]), None),
        ),
    }


def _band_code(summary: StudySummary, band: WeightBand) -> str | None:
    """The recommended weights to paste; None where there are none."""
    best = summary.best
    if best is None:
        return None
    if band_kind(band) == "exponent":
        return weights_code(summary.data, band["recommended_weights"])
    majority = class_weights(best)[0]
    return weights_code(summary.data, (majority, majority * band["recommended"]))


def _threshold_section(summary: StudySummary, choice: ThresholdChoice, digits: int) -> dict[str, object]:
    probability, corrected = choice["probability"], choice["corrected_probability"]
    return {
        "rule": rule_text(choice),
        "reason": choice["reason"],
        "probability": None if probability is None else chance_text(probability),
        "corrected": None if corrected is None else chance_text(corrected),
        "table": _achieved_table(choice, n_rows=summary.folds.n_scored_rows, digits=digits),
        "n_repeats": summary.folds.n_repeats,
    }


def _achieved_table(choice: ThresholdChoice, *, n_rows: int, digits: int) -> Table | None:
    """What the recommended threshold reaches, beside probability 0.5."""
    probability = choice["probability"]
    recommended = None if probability is None else f"above {chance_text(probability)}, recommended"
    pairs = [(recommended, choice["achieved"]), ("above 0.5", choice["at_half"])]
    rows = [(label, achieved) for label, achieved in pairs if label is not None and achieved is not None]
    if not rows:
        return None
    measure = [] if choice["measure"] in BOUNDED else [choice["measure"]]
    head = ["recall", "95 % interval", "precision", "95 % interval", f"rows called of {n_rows:,}"]
    return Table(
        head=["", *(name.replace("_", " ") for name in measure), *head],
        rows=[
            [label, *(score_text(one["value"], digits) for _ in measure), *_achieved_cells(one)] for label, one in rows
        ],
        marked=None if recommended is None else 0,
    )


def _achieved_cells(achieved: Achieved) -> list[str]:
    precision = achieved["precision"]
    return [
        score_text(achieved["recall"], 3),
        pair_text(achieved["recall_ci95"], 3),
        "nothing is called" if precision is None else score_text(precision, 3),
        "" if precision is None else pair_text(achieved["precision_ci95"], 3),
        f"{achieved['n_alerts']:,.1f}".removesuffix(".0"),
    ]


def _probabilities_section(correction: ProbabilityCorrection) -> dict[str, object]:
    shift = correction["logit_shift"]
    sign = "-" if shift < 0 else "+"
    names = [one["name"] for one in correction["corrections"]]
    rows = [_correction_cells(one) for one in correction["corrections"]]
    rows.append(
        [
            "perfect calibration, as many rows",
            "",
            "",
            f"{correction['perfect_calibration_error']:.5f}",
            f"{correction['prevalence']:.5f}",
        ]
    )
    return {
        "code": f"logit = log(p / (1 - p)) {sign} {abs(shift):.6g}\nprobability = 1 / (1 + exp(-logit))",
        "is_analytic": correction["method"] == "analytic",
        "ratio": number_text(correction["weight_ratio"]),
        "is_unweighted": correction["weight_ratio"] == 1.0,
        "analytic_shift": signed_text(correction["analytic_shift"], 3),
        "fitted_shift": signed_text(correction["fitted_shift"], 3),
        "prevalence": number_text(correction["prevalence"]),
        "table": Table(
            head=["probabilities", "log loss", "Brier score", "calibration error", "mean probability"],
            rows=rows,
            marked=names.index(correction["method"]) if correction["method"] in names else None,
        ),
    }


def _correction_cells(one: Correction) -> list[str]:
    values = (one["log_loss"], one["brier"], one["calibration_error"], one["mean_probability"])
    return [CORRECTIONS.get(one["name"], one["name"]), *(f"{value:.5f}" for value in values)]


def _noise_section(noise: NoiseBudget, digits: int) -> dict[str, object]:
    first, second = noise["trials"]
    rows: list[tuple[str, float]] = [
        ("as the study has it, one seed for each fold", noise["half_width"]),
        (f"with the mean over {noise['n_seeds']} seeds", noise["half_width_all_seeds"]),
        ("with any number of repeats and seeds", noise["floor"]),
    ][: 2 if noise["sd_folds"] == 0.0 else 3]
    return {
        "trials": (first, second),
        "n_seeds": noise["n_seeds"],
        "n_folds": noise["n_folds"],
        "difference": signed_text(noise["difference"], digits),
        "interval": pair_text(noise["ci95"], digits),
        "is_noise": _holds_zero(noise["ci95"]),
        "is_hidden": noise["sd_folds"] == 0.0,
        "sd_folds": score_text(noise["sd_folds"], digits),
        "sd_seeds": score_text(noise["sd_seeds"], digits),
        "share": f"{100 * noise['share_seeds']:.0f} %",
        "table": Table(
            head=["half-width of the interval of this difference", ""],
            rows=[[label, score_text(half_width, digits)] for label, half_width in rows],
            marked=None,
        ),
    }


def _holds_zero(pair: Pair | Sequence[float]) -> bool:
    low, high = pair
    return low <= 0.0 <= high


def _acted_section(summary: StudySummary) -> dict[str, object] | None:
    """Proof that the weights acted, of the best trial and the baselines; None where nothing was measured."""
    if summary.data.task != "binary":
        return _acted_classes(summary)
    best = summary.best
    trials = {} if best is None else {best.number: ("best", best)}
    for trial in baselines(summary):
        trials.setdefault(trial.number, (trial.origin, trial))
    rows = [
        [f"{label}, trial {trial.number}", *_acted_cells(trial, trial.first_epoch)]
        for label, trial in trials.values()
        if trial.first_epoch is not None
    ]
    if not rows:
        return None
    return {
        "prevalence": _percent_text(1 / (1 + summary.data.imbalance_ratio)),
        "table": Table(
            head=["", "weight", *(f"share of {what}" for what in ACTED)],
            rows=rows,
            marked=0 if best is not None and best.first_epoch is not None else None,
        ),
    }


def _acted_classes(summary: StudySummary) -> dict[str, object] | None:
    """The same of each of more than two classes, or of each label, in the best trial."""
    best = summary.best
    if best is None or best.first_epoch is None:
        return None
    shares = np.stack([of_folds.mean(axis=0) for of_folds in _shares(best.first_epoch)], axis=-1)
    weights = map(number_text, class_weights(best))
    rows = [
        [label, weight, *map(_percent_text, own)]
        for label, weight, own in zip(summary.data.classes, weights, shares.tolist(), strict=True)
    ]
    return {"table": Table(head=["", "weight", *(f"share of {what}" for what in ACTED)], rows=rows, marked=None)}


def _acted_cells(trial: TrialRecord, first_epoch: FirstEpoch) -> list[str]:
    negative, positive = class_weights(trial)
    shares = [_percent_text(float(of_folds.mean())) for of_folds in _shares(first_epoch)]
    return [number_text(positive / negative), *shares]


def _shares(first_epoch: FirstEpoch) -> tuple[NDArray[np.float64], ...]:
    """The shares in the order of `ACTED`, folds first."""
    return (
        first_epoch.unweighted_loss_share,
        first_epoch.loss_share,
        first_epoch.unweighted_gradient_share,
        first_epoch.gradient_share,
    )


def _percent_text(share: float) -> str:
    return "none" if math.isnan(share) else f"{number_text(100 * share)} %"
