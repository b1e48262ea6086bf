"""From files and overrides to a config: what is read, where paths lead, and the full text of every refusal."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.config.cv import Holdout
from tuner.config.load import dump_config, load_config, plain_config
from tuner.config.schema import PARAMS, Config, SearchSpace, StudySection
from tuner.config.strict_yaml import parse_yaml
from tuner.config.values import WeightRange
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
    "dropout": st.floats(0, 1, exclude_max=True),
    "optimizer": st.sampled_from(["sgd", "adam"]),
    "activation": st.sampled_from(["relu", "tanh"]),
    "standardize": st.booleans(),
    "weight_exponent": st.floats(0, 10),
    "weight_deviation": st.floats(0, 1e9, exclude_min=True),
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


def test_plain_config_is_json_and_validates_back_equal():
    loaded = load(TABLE)
    assert Config.model_validate(json.loads(json.dumps(plain_config(loaded.config), allow_nan=False))) == loaded.config


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
    overrides = ["study.nam=x", "study.seed=-1", "foo", "=3", "study..seed=3", "cv.seed=010", "scoring={metric: auc}"]
    assert problems("study: {n_trials: 0}", *overrides) == (
        "  --set                  must be path=value, such as study.n_trials=20\n"
        "  --set cv.seed          010 begins with a zero; drop the zero, or quote it to make it text\n"
        "  --set foo              must be path=value, such as study.n_trials=20\n"
        "  --set scoring.metric   must be roc_auc, average_precision, neg_log_loss, neg_brier_score, f1, fbeta, precision,\n"
        "                         recall, balanced_accuracy, g_mean, accuracy, matthews_corrcoef, f1_macro, f1_weighted,\n"
        '                         precision_macro, precision_weighted, roc_auc_ovr or roc_auc_ovr_weighted, got "auc" (text);\n'
        "                         did you mean roc_auc?\n"
        "  --set study..seed      must be path=value, such as study.n_trials=20\n"
        "  --set study.nam        unknown key; did you mean name?\n"
        "  --set study.seed       must be at least 0, got -1\n"
        "  study.n_trials         must be at least 1, got 0"
    )


def test_override_into_what_holds_no_keys_says_what_is_there():
    assert problems("search_space: {epochs: 5}", "search_space.epochs.low=2", "study.name.first=x") == (
        "  --set search_space.epochs.low   search_space.epochs is 5, which has no key low; set it as a whole\n"
        '  --set study.name.first          study.name is "default" (text), which has no key first; set it as a whole'
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


@pytest.mark.parametrize("storage", ["s.db", "sqlite:///s.db"])
def test_storage_is_relative_to_the_config_or_on_the_command_line_to_the_current_folder(current_folder, storage):
    file = write(f"study: {{storage: '{storage}'}}", "configs/fraud.yaml")
    assert load_config(file).config.study.storage == str(current_folder / "configs" / "s.db")
    loaded = load_config(file, overrides=[f"study.storage='{storage}'"])
    assert loaded.config.study.storage == str(current_folder / "s.db")
    write(dump_config(loaded.config), "elsewhere/config.yaml")
    assert load_config(Path("elsewhere/config.yaml")).config == loaded.config


def test_absolute_storage_stays_where_it_is():
    assert load("study: {storage: 'sqlite:////srv/a.db'}").config.study.storage == "/srv/a.db"


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


NAME_RULE = "must be up to 100 letters, digits, dots, _ or -, the first a letter or digit"
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
        f'  study.name   {NAME_RULE}, got "../../etc" (text)',
    ),
    "name of 101 letters": (
        f"study: {{name: {'a' * 101}}}",
        f'  study.name   {NAME_RULE}, got\n               "{"a" * 37}..." (text)',
    ),
    "name with a line break": (
        'study: {name: "a\\n"}',
        f'  study.name   {NAME_RULE}, got "a\\n" (text)',
    ),
    "text that turns around": (
        'scoring: {"\u202emetric": f1}',
        "  scoring.\\u202emetric   unknown key; did you mean metric?",
    ),
    "long key": (f"{'k' * 500}: 1", f"  {'k' * 37}...   unknown key; known here: "),
    "huge number": (
        f"study: {{seed: {'9' * 5000}}}",
        f"  line 1   whole numbers must lie within +-(2^63 - 1), got {'9' * 37}...",
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
        expected += (
            "study, dataset, encoding, cv, scoring, search_space, training, racing, threshold, evidence, verdict, engine, "
            "output"
        )
    assert " ".join(lines.split()) == " ".join(expected.split()) if "known here" in expected else lines == expected


def test_thousands_of_mistakes_are_counted_and_the_first_are_shown():
    lines = refusal("\n".join(f"k{i}: 1" for i in range(2000))).split("\n")
    assert lines[0] == "fraud.yaml has 2000 problems"
    assert lines[-3] == "  ... and 1940 more"
