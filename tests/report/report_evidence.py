"""Evidence made in code: every kind of record filled, as the numerics would fill it on the tutorial's table."""

import numpy as np

N_OUTER = 15
LABELS = {
    "none": "no weights",
    "sqrt": "weight sqrt(imbalance ratio)",
    "balanced": "weight = imbalance ratio",
    "tuned": "weight searched",
    "none_threshold": "no weights, threshold moved",
    "tuned_threshold": "weight searched, threshold moved",
    "oversampling": "random oversampling",
    "smote": "SMOTE",
    "focal_loss": "focal loss",
}
MEANS = (0.9506, 0.9531, 0.9498, 0.9514, 0.9506, 0.9514, 0.9502, 0.9421, 0.9544)
REFERENCES = {"logistic_regression": 0.947, "gradient_boosting": 0.9312, "dummy": 0.5}


def contrast(name, difference, *, half=0.006, p_value=0.42, ci90=None):
    """Return a paired difference with an interval of the given half-width; None for none."""
    ci95 = None if half is None else [difference - half, difference + half]
    return {"contrast": name, "difference": difference, "ci95": ci95, "ci90": ci90, "p_value": p_value}


def make_arm(name, mean, *, none=MEANS[0], half=0.006):
    """Return one arm; its weight was searched where the name says so."""
    is_searched = name.startswith("tuned")
    weight = {"sqrt": 9.95, "balanced": 99.0}.get(name, 1.0)
    against = None if name == "none" else contrast(f"{name} - none", mean - none, half=half, p_value=1.0)
    return {
        "name": name,
        "label": LABELS[name],
        "mean": mean,
        "ci95": None if half is None else [mean - 0.018, mean + 0.018],
        "against_none": against,
        "n_training_runs": 0 if name.endswith("_threshold") else 1_095,
        "weights": (2.4, 31.6, 412.0) if is_searched else (weight, weight, weight),
        "learning_rates": (0.0312, 0.104, 0.287),
        "measures": {"neg_log_loss": -0.0312 - 0.01 * is_searched, "f1": 0.61, "recall": 0.54},
    }


def make_verdict(**changes):
    """Return a verdict of nine arms and three references that changes nothing."""
    primary = contrast("tuned - none", 0.0008, half=0.0061, p_value=0.78, ci90=[-0.0042, 0.0058])
    arms = [make_arm(name, mean) for name, mean in zip(LABELS, MEANS, strict=True)]
    tuned = next(arm for arm in arms if arm["name"] == "tuned")
    tuned["against_none"] = primary
    verdict = {
        "sentence": "On this table, class weights change nothing: the searched weight scores 0.001 more roc_auc than no"
        " weights, less than the margin of 0.01.",
        "conclusion": "changes_nothing",
        "primary": primary,
        "arms": arms,
        "references": [
            {
                "name": name,
                "label": name.replace("_", " "),
                "mean": mean,
                "ci95": [mean - 0.02, mean + 0.02],
                "measures": {"f1": 0.4},
            }
            for name, mean in REFERENCES.items()
        ],
        "what_would_settle_it": None,
        "metric": "roc_auc",
        "margin": 0.01,
        "learning_rate": "searched from 0.001 to 0.3",
        "n_folds": N_OUTER,
        "n_trials": 24,
        "nested": {"mean": 0.9514, "ci95": [0.9334, 0.9694], "n_folds": N_OUTER, "n_trials": 24},
        "smallest_of_band": {"mean": 0.9502, "ci95": [0.9322, 0.9682], "n_folds": N_OUTER, "n_trials": 24},
        "why_decisions_changed": {
            "metric": "f1",
            "total": contrast("f1 at 0.5", 0.081, half=0.05),
            "ranking": contrast("f1 at t*", 0.004, half=0.03),
            "threshold": contrast("rest", 0.077, half=0.05),
        },
        "fold_scores": {name: [mean] * N_OUTER for name, mean in zip(LABELS, MEANS, strict=True)},
        "notes": ["SMOTE took 3 neighbors in 2 of 15 folds, which hold too few positive rows for 5."],
    }
    return verdict | changes


def make_noisy_verdict():
    """Return a verdict that is too noisy, with what would settle it."""
    return make_verdict(
        sentence="On this table it is too noisy to tell whether class weights help.",
        conclusion="too_noisy",
        primary=contrast("tuned - none", 0.012, half=0.022, p_value=0.21, ci90=[-0.006, 0.03]),
        what_would_settle_it="about 40 more repeats of the folds, or roughly 3.4 times as many rows.",
    )


def make_decision_verdict():
    """Return a verdict of a metric of decisions: the contrast of the sentence is no arm's own difference."""
    return make_verdict(
        metric="f1",
        primary=contrast("tuned_threshold - none_threshold", 0.004, half=0.03, p_value=0.8, ci90=[-0.02, 0.028]),
    )


def make_band(*, n_weights=16, half=0.012, low=4.0, high=250.0):
    """Return a response curve that peaks near 32, with the band given."""
    weights = np.geomspace(1.0, 990.0, n_weights)
    means = 0.958 - 0.0025 * np.log(weights / 32.0) ** 2
    best = int(means.argmax())
    within = (weights >= low) & (weights <= high) | (np.arange(n_weights) == best)
    points = [
        {
            "weight": float(weight),
            "mean": float(mean),
            "ci95": None if half is None else [float(mean) - half, float(mean) + half],
            "difference": float(means[best] - mean),
            "difference_ci95": None
            if half is None
            else [float(means[best] - mean) - 0.004, float(means[best] - mean) + 0.004],
            "in_band": bool(inside),
        }
        for weight, mean, inside in zip(weights, means, within, strict=True)
    ]
    inside = weights[within]
    return {
        "low": float(inside[0]),
        "high": float(inside[-1]),
        "best": float(weights[best]),
        "recommended": float(inside[0]),
        "trial": 57,
        "points": points,
    }


def make_correction(name, shift, *, n_bins=15):
    """Return probabilities whose logits are too high by `shift`; the lowest bins hold no positive row."""
    truth = 1 / (1 + np.exp(-np.linspace(-9.0, 1.5, n_bins)))
    predicted = 1 / (1 + np.exp(-(np.linspace(-9.0, 1.5, n_bins) + shift)))
    shares = np.where(truth < 0.0015, 0.0, truth)
    return {
        "name": name,
        "log_loss": 0.0312 + 0.04 * abs(shift),
        "brier": 0.00741 + 0.01 * abs(shift),
        "calibration_error": 0.0021 + 0.05 * abs(shift),
        "mean_probability": float(predicted.mean()),
        "bins": [(float(x), float(y), 667) for x, y in zip(predicted, shares, strict=True)],
    }


def make_probabilities(**changes):
    """Return the correction of a weight of 31.6: the fitted shift is recommended."""
    shifts = {"raw": 3.1, "analytic": -0.35, "intercept": 0.02, "sigmoid": 0.0, "isotonic": 0.05}
    correction = {
        "method": "intercept",
        "logit_shift": -3.1021,
        "analytic_shift": -3.4532,
        "fitted_shift": -3.1021,
        "weight_ratio": 31.6,
        "prevalence": 0.01,
        "perfect_calibration_error": 0.0019,
        "corrections": [make_correction(name, shift) for name, shift in shifts.items()],
    }
    return correction | changes


def achieved(value, *, recall=0.62, precision=0.575, n_alerts=107.67, ci95=None):
    """Return what a threshold reaches."""
    return {
        "recall": recall,
        "recall_ci95": [recall - 0.1, min(1.0, recall + 0.09)],
        "precision": precision,
        "precision_ci95": None if precision is None else [precision - 0.1, precision + 0.1],
        "n_alerts": n_alerts,
        "value": value,
        "ci95": ci95,
    }


def make_threshold(**changes):
    """Return the recommended threshold for f1."""
    choice = {
        "rule": {"rule": "maximize", "metric": None, "beta": 1.0},
        "measure": "f1",
        "logit": 1.732,
        "probability": 0.8497,
        "corrected_probability": 0.2026,
        "achieved": achieved(0.597),
        "at_half": achieved(0.231, recall=0.93, precision=0.132, n_alerts=704.33),
        "reason": None,
    }
    return choice | changes


NO_THRESHOLD = {
    "rule": {"rule": "maximize", "metric": None, "beta": 1.0},
    "measure": "f1",
    "logit": None,
    "probability": None,
    "corrected_probability": None,
    "achieved": None,
    "at_half": None,
    "reason": "the training rows of a fold hold 12 positive rows, fewer than the 20 that a threshold needs.",
}


def make_noise(**changes):
    """Return the noise budget of two close trials."""
    noise = {
        "trials": (57, 43),
        "n_folds": 15,
        "n_seeds": 5,
        "difference": 0.0012,
        "ci95": [-0.0051, 0.0075],
        "sd_folds": 0.0042,
        "sd_seeds": 0.0063,
        "share_seeds": 0.692,
        "half_width": 0.0088,
        "half_width_all_seeds": 0.0063,
        "floor": 0.0041,
    }
    return noise | changes


BIAS_CORRECTED = {
    "mean": 0.9572,
    "ci95": [0.9411, 0.9708],
    "raw": 0.9613,
    "n_trials": 98,
    "n_bootstraps": 1_000,
    "n_redrawn": 0,
}


def make_evidence(**changes):
    """Return evidence of every kind."""
    return {
        "bias_corrected": BIAS_CORRECTED,
        "weight_band": make_band(),
        "probability_correction": make_probabilities(),
        "threshold": make_threshold(),
        "noise_budget": make_noise(),
        "verdict": make_verdict(),
    } | changes
