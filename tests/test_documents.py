"""What the documents claim: commands, files, keys, exit codes, links, messages, and the code in the README."""

import ast
import contextlib
import functools
import inspect
import re
import runpy
import shlex
import shutil
import tomllib
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import typer.main
from pydantic import BaseModel

from tuner import errors
from tuner.cli.main import app, call
from tuner.config.load import dump_config, load_config
from tuner.config.schema import Config, SearchSpace

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
MAP = ROOT / "docs/map.md"
TROUBLESHOOTING = ROOT / "docs/troubleshooting.md"
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
PAGES = ["CHANGELOG.md", "docs/benchmarks.md", "docs/tables.md", "docs/verdict.md"]
DOCUMENTS = [README, MAP, TROUBLESHOOTING, *(ROOT / page for page in PAGES), *DECISIONS]

SMALL = {
    "study.n_trials": "3",
    "search_space.epochs": "{low: 1, high: 2}",
    "search_space.hidden_size": "4",
    "cv.n_splits": "2",
    "cv.n_repeats": "1",
}
"""Overrides that make a config of the README run in a moment; the commands themselves are not touched."""

SMALLER = {"n_trials=200": "n_trials=4", "--trial 91": "--trial 2"}
"""Numbers in the README's commands and code that only a full study can serve."""


def blocks(document, language):
    """Return the fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", document.read_text(), re.MULTILINE | re.DOTALL)


def shell_lines(document):
    """Return the lines of shell blocks without comments."""
    return [line.partition(" #")[0].strip() for block in blocks(document, "sh") for line in block.splitlines() if line]


def code_spans(document):
    """Return what stands between single backticks outside fenced blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL))


def table(document, first_header):
    """Return the rows of the table whose first header is given, as lists of cells."""
    rows = re.search(rf"^\| {first_header} \|.*\n\|[-:| ]+\|\n((?:\|.*\n)+)", document.read_text(), re.MULTILINE)[1]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows.splitlines()]


def commands(document):
    """Return every `tuner ...` command line in a document, shell lines and code spans alike."""
    candidates = [*shell_lines(document), *code_spans(document)]
    return [c for c in candidates if re.match(r"(python -m )?tuner [a-z]", c)]


ALL_COMMANDS = sorted({command for document in DOCUMENTS for command in commands(document)})
RUNNABLE = [
    line for line in shell_lines(README) if not re.match(r"make |optuna-dashboard |python -m tuner dashboard", line)
]


@pytest.mark.parametrize("command", ALL_COMMANDS)
def test_command_parses(command):
    words = shlex.split(command.removeprefix("python -m "))[1:]
    group = typer.main.get_command(app)
    name, sub, rest = group.resolve_command(group.make_context("tuner", list(words)), words)
    sub.make_context(name, rest)


def test_commands_table_lists_every_command_and_no_other():
    listed = [row[0].strip("`").split()[0] for row in table(README, "command")]
    assert listed == list(typer.main.get_command(app).commands)


def test_options_named_in_the_commands_table_exist():
    known = typer.main.get_command(app).commands
    for row in table(README, "command"):
        options = {option for parameter in known[row[0].strip("`").split()[0]].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z]+", " ".join(row))) <= options


def test_exit_codes_equal_those_of_the_errors():
    stated = {row[1].strip("`"): {int(code) for code in row[0].split(",")} for row in table(README, "exit code")}
    raised = {
        name: {error.exit_code}
        for name, error in inspect.getmembers(errors, inspect.isclass)
        if issubclass(error, errors.TunerError) and error is not errors.Stopped
    }
    stopped = {errors.Stopped("", signal_number=number).exit_code for number in (2, 15)}
    assert stated == {"": {0}, **raised, "Stopped": stopped}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_and_folder_named_exists(document):
    named = re.findall(r"(?<![\w/.-])(?:tuner|tests|configs|docs|benchmarks)/[\w./-]*", document.read_text())
    missing = [name for name in named if not (ROOT / name.rstrip(".")).exists()]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document):
    for target in re.findall(r"\]\(([^)]+)\)", document.read_text()):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        page = (document.parent / file).resolve() if file else document
        assert page.exists(), target
        assert not anchor or anchor in anchors(page), target


def anchors(page):
    """Return the anchors that headings of a page get."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def models(annotation):
    """Return the pydantic models inside an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in models(argument)]


def is_key(path):
    """Return whether a dotted path names a key of the config."""
    owners = [Config]
    for name in path.split("."):
        fields = [owner.model_fields[name] for owner in owners if name in owner.model_fields]
        if not fields:
            return False
        owners = [model for field in fields for model in models(field.annotation)]
    return True


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_config_key_named_exists(document):
    keys = re.compile(rf"({'|'.join(Config.model_fields)})\.[a-z_0-9.]+")
    spans = [span.removeprefix("--set ").partition("=")[0].partition(":")[0] for span in code_spans(document)]
    overrides = [word.partition("=")[0] for line in shell_lines(document) for word in line.split() if "=" in word]
    named = [span for span in (*spans, *overrides) if keys.fullmatch(span) and span not in ("study.db", "encoding.py")]
    assert [key for key in named if not is_key(key)] == []


def test_keys_are_told_apart_from_what_is_none():
    assert is_key("search_space.minority_weight.high")
    assert is_key("dataset.target")
    assert not is_key("study.n_trails")
    assert not is_key("search_space.minority_weight.hihg")


@pytest.mark.parametrize("text", blocks(README, "yaml"))
def test_yaml_of_the_readme_is_a_config(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    assert load_config(tmp_path / "config.yaml").config.search_space != SearchSpace()


def test_floors_of_the_map_are_those_the_linter_checks():
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]["layers"]
    stated = [
        " | ".join(path.rstrip("/").removesuffix(".py").replace("/", ".") for path in re.findall(r"`([^`]+)`", row[1]))
        for row in table(MAP, "floor")
    ]
    assert stated == layers
    assert [int(row[0]) for row in table(MAP, "floor")] == list(reversed(range(len(layers))))


def test_decisions_are_numbered_without_gaps_and_linked_from_the_map():
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    for path in DECISIONS:
        title = path.read_text().splitlines()[0].removeprefix("# ")
        assert title.startswith(path.name[:4])
        assert f"- [{title}](decisions/{path.name})" in MAP.read_text()
        sections = re.findall(r"^\*\*(\w+)\.\*\*", path.read_text(), re.MULTILINE)
        assert sections == ["Context", "Decision", "Consequence"]


@functools.cache
def source_texts():
    """Return the constant parts of every string in the package, lines joined."""
    texts = []
    for module in (ROOT / "tuner").rglob("*.py"):
        nodes = ast.walk(ast.parse(module.read_text()))
        texts += [" ".join(n.value.split()) for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return texts


SYMPTOMS = re.findall(r"^### .*`.*$", TROUBLESHOOTING.read_text(), re.MULTILINE)


@pytest.mark.parametrize("heading", SYMPTOMS)
def test_message_in_troubleshooting_is_one_the_program_can_say(heading):
    fragments = [part.strip() for span in re.findall(r"`([^`]+)`", heading) for part in span.split("...")]
    texts = source_texts()
    unknown = [fragment for fragment in fragments if fragment and not any(fragment in text for text in texts)]
    assert unknown == []


def test_picture_of_the_report_is_small():
    assert 0 < (ROOT / "docs/report.png").stat().st_size < 300_000


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A folder in which the README's commands were run once, in order: (folder, exit code by command)."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "configs").mkdir()
    shutil.copy(ROOT / "configs/default.yaml", folder / "configs")
    make_small(folder / "configs/default.yaml")
    rng = np.random.default_rng(0)
    target = np.arange(60) % 6 == 0
    rows = np.column_stack([rng.integers(0, 9, 60), rng.normal(size=(60, 2)) + target[:, None], target])
    np.savetxt(
        folder / "my_table.csv", rows, fmt=("%d", "%.3f", "%.3f", "%d"), delimiter=",", header="id,a,b,y", comments=""
    )
    with contextlib.chdir(folder):
        codes = {command: run(command) for command in RUNNABLE}
    return folder, codes


def make_small(config):
    """Make a config one of seconds."""
    loaded = load_config(config, overrides=[f"{key}={value}" for key, value in SMALL.items()])
    config.write_text(dump_config(loaded.config))


def run(command):
    """Run one shell line of the README in the current folder and return its exit code."""
    for full, small in SMALLER.items():
        command = command.replace(full, small)
    program, *words = shlex.split(command.removeprefix("python -m "))
    assert program == "tuner", f"no way to run {program!r} here"
    code = call([*words, "--quiet"])
    if words[0] == "init":
        make_small(Path("my_table.yaml"))
    return code


@pytest.mark.slow
@pytest.mark.parametrize("command", RUNNABLE)
def test_command_of_the_readme_succeeds(workspace, command):
    assert workspace[1][command] == 0


@pytest.mark.slow
def test_every_output_named_in_the_readme_is_written(workspace):
    named = set(re.findall(r"studies/[\w./-]*", README.read_text()))
    assert {"studies/default/study.db", "studies/my_table/best_weights.json"} <= named
    assert {name for name in named if not (workspace[0] / name.rstrip(".")).exists()} == set()
    listed = re.search(r"The outputs are in `studies/my_table/`: (.*?)\n\n", README.read_text(), re.DOTALL)[1]
    outputs = [span for span in re.findall(r"`([^`]+)`", listed) if not span.startswith("configs/")]
    assert {path.name for path in (workspace[0] / "studies/my_table").iterdir()} >= {o.rstrip("/") for o in outputs}


@pytest.mark.slow
@pytest.mark.parametrize("index", range(len(blocks(README, "python"))))
def test_python_of_the_readme_runs(workspace, monkeypatch, index):
    source = blocks(README, "python")[index]
    for full, small in SMALLER.items():
        source = source.replace(full, small)
    script = workspace[0] / f"block_{index}.py"
    script.write_text(source)
    monkeypatch.chdir(workspace[0])
    names = runpy.run_path(str(script))
    if "model" in names:
        assert names["weights"].target == "y"
    elif "chance" in names:
        assert 0.0 < names["chance"] < 1.0
    else:
        assert names["result"].summary.n_finished == 4
