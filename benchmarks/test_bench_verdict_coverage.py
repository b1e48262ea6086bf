"""How often corrected intervals of paired differences hold the truth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

from pictures import Line, Panel
from recording import Measurement
from simulated_coverage import LEVELS, Coverage, PairStudy, coverage, mlp_pairs, ridge_pairs
from simulated_scenarios import mlp_pairs_on_clusters, ridge_pairs_on_outliers, smaller
from simulated_training import in_blocks

METHOD = """\
The balanced weight against no weight at equal parameters, difference of the area under the ROC curve on 5 folds x 3
repeats: least squares on the labels where a shift of 105 positive rows is hidden by outliers among 945 negative ones,
and the MLP (8 units, 30 epochs, learning rate 0.03) on 210 positive rows in three clusters around 1,050 negative ones.
Truth is the mean difference over as many training sets as large as a fold's: exact for least squares, whose sets are
others than the tables', on a test set of 4 tables for the MLP. *Naive* leaves the correction for overlapping training
sets out. *Width needed* is 3.92 times the spread of the means over the tables: that of an interval that knows it."""

MIN_COVERAGE = 0.93


def row(name: str, one: Coverage) -> tuple[str, ...]:
    at95 = LEVELS.index(0.95)
    return (
        name,
        f"{one.n_tables:,}",
        f"{one.truth:+.4f} +- {one.error:.4f}",
        f"{one.shares[at95]:.1%}",
        f"{one.naive[at95]:.1%}",
        f"{one.width:.4f}",
        f"{one.needed:.4f}",
    )


def test_corrected_intervals_hold_the_true_difference(keep: Callable[[Measurement], None], quick: bool) -> None:
    ridge, mlp, n_ridge, n_mlp = ridge_pairs_on_outliers(), mlp_pairs_on_clusters(), 4, 8
    if quick:
        ridge, mlp, n_ridge, n_mlp = smaller(ridge, 20), smaller(mlp, 5), 1, 1
        mlp = replace(mlp, settings=mlp.settings.replace('"epochs": 30', '"epochs": 3'))

    def measured(work: Callable[..., object], study: PairStudy, n_blocks: int) -> Coverage:
        return coverage(in_blocks(work, [(study, n_blocks)])[0], test_over_train=1 / (study.plan.n_splits - 1))

    found = {"least squares": measured(ridge_pairs, ridge, n_ridge), "MLP": measured(mlp_pairs, mlp, n_mlp)}
    keep(
        Measurement(
            name="verdict_coverage",
            title="Simulated: do the intervals hold the truth?",
            method=METHOD,
            columns=(
                "learner",
                "tables",
                "truth",
                "corrected 95 % intervals that hold it",
                "naive ones",
                "mean width of the corrected",
                "width needed",
            ),
            rows=[row(name, one) for name, one in found.items()],
            figures={name: asdict(one) for name, one in found.items()} | {"levels": list(LEVELS)},
            panels=tuple(
                Panel(
                    x_label=f"level of the interval, {name}",
                    y_label="share of the tables",
                    lines=[
                        Line(label="corrected", x=LEVELS, y=one.shares),
                        Line(label="naive", x=LEVELS, y=one.naive),
                        Line(label="as said", x=[0.5, 1.0], y=[0.5, 1.0], is_bound=True),
                    ],
                    log_x=False,
                    log_y=False,
                )
                for name, one in found.items()
            ),
        )
    )
    for one in found.values():
        assert quick or one.shares[LEVELS.index(0.95)] >= MIN_COVERAGE
