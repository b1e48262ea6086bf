"""The populations that the bench of the verdict draws from, and what is searched on their tables.

no_signal      rows of both classes come from one distribution: no weight can help
weights_help   three clusters of positive rows around the negative ones, and a penalty that is not searched: at any
               learning rate it suppresses what a rare class would teach, unless a weight makes that louder
threshold_only classes a shift apart, scored by F1: a weight moves the probabilities past 0.5, as a threshold does
step_size_only classes a shift apart, ranked: at a small fixed rate a weight makes up for short steps
outliers       a shift, and negative rows far beyond the positive ones: what a linear score learns depends on the weight
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TypeVar

from simulated_coverage import PairStudy
from simulated_probabilities import ProbabilityStudy
from simulated_searches import SearchStudy
from simulated_tables import BlockPlan, Mixture, Population
from simulated_verdicts import VerdictStudy

Study = TypeVar("Study", SearchStudy, VerdictStudy, PairStudy, ProbabilityStudy)

SMALL_NETS = {"hidden_size": 8, "epochs": {"low": 10, "high": 40}}
ANY_RATE = {"low": 0.003, "high": 0.3, "log": True}

ONE = Mixture(centers=((0.0,) * 5,))
NO_SIGNAL = Population(negative=ONE, positive=ONE, n_negative=525, n_positive=105)

AROUND = Mixture(centers=((1.8, 0.0), (-0.9, 1.6), (-0.9, -1.6)), shares=(0.5, 0.25, 0.25), spreads=(0.5, 0.5, 0.5))
CLUSTERS = Population(negative=Mixture(centers=((0.0, 0.0),)), positive=AROUND, n_negative=1050, n_positive=210)

SHIFT = Population(
    negative=Mixture(centers=((0.0,) * 4,)),
    positive=Mixture(centers=((1.0, 1.0, 0.0, 0.0),)),
    n_negative=945,
    n_positive=105,
)

FAR_SHIFT = Population(
    negative=Mixture(centers=((0.0,) * 4,)),
    positive=Mixture(centers=((1.6, 1.2, 0.0, 0.0),)),
    n_negative=945,
    n_positive=105,
)

OUTLIERS = Population(
    negative=Mixture(centers=((0.0,) * 6, (6.0, *(0.0,) * 5)), shares=(0.95, 0.05), spreads=(1.0, 0.5)),
    positive=Mixture(centers=((1.5, 0.5, *(0.0,) * 4),)),
    n_negative=945,
    n_positive=105,
)

PENALTIES = {0.004: 1, 0.0075: 1, 0.0125: 1, 0.02: 4, 0.03: 4}
"""Of `weights_help`, and blocks of each: the larger, the more weights help; the last two by about two half-widths."""


SEARCHES, NESTED = 8, 8
"""Blocks without signal that are searched, and that have a verdict, too: the first of them, the same tables."""


def default_search() -> SearchStudy:
    """Return the default search on tables without signal."""
    return SearchStudy(plan=BlockPlan(population=NO_SIGNAL, n_tables=25))


def no_signal() -> VerdictStudy:
    """Return the verdict as it is by default, but for one repeat and two arms, on tables without signal."""
    return VerdictStudy(name="no signal", plan=BlockPlan(population=NO_SIGNAL, n_tables=25, n_repeats=1, test_times=4))


def weights_help(penalty: float) -> VerdictStudy:
    """Return the scenario in which weights matter at any rate."""
    settings = {
        "search_space": {**SMALL_NETS, "learning_rate": ANY_RATE},
        "training": {"l2": penalty},
        "verdict": {"n_trials": 8},
    }
    plan = BlockPlan(population=CLUSTERS, n_tables=25, n_repeats=1, test_times=4)
    return VerdictStudy(name=f"weights help, penalty {penalty:g}", plan=plan, settings=json.dumps(settings))


def threshold_only() -> VerdictStudy:
    """Return the scenario in which only the threshold matters."""
    settings = {
        "search_space": {**SMALL_NETS, "hidden_size": 4, "learning_rate": ANY_RATE},
        "scoring": {"metric": "f1"},
        "verdict": {"n_trials": 8},
    }
    plan = BlockPlan(population=SHIFT, n_tables=25, n_repeats=1, test_times=5)
    return VerdictStudy(name="only the threshold matters", plan=plan, settings=json.dumps(settings))


def step_size_only() -> VerdictStudy:
    """Return the scenario in which only the step size matters: the arms that search it, and those that cannot."""
    settings = {
        "search_space": {**SMALL_NETS, "hidden_size": 2},
        "training": {"learning_rate": 0.001},
        "verdict": {"n_trials": 8, "learning_rate": {"low": 0.03, "high": 1.0, "log": True}},
    }
    plan = BlockPlan(population=FAR_SHIFT, n_tables=25, n_repeats=1, test_times=4)
    arms = ("none", "tuned", "none_fixed_rate", "tuned_fixed_rate")
    return VerdictStudy(name="only the step size matters", plan=plan, settings=json.dumps(settings), arms=arms)


def ridge_pairs_on_outliers() -> PairStudy:
    """Return least squares with the balanced weight against without."""
    return PairStudy(plan=BlockPlan(population=OUTLIERS, n_tables=250), weight=OUTLIERS.imbalance_ratio)


def mlp_pairs_on_clusters() -> PairStudy:
    """Return the MLP with the balanced weight against without, at fixed parameters."""
    settings = {"search_space": {"hidden_size": 8, "epochs": 30}, "training": {"learning_rate": 0.03}}
    plan = BlockPlan(population=CLUSTERS, n_tables=25, test_times=4)
    return PairStudy(plan=plan, weight=CLUSTERS.imbalance_ratio, settings=json.dumps(settings))


def undone_weights(population: Population) -> ProbabilityStudy:
    """Return weights 1, root of the imbalance ratio, the ratio and ten times it; models trained until they converge."""
    ratio = population.imbalance_ratio
    settings = {"search_space": {"hidden_size": 4, "epochs": 100}, "training": {"learning_rate": 0.1}}
    plan = BlockPlan(population=population, n_tables=25, test_times=4)
    return ProbabilityStudy(plan=plan, weights=(1.0, ratio**0.5, ratio, 10 * ratio), settings=json.dumps(settings))


def smaller(study: Study, n_tables: int) -> Study:
    """Return the study with smaller blocks."""
    return replace(study, plan=replace(study.plan, n_tables=n_tables))
