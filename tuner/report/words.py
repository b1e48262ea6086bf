"""Sentences about the evidence that page and terminal share, and what a table of the page is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, cast

from tuner.evidence import BandKind, ThresholdChoice, WeightBand
from tuner.report.numbers import number_text

HOW_TO_GET_A_VERDICT = "python -m tuner verdict CONFIG"


class Table(TypedDict):
    """A table for the page; `marked` is the index of the row that stands out, None where none does."""

    head: list[str]
    rows: list[list[str]]
    marked: int | None


def band_kind(band: WeightBand) -> BandKind:
    """Return what was swept; records from before there were exponents do not say it."""
    return band.get("kind", "weight")


def rule_text(choice: ThresholdChoice) -> str:
    """Return the rule that chose a threshold, in words."""
    rule = cast(Mapping[str, Any], choice["rule"])
    match rule["rule"]:
        case "cost":
            return f"the least cost, where {_costs_text(rule)}"
        case "recall":
            return f"the highest threshold that calls at least {_percent(rule['at_least'])} of the positive rows"
        case "precision":
            return (
                "the threshold of greatest recall at which at least "
                f"{_percent(rule['at_least'])} of the rows called are positive"
            )
        case "alerts":
            return f"the lowest threshold that calls at most {rule['at_most']:,} rows of a table as long as this one"
        case _:
            beta = f", beta {number_text(rule['beta'])}" if choice["measure"] == "fbeta" else ""
            return f"the threshold of greatest {choice['measure']}{beta}"


def _costs_text(rule: Mapping[str, Any]) -> str:
    costs = [
        f"a missed positive row costs {number_text(rule['false_negative'])}",
        f"a false alarm {number_text(rule['false_positive'])}",
    ]
    right = {"a right alarm": rule["true_positive"], "a negative row left alone": rule["true_negative"]}
    costs += [f"{name} {number_text(cost)}" for name, cost in right.items() if cost]
    return ", ".join(costs[:-1]) + f" and {costs[-1]}"


def _percent(share: float) -> str:
    return f"{number_text(100 * share)} %"
