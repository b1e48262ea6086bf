"""The threshold to recommend: every rule against brute force, what it achieves, and when there is none."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit

from tuner.analysis.thresholds import choose_threshold, clopper_pearson
from tuner.config.evidence import AlertsAtMost, MaximizeMetric, MinimizeCost, PrecisionAtLeast, RecallAtLeast
from tuner.config.schema import ScoringSection
from tuner.intervals import corrected_interval
from tuner.scoring import DECISION_METRICS, Counts

MAXIMIZED = sorted(DECISION_METRICS.keys() - {"recall"})
COST = MinimizeCost(rule="cost", false_negative=20.0, false_positive=2.0, true_positive=0.5, true_negative=0.25)
RULES = [
    *(MaximizeMetric(metric=name, beta=2.0 if name == "fbeta" else 1.0) for name in MAXIMIZED),
    COST,
    MinimizeCost(rule="cost", false_negative=0.5),
    *(RecallAtLeast(rule="recall", at_least=share) for share in (0.1, 0.7, 0.9)),
    *(PrecisionAtLeast(rule="precision", at_least=share) for share in (0.3, 0.5, 0.9)),
    *(AlertsAtMost(rule="alerts", at_most=n) for n in (1, 7, 30, 1000)),
]


def choose(y, logits, split_of, *, rule=None, metric="roc_auc", shift=None, fewest_positive=20, seed=0, ratio=0.25):
    return choose_threshold(
        y,
        logits,
        split_of=split_of,
        rule=MaximizeMetric() if rule is None else rule,
        scoring=metric if isinstance(metric, ScoringSection) else ScoringSection(metric=metric),
        shift=shift,
        fewest_positive=fewest_positive,
        test_over_train=ratio,
        seed=seed,
    )


def table(*, n_repeats=2, n_splits=5, n_positive=40, n_negative=160, seed=0, digits=1, apart=2.0):
    """Return labels, logits with ties, and stratified splits."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.array([1, 0], np.int32), [n_positive, n_negative]))
    logits = np.round(rng.normal(size=(n_repeats, len(y))) + apart * y - 1.0, digits).astype(np.float32)
    split_of = np.zeros((n_repeats, len(y)), int)
    for row in split_of:
        row[np.argsort(y + rng.random(len(y)))] = np.arange(len(y)) % n_splits
    return y, logits, split_of


@st.composite
def tables(draw):
    """Return tables large enough for a threshold, with ties in plenty."""
    n_repeats, n_splits = draw(st.integers(1, 3)), draw(st.sampled_from([1, 2, 5]))
    n_positive, n_negative = draw(st.integers(40, 50)), draw(st.integers(40, 80))
    seed, digits = draw(st.integers(0, 999)), draw(st.sampled_from([0, 1, 6]))
    apart = draw(st.sampled_from([-1.0, 0.0, 1.0, 2.0, 6.0]))
    return table(
        n_repeats=n_repeats,
        n_splits=n_splits,
        n_positive=n_positive,
        n_negative=n_negative,
        seed=seed,
        digits=digits,
        apart=apart,
    )


# --- brute force: every way to cut the scores, from nobody called to everybody


def counts(y, called):
    tp, fp = (np.float64(np.count_nonzero(called & (y == label))) for label in (1, 0))
    return Counts(tp, fp, int((y == 1).sum()), int((y == 0).sum()))


def measured(rule, of):
    """What the rule looks at, of some counts."""
    if rule.rule == "maximize":
        return float(DECISION_METRICS[rule.metric](of, rule.beta))
    if rule.rule == "cost":
        right = rule.true_positive * of.tp + rule.true_negative * (of.n_negative - of.fp)
        wrong = rule.false_negative * (of.n_positive - of.tp) + rule.false_positive * of.fp
        return (right + wrong) / (of.n_positive + of.n_negative)
    if rule.rule == "alerts":
        return of.tp + of.fp
    if rule.rule == "recall":
        return of.tp / of.n_positive
    return of.tp / (of.tp + of.fp) if of.tp + of.fp else 0.0


def every_cut(z):
    """Cuts from the highest, which calls no row, to the lowest, which calls all."""
    scores = np.unique(z.astype(np.float64))[::-1]
    return [np.inf, *((scores[:-1] + scores[1:]) / 2), -np.inf]


def allowed(rule, y, z, n_rows):
    """Cuts that the rule allows, in descending order, with their counts."""
    cuts = [(cut, counts(y, z > cut)) for cut in every_cut(z)]
    if rule.rule == "recall":
        return [(cut, of) for cut, of in cuts if of.tp / of.n_positive >= rule.at_least]
    if rule.rule == "precision":
        return [(cut, of) for cut, of in cuts if of.tp + of.fp and of.tp / (of.tp + of.fp) >= rule.at_least]
    if rule.rule == "alerts":
        return [(cut, of) for cut, of in cuts if (of.tp + of.fp) * n_rows <= rule.at_most * len(z)]
    return cuts


def brute_force(rule, y, z, n_rows):
    """The cut of the rule, by its definition."""
    cuts = allowed(rule, y, z, n_rows)
    if rule.rule == "recall":
        return cuts[0][0]
    if rule.rule == "alerts":
        return cuts[-1][0]
    if rule.rule == "precision":
        return max(cuts, key=lambda one: one[1].tp, default=(np.inf,))[0]  # max takes the first: the highest cut
    sign = -1 if rule.rule == "cost" else 1
    return max(cuts, key=lambda one: sign * measured(rule, one[1]))[0]


def same_decisions_or_as_good(rule, y, z, cut, expected):
    if rule.rule in ("maximize", "cost"):
        value, best = (measured(rule, counts(y, z > one)) for one in (cut, expected))
        return value == pytest.approx(best, rel=1e-12, abs=1e-12)
    return ((z > cut) == (z > expected)).all()


@pytest.mark.parametrize("rule", RULES, ids=str)
@settings(max_examples=25, deadline=None)
@given(case=tables())
def test_recommended_threshold_is_that_of_every_cut_tried_on_all_repeats_together(rule, case):
    y, logits, split_of = case
    choice = choose(y, logits, split_of, rule=rule)
    cut = np.float64(np.inf if choice["logit"] is None else choice["logit"])
    labels, z = np.tile(y, len(logits)), logits.ravel()
    assert same_decisions_or_as_good(rule, labels, z, cut, brute_force(rule, labels, z, len(y)))
    if choice["logit"] is None:
        assert choice["reason"].endswith(".")
    else:
        assert choice["reason"] is None
        assert choice["probability"] == pytest.approx(expit(cut))


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.rule not in ("maximize", "cost")], ids=str)
@settings(max_examples=25, deadline=None)
@given(case=tables())
def test_achieved_counts_are_those_of_brute_force_on_the_other_folds(rule, case):
    """For rules without several best cuts."""
    y, logits, split_of = case
    choice = choose(y, logits, split_of, rule=rule)
    if split_of.max() == 0 or choice["achieved"] is None:
        return
    called = np.zeros(logits.shape, bool)
    for own, z, split in zip(called, logits, split_of, strict=True):
        for one in np.unique(split):
            at_hand = split == one
            own[at_hand] = z[at_hand] > brute_force(rule, y[~at_hand], z[~at_hand], len(y))
    of = counts(np.tile(y, len(logits)), called.ravel())
    achieved, n_repeats = choice["achieved"], len(logits)
    assert achieved["n_alerts"] == pytest.approx((of.tp + of.fp) / n_repeats)
    assert achieved["recall"] == pytest.approx(of.recall)
    if of.tp + of.fp:
        assert achieved["precision"] == pytest.approx(of.tp / (of.tp + of.fp))
    assert achieved["value"] == pytest.approx(measured(rule, of) / (n_repeats if rule.rule == "alerts" else 1))


@pytest.mark.parametrize("rule", RULES, ids=str)
@settings(max_examples=10, deadline=None)
@given(case=tables(), shift=st.sampled_from([None, 0.0, -3.0]))
def test_every_number_is_one_that_json_can_hold(rule, case, shift):
    choice = choose(*case, rule=rule, shift=shift)
    json.dumps(choice, allow_nan=False)
    assert choice["rule"] == rule.model_dump()
    numbers = [choice["logit"], choice["probability"], choice["achieved"]]
    assert all(one is None for one in numbers) == (choice["reason"] is not None)
    assert (choice["corrected_probability"] is None) == (shift is None or choice["logit"] is None)
    for one in (choice["achieved"], choice["at_half"]):
        if one is not None and one["ci95"] is not None and choice["measure"] in ("recall", "precision", "alerts"):
            assert one["ci95"][0] - 1e-12 <= one["value"] <= one["ci95"][1] + 1e-12


# --- what the rules mean


def test_measure_is_named_for_what_the_value_is():
    names = [choose(*table(), rule=rule)["measure"] for rule in RULES]
    assert names == [*MAXIMIZED, *["cost_per_row"] * 2, *["recall"] * 3, *["precision"] * 3, *["alerts"] * 4]


@pytest.mark.parametrize(
    ("scoring", "measure"),
    [
        (ScoringSection(metric="roc_auc"), "f1"),
        (ScoringSection(metric="neg_log_loss"), "f1"),
        (ScoringSection(metric="recall"), "f1"),  # which is 1 where every row is called
        (ScoringSection(metric="g_mean"), "g_mean"),
        (ScoringSection(metric="fbeta", beta=3.0), "fbeta"),
    ],
)
def test_metric_of_null_is_the_scored_one_where_a_threshold_can_be_best_for_it_and_else_f1(scoring, measure):
    y, logits, split_of = table()
    choice = choose(y, logits, split_of, metric=scoring)
    assert choice["measure"] == measure
    assert choice["rule"] == {"rule": "maximize", "metric": None, "beta": 1.0}
    named = MaximizeMetric(metric=measure, beta=scoring.beta)
    assert choose(y, logits, split_of, rule=named)["logit"] == choice["logit"]


def test_threshold_lies_halfway_between_the_last_row_called_and_the_next():
    y = np.repeat(np.array([1, 0], np.int32), [50, 50])
    logits = np.where(y == 1, 3.0, 1.0).astype(np.float32)[None]
    for rule in (
        MaximizeMetric(),
        COST,
        RecallAtLeast(rule="recall", at_least=0.5),
        AlertsAtMost(rule="alerts", at_most=60),
    ):
        choice = choose(y, logits, np.arange(100)[None] % 5, rule=rule, shift=-1.5)
        assert choice["logit"] == 2.0
        assert choice["probability"] == pytest.approx(expit(2.0))
        assert choice["corrected_probability"] == pytest.approx(expit(0.5))


def test_costlier_misses_lower_the_threshold():
    case = table(digits=6)
    cuts = [choose(*case, rule=MinimizeCost(rule="cost", false_negative=cost))["logit"] for cost in (1.0, 5.0, 50.0)]
    assert cuts[0] > cuts[1] > cuts[2]


def test_calibrated_logits_are_cut_where_the_costs_say():
    """Probability c_fp / (c_fp + c_fn), for right decisions that cost nothing."""
    rng = np.random.default_rng(0)
    true = rng.normal(-1.0, 2.0, 200_000)
    y = (rng.random(len(true)) < expit(true)).astype(np.int32)
    split_of = (np.arange(len(true)) % 5)[None]
    choice = choose(y, true.astype(np.float32)[None], split_of, rule=MinimizeCost(rule="cost", false_negative=4.0))
    assert choice["probability"] == pytest.approx(1 / 5, abs=0.02)


def test_a_number_of_alerts_is_of_one_repeat_and_less_in_proportion_where_fewer_rows_choose():
    y, logits, split_of = table(n_repeats=4, digits=6, n_positive=100, n_negative=900)
    choice = choose(y, logits, split_of, rule=AlertsAtMost(rule="alerts", at_most=100))
    assert np.count_nonzero(logits > np.float64(choice["logit"])) == 400
    assert choice["achieved"]["n_alerts"] == pytest.approx(100, abs=4)


def test_more_alerts_than_rows_call_every_row_at_a_finite_logit_below_all():
    y, logits, split_of = table()
    choice = choose(y, logits, split_of, rule=AlertsAtMost(rule="alerts", at_most=200))
    assert choice["logit"] == np.nextafter(logits.min(), np.float32(-np.inf))
    assert (logits > np.float32(choice["logit"])).all()
    assert choice["achieved"]["n_alerts"] == 200
    assert choice["achieved"]["recall"] == 1.0


def test_one_cut_serves_all_repeats_and_is_not_the_mean_of_their_own():
    """The second repeat has wider scores: its own best cut is far from the first's."""
    y = np.repeat(np.array([1, 0], np.int32), [50, 150])
    first = np.where(y == 1, 1.0, -1.0)
    second = np.where(y == 1, 30.0, 10.0)
    second[:10] = 5.0
    choice = choose(y, np.stack([first, second]).astype(np.float32), np.tile(np.arange(200) % 5, (2, 1)))
    labels, z = np.tile(y, 2), np.concatenate([first, second])
    best = max(float(DECISION_METRICS["f1"](counts(labels, z > cut), 1.0)) for cut in every_cut(z))
    assert float(DECISION_METRICS["f1"](counts(labels, z > choice["logit"]), 1.0)) == best


# --- what is achieved


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("n_splits", [1, 5])
def test_labels_of_rows_at_hand_do_not_move_their_own_cut(rule, n_splits, monkeypatch):
    """The cut of each fold is asked for without its rows: seen by what the choice is given."""
    from tuner.analysis import thresholds

    y, logits, split_of = table(n_splits=n_splits)
    asked = []
    make = thresholds._goal

    def spied(*args, **kwargs):
        goal = make(*args, **kwargs)
        choose_cut = goal.cut

        def cut(labels, z):
            asked.append(len(z))
            return choose_cut(labels, z)

        return thresholds.Goal(name=goal.name, value=goal.value, cut=cut, nobody=goal.nobody)

    monkeypatch.setattr(thresholds, "_goal", spied)
    choice = choose(y, logits, split_of, rule=rule)
    expected = [400] if choice["logit"] is None else [400, *[160] * 10]
    assert asked == expected


def test_a_threshold_that_only_memorizes_achieves_no_more_than_chance():
    """Scores without signal: the best precision in hindsight is far above the share of positive rows, the honest one not."""
    rule = MaximizeMetric(metric="precision")
    honest, hindsight = [], []
    for seed in range(40):
        y, logits, split_of = table(apart=0.0, digits=6, seed=seed, n_repeats=1)
        choice = choose(y, logits, split_of, rule=rule)
        hindsight.append(measured(rule, counts(y, logits[0] > np.float64(choice["logit"]))))
        honest.append(choice["achieved"]["precision"] or 0.0)
    assert np.mean(hindsight) > 0.45
    assert np.mean(honest) < 0.3


def test_value_of_a_metric_is_the_mean_over_folds_with_its_corrected_interval():
    y, logits, split_of = table()
    choice = choose(y, logits, split_of, rule=MaximizeMetric(metric="f1"))
    folds = [
        float(DECISION_METRICS["f1"](counts(y[split == j], z[split == j] > 0.0), 1.0))
        for z, split in zip(logits, split_of, strict=True)
        for j in range(5)
    ]
    interval = corrected_interval(folds, test_over_train=0.25)
    assert choice["at_half"]["value"] == pytest.approx(interval.mean)
    assert choice["at_half"]["ci95"] == pytest.approx([interval.low, interval.high])


@pytest.mark.parametrize(("n_repeats", "has_interval"), [(1, False), (3, True)])
def test_interval_of_a_metric_on_a_holdout_is_over_its_seeds(n_repeats, has_interval):
    y, logits, split_of = table(n_repeats=n_repeats, n_splits=1)
    choice = choose(y, logits, split_of, rule=COST, ratio=0.0)
    values = [measured(COST, counts(y, row > 0.0)) for row in logits]
    assert choice["at_half"]["value"] == pytest.approx(np.mean(values))
    assert (choice["at_half"]["ci95"] is not None) == (choice["achieved"]["ci95"] is not None) == has_interval
    if has_interval:
        interval = corrected_interval(values, test_over_train=0.0)
        assert choice["at_half"]["ci95"] == pytest.approx([interval.low, interval.high])


def test_a_holdout_is_judged_in_parts_drawn_with_the_seed():
    y, logits, split_of = table(n_splits=1, digits=6)
    first, again, other = (choose(y, logits, split_of, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first["logit"] == other["logit"]
    assert first["achieved"] != other["achieved"]


def test_shares_have_clopper_pearson_intervals_of_the_mean_counts_of_one_repeat():
    y, logits, split_of = table(n_repeats=3)
    at_half = choose(y, logits, split_of)["at_half"]
    tp, alerts = np.count_nonzero((logits > 0) & (y == 1)) / 3, np.count_nonzero(logits > 0) / 3
    assert at_half["recall"] == pytest.approx(tp / 40)
    assert at_half["recall_ci95"] == pytest.approx(clopper_pearson(tp, 40))
    assert at_half["precision"] == pytest.approx(tp / alerts)
    assert at_half["precision_ci95"] == pytest.approx(clopper_pearson(tp, alerts))
    assert at_half["n_alerts"] == pytest.approx(alerts)


@pytest.mark.parametrize(
    ("rule", "column", "pair"),
    [
        (RecallAtLeast(rule="recall", at_least=0.8), "recall", "recall_ci95"),
        (PrecisionAtLeast(rule="precision", at_least=0.5), "precision", "precision_ci95"),
        (MaximizeMetric(metric="precision"), "precision", "precision_ci95"),
    ],
)
def test_value_of_a_share_is_its_column_with_the_interval_of_clopper_and_pearson(rule, column, pair):
    choice = choose(*table(), rule=rule)
    for one in (choice["achieved"], choice["at_half"]):
        assert (one["value"], one["ci95"]) == (one[column], one[pair])


def test_a_number_of_alerts_has_the_interval_of_the_share_of_rows_called():
    achieved = choose(*table(), rule=AlertsAtMost(rule="alerts", at_most=30))["achieved"]
    assert achieved["value"] == achieved["n_alerts"]
    assert achieved["ci95"] == pytest.approx([200 * end for end in clopper_pearson(achieved["n_alerts"], 200)])


def test_where_nothing_is_called_there_is_no_precision():
    y, logits, split_of = table()
    at_half = choose(y, logits - 50, split_of, rule=PrecisionAtLeast(rule="precision", at_least=0.5))["at_half"]
    assert (at_half["precision"], at_half["precision_ci95"]) == (None, None)
    assert (at_half["value"], at_half["ci95"]) == (0.0, None)
    assert (at_half["recall"], at_half["n_alerts"]) == (0.0, 0.0)
    assert at_half["recall_ci95"] == pytest.approx(clopper_pearson(0, 40))


# --- none to recommend

NONE = {"logit": None, "probability": None, "corrected_probability": None, "achieved": None}


@pytest.mark.parametrize(
    ("n", "reason"),
    [
        (12, "the training rows of a fold hold 12 positive rows, fewer than the 20 that a threshold needs."),
        (1, "the training rows of a fold hold 1 positive row, fewer than the 20 that a threshold needs."),
    ],
)
def test_few_positive_rows_in_training_are_a_reason(n, reason):
    choice = choose(*table(), fewest_positive=n)
    assert choice == choice | NONE | {"reason": reason, "at_half": None}


def test_twenty_positive_rows_are_enough():
    assert choose(*table(n_positive=25), fewest_positive=20)["logit"] is not None


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({"n_positive": 20}, "16 positive rows"),
        ({"n_negative": 20}, "16 negative rows"),
        ({"n_negative": 1}, "0 negative rows"),
    ],
)
def test_few_rows_of_a_class_to_choose_on_are_a_reason(counts, reason):
    choice = choose(*table(n_splits=1, **counts), fewest_positive=500)
    assert choice["reason"] == (
        f"the rows that choose a threshold for the others hold {reason}, fewer than the 20 that a threshold needs."
    )
    assert choice == choice | NONE


def test_precision_that_no_threshold_reaches_is_a_reason_and_half_is_told_all_the_same():
    y, logits, split_of = table(apart=-3.0)
    choice = choose(y, logits, split_of, rule=PrecisionAtLeast(rule="precision", at_least=0.925))
    assert choice == choice | NONE
    assert choice["reason"] == "at no threshold are 92.5 % of the rows called positive."
    assert choice["at_half"]["n_alerts"] > 0


def test_a_metric_or_cost_that_is_best_with_no_row_called_is_a_reason():
    y, logits, split_of = table(apart=-3.0)
    accuracy = choose(y, logits, split_of, rule=MaximizeMetric(metric="accuracy"))
    assert accuracy == accuracy | NONE
    assert accuracy["reason"] == "no threshold has a greater accuracy than to call no row at all."
    cost = choose(y, logits, split_of, rule=MinimizeCost(rule="cost", false_negative=0.01))
    assert cost == cost | NONE
    assert cost["reason"] == "no threshold costs less than to call no row at all."


def test_alerts_that_ties_leave_no_room_for_are_a_reason():
    y, logits, split_of = table()
    choice = choose(y, np.zeros_like(logits), split_of, rule=AlertsAtMost(rule="alerts", at_most=30))
    assert choice == choice | NONE
    assert choice["reason"] == "so many rows share the highest score that a threshold calls none or more than 30."


# --- Clopper-Pearson


@given(st.integers(1, 500), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_clopper_pearson_equals_scipy(n, data, level):
    k = data.draw(st.integers(0, n))
    expected = stats.binomtest(k, n).proportion_ci(level, method="exact")
    assert clopper_pearson(k, n, level) == pytest.approx([expected.low, expected.high], abs=1e-9)


@given(st.floats(0, 1), st.floats(0.01, 1e5))
def test_clopper_pearson_of_fractional_counts_holds_the_share_and_is_the_beta_quantile(share, n):
    k = min(share * n, n)
    low, high = clopper_pearson(k, n)
    assert 0.0 <= low <= k / n + 1e-9
    assert k / n - 1e-9 <= high <= 1.0
    if 1e-3 < k < n - 1e-3:
        assert low == pytest.approx(stats.beta.ppf(0.025, k, n - k + 1), rel=1e-6, abs=1e-12)
        assert high == pytest.approx(stats.beta.ppf(0.975, k + 1, n - k), rel=1e-6)


@pytest.mark.parametrize(
    ("k", "n", "level"), [(-1, 3, 0.95), (4, 3, 0.95), (0, 0, 0.95), (1, 2, 1.0), (math.nan, 2, 0.9)]
)
def test_clopper_pearson_refuses_what_is_no_share(k, n, level):
    with pytest.raises(ValueError, match="clopper_pearson needs 0 <= k <= n"):
        clopper_pearson(k, n, level)
