"""The house: third parties at home where docs/map.md says, modules of a readable size, nothing of the machine inside."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "tuner").rglob("*.py"))

HOMES = {
    "tensorflow": ("training/backend.py",),
    "keras": ("training/backend.py",),
    "optuna": ("study/",),
    "sqlalchemy": ("study/",),
    "optuna_dashboard": ("cli/dashboard.py",),
    "pandas": ("data/", "report/tables.py"),
    "pyarrow": ("data/",),
    "sklearn": ("data/", "analysis/references.py", "analysis/probabilities.py"),
    "imblearn": ("data/resampling.py",),
    "matplotlib": ("report/canvas.py", "report/plots.py", "report/evidence_plots.py", "report/table_picture.py"),
    "jinja2": ("report/html.py",),
    "typer": ("cli/",),
    "rich": ("cli/",),
    "pydantic": ("config/",),
    "yaml": ("config/",),
}


def imported(module):
    """Return the top-level packages a module imports anywhere in its text."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("package", HOMES)
def test_third_party_is_imported_at_home_and_nowhere_else(package):
    users = {str(m.relative_to(ROOT / "tuner")) for m in MODULES if package in imported(m)}
    assert users, f"{package} is not used at all"
    assert {user for user in users if not user.startswith(HOMES[package])} == set()


def test_only_one_module_sees_the_whole_config():
    users = {m.name for m in MODULES if re.search(r"import .*\bConfig\b", m.read_text()) and m.parent.name != "config"}
    assert users == {"prepared.py"}


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(ROOT)))
def test_module_says_what_it_is_and_stays_readable(module):
    tree = ast.parse(module.read_text())
    assert ast.get_docstring(tree), "no module docstring"
    assert len(module.read_text().splitlines()) <= 400


def test_no_pickle_eval_or_exec_anywhere():
    for module in MODULES:
        names = {node.id for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Name)}
        assert not names & {"eval", "exec"}
        assert not set(imported(module)) & {"pickle", "joblib", "marshal", "shelve", "dill"}
