"""A search with fold racing against the same search without, on real tables."""

from __future__ import annotations

import json
import math
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from recording import Measurement

from tuner.intervals import standard_error
from tuner.study.summary import StudySummary, load_summary

METHOD = """\
Each search twice, with the same seeds: `racing.enabled` false, then true; {n_trials} trials, 5 folds x 3 repeats, up to
60 epochs, learning rate searched. *Times less* is what all cores spent in training, compilation left out, without
racing over with; in brackets the same of the models trained and of the CPU seconds of the whole process. Both best
trials have all 15 folds, so nothing is trained again to compare them: *difference* is the mean score of the best found
with racing minus that found without, and beside it the same in corrected standard errors of the latter's score. The two
searches draw other trials as soon as one was ruled out, so a difference is not only what racing missed."""

TABLES = ("mammography", "phoneme", "oil_spill", "keel_yeast5", "zenodo_us_crime", "zenodo_abalone_19")


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """One finished search. Seconds of training are summed over threads; CPU seconds are of the whole process."""

    train_seconds: float
    cpu_seconds: float
    models: int
    summary: StudySummary


def search(folder: Path, dataset: Mapping[str, Any], *, racing: bool, n_trials: int, epochs: int) -> Search:
    config = {
        "study": {"name": "racing" if racing else "whole", "n_trials": n_trials},
        "dataset": dict(dataset),
        "search_space": {
            "epochs": {"low": 5, "high": epochs},
            "learning_rate": {"low": 0.003, "high": 0.3, "log": True},
        },
        "racing": {"enabled": racing},
    }
    path = folder / f"{racing}.yaml"
    path.write_text(yaml.safe_dump(config))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "tuner", "run", str(path), "--json", "--quiet"]
    answer = json.loads(subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE).stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Search(
        train_seconds=answer["time"]["cores"]["train"],
        cpu_seconds=after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime,
        models=answer["models_trained"],
        summary=load_summary(folder / answer["files"]["database"], answer["study"]),
    )


def compare(whole: Search, raced: Search) -> dict[str, Any]:
    """Return how much less was trained, and what the best of each scored on the same folds."""
    best, found = whole.summary.best, raced.summary.best
    if best is None or found is None or best.interval is None or found.interval is None:
        raise RuntimeError("no trial completed")
    ratio = whole.summary.folds.test_over_train
    differences = found.fold_scores[-1] - best.fold_scores[-1]
    difference = float(differences.mean())
    error = standard_error(best.interval.std, best.interval.n, ratio)
    paired = standard_error(float(differences.std(ddof=1)), len(differences), ratio)
    return {
        "train_ratio": whole.train_seconds / raced.train_seconds,
        "model_ratio": whole.models / raced.models,
        "cpu_ratio": whole.cpu_seconds / raced.cpu_seconds,
        "train_seconds": [whole.train_seconds, raced.train_seconds],
        "pruned_after": raced.summary.pruned_after,
        "weights": [float(one.resolved["minority_weight"]) for one in (best, found)],
        "scores": [best.interval.mean, found.interval.mean],
        "difference": difference,
        "in_errors": difference / error if error > 0 else 0.0,
        "in_paired_errors": difference / paired if paired > 0 else 0.0,
    }


def row(name: str, one: Mapping[str, Any], *, n_trials: int) -> tuple[str, ...]:
    n_pruned = sum(one["pruned_after"].values())
    (weight, found_weight), (score, found_score) = one["weights"], one["scores"]
    return (
        name,
        f"{one['train_ratio']:.2f} ({one['model_ratio']:.2f}, {one['cpu_ratio']:.2f})",
        f"{n_pruned} of {n_trials}",
        f"{score:.4f} at {weight:.3g}",
        f"{found_score:.4f} at {found_weight:.3g}",
        f"{one['difference']:+.4f}",
        f"{one['in_errors']:+.2f}",
    )


def test_racing_finds_as_good_a_trial_in_less_training(
    keep: Callable[[Measurement], None], quick: bool, tmp_path: Path, tables: Mapping[str, dict[str, Any]]
) -> None:
    n_trials, epochs, names = (16, 5, TABLES[3:4]) if quick else (64, 60, TABLES)
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        folder = tmp_path / name
        folder.mkdir()
        whole, raced = (
            search(folder, tables[name], racing=racing, n_trials=n_trials, epochs=epochs) for racing in (False, True)
        )
        assert whole.summary.n_finished == raced.summary.n_finished == n_trials
        found[name] = compare(whole, raced)
    rows = [row(name, one, n_trials=n_trials) for name, one in found.items()]
    middle = [
        f"{median(one[ratio] for one in found.values()):.2f}" for ratio in ("train_ratio", "model_ratio", "cpu_ratio")
    ]
    worst = min(one["in_errors"] for one in found.values())
    rows.append(("median; worst", f"{middle[0]} ({middle[1]}, {middle[2]})", "", "", "", "", f"{worst:+.2f}"))
    keep(
        Measurement(
            name="racing",
            title="Fold racing",
            method=METHOD.format(n_trials=n_trials),
            columns=(
                "table",
                "times less training (models, CPU)",
                "ruled out",
                "best without",
                "best with",
                "difference",
                "in standard errors",
            ),
            rows=rows,
            figures=found,
        )
    )
    assert all(math.isfinite(one["in_errors"]) for one in found.values())
    assert quick or median(one["model_ratio"] for one in found.values()) >= 1.7
    assert quick or worst >= -0.5
