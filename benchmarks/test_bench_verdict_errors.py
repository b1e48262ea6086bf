"""How often the verdict says that weights help: where they do not, and where they do by two half-widths."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import simulated_scenarios as scenarios
from pictures import Line, Panel
from recording import Measurement
from scipy.stats import binomtest
from simulated_training import Figures, in_blocks
from simulated_verdicts import VerdictStudy, verdicts

from tuner.analysis.verdict import conclusion_of, contrast
from tuner.config.evidence import VerdictSection
from tuner.trial import FoldPlan

METHOD = """\
Verdicts on simulated tables, arms none and tuned with their searches in 3 inner folds. *Truth* is the mean difference
of the primary contrast over all outer training sets of all tables, each model scored on a test set of 4 or 5 times
the table, 25 tables sharing one; its standard error is over those groups; without signal it is 0. *Half-width* is the
mean over the tables of that of the 95 % interval. In brackets the 95 % interval of a share (Clopper & Pearson). All
verdicts have 5 folds and, to make hundreds of tables affordable, a single repeat. Without signal the verdict is
otherwise the default one: 24 candidates, the default search space. The other scenarios search less: 8 candidates,
hidden size 8 (4 where only the threshold matters, 2 where only the step size does), 10 to 40 epochs. Rows that begin
with ... are what the same tables say by another contrast, which the verdict does not decide by.

- *No signal*: {no_signal}; ROC AUC.
- *Only the threshold matters*: {shift};
  F1, both thresholds tuned.
- *Only the step size matters*: {far};
  ROC AUC; learning rate 0.03 to 1 searched in both arms, beside both at the fixed rate 0.001.
- *Weights help*: {clusters}; ROC AUC; an
  L2 penalty that is not searched suppresses what a rare class teaches, at any learning rate (0.003 to 0.3 searched in
  both arms), unless a weight makes that louder. The larger the penalty, the more weights help."""

MAX_WRONG = 0.05
MIN_POWER = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What all verdicts of one scenario said; differences are those of the primary contrast.

    `truth_error` is over blocks, each with a test set of its own; 0 where the truth is exact, NaN of a single block.
    """

    name: str
    conclusions: list[str]
    truth: float
    truth_error: float
    half_width: float
    coverage: float

    @property
    def helps(self) -> int:
        return self.conclusions.count("helps")

    @property
    def share(self) -> float:
        return self.helps / len(self.conclusions)


def outcome(study: VerdictStudy, records: Sequence[Figures], *, name: str = "") -> Outcome:
    """Return what verdicts say by their primary contrast."""
    primary = [record["primary"] for record in records]
    truth, error = truth_of(study, records)
    intervals = [one["ci95"] for one in primary]
    return Outcome(
        name=name or study.name,
        conclusions=[conclusion_of(one, VerdictSection().margin) for one in primary],
        truth=truth,
        truth_error=error,
        half_width=float(np.mean([(high - low) / 2 for low, high in intervals])),
        coverage=float(np.mean([low <= truth <= high for low, high in intervals])),
    )


def truth_of(study: VerdictStudy, records: Sequence[Figures]) -> tuple[float, float]:
    """Return the true difference of the primary contrast and its standard error; both 0 without signal."""
    population = study.plan.population
    if population.negative == population.positive:
        return 0.0, 0.0
    better, worse = records[0]["primary"]["contrast"].split(" - ")
    true = np.array([record["true"].get(better, np.nan) - record["true"].get(worse, np.nan) for record in records])
    of_blocks = true.reshape(-1, study.plan.n_tables).mean(axis=1)
    error = of_blocks.std(ddof=1) / len(of_blocks) ** 0.5 if len(of_blocks) > 1 else np.nan
    return float(true.mean()), float(error)


def at_half(study: VerdictStudy, records: Sequence[Figures]) -> Outcome:
    """Return what a verdict on F1 at probability 0.5 would say where only the threshold matters."""
    own = [{**one["at_half"], "contrast": "tuned - none"} for one in records]
    moved = [{**record, "primary": one} for record, one in zip(records, own, strict=True)]
    return outcome(study, moved, name="... F1 at 0.5 instead")


def at_fixed_rate(study: VerdictStudy, records: Sequence[Figures]) -> Outcome:
    """Return what a verdict at the fixed rate would say where only the step size matters; the truth is of its arms."""
    plan = FoldPlan(
        kind="stratified_kfold",
        n_splits=study.plan.n_splits,
        n_repeats=study.plan.n_repeats,
        test_over_train=1.0 / (study.plan.n_splits - 1),
        n_scored_rows=0,
        sha256="",
    )
    better, worse = "tuned_fixed_rate", "none_fixed_rate"
    of_folds = [record["fold_scores"] for record in records]
    contrasts = [
        contrast(f"{better} - {worse}", np.array(one[better]) - np.array(one[worse]), plan=plan) for one in of_folds
    ]
    moved = [{**record, "primary": one} for record, one in zip(records, contrasts, strict=True)]
    return outcome(study, moved, name="... at the fixed rate 0.001 instead")


def figures(study: VerdictStudy, records: Sequence[Figures]) -> dict[str, object]:
    """Return what is kept of every table."""
    return {
        "truth": truth_of(study, records),
        "conclusion": [record["conclusion"] for record in records],
        "difference": [round(record["primary"]["difference"], 6) for record in records],
        "half_width": [
            round((record["primary"]["ci95"][1] - record["primary"]["ci95"][0]) / 2, 6) for record in records
        ],
        "true": {arm: [round(record["true"][arm], 6) for record in records] for arm in records[0]["true"]},
        "median_weight": [round(record["weights"]["tuned"][1], 3) for record in records],
    }


def exact(k: int, n: int) -> str:
    interval = binomtest(k, n).proportion_ci(method="exact")
    return f"{k / n:.1%} ({interval.low:.1%} - {interval.high:.1%})"


def row(one: Outcome) -> tuple[str, ...]:
    n = len(one.conclusions)
    others = [one.conclusions.count(what) for what in ("hurts", "changes_nothing", "too_noisy")]
    error = f" +- {one.truth_error:.4f}" if one.truth_error > 0 else ""
    return (
        one.name,
        str(n),
        f"{one.truth:+.4f}{error}" if one.truth else "0",
        f"{one.half_width:.4f}",
        f"{one.truth / one.half_width:+.2f}",
        exact(one.helps, n),
        " / ".join(map(str, others)),
        f"{one.coverage:.1%}",
    )


def quickly(study: VerdictStudy) -> VerdictStudy:
    settings = json.loads(study.settings)
    settings["verdict"] = {**settings.get("verdict", {}), "n_trials": 3}
    plan = replace(study.plan, n_tables=3, n_repeats=1)
    return replace(study, plan=plan, settings=json.dumps(settings))


def test_verdict_says_that_weights_help_where_they_do_and_seldom_elsewhere(
    keep: Callable[[Measurement], None], quick: bool
) -> None:
    null = [(scenarios.no_signal(), scenarios.NESTED), (scenarios.threshold_only(), 6), (scenarios.step_size_only(), 6)]
    helping = [(scenarios.weights_help(penalty), n_blocks) for penalty, n_blocks in scenarios.PENALTIES.items()]
    if quick:
        null, helping = ([(quickly(study), 1) for study, _ in group] for group in (null, helping[-1:]))
    studies = [*null, *helping]
    answers = in_blocks(verdicts, studies)
    records = {study.name: of_tables for (study, _), of_tables in zip(studies, answers, strict=True)}
    found = {study.name: outcome(study, records[study.name]) for study, _ in studies}
    of_null, of_helping = ([found[study.name] for study, _ in group] for group in (null, helping))
    n_null, n_wrong = sum(len(one.conclusions) for one in of_null), sum(one.helps for one in of_null)
    rows = [*(row(one) for one in of_null)]
    rows.append(("all tables without a gain", str(n_null), "", "", "", exact(n_wrong, n_null), "", ""))
    (threshold, _), (step, _) = null[1:]
    rows += [row(at_half(threshold, records[threshold.name])), row(at_fixed_rate(step, records[step.name]))]
    rows += [row(one) for one in of_helping]
    keep(
        Measurement(
            name="verdict_errors",
            title="Simulated: what the verdict says, and what is true",
            method=METHOD.format(**_descriptions()),
            columns=(
                "scenario",
                "tables",
                "truth",
                "half-width",
                "truth in half-widths",
                "says that weights help",
                "hurts / changes nothing / too noisy",
                "intervals that hold the truth",
            ),
            rows=rows,
            figures={study.name: figures(study, records[study.name]) for study, _ in studies},
            panels=(
                Panel(
                    x_label="true difference in half-widths of its 95 % interval",
                    y_label='share of verdicts that say "helps"',
                    lines=[
                        Line(
                            label="weights help",
                            x=[one.truth / one.half_width for one in of_helping],
                            y=[one.share for one in of_helping],
                        ),
                        Line(
                            label="no signal, only threshold, only step size",
                            x=[one.truth / one.half_width for one in of_null],
                            y=[one.share for one in of_null],
                            are_points=True,
                        ),
                        Line(label="asked: at most, at least", x=[-0.2, 0.0], y=[MAX_WRONG] * 2, is_bound=True),
                        Line(label="_", x=[1.7, 2.0], y=[MIN_POWER] * 2, is_bound=True),
                    ],
                    log_x=False,
                    log_y=False,
                ),
            ),
        )
    )
    assert quick or n_wrong / n_null <= MAX_WRONG
    assert quick or all(one.share >= MIN_POWER for one in of_helping[-2:])


def _descriptions() -> dict[str, str]:
    def rows(population: scenarios.Population) -> str:
        return f"{population.n_positive} positive rows and {population.n_negative:,} negative ones"

    return {
        "no_signal": f"{rows(scenarios.NO_SIGNAL)} of one distribution",
        "shift": f"{rows(scenarios.SHIFT)}, two normal distributions 1.4 apart",
        "far": f"{rows(scenarios.FAR_SHIFT)}, two normal distributions 2 apart",
        "clusters": f"{rows(scenarios.CLUSTERS)}, three clusters around one",
    }
