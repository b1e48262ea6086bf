"""The verdict on real tables, some of them under the folds of a published comparison."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from recording import Measurement
from sklearn.model_selection import StratifiedKFold
from sqlalchemy import func, select

from tuner.config.load import load_config
from tuner.data.folds import Folds, fold_fingerprint, frozen_rows
from tuner.evidence import Contrast, Pair, Verdict
from tuner.interruption import StopRequest
from tuner.prepared import Prepared, prepare
from tuner.run import judge
from tuner.study import records
from tuner.study.lifecycle import open_study
from tuner.study.verdicts import verdict_folds
from tuner.timing import Clock

METHOD = """\
`verdict` with its defaults, roc_auc: 24 candidates an arm, 3 inner folds, learning rate 0.001 to 0.3, up to 200 epochs.
The KEEL tables (`keel_`) under `StratifiedKFold(5, shuffle=True, random_state=42)` as outer folds, mammography under
10 folds x 3 repeats, oil_spill under 5 x 3, the tutorial's problem (the default config) under 10. Everything is tuned
inside the outer folds. *Difference* is tuned minus none with its 95 % interval. *Published* are an SVM with RBF kernel
and a random forest, both with balanced weights, of other tuning on the same folds (KEEL), and an SVM on mammography:
shown for perspective, without a test. With J = 5 folds intervals are wide. Mammography has four arms and searches the
learning rate in the study, too, which spares the arms at a fixed one. Seconds are from the beginning of the study to
its last fold."""

PUBLISHED = {
    "keel_glass1": (0.7774, 0.9145),
    "keel_ecoli1": (0.9463, 0.9523),
    "keel_yeast_2_vs_4": (0.9780, 0.9862),
    "keel_glass_0_1_4_6_vs_2": (0.8115, 0.8762),
    "keel_yeast5": (0.9881, 0.9807),
    "keel_yeast6": (0.9262, 0.8891),
    "mammography": (0.957, None),
    "oil_spill": (None, None),
    "tutorial": (None, None),
}
"""ROC AUC of an SVM and of a random forest, where published."""

FEWER_ARMS = {"mammography": ["none", "sqrt", "balanced", "tuned"]}
"""Where 30 outer folds of all arms would take half an hour."""

REPEATED = {"tutorial": (10, 1), "mammography": (10, 3), "oil_spill": (5, 3)}


def published_folds(folds: Folds, prepared: Prepared) -> Folds:
    """Return the five folds of the published comparison in the place of the study's own."""
    y = prepared.dataset.y
    splitter = StratifiedKFold(5, shuffle=True, random_state=42)
    pairs = [(frozen_rows(train), frozen_rows(valid)) for train, valid in splitter.split(y, y)]
    train, valid = zip(*pairs, strict=True)
    return replace(folds, train=train, valid=valid, plan=replace(folds.plan, sha256=fold_fingerprint(pairs)))


def make_verdict(name: str, dataset: Mapping[str, Any], folder: Path, *, quick: bool) -> tuple[Verdict, float]:
    """Return the verdict on a table and the seconds that it took."""
    n_splits, n_repeats = REPEATED.get(name, (5, 1))
    config = {
        "study": {"name": name},
        "dataset": dict(dataset),
        "cv": {"n_splits": n_splits, "n_repeats": 1 if quick else n_repeats},
        "output": {"root": str(folder)},
        "verdict": {"n_trials": 2, "arms": ["none", "tuned"]} if quick else {},
    }
    if name in FEWER_ARMS:
        config["search_space"] = {"learning_rate": {"low": 0.001, "high": 0.3, "log": True}}
        config["verdict"] = {"arms": FEWER_ARMS[name]}
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(config))
    prepared = prepare(load_config(path).config)
    if name not in REPEATED:
        prepared = replace(prepared, folds=published_folds(prepared.folds, prepared))
    with open_study(prepared.study_plan, folder / f"{name}.db") as study:
        found, _ = judge(prepared, prepared.comparison(), study, listen=print, stop=StopRequest(), clock=Clock())
        with study.transaction() as (connection, _):
            began = connection.execute(select(func.min(records.studies.c.created_at))).scalar_one()
            ended = connection.execute(select(func.max(verdict_folds.c.finished_at))).scalar_one()
    return found, (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()


def test_verdict_on_real_tables(
    tables: Mapping[str, dict[str, Any]], tmp_path: Path, keep: Callable[[Measurement], None], quick: bool
) -> None:
    names = ["keel_ecoli1"] if quick else list(PUBLISHED)
    folder = Path(os.environ.get("TUNER_BENCH_PARTIAL", tmp_path))  # where a run that was cut short goes on
    rows, figures = [], {}
    for name in names:
        dataset = tables.get(name, {"kind": "synthetic"})
        found, seconds = make_verdict(name, dataset, folder, quick=quick)
        figures[name] = {"seconds": seconds, "verdict": found}
        rows.append(_row(name, found, seconds))
        print(f"\n{name}: {found['sentence']} ({seconds:.0f} s)", flush=True)
    keep(
        Measurement(
            name="verdict_tables",
            title="The verdict on real tables",
            method=METHOD,
            columns=(
                "table",
                "conclusion",
                "tuned (honest)",
                "none",
                "difference",
                "best other arm",
                "boosting",
                "published SVM",
                "forest",
                "seconds",
            ),
            rows=rows,
            figures=figures,
        )
    )


def _row(name: str, found: Verdict, seconds: float) -> tuple[str, ...]:
    means = {arm["name"]: arm["mean"] for arm in found["arms"]}
    references = {one["name"]: one["mean"] for one in found["references"]}
    others = {arm: mean for arm, mean in means.items() if arm not in ("tuned", "none")}
    best = max(others, key=lambda arm: others[arm], default=None)
    svm, forest = PUBLISHED[name]
    return (
        name,
        str(found["conclusion"]),
        _with_half(means["tuned"], found["nested"]["ci95"]),
        f"{means['none']:.4f}",
        _difference(found["primary"]),
        "" if best is None else f"{best} {others[best]:.4f}",
        f"{references['gradient_boosting']:.4f}",
        "" if svm is None else f"{svm:.4f}",
        "" if forest is None else f"{forest:.4f}",
        f"{seconds:.0f}",
    )


def _difference(primary: Contrast | None) -> str:
    return "" if primary is None else _with_half(primary["difference"], primary["ci95"], sign="+")


def _with_half(mean: float, pair: Pair | None, *, sign: str = "") -> str:
    return f"{mean:{sign}.4f}" + ("" if pair is None else f" +- {(pair[1] - pair[0]) / 2:.4f}")
