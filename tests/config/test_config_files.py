"""The config files of the project: complete, explained, and true."""

import re
from pathlib import Path

import pytest

from tuner.config.cv import Holdout, KFold
from tuner.config.dataset import EncodingSection, OpenMLDataset, SklearnDataset, SyntheticDataset, TableDataset
from tuner.config.evidence import (
    AlertsAtMost,
    EvidenceSection,
    MaximizeMetric,
    MinimizeCost,
    PrecisionAtLeast,
    RecallAtLeast,
    VerdictSection,
)
from tuner.config.load import load_config
from tuner.config.schema import (
    Config,
    EngineSection,
    OutputSection,
    Predictions,
    RacingSection,
    ScoringSection,
    SearchSpace,
    StudySection,
    TrainingSection,
)

CONFIGS = Path(__file__).parents[2] / "configs"
KEY = re.compile(r"( *)([a-z0-9_]+):(?: |$)")

SECTIONS = {
    "": Config,
    "study": StudySection,
    "study.predictions": Predictions,
    "dataset": SyntheticDataset,
    "encoding": EncodingSection,
    "cv": KFold,
    "scoring": ScoringSection,
    "search_space": SearchSpace,
    "training": TrainingSection,
    "racing": RacingSection,
    "threshold": MaximizeMetric,
    "evidence": EvidenceSection,
    "verdict": VerdictSection,
    "engine": EngineSection,
    "output": OutputSection,
}


def default_lines():
    return (CONFIGS / "default.yaml").read_text().splitlines()


def alternatives():
    """Return the commented-out blocks of default.yaml, uncommented."""
    blocks, current = [], []
    for line in [*default_lines(), ""]:
        if re.match(r"#[^ ]|#  ", line):
            current.append(line[1:])
        elif current:
            blocks.append("\n".join(current))
            current = []
    return blocks


def key_paths(lines):
    """Return (dotted path, line number) of every key in lines of two-space indented YAML."""
    stack, found = [], []
    for number, line in enumerate(lines):
        match = KEY.match(line)
        if match:
            depth = len(match[1]) // 2
            stack = [*stack[:depth], match[2]]
            found.append((".".join(stack), number))
    return found


def test_default_config_is_the_default():
    assert load_config(CONFIGS / "default.yaml").config == Config()


def test_default_config_names_every_key_once_in_the_right_section():
    expected = {f"{section}.{key}".lstrip(".") for section, model in SECTIONS.items() for key in model.model_fields}
    paths = [path for path, _ in key_paths(default_lines())]
    assert sorted(paths) == sorted(expected)


def test_default_config_explains_every_key():
    lines = default_lines()
    sections = set(SECTIONS)
    bare = [
        path
        for path, number in key_paths(lines)
        if path not in sections and "# " not in lines[number] and not lines[number - 1].lstrip().startswith("# ")
    ]
    assert bare == []


@pytest.mark.parametrize(
    ("i", "section", "model"),
    [
        (0, "dataset", TableDataset),
        (1, "dataset", OpenMLDataset),
        (2, "dataset", SklearnDataset),
        (3, "cv", Holdout),
        (4, "threshold", MinimizeCost),
        (5, "threshold", RecallAtLeast),
        (6, "threshold", PrecisionAtLeast),
        (7, "threshold", AlertsAtMost),
    ],
)
def test_alternatives_in_the_default_config_load_when_uncommented(i, section, model, tmp_path):
    blocks = alternatives()
    assert len(blocks) == 8
    path = tmp_path / "alternative.yaml"
    path.write_text(blocks[i])
    loaded = getattr(load_config(path).config, section)
    assert type(loaded) is model
    lines = blocks[i].splitlines()
    assert {path for path, _ in key_paths(lines)} == {section} | {f"{section}.{key}" for key in model.model_fields}
    assert all("# " in line for line in lines if not line.endswith(":") and "kind:" not in line)
    for key, field in model.model_fields.items():
        if not field.is_required():
            assert getattr(loaded, key) == field.get_default(call_default_factory=True)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_config_file_loads_and_is_named_after_its_study(path):
    assert load_config(path).config.study.name == {"table": "my_table"}.get(path.stem, path.stem)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_config_file_begins_with_what_it_is_for_and_fits_a_screen(path):
    lines = path.read_text().splitlines()
    assert lines[0].startswith("# ")
    assert max(map(len, lines)) <= 120


def test_tutorial_config_follows_the_published_protocol():
    config = load_config(CONFIGS / "tutorial.yaml").config
    assert config.dataset == SyntheticDataset()
    assert config.cv == Holdout(kind="holdout", n_train=5000, n_repeats=20)
    assert config.study.trials == [
        {"minority_weight": 1.0, "majority_weight": 1.0},
        {"minority_weight": 100.0, "majority_weight": 1.0},
        {"minority_weight": 0.99, "majority_weight": 0.01},
    ]
    assert (config.search_space.hidden_size, config.search_space.epochs) == (10, 100)
    assert config.training == TrainingSection(standardize=False)


def test_smoke_config_is_small():
    config = load_config(CONFIGS / "smoke.yaml").config
    n_models = config.study.n_trials * config.cv.n_splits * config.cv.n_repeats
    assert (config.dataset.n_samples, n_models, config.search_space.epochs.high) == (500, 18, 6)


def test_mammography_config_reads_the_real_table(shared_data):
    dataset = load_config(
        CONFIGS / "mammography.yaml", overrides=[f"dataset.path={shared_data / 'mammography.csv'}"]
    ).config.dataset
    with dataset.path.open() as table:
        header = table.readline().strip().split(",")
        labels = {line.strip().split(",")[header.index(dataset.target)] for line in table}
    assert labels == {"-1", dataset.positive}
