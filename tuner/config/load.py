"""From a YAML file, or a study's folder, and `--set` overrides to one checked `Config`.

Every mistake is reported at once, where it was made. Paths in a config are relative to its file; paths in `--set`, and
`output.root`, to the current folder.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from tuner.config.dataset import TableDataset
from tuner.config.problems import KeyPath, config_error, dotted, nearest, schema_problems, show
from tuner.config.schema import Config
from tuner.config.strict_yaml import Problem, dump_yaml, parse_yaml
from tuner.errors import ConfigError, StudyError

CONFIG_NAME = "config.yaml"
"""Name of the config as run, in a study's folder."""
MAX_BYTES = 256 * 1024
"""A config file is no larger than this."""

_DATASET_PATH: KeyPath = ("dataset", "path")
_STORAGE: KeyPath = ("study", "storage")
_SETTLED_BY_FOLDER: tuple[KeyPath, ...] = (("study", "name"), ("output", "root"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfig:
    """A checked config and where it came from.

    Attributes:
        config: every default filled in; `dataset.path` and `study.storage` are absolute.
        source: the YAML file or study's folder, as given.
        base: folder that the paths in the file were relative to, absolute.
        folder: the study's folder: `source` itself, or `<output.root>/<study.name>` relative to the current folder.
    """

    config: Config
    source: Path
    base: Path
    folder: Path


def load_config(source: Path, *, overrides: Sequence[str] = ()) -> LoadedConfig:
    """Read and check a config.

    Args:
        source: a YAML file, or a study's folder, which holds the config as run.
        overrides: the `path=value` of each `--set`; later ones win. A value is YAML; a path into a range merges.

    Raises:
        ConfigError: the file cannot be read, or something in it or in an override is wrong; names every mistake.
        StudyError: `source` is a folder without a config in it.
    """
    is_folder = os.path.isdir(source)  # noqa: PTH112 - Path.is_dir raises on a name that is too long
    file = source / CONFIG_NAME if is_folder else source
    if is_folder and not file.is_file():
        raise StudyError(
            f"no study at {source}: the folder holds no {CONFIG_NAME}.\n"
            "Give a study's folder, such as studies/default, or a YAML file to start a study from."
        )
    data = _read(file)
    paths, problems = _apply(overrides, data, settled=_SETTLED_BY_FOLDER if is_folder else ())
    config = _validated(data, file=file, paths=paths, problems=problems)
    base = _absolute(file.parent)
    config = _with_absolute_paths(config, base, paths)
    if is_folder:
        config = config.model_copy(update={"output": config.output.model_copy(update={"root": base.parent})})
    folder = source if is_folder else config.output.root / config.study.name
    return LoadedConfig(config=config, source=source, base=base, folder=folder)


def plain_config(config: Config) -> dict[str, object]:
    """Return every key of a config, defaults too, as plain data that JSON can hold."""
    return config.model_dump(mode="json")


def dump_config(config: Config) -> str:
    """Return every key of a config as YAML that loads back equal."""
    return dump_yaml(plain_config(config))


def _read(file: Path) -> dict[str, object]:
    text = _read_text(file)
    value, problems = parse_yaml(text)
    if problems:
        raise config_error(file, problems)
    if value is None:
        raise ConfigError(f"{file} is empty.\nCopy configs/default.yaml, where every key is explained, and change it.")
    if not isinstance(value, dict):
        raise ConfigError(
            f"{file} must hold sections, such as study: and dataset:, got {show(value)}.\n"
            "Nothing was run. See every key in configs/default.yaml."
        )
    return value


def _read_text(file: Path) -> str:
    try:
        if file.exists() and not file.is_file():
            raise ConfigError(f"{file} is not a regular file.\nGive a YAML file or a study's folder.")
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(_missing(file)) from None
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.\nGive a YAML file or a study's folder.") from None
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{file} is larger than {MAX_BYTES // 1024} kB, too large for a config.\nIs it the table?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise config_error(file, [Problem(f"line {line}", "not UTF-8 text; save the file as UTF-8")]) from None


def _missing(file: Path) -> str:
    there = sorted(file.parent.iterdir()) if file.parent.is_dir() else []
    beside = [path.name for path in there if path.is_dir() or path.suffix in (".yaml", ".yml")]
    match = nearest(file.name, beside)
    hint = f"Did you mean {file.parent / match}?" if match else "Give a YAML file or a study's folder."
    return f"{file} does not exist.\n{hint}"


def _apply(
    overrides: Sequence[str], data: dict[str, object], *, settled: Collection[KeyPath]
) -> tuple[list[KeyPath], list[Problem]]:
    """Write each override into `data`; return the key paths that were set, and what could not be."""
    paths: list[KeyPath] = []
    problems: list[Problem] = []
    for override in overrides:
        key, equals, text = override.partition("=")
        path = tuple(key.strip().split("."))
        where = f"--set {dotted(path)}"
        value, mistakes = parse_yaml(text)
        problems += [Problem(where, mistake.what) for mistake in mistakes]
        if not equals or not all(path):
            problems.append(Problem(where, "must be path=value, such as study.n_trials=20"))
        elif any(key_path[: len(path)] == path for key_path in settled):
            problems.append(
                Problem(where, "is settled by the study's folder; use the YAML file to start another study")
            )
        elif not mistakes:
            paths.append(path)
            problems += [Problem(where, what) for what in _set(data, path, value)]
    return paths, problems


def _set(data: dict[str, object], path: KeyPath, value: object) -> list[str]:
    """Set the value at `path`; return why not where a key on the way holds no keys."""
    for i, key in enumerate(path[:-1]):
        if data.get(key) is None:
            data[key] = _default(path[: i + 1])
        inner = data[key]
        if not isinstance(inner, dict):
            return [f"{dotted(path[: i + 1])} is {show(inner)}, which has no key {path[i + 1]}; set it as a whole"]
        data = inner
    data[path[-1]] = value
    return []


def _default(path: KeyPath) -> object:
    """Return what an override into an absent key merges with: the default range or value; nothing for a section."""
    value: object = plain_config(Config())
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    is_section = isinstance(value, dict) and path[0] != "search_space"
    return {} if value is None or is_section else value


def _validated(data: dict[str, object], *, file: Path, paths: Sequence[KeyPath], problems: Sequence[Problem]) -> Config:
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        raise config_error(file, [*problems, *schema_problems(error, paths)]) from None
    if problems:
        raise config_error(file, problems)
    return config


def _with_absolute_paths(config: Config, base: Path, overrides: Sequence[KeyPath]) -> Config:
    """Return the config with its input paths absolute, so that a copy of it works from anywhere."""

    def absolute(path: str | Path, key_path: KeyPath) -> Path:
        on_command_line = any(key_path[: len(override)] == override for override in overrides)
        return _absolute(Path(path) if on_command_line else base / path)

    update: dict[str, object] = {}
    if isinstance(config.dataset, TableDataset):
        path = absolute(config.dataset.path, _DATASET_PATH)
        update["dataset"] = config.dataset.model_copy(update={"path": path})
    if config.study.storage is not None:
        storage = absolute(config.study.storage, _STORAGE)
        update["study"] = config.study.model_copy(update={"storage": str(storage)})
    return config.model_copy(update=update)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve would also follow symlinks
