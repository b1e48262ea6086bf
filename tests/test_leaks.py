"""No model learns anything of the rows it is scored on, from the cells of a file to its logits."""

from pathlib import Path

import numpy as np
import pytest
from problems import never, plan, trial
from sklearn.metrics import roc_auc_score

from tuner.config.dataset import EncodingSection, TableDataset
from tuner.data.dataset import load_dataset
from tuner.data.encoding import encode
from tuner.intervals import corrected_interval
from tuner.training.sequential import SequentialTrainer
from tuner.training.stacked import StackedTrainer
from tuner.training.trainer import TrainingPlan

N_ROWS = 120
KINDS = {
    "number": "numeric",
    "gaps": "numeric",
    "flag": "boolean",
    "color": "categorical",
    "when": "date",
    "note": "text",
}
POISON = {
    "number": ["1e30", "-1e30", "", "0"],
    "gaps": ["", "1e20", "-7", "?"],
    "flag": ["", "no", "yes", ""],
    "color": ["black", "", "black", "white"],
    "when": ["9999-12-31", "0001-01-01", "", "2020-01-01"],
    "note": ["zebra zebra", "", "zebra cheap", "giraffe"],
}


def raw_columns():
    rng = np.random.default_rng(0)
    words = ["cheap", "flight", "hotel", "sea", "snow", "train"]
    return {
        "number": [repr(value) for value in rng.normal(5, 2, N_ROWS).tolist()],
        "gaps": [repr(v) if rng.random() < 0.8 else "?" for v in rng.lognormal(size=N_ROWS).tolist()],
        "flag": rng.choice(["yes", "no", ""], N_ROWS, p=[0.5, 0.4, 0.1]).tolist(),
        "color": rng.choice(["red", "green", "blue", "pink"], N_ROWS, p=[0.5, 0.3, 0.15, 0.05]).tolist(),
        "when": [f"20{rng.integers(10, 24)}-0{rng.integers(1, 9)}-1{rng.integers(0, 9)}" for _ in range(N_ROWS)],
        "note": [" ".join(rng.choice(words, 3).tolist()) + f" n{row % 60}" for row in range(N_ROWS)],
        "y": [str(int(row % 3 == 0)) for row in range(N_ROWS)],
    }


@pytest.fixture
def load(tmp_path):
    """Write columns to a file and load it."""

    def load(columns):
        path = Path(tmp_path / "t.csv")
        path.write_text("\n".join(map(",".join, [columns, *zip(*columns.values(), strict=True)])) + "\n")
        return load_dataset(TableDataset(kind="table", path=path, target="y", columns=KINDS))

    return load


def plan_of(dataset, scaling="standard", **options):
    folds = plan(dataset, **options).folds
    table = encode(dataset, folds, EncodingSection(scaling=scaling))
    return TrainingPlan(table=table, folds=folds, seed=0, longest=20, n_checkpoints=1)


@pytest.mark.parametrize(
    ("trainer", "scaling", "standardize"),
    [
        (StackedTrainer, "standard", True),
        (StackedTrainer, "robust", True),
        (StackedTrainer, "power", True),
        (StackedTrainer, "standard", False),
        (SequentialTrainer, "power", True),
    ],
)
def test_poison_in_scored_rows_leaves_the_logits_of_the_others_alone(load, trainer, scaling, standardize):
    columns = raw_columns()
    clean = plan_of(load(columns), scaling)
    valid = clean.folds.valid[0]
    poisoned = {name: list(cells) for name, cells in columns.items()}
    for place, row in enumerate(valid[::2].tolist()):
        for name, cells in POISON.items():
            poisoned[name][row] = cells[place % 4]
    shaken = plan_of(load(poisoned), scaling)
    assert shaken.table.names != clean.table.names  # fold 1 trains on those rows, and the columns are shared
    subject = trial(0, epochs=8, standardize=standardize, learning_rate=0.01 if standardize else 1e-6)
    own, other = (
        trainer(one).train([subject], folds=(0,), should_stop=never)[0].logits[-1, 0, : len(valid)]
        for one in (clean, shaken)
    )
    untouched = np.arange(len(valid)) % 2 == 1
    assert np.ptp(own[untouched]) > 1e-3
    np.testing.assert_allclose(other[untouched], own[untouched], rtol=1e-5, atol=1e-6)
    assert not np.allclose(other[~untouched], own[~untouched], rtol=1e-5, atol=1e-6)


def test_a_shuffled_target_cannot_be_predicted(tmp_path):
    rng = np.random.default_rng(5)
    rows = [
        f"{rng.normal():.6f},{'' if rng.random() < 0.2 else f'{rng.lognormal():.6f}'},p{rng.integers(0, 25)},{label}"
        for label in rng.permutation(np.repeat([0, 1], [220, 80])).tolist()
    ]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["number,gaps,place,y", *rows]) + "\n")
    dataset = load_dataset(TableDataset(kind="table", path=path, target="y"))
    shuffled = plan_of(dataset, n_splits=5, n_repeats=3)
    assert len(shuffled.table.names) > 20
    folds = shuffled.folds
    subject = trial(0, epochs=20)
    logits = StackedTrainer(shuffled).train([subject], folds=range(15), should_stop=never)[0].logits[-1]
    scores = [roc_auc_score(dataset.y[rows], logits[j, : len(rows)]) for j, rows in enumerate(folds.valid)]
    interval = corrected_interval(scores, test_over_train=folds.plan.test_over_train)
    assert interval.low < 0.5 < interval.high

    places = np.array([row.split(",")[2] for row in rows])
    learned_from_all = np.array([dataset.y[places == place].mean() for place in places])
    assert roc_auc_score(dataset.y, learned_from_all) > interval.high  # what a leak through categories would score
