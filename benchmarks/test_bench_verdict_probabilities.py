"""Undoing the weight, where the true probabilities are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from pictures import Line, Panel
from recording import Measurement
from simulated_probabilities import base_rate_entropy, logistic_probabilities, mlp_probabilities
from simulated_scenarios import CLUSTERS, SHIFT, Population, smaller, undone_weights
from simulated_training import Figures, in_blocks

METHOD = """\
Excess log loss: the mean divergence of predicted from true probabilities on a test set of 4 tables, in nats, 0 at best;
means over {n_tables} tables, models of the 15 folds of each, in units of the entropy of the base rate. *Raw* is what
the model trained with the weight says, *analytic* subtracts the logarithm of the weight, *fitted* shifts the mean
out-of-fold probability to the prevalence, *recommended* is the one of the two that every run chooses on out-of-fold
log loss. Unpenalized logistic regression, converged and well specified, and the MLP (4 units, 100 epochs, learning rate
0.1) where a shift separates the classes (105 positive, 945 negative rows); the MLP on three clusters around one
(210 and 1,050), too. Weights are 1, the root of the imbalance ratio, the ratio and ten times it. *Allowed* is the
excess of the model without weights plus 2 %: asked of logistic regression, for which the correction is exact, and shown
of the MLP."""

ALLOWED = 0.02
WAYS = ("raw", "analytic", "fitted", "recommended")


def means(records: Sequence[Figures]) -> list[dict[str, float]]:
    """Return, for each weight, the mean excess log loss in each way."""
    return [
        {way: float(np.mean([record["by_weight"][i]["excess"][way] for record in records])) for way in WAYS}
        for i in range(len(records[0]["by_weight"]))
    ]


def test_undoing_the_weight_costs_little(keep: Callable[[Measurement], None], quick: bool) -> None:
    cases: list[tuple[str, Callable[..., list[Figures]], Population]] = [
        ("logistic regression, shift", logistic_probabilities, SHIFT),
        ("MLP, shift", mlp_probabilities, SHIFT),
        ("MLP, clusters", mlp_probabilities, CLUSTERS),
    ]
    rows, panels, figures, reached = [], [], {}, {}
    n_blocks, n_tables = (1, 3) if quick else (4, 25)
    for name, work, population in cases:
        study = smaller(undone_weights(population), n_tables)
        if quick:
            study = replace(study, settings=study.settings.replace('"epochs": 100', '"epochs": 5'))
        [records] = in_blocks(work, [(study, n_blocks)])
        entropy = base_rate_entropy(1 / (1 + population.imbalance_ratio))
        found = [{way: value / entropy for way, value in one.items()} for one in means(records)]
        bound = found[0]["raw"] + ALLOWED
        reached[name] = [one["recommended"] <= bound for one in found]
        figures[name] = {
            "entropy": float(entropy),
            "weights": list(study.weights),
            "excess": {
                way: [[round(one["excess"][way], 6) for one in record["by_weight"]] for record in records]
                for way in WAYS
            },
        }
        for weight, one in zip(study.weights, found, strict=True):
            analytic = np.mean([r["by_weight"][study.weights.index(weight)]["method"] == "analytic" for r in records])
            cells = [f"{one[way]:.1%}" for way in WAYS]
            within = "yes" if one["recommended"] <= bound else "no"
            rows.append((name, f"{weight:.3g}", *cells, f"{bound:.1%}", within, f"{analytic:.0%}"))
        lines = [
            Line(label=way, x=list(study.weights), y=[one[way] for one in found])
            for way in ("raw", "analytic", "recommended")
        ]
        ends = [study.weights[0], study.weights[-1]]
        lines.append(Line(label="allowed", x=ends, y=[bound, bound], is_bound=True))
        panels.append(Panel(x_label=f"weight; {name}", y_label="excess log loss / entropy", lines=lines))
    keep(
        Measurement(
            name="verdict_probabilities",
            title="Simulated: undoing the weight",
            method=METHOD.format(n_tables=n_blocks * n_tables),
            columns=("model, table", "weight", *WAYS, "allowed", "within it", "analytic recommended"),
            rows=rows,
            figures=figures,
            panels=tuple(panels),
        )
    )
    assert quick or all(reached["logistic regression, shift"])
