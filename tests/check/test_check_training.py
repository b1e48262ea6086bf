"""What is found in a config met by its table: raised where it should be, silent where not."""

from math import comb

import numpy as np
import pytest
from check_configs import N_ROWS, columns, findings, prepared

from tuner.check import training
from tuner.check.plan import make_plan
from tuner.check.training import absence, physical_memory
from tuner.data.finding import Finding

RNG = np.random.default_rng(1)


def test_sound_config_has_no_findings(tmp_path):
    words = [["red", "green", "blue"][i] for i in RNG.integers(0, 3, N_ROWS)]
    assert findings(tmp_path, columns(word=words)) == []


def test_large_columns_that_are_not_standardized_are_found(tmp_path):
    cells = columns(income=RNG.normal(40_000, 10, N_ROWS), age=RNG.normal(40, 10, N_ROWS))
    (finding,) = findings(tmp_path, cells, training={"standardize": False})
    assert finding == Finding(
        level="warning",
        subject="columns of large numbers that are not standardized",
        evidence='root mean square of "income": 4e+04',
        advice="Set training.standardize: true; else a model saturates at once, and no class weight can act.",
    )


@pytest.mark.parametrize(
    ("sections", "n_found"),
    [
        ({}, 0),
        ({"search_space": {"standardize": [True, False]}}, 1),
        ({"search_space": {"standardize": True}, "training": {"standardize": False}}, 0),
    ],
    ids=["standardized", "in some trials", "the search space wins"],
)
def test_large_columns_matter_where_some_trial_takes_them_as_they_are(tmp_path, sections, n_found):
    cells = columns(income=[None, *RNG.normal(40_000, 10, N_ROWS - 1)])
    assert len([one for one in findings(tmp_path, cells, **sections) if "large numbers" in one.subject]) == n_found


def test_small_columns_need_no_scaling(tmp_path):
    assert findings(tmp_path, columns(), training={"standardize": False}) == []


@pytest.mark.parametrize(
    ("n_rare", "level"), [(20, None), (60, "info"), (200, "warning")], ids=["few", "some", "most rows"]
)
def test_rows_in_rare_categories_are_counted(tmp_path, n_rare, level):
    words = [f"w{i // 2}" if i < n_rare else ["red", "green"][i % 2] for i in range(N_ROWS)]
    found = findings(tmp_path, columns(word=[words[i] for i in RNG.permutation(N_ROWS)]))
    expected = Finding(
        level=level,
        subject="rows in categories too rare to be told apart",
        evidence=f'"word" ({n_rare // 2 + 2} categories, {100 * n_rare / N_ROWS:.3g} %): beyond the 50 most frequent '
        "ones, or of fewer than 5 training rows",
        advice="They count as one category. Raise encoding.max_categories, lower encoding.min_category_rows, or "
        "leave the column out.",
    )
    assert found == ([] if level is None else [expected])


def test_weights_that_are_the_same_in_every_trial_are_mentioned(tmp_path):
    assert findings(tmp_path, columns(), search_space={"minority_weight": 3.0}) == [
        Finding(
            level="info",
            subject="class weights are not searched",
            evidence="every trial has the same (minority_weight 3)",
            advice="Give search_space.minority_weight a range to learn what weights change.",
        )
    ]


def test_exponent_that_is_the_same_in_every_trial_is_mentioned(tmp_path):
    cells = columns(y=["abc"[i % 3] for i in range(N_ROWS)])
    options = {"scoring": {"metric": "balanced_accuracy"}, "search_space": {"weight_exponent": 1.0}}
    (finding,) = findings(tmp_path, cells, **options)
    assert finding.evidence == "every trial has the same (weight_exponent 1)"
    options["search_space"]["weight_deviation"] = {"low": 0.5, "high": 2.0, "log": True}
    assert findings(tmp_path, cells, **options) == []


@pytest.mark.parametrize(("weights", "n_found"), [((1.0, 5.0), 0), ((5.0, 5.0), 1)])
def test_listed_trials_with_one_weight_are_mentioned(tmp_path, weights, n_found):
    trials = [{"minority_weight": weight, "hidden_size": 4 + i} for i, weight in enumerate(weights)]
    assert len(findings(tmp_path, columns(), study={"name": "small", "trials": trials})) == n_found


def test_batches_that_rarely_hold_the_class_are_mentioned(tmp_path):
    (finding,) = findings(tmp_path, columns(2000, every=50), training={"batch_size": 16})
    without = comb(1568, 16) / comb(1600, 16)
    assert 0.72 < without < 0.73
    assert finding == Finding(
        level="info",
        subject='most batches hold no row of class "yes"',
        evidence=f"{100 * without:.3g} % of batches of 16, with 32 such rows among 1,600 training rows",
        advice="With training.batch_size: 128 it is 1 in 10; smaller batches learn of the class in few, large steps.",
    )
    assert absence(1600, 32, 64) > 0.1 > absence(1600, 32, 128)


def test_larger_batches_hold_the_class_often_enough(tmp_path):
    assert findings(tmp_path, columns(2000, every=50), training={"batch_size": 64}) == []


@pytest.mark.parametrize(("n", "k", "size"), [(20, 3, 5), (800, 16, 16), (10, 10, 1), (10, 4, 7), (10, 4, 6)])
def test_absence_is_the_share_of_batches_without_the_class(n, k, size):
    assert absence(n, k, size) == pytest.approx(comb(n - k, size) / comb(n, size), rel=1e-9)


def test_few_training_steps_are_mentioned(tmp_path):
    options = {"training": {"batch_size": 512}, "search_space": {"epochs": {"low": 10, "high": 49}}}
    assert findings(tmp_path, columns(), **options) == [
        Finding(
            level="info",
            subject="few training steps",
            evidence="batches of 240 of 240 training rows make 49 steps in the longest trial",
            advice="Lower training.batch_size, or raise search_space.epochs.",
        )
    ]
    options["search_space"]["epochs"]["high"] = 50
    assert findings(tmp_path, columns(), **options) == []


def test_classes_that_were_merged_or_dropped_are_told(tmp_path):
    cells = columns(y=["c" if i < 3 else "ab"[i % 2] for i in range(N_ROWS)])
    options = {"dataset": {"small_classes": "drop"}, "scoring": {"metric": "balanced_accuracy"}}
    found = findings(tmp_path, cells, **options)
    assert found == [
        Finding(
            level="info",
            subject="small classes",
            evidence='3 rows of class "c": fewer than the 5 folds, these 3 rows are left out',
            advice="dataset.small_classes decides: refuse, merge or drop.",
        )
    ]


def test_memory_beyond_that_of_the_machine_is_a_warning(tmp_path, monkeypatch):
    small = prepared(tmp_path, columns())
    needed = make_plan(small, threads=1).memory_bytes + 700_000_000
    monkeypatch.setattr(training, "physical_memory", lambda: int(needed / 0.91))
    (finding,) = make_plan(small, threads=1).findings
    assert finding == Finding(
        level="warning",
        subject="the run may take more memory than there is",
        evidence=f"about {needed / 1e9:.3g} GB with all libraries; this machine has {needed / 0.91e9:.3g} GB",
        advice="Lower engine.threads, training.checkpoints, search_space.epochs or search_space.hidden_size.",
    )
    monkeypatch.setattr(training, "physical_memory", lambda: int(needed / 0.89))
    assert make_plan(small, threads=1).findings == []
    monkeypatch.setattr(training, "physical_memory", lambda: None)
    assert make_plan(small, threads=1).findings == []


def test_memory_of_this_machine_is_plausible_and_unknown_where_the_system_does_not_tell(monkeypatch):
    assert 1e8 < physical_memory() < 1e14
    monkeypatch.delattr("os.sysconf")
    assert physical_memory() is None


def test_a_long_run_is_mentioned(tmp_path):
    small = prepared(tmp_path, columns(), study={"name": "small", "n_trials": 10_000_000})
    plan = make_plan(small, threads=1)
    (finding,) = plan.findings
    assert plan.seconds > 6 * 3600
    assert (finding.level, finding.subject) == ("info", "a long run")
    assert finding.evidence == f"very roughly {plan.seconds / 3600:.3g} hours of training"
