"""The verdict as rows and words for the page: arms, references, the primary contrast, why decisions changed."""

from __future__ import annotations

import itertools

from tuner.evidence import ArmResult, Contrast, DecisionSplit, ReferenceResult, Verdict
from tuner.report.numbers import NO_BREAK, number_text, p_text, pair_text, score_text, signed_text
from tuner.report.words import Table

Row = list[str]


def verdict_section(verdict: Verdict, *, digits: int) -> dict[str, object]:
    """Return what the template shows of a verdict; differences and scores with `digits` decimals."""
    arms, references = verdict["arms"], verdict["references"]
    measures = _measure_names([*arms, *references])
    return {
        "sentence": verdict["sentence"],
        "settle": verdict["what_would_settle_it"],
        "primary": _primary(verdict, digits),
        "margin": number_text(verdict["margin"]),
        "learning_rate": verdict["learning_rate"],
        "n_folds": verdict["n_folds"],
        "n_trials": verdict["n_trials"],
        "n_training_runs": f"{sum(arm['n_training_runs'] for arm in arms if not _is_twin(arm)):,}",
        "has_differences": any(arm["against_none"] is not None for arm in arms),
        "arms": _arms_table(verdict, digits),
        "weight": weight_word(verdict),
        "chosen": _chosen_table(verdict),
        "references": _references_table(verdict, digits),
        "measures": None if not measures else _measures_table([*arms, *references], measures),
        "decisions": _decisions_table(verdict["why_decisions_changed"], digits),
        "notes": verdict["notes"],
    }


def _is_twin(arm: ArmResult) -> bool:
    """Return whether an arm shares its search with the one without a tuned threshold."""
    return arm["name"].endswith("_threshold")


def is_primary(arm: ArmResult, verdict: Verdict) -> bool:
    """Return whether an arm's difference to no weights is the contrast that was fixed beforehand."""
    primary, against_none = verdict["primary"], arm["against_none"]
    return primary is not None and against_none is not None and primary["contrast"] == against_none["contrast"]


def weight_word(verdict: Verdict) -> str:
    """Return what is searched: the weight of two classes, the exponent that weights more of them, or labels."""
    return "weight" if "task" not in verdict else "exponent"


def chosen_text(chosen: tuple[float, float, float]) -> str:
    """Return what a search chose over the folds: the median, and the range where it is one."""
    low, median, high = chosen
    if low == high:
        return number_text(median)
    return f"{number_text(median)} ({number_text(low)}{NO_BREAK}to{NO_BREAK}{number_text(high)})"


def _primary(verdict: Verdict, digits: int) -> dict[str, str] | None:
    primary = verdict["primary"]
    if primary is None:
        return None
    return {
        "contrast": primary["contrast"],
        "difference": signed_text(primary["difference"], digits),
        "ci95": pair_text(primary["ci95"], digits),
        "ci90": pair_text(primary["ci90"], digits),
        "p_value": p_text(primary["p_value"]),
    }


def _arms_table(verdict: Verdict, digits: int) -> Table:
    arms = verdict["arms"]
    return Table(
        head=[
            "arm",
            f"mean {verdict['metric']}",
            "95 % interval",
            "minus no weights",
            "its interval",
            "p",
        ],
        rows=[_arm_row(arm, digits) for arm in arms],
        marked=next((i for i, arm in enumerate(arms) if arm["name"] == "tuned"), None),
    )


def _arm_row(arm: ArmResult, digits: int) -> Row:
    difference, interval, p_value = _difference_cells(arm["against_none"], digits)
    return [
        arm["label"],
        score_text(arm["mean"], digits),
        pair_text(arm["ci95"], digits),
        difference,
        interval,
        p_value,
    ]


def _chosen_table(verdict: Verdict) -> Table:
    return Table(
        head=["arm", "models trained", f"{weight_word(verdict)} chosen", "learning rate chosen"],
        rows=[
            [
                arm["label"],
                f"{arm['n_training_runs']:,}",
                chosen_text(arm["weights"]),
                chosen_text(arm["learning_rates"]),
            ]
            for arm in verdict["arms"]
        ],
        marked=None,
    )


def _difference_cells(contrast: Contrast | None, digits: int) -> tuple[str, str, str]:
    if contrast is None:
        return "", "", ""
    return (
        signed_text(contrast["difference"], digits),
        pair_text(contrast["ci95"], digits),
        p_text(contrast["p_value"]),
    )


def _references_table(verdict: Verdict, digits: int) -> Table | None:
    if not verdict["references"]:
        return None
    return Table(
        head=["model", f"mean {verdict['metric']}", "95 % interval"],
        rows=[
            [one["label"], score_text(one["mean"], digits), pair_text(one["ci95"], digits)]
            for one in verdict["references"]
        ],
        marked=None,
    )


def _measure_names(results: list[ArmResult | ReferenceResult]) -> tuple[str, ...]:
    """Every measure that any of them has, in the order in which they come up."""
    return tuple(dict.fromkeys(itertools.chain.from_iterable(one["measures"] for one in results)))


def _measures_table(results: list[ArmResult | ReferenceResult], names: tuple[str, ...]) -> Table:
    return Table(
        head=["", *(name.replace("_", " ") for name in names)],
        rows=[[one["label"], *(_measure_cell(one["measures"].get(name)) for name in names)] for one in results],
        marked=None,
    )


def _measure_cell(value: float | None) -> str:
    return "" if value is None else number_text(value)


def _decisions_table(split: DecisionSplit | None, digits: int) -> Table | None:
    if split is None:
        return None
    parts = {
        "at probability 0.5": split["total"],
        "ranking: each at its own best threshold": split["ranking"],
        "threshold: what is left": split["threshold"],
    }
    return Table(
        head=[f"difference in {split['metric']}", "tuned minus none", "95 % interval"],
        rows=[[label, *_difference_cells(contrast, digits)[:2]] for label, contrast in parts.items()],
        marked=None,
    )
