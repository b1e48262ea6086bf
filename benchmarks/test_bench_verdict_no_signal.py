"""Searches and verdicts on tables without signal: what is above 0.5 there is bias."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from pictures import Line, Panel
from recording import Measurement
from simulated_scenarios import NESTED, SEARCHES, default_search, no_signal, smaller
from simulated_searches import searches
from simulated_training import in_blocks
from simulated_verdicts import verdicts

METHOD = """\
{n_tables} tables whose {rows} rows of both classes, {n_positive} of them positive, come from one distribution in
5 dimensions: the true area under the ROC curve of any model is 0.5, so what a score says beyond that is bias. On each
table the default search: {n_trials} trials by TPE, 5 folds x 3 repeats, minority weight 1 to 10 imbalance ratios,
hidden size 4 to 64, 10 to 200 epochs. *Raw* is the score of its best trial, *partly corrected* the same after
{n_bootstraps} bootstrap samples of rows, *nested*, on {n_nested} of the tables, the arm `tuned` of a verdict with its
defaults (24 candidates, 3 inner folds, learning rate searched), but for one repeat of 5 folds and no arms beside none
and tuned: what so many tables can take. Bias is the mean over the tables minus 0.5, with its standard error."""

MAX_NESTED_BIAS = 0.01
MAX_CORRECTED_BIAS = 0.02
MIN_RAW_ERRORS = 5.0


def line(label: str, values: list[float]) -> Line:
    """Return the share of tables whose score is at most so much."""
    ordered = sorted(values)
    return Line(label=label, x=ordered, y=[(i + 1) / len(ordered) for i in range(len(ordered))], is_curve=True)


def row(name: str, values: list[float]) -> tuple[str, ...]:
    error = np.std(values, ddof=1) / len(values) ** 0.5
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    bias = np.mean(values) - 0.5
    return (
        name,
        f"{np.mean(values):.4f}",
        f"{bias:+.4f} +- {error:.4f}",
        f"{bias / error:+.1f}",
        f"{low:.3f} / {middle:.3f} / {high:.3f}",
    )


def test_search_on_no_signal_looks_good_and_nested_cross_validation_does_not(
    keep: Callable[[Measurement], None], quick: bool
) -> None:
    search, verdict, n_searches, n_nested = default_search(), no_signal(), SEARCHES, NESTED
    if quick:
        search, verdict, n_searches, n_nested = smaller(search, 2), smaller(verdict, 2), 1, 1
        search = replace(search, settings=json.dumps({"study": {"n_trials": 16}}), n_bootstraps=100)
        verdict = replace(verdict, settings=json.dumps({"verdict": {"n_trials": 4}}))
    [found] = in_blocks(searches, [(search, n_searches)])
    [judged] = in_blocks(verdicts, [(verdict, n_nested)])
    scores = {
        "raw best of the search": [one["raw"] for one in found],
        "partly corrected (bootstrap)": [one["corrected"] for one in found],
        "first trial of the search, weight 1": [one["first"] for one in found],
        "nested, arm tuned": [one["means"]["tuned"] for one in judged],
        "nested, arm none": [one["means"]["none"] for one in judged],
    }
    population = search.plan.population
    keep(
        Measurement(
            name="verdict_no_signal",
            title="Simulated: scores on no signal",
            method=METHOD.format(
                n_tables=len(found),
                n_nested=len(judged),
                rows=population.n_negative + population.n_positive,
                n_positive=population.n_positive,
                n_trials=found[0]["n_trials"],
                n_bootstraps=f"{search.n_bootstraps:,}",
            ),
            columns=("score", "mean", "bias", "in standard errors", "5 % / 50 % / 95 % of tables"),
            rows=[row(name, values) for name, values in scores.items()],
            figures={
                **{name: [round(value, 6) for value in values] for name, values in scores.items()},
                "corrected_ci95": [one["corrected_ci95"] for one in found],
                "conclusions": [one["conclusion"] for one in judged],
            },
            panels=(
                Panel(
                    x_label="ROC AUC that is said; the truth is 0.5",
                    y_label="share of the tables",
                    lines=[
                        line("raw best", scores["raw best of the search"]),
                        line("partly corrected", scores["partly corrected (bootstrap)"]),
                        line("nested", scores["nested, arm tuned"]),
                        Line(label="truth", x=[0.5, 0.5], y=[0.0, 1.0], is_bound=True),
                    ],
                    log_x=False,
                    log_y=False,
                ),
            ),
        )
    )
    raw, corrected = np.array(scores["raw best of the search"]), np.array(scores["partly corrected (bootstrap)"])
    nested = float(np.mean(scores["nested, arm tuned"]))
    assert corrected.mean() < raw.mean()
    assert quick or raw.mean() - 0.5 > MIN_RAW_ERRORS * raw.std(ddof=1) / len(raw) ** 0.5
    assert quick or corrected.mean() - 0.5 <= MAX_CORRECTED_BIAS
    assert quick or abs(nested - 0.5) <= MAX_NESTED_BIAS
