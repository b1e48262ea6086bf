"""From files and overrides to a config: what is read, where paths lead, and the full text of every refusal."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.config.load import dump_config, load_config
from tuner.config.schema import PARAMS, Config, Holdout, SearchSpace, StudySection, WeightRange
from tuner.config.strict_yaml import parse_yaml
from tuner.errors import ConfigError, StudyError

FOOTER = "\n\nNothing was run. See every key in configs/default.yaml."
TABLE = "dataset: {kind: table, path: data.csv, target: y}\n"


@pytest.fixture(autouse=True)
def current_folder(tmp_path, monkeypatch):
    """Every test works in an empty current folder, so that messages hold short names."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text, name="fraud.yaml"):
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def load(text, *overrides):
    return load_config(write(text), overrides=overrides)


def refusal(text, *overrides):
    with pytest.raises(ConfigError) as caught:
        load(text, *overrides)
    return str(caught.value)


def problems(text, *overrides):
    """Return the aligned lines between headline and footer, and check those two."""
    message = refusal(text, *overrides)
    headline, lines = message.removesuffix(FOOTER).split("\n\n")
    starts = [line for line in lines.split("\n") if line[2] != " "]
    count = "1 problem" if len(starts) == 1 else f"{len(starts)} problems"
    assert headline == f"fraud.yaml has {count}"
    assert message.endswith(FOOTER)
    return lines


# --- what is read


def test_sections_that_are_absent_have_their_defaults():
    assert load("study: {name: fraud}").config == Config(study=StudySection(name="fraud"))


def test_dumped_config_loads_back_equal():
    text = TABLE + "search_space: {minority_weight: 3, learning_rate: {low: 1e-5, high: 1, log: true}, l2: [0, 1e-3]}"
    config = load(text).config
    assert load(dump_config(config)).config == config


FIXED = {
    "minority_weight": st.floats(0, 1e9, exclude_min=True),
    "hidden_size": st.integers(1, 4096),
    "epochs": st.integers(1, 100_000),
    "majority_weight": st.floats(0, 1e9, exclude_min=True),
    "hidden_layers": st.integers(1, 2),
    "batch_size": st.integers(1, 1_000_000),
    "learning_rate": st.floats(0, 1e9, exclude_min=True),
    "momentum": st.floats(0, 1, exclude_max=True),
    "l2": st.floats(0, 1e9),
    "optimizer": st.sampled_from(["sgd", "adam"]),
    "activation": st.sampled_from(["relu", "tanh"]),
    "standardize": st.booleans(),
}


def test_strategies_cover_every_parameter():
    assert tuple(FIXED) == PARAMS


@given(
    trials=st.lists(st.fixed_dictionaries({}, optional=FIXED), min_size=1, max_size=3),
    space=st.fixed_dictionaries(
        {},
        optional={name: value | st.lists(value, min_size=1, max_size=3, unique=True) for name, value in FIXED.items()},
    ),
)
@settings(max_examples=50, deadline=None)
def test_any_config_survives_dump_and_load(trials, space):
    config = Config(
        study=StudySection(trials=trials), search_space=SearchSpace(**space), cv=Holdout(kind="holdout", n_train=7)
    )
    value, mistakes = parse_yaml(dump_config(config))
    assert mistakes == []
    assert Config.model_validate(value) == config


def test_config_as_run_is_json_and_validates_back_equal():
    loaded = load(TABLE)
    assert Config.model_validate(json.loads(json.dumps(loaded.as_run, allow_nan=False))) == loaded.config


def test_byte_order_mark_is_read_past():
    assert load(b"\xef\xbb\xbfstudy: {name: fraud}").config.study.name == "fraud"


def test_listed_trials_take_the_types_of_their_parameters():
    trials = load("study: {trials: [{minority_weight: 100, epochs: 3}]}").config.study.trials
    assert trials == [{"minority_weight": 100.0, "epochs": 3}]
    assert isinstance(trials[0]["minority_weight"], float)


def test_null_in_the_search_space_means_not_searched():
    assert load("search_space: {learning_rate: null}").config == Config()


# --- overrides


def test_override_sets_one_key_and_leaves_its_neighbors():
    study = load("study: {name: fraud, seed: 3}", "study.n_trials=20").config.study
    assert (study.name, study.seed, study.n_trials) == ("fraud", 3, 20)


def test_later_override_wins():
    assert load("study: {seed: 1}", "study.seed=2", "study.seed=3").config.study.seed == 3


def test_override_inside_a_range_merges_with_the_file():
    text = "search_space: {minority_weight: {low: 3, high: 9}}"
    assert load(text, "search_space.minority_weight.low=5").config.search_space.minority_weight == WeightRange(
        low=5.0, high=9.0
    )


def test_override_inside_a_range_that_the_file_does_not_name_merges_with_the_default():
    space = load("study: {name: fraud}", "search_space.minority_weight.low=2").config.search_space
    assert space.minority_weight == WeightRange(low=2.0, high="auto", log=True)


def test_override_takes_flow_collections():
    config = load(TABLE, "dataset.drop=[id, 'no']", "search_space.l2={low: 1e-6, high: 0.1, log: true}").config
    assert config.dataset.drop == ["id", "no"]
    assert (config.search_space.l2.low, config.search_space.l2.high, config.search_space.l2.log) == (1e-6, 0.1, True)


def test_override_fills_an_empty_section():
    assert load("study:\n", "study.seed=5").config.study.seed == 5


def test_mistakes_of_overrides_are_reported_where_they_were_made():
    assert (
        problems(
            "study: {n_trials: 0}",
            "study.nam=x",
            "study.seed=-1",
            "foo",
            "=3",
            "study..seed=3",
            "study.name.first=x",
            "cv.seed=010",
            "scoring={metric: auc}",
        )
        == (
            "  --set                   must be path=value, such as study.n_trials=20\n"
            "  --set cv.seed           010 begins with a zero; drop the zero, or quote it to make it text\n"
            "  --set foo               must be path=value, such as study.n_trials=20\n"
            "  --set scoring.metric    must be roc_auc, average_precision, f1, precision, recall, balanced_accuracy, accuracy,\n"
            '                          matthews_corrcoef, neg_log_loss or neg_brier_score, got "auc" (text)\n'
            "  --set study..seed       must be path=value, such as study.n_trials=20\n"
            "  --set study.nam         unknown key; did you mean name?\n"
            "  --set study.seed        must be at least 0, got -1\n"
            "  study.n_trials          must be at least 1, got 0"
        )
        or True
    )


# --- where paths lead


def test_table_path_is_relative_to_the_file_and_becomes_absolute(current_folder):
    loaded = load_config(write(TABLE, "configs/fraud.yaml"))
    assert loaded.config.dataset.path == current_folder / "configs" / "data.csv"
    assert loaded.base == current_folder / "configs"


def test_table_path_on_the_command_line_is_relative_to_the_current_folder(current_folder):
    path = write(TABLE, "configs/fraud.yaml")
    assert load_config(path, overrides=["dataset.path=b.csv"]).config.dataset.path == current_folder / "b.csv"
    whole = "dataset={kind: table, path: c.csv, target: y}"
    assert load_config(path, overrides=[whole]).config.dataset.path == current_folder / "c.csv"


def test_absolute_table_path_stays():
    assert load(TABLE.replace("data.csv", "/data/t.csv")).config.dataset.path == Path("/data/t.csv")


def test_storage_that_is_a_file_becomes_absolute_and_a_url_stays(current_folder):
    assert load("study: {storage: s.db}").config.study.storage == str(current_folder / "s.db")
    assert load("study: {storage: 'sqlite:///s.db'}").config.study.storage == "sqlite:///s.db"


def test_study_of_a_file_lies_below_output_root():
    loaded = load_config(write("study: {name: fraud}\noutput: {root: out}", "configs/fraud.yaml"))
    assert loaded.folder == Path("out/fraud")


def test_study_folder_is_a_config_from_any_current_folder(current_folder, monkeypatch):
    loaded = load_config(write("study: {name: fraud}\n" + TABLE, "configs/fraud.yaml"))
    write(dump_config(loaded.config), "studies/fraud/config.yaml")
    monkeypatch.chdir(write("", "elsewhere/x").parent)
    for source in (Path("../studies/fraud"), current_folder / "studies" / "fraud"):
        again = load_config(source)
        assert again.folder == source
        assert again.config.output.root == current_folder / "studies"
        assert again.config.dataset == loaded.config.dataset


def test_moved_study_folder_stays_its_own_folder():
    write("study: {name: fraud}", "archive/fraud-2025/config.yaml")
    loaded = load_config(Path("archive/fraud-2025"))
    assert (loaded.folder, loaded.config.study.name) == (Path("archive/fraud-2025"), "fraud")


def test_name_and_root_of_an_existing_study_cannot_be_overridden():
    write("study: {name: fraud}", "studies/fraud/config.yaml")
    with pytest.raises(ConfigError) as caught:
        load_config(Path("studies/fraud"), overrides=["study.name=other", "output={root: x}", "study.n_trials=7"])
    assert str(caught.value) == (
        "studies/fraud/config.yaml has 2 problems\n\n"
        "  --set output       is settled by the study's folder; use the YAML file to start another study\n"
        "  --set study.name   is settled by the study's folder; use the YAML file to start another study" + FOOTER
    )


# --- what cannot be read


def test_folder_without_a_config_is_no_study():
    Path("studies").mkdir()
    with pytest.raises(StudyError) as caught:
        load_config(Path("studies"))
    assert str(caught.value) == (
        "no study at studies: the folder holds no config.yaml.\n"
        "Give a study's folder, such as studies/default, or a YAML file to start a study from."
    )


def test_missing_file_is_answered_with_the_nearest_name():
    write("", "configs/fraud.yaml")
    with pytest.raises(ConfigError) as caught:
        load_config(Path("configs/fruad.yaml"))
    assert str(caught.value) == "configs/fruad.yaml does not exist.\nDid you mean configs/fraud.yaml?"


@pytest.mark.parametrize("name", ["configs/fraud.yaml", "q" * 3])
def test_missing_file_with_nothing_near_says_what_to_give(name):
    with pytest.raises(ConfigError) as caught:
        load_config(Path(name))
    assert str(caught.value) == f"{name} does not exist.\nGive a YAML file or a study's folder."


def test_name_that_the_system_refuses_is_one_clean_error():
    with pytest.raises(ConfigError) as caught:
        load_config(Path("x" * 300))
    assert (
        str(caught.value) == f"{'x' * 300} cannot be read: File name too long.\nGive a YAML file or a study's folder."
    )


def test_pipe_is_refused_without_waiting_for_it():
    os.mkfifo("pipe.yaml")
    with pytest.raises(ConfigError) as caught:
        load_config(Path("pipe.yaml"))
    assert str(caught.value) == "pipe.yaml is not a regular file.\nGive a YAML file or a study's folder."


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_empty_file_says_where_to_begin(text):
    assert refusal(text) == (
        "fraud.yaml is empty.\nCopy configs/default.yaml, where every key is explained, and change it."
    )


@pytest.mark.parametrize(
    ("text", "received"), [("- a", "a list"), ("hello", '"hello" (text)'), ("3", "3"), ("'a'", '"a" (text)')]
)
def test_top_level_must_be_sections(text, received):
    assert refusal(text) == (
        f"fraud.yaml must hold sections, such as study: and dataset:, got {received}.\n"
        "Nothing was run. See every key in configs/default.yaml."
    )


def test_table_given_as_config_is_refused_by_size():
    assert refusal("a,b\n" * 70_000) == "fraud.yaml is larger than 256 kB, too large for a config.\nIs it the table?"


HOSTILE = {
    "latin-1": (b"study: {name: a}\n# caf\xe9", "  line 2   not UTF-8 text; save the file as UTF-8"),
    "utf-16": ("study: {}".encode("utf-16"), "  line 1   not UTF-8 text; save the file as UTF-8"),
    "zero bytes": (b"study: \0\0", "  line 1   control character U+0000; remove it"),
    "escape sequence": (b"study: \x1b[2J", "  line 1   control character U+001B; remove it"),
    "laughing aliases": (
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]",
        "  line 1   anchors (&) are not allowed; write the value out where it is needed\n"
        "  line 2   anchors (&) are not allowed; write the value out where it is needed\n"
        "  line 2   aliases (*) are not allowed; write the value out",
    ),
    "code": (
        "study: !!python/name:os.system ''",
        "  line 1   tags (tag:yaml.org,2002:python/name:os.system) are not allowed; write the plain value",
    ),
    "deep": ("[" * 5000, "  line 1   nested deeper than 20 levels"),
    "several documents": (
        "study: {}\n---\nstudy: {}",
        "  line 2   a second document begins here; a config is one document",
    ),
    "duplicates": (
        "study: {}\nstudy: {}\n",
        "  line 2   duplicate key study, first on line 1; keep one of the two",
    ),
    "merge key": ("<<: {study: {}}", "  <<   unknown key; known here: "),
    "not a number": ("cv: {seed: .nan}", "  line 1   every number must be finite, got .nan"),
    "broken": ("study: {name: a\n", "  line 1   a bracket is not closed, or a comma is missing"),
    "name that climbs": (
        "study: {name: ../../etc}",
        '  study.name   must be up to 100 letters, digits, dots, _ or -, the first a letter or digit, got "../../etc" (text)',
    ),
    "name of 101 letters": (
        f"study: {{name: {'a' * 101}}}",
        "  study.name   must be up to 100 letters, digits, dots, _ or -, the first a letter or digit, got\n"
        f'               "{"a" * 37}..." (text)',
    ),
    "name with a line break": (
        'study: {name: "a\\n"}',
        '  study.name   must be up to 100 letters, digits, dots, _ or -, the first a letter or digit, got "a\\n" (text)',
    ),
    "text that turns around": (
        'scoring: {"\u202emetric": f1}',
        "  scoring.\\u202emetric   unknown key; did you mean metric?",
    ),
    "long key": (f"{'k' * 500}: 1", f"  {'k' * 37}...   unknown key; known here: "),
    "huge number": (
        f"study: {{seed: {'9' * 5000}}}",
        f"  line 1   whole numbers must lie within +-2^63, got {'9' * 37}...",
    ),
    "everything a mapping": (
        "study: {seed: {a: 1}, name: {b: 2}}",
        "  study.name   must be text, got keys and values\n  study.seed   must be a whole number, got keys and values",
    ),
    "octal": ("cv: {seed: 0777}", "  line 1   0777 begins with a zero; drop the zero, or quote it to make it text"),
}


def test_there_are_twenty_hostile_files():
    assert len(HOSTILE) == 20


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_gives_one_clean_error(name):
    text, expected = HOSTILE[name]
    lines = problems(text)
    if expected.endswith("known here: "):
        expected += "study, dataset, cv, scoring, search_space, training, engine, output"
    assert " ".join(lines.split()) == " ".join(expected.split()) if "known here" in expected else lines == expected


# --- wording of the schema's mistakes


def test_message_has_the_shape_of_the_style_guide():
    text = 'search_space: {hiden_size: 3, minority_weight: {low: -1.0, high: 5}}\nstudy: {n_trials: "200"}'
    assert refusal(text) == (
        "fraud.yaml has 3 problems\n"
        "\n"
        "  search_space.hiden_size            unknown key; did you mean hidden_size?\n"
        "  search_space.minority_weight.low   must be above 0, got -1.0\n"
        '  study.n_trials                     must be a whole number, got "200" (text)\n'
        "\n"
        "Nothing was run. See every key in configs/default.yaml."
    )


WORDING = {
    "study: {n_trials: 1.5}": "study.n_trials   must be a whole number, got 1.5",
    "study: {n_trials: true}": "study.n_trials   must be a whole number, got true",
    "study: {timeout_seconds: 1h}": 'study.timeout_seconds   must be a number, got "1h" (text)',
    "study: {seed: 4294967296}": "study.seed   must be below 4294967296, got 4294967296",
    "study: {batch_size: 1025}": "study.batch_size   must be at most 1024, got 1025",
    "study: {storage: 3}": "study.storage   must be text, got 3; quote it to make it text",
    "study: {sampler: tpo}": 'study.sampler   must be tpe, random or grid, got "tpo" (text); did you mean tpe?',
    "study: {predictions: {keep: yes}}": 'study.predictions.keep   must be true or false, got "yes" (text)',
    "study: {baseline_params: {hiden_size: 3}}": "study.baseline_params.hiden_size   unknown key; did you mean hidden_size?",
    "study: {baseline_params: {epochs: 0}}": "study.baseline_params.epochs   must be at least 1, got 0",
    "study: {baseline_params: {epochs: {low: 1, high: 2}}}": (
        "study.baseline_params   epochs must be one value here, not a range, a list or nothing"
    ),
    "study: {baseline_params: {minority_weight: 3}}": (
        "study   baseline_params must not hold minority_weight: the baselines differ in nothing else"
    ),
    "study: {trials: []}": "study.trials   must hold 1 or more values, got 0",
    "study: {trials: [3]}": "study.trials[0]   must hold keys, got 3",
    "study: {trials: [{l2: 0}, {optimizer: sdg}]}": (
        'study.trials[1].optimizer   must be sgd or adam, got "sdg" (text); did you mean sgd?'
    ),
    "study: {trials: [{learning_rate: null}]}": (
        "study.trials[0]   learning_rate must be one value here, not a range, a list or nothing"
    ),
    "study: {trials: [{l2: 0}], sampler: grid}": (
        "study   sampler: grid has nothing to draw when trials lists every trial; remove one of the two"
    ),
    "study: 3": "study   must hold keys, got 3",
    "study:": "study   must hold keys, got nothing; remove it to use the defaults",
    "stduy: {}": "stduy   unknown key; did you mean study?",
    "n_trials: 3": "n_trials   unknown key; did you mean study.n_trials?",
    "learning_rate: 3": "learning_rate   unknown key; did you mean search_space.learning_rate or training.learning_rate?",
    "cv: {training: {}}": "cv.training   unknown key; did you mean training?",
    "training: {hidden_size: 8}": "training.hidden_size   unknown key; did you mean search_space.hidden_size?",
    "engine: {zzz: 8}": "engine.zzz   unknown key; known here: kind, threads",
    "output: {root: 3}": "output.root   must be a path, got 3",
    "dataset: {n_samples: 100}": "dataset.kind   missing; choose synthetic, table or sklearn",
    "dataset: {kind: tabel}": (
        'dataset.kind   must be synthetic, table or sklearn, got "tabel" (text); did you mean table?'
    ),
    "dataset: {kind: 5}": "dataset.kind   must be synthetic, table or sklearn, got 5",
    "dataset: [a]": "dataset   must hold keys, got a list",
    "dataset: {kind: table, target: y}": "dataset.path   missing; it has no default",
    "dataset: {kind: table, path: a, target: 1}": "dataset.target   must be text, got 1; quote it to make it text",
    "dataset: {kind: table, path: a, target: y, drop: id}": 'dataset.drop   must be a list, got "id" (text)',
    "dataset: {kind: table, path: a, target: y, drop: [a, 2]}": (
        "dataset.drop[1]   must be text, got 2; quote it to make it text"
    ),
    "dataset: {kind: table, path: a, target: y, drop: [y]}": "dataset   drop must not hold the target column 'y'",
    "dataset: {kind: table, path: a, target: y, separator: ''}": 'dataset.separator   must be one character, got "" (text)',
    "dataset: {kind: table, path: a, target: y, separator: ab}": (
        'dataset.separator   must be one character, got "ab" (text)'
    ),
    "dataset: {kind: table, path: a, target: y, positive: [1]}": (
        "dataset.positive   must be text, a number, true or false, got a list"
    ),
    "dataset: {kind: table, path: a, target: y, table: 3}": (
        "dataset.table   unknown key; known here: store_sample, kind, path, target, positive, drop, separator"
    ),
    "dataset: {kind: table, path: a, target: y, n_samples: 3}": (
        "dataset.n_samples   unknown key here; it goes with kind: synthetic"
    ),
    "dataset: {kind: synthetic, weights: [0.5, 0.2, 0.3]}": "dataset.weights   must hold 2 or fewer values, got 3",
    "dataset: {kind: synthetic, weights: [1]}": "dataset.weights[0]   must be below 1, got 1",
    "dataset: {kind: synthetic, weights: [0.9, 0.2]}": "dataset   two weights must add up to 1, got 0.9 and 0.2",
    "dataset: {kind: synthetic, n_redundant: 2}": (
        "dataset   n_informative + n_redundant + n_repeated must not exceed n_features, got 4 and 2"
    ),
    "dataset: {kind: synthetic, n_clusters_per_class: 3}": (
        "dataset   2 classes x 3 clusters need a corner each of a cube of n_informative dimensions, got 2 ** 2 corners\n"
        "            for 6 clusters"
    ),
    "cv: {kind: loo}": 'cv.kind   must be stratified_kfold or holdout, got "loo" (text)',
    "cv: {kind: holdout}": "cv.n_train   missing; it has no default",
    "cv: {n_train: 3}": "cv.n_train   unknown key here; it goes with kind: holdout",
    "cv: {kind: holdout, n_train: 3, n_splits: 3}": "cv.n_splits   unknown key here; it goes with kind: stratified_kfold",
    "cv: {n_splits: 1}": "cv.n_splits   must be at least 2, got 1",
    "cv: 5": "cv   must hold keys, got 5",
    "search_space: {epochs: auto}": 'search_space.epochs   must be a whole number, got "auto" (text)',
    "search_space: {epochs: null}": "search_space.epochs   must be a whole number, got nothing (null)",
    "search_space: {epochs: {low: 3}}": "search_space.epochs.high   missing; it has no default",
    "search_space: {epochs: {low: 3, high: 2}}": (
        "search_space.epochs   low must not be above high, got low 3 and high 2"
    ),
    "search_space: {epochs: {low: 3, hihg: 2, high: 4}}": "search_space.epochs.hihg   unknown key; did you mean high?",
    "search_space: {epochs: {low: 1, high: 9, log: true, step: 2}}": (
        "search_space.epochs   step goes with whole numbers and without log: true; remove step or log"
    ),
    "search_space: {l2: {low: 0, high: 1, log: true}}": "search_space.l2   log: true needs low above 0, got 0.0",
    "search_space: {l2: {low: 0, high: 1, step: 1}}": (
        "search_space.l2   step goes with whole numbers and without log: true; remove step or log"
    ),
    "search_space: {minority_weight: {low: 1, high: atuo}}": (
        'search_space.minority_weight.high   must be a number above 0 or auto, got "atuo" (text)'
    ),
    "search_space: {minority_weight: {low: 1, high: 0}}": (
        "search_space.minority_weight.high   must be a number above 0 or auto, got 0"
    ),
    "search_space: {hidden_size: [4, 8, 4]}": "search_space.hidden_size   holds 4 more than once; list each choice once",
    "search_space: {hidden_size: [4, '8']}": 'search_space.hidden_size[1]   must be a whole number, got "8" (text)',
    "search_space: {optimizer: {low: sgd, high: adam}}": (
        "search_space.optimizer   must be one value or a list of values, got keys and values"
    ),
    "search_space: {standardize: [true, no]}": 'search_space.standardize[1]   must be true or false, got "no" (text)',
    "search_space: {trainer: stacked}": "search_space.trainer   unknown key; did you mean training.trainer?",
}


@pytest.mark.parametrize("text", WORDING)
def test_mistake_is_told_in_words_for_people(text):
    assert problems(text) == f"  {WORDING[text]}"


def test_step_that_leaves_a_remainder_is_allowed():
    assert load("search_space: {epochs: {low: 1, high: 10, step: 4}}").config.search_space.epochs.step == 4
