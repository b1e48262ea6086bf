"""Begin with a table: a config for it, commented, with everything that was inferred and why.

Nothing is guessed that the table does not show, and every inference stands in the file, where it can be changed.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.config.dataset import MISSING, TableDataset, table_section
from tuner.config.schema import STUDY_NAME
from tuner.config.values import Scalar
from tuner.data.dataset import Dataset, Roles
from tuner.data.delimited import separator_of
from tuner.data.kinds import LEFT_OUT, ColumnSpec
from tuner.data.parquet import is_parquet
from tuner.data.raw import read_names
from tuner.data.table import Opened, dataset_of, open_table
from tuner.errors import ConfigError, DataError
from tuner.files import write_atomically

SEPARATORS = (",", ";", "\t", "|")
ENCODINGS = ("utf-8", "cp1252")
MAX_STEPS = 1_250
"""Steps of an epoch that a batch size is chosen for: those of the tutorial's problem."""

WORDS_OF_YAML = ("null", "true", "false", "yes", "no", "on", "off", "y", "n")
"""Words that some reader of YAML takes for something else."""

_SUFFIXES = re.compile(r"\.(csv|tsv|tab|txt|parquet|pq)(\.gz)?$", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r'"?[+-]?\d+,\d+"?')


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A config that was written: where, and what was inferred."""

    path: Path
    text: str
    study: str
    dataset: Dataset
    table: Opened

    def as_dict(self) -> dict[str, object]:
        """Return what `--json` prints."""
        specs = [{"name": s.name, "kind": s.kind, "evidence": s.evidence} for s in self.table.specs]
        counts = dict(zip(self.dataset.classes, self.dataset.class_counts, strict=True))
        return {
            "config": str(self.path),
            "study": self.study,
            "rows": self.table.n_rows,
            "task": self.dataset.task,
            "classes": counts,
            "columns": specs,
        }


def start(
    table: Path,
    *,
    target: Sequence[str],
    positive: Scalar | None = None,
    drop: Sequence[str] = (),
    missing: Sequence[str] = (),
    kinds: Sequence[str] = (),
    drop_unlabeled: bool = False,
    out: Path | None = None,
    force: bool = False,
) -> Start:
    """Write a config for a table.

    Args:
        table: CSV, TSV, gzipped or not, or Parquet.
        target: the column of classes; several for a table of labels.
        positive: the positive one of two classes; None for the rarer one.
        drop: columns to leave out.
        missing: further words that stand for a missing value.
        kinds: columns that are not what would be inferred, each as "column=kind".
        drop_unlabeled: whether rows without a label are left out.
        out: where to write; None is the table's name in the current folder.
        force: whether a file that is there may be overwritten.

    Raises:
        ConfigError: the file is there already, or the arguments contradict each other.
        DataError: the table cannot be used.
        StudyError: the config cannot be written.
    """
    name = study_name(table)
    path = out or Path(f"{name}.yaml")
    if path.exists() and not force:
        raise ConfigError(f"{path} exists already, and may hold your work.\nAdd --force, or name another with --out.")
    section = _section(table, target, positive=positive, drop=drop, missing=missing, kinds=kinds)
    section = section.model_copy(update={"unlabeled": "drop" if drop_unlabeled else "refuse"})
    section = _readable(table, section)
    opened = open_table(section, Roles())
    dataset = dataset_of(opened, section, Roles())
    text = config_text(section, opened, dataset, study=name, folder=path.absolute().parent)
    write_atomically(path, text.encode())
    return Start(path=path, text=text, study=name, dataset=dataset, table=opened)


def study_name(table: Path) -> str:
    """Return the name of a file without its kind, with what no study may be called replaced."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", _SUFFIXES.sub("", table.name)).lstrip("._-")[:100]
    return name if re.fullmatch(STUDY_NAME, name) else "study"


def _section(
    table: Path,
    target: Sequence[str],
    *,
    positive: Scalar | None,
    drop: Sequence[str],
    missing: Sequence[str],
    kinds: Sequence[str],
) -> TableDataset:
    """Return the section that the arguments make."""
    if not table.exists():
        raise DataError(f"{table} does not exist.\nGive the path of a CSV, TSV or Parquet file.")
    values = {
        "path": table.absolute(),
        "target": target[0] if len(target) == 1 else list(target),
        "positive": positive,
        "drop": list(drop),
        "missing": list(dict.fromkeys([*MISSING, *missing])),
        "columns": dict(kind.rpartition("=")[::2] for kind in kinds),
    }
    try:
        return table_section(values)
    except ConfigError as error:
        raise ConfigError(f"{error}.\nCorrect --target, --positive, --drop or --kind COLUMN=KIND.") from None


def _readable(table: Path, section: TableDataset) -> TableDataset:
    """Return a section with the separator, encoding and decimal point that the first lines of the file show."""
    if is_parquet(table):
        return section
    section = section.model_copy(update={"encoding": _encoding(section)})
    names = read_names(section)
    if len(names) == 1:
        seen = Counter(character for character in names[0] if character in SEPARATORS)
        if seen:
            section = section.model_copy(update={"separator": seen.most_common(1)[0][0]})
    separator = separator_of(table, section.separator)
    if separator != "," and _has_decimal_commas(section, separator):
        section = section.model_copy(update={"decimal": ","})
    return section


def _encoding(section: TableDataset) -> str:
    """Return the first of some encodings in which the file reads; UTF-8 where none does, whose error says where."""
    for encoding in ENCODINGS:
        try:
            with section.path.open("rb") as file:
                file.read(1 << 20).decode(encoding)
        except UnicodeDecodeError as error:
            if error.reason == "unexpected end of data":  # cut between the bytes of a character
                return encoding
        except OSError:
            break
        else:
            return encoding
    return ENCODINGS[0]


def _has_decimal_commas(section: TableDataset, separator: str) -> bool:
    with section.path.open("rb") as file:
        lines = file.read(1 << 16).decode(section.encoding, errors="replace").splitlines()[1:-1]
    cells = [cell for line in lines for cell in line.split(separator)]
    return any(_DECIMAL_COMMA.fullmatch(cell.strip()) for cell in cells)


def config_text(section: TableDataset, table: Opened, dataset: Dataset, *, study: str, folder: Path) -> str:
    """Return the config as text.

    Args:
        section: how the table is read.
        table, dataset: what is in it.
        study: its name.
        folder: that the config will lie in, absolute.
    """
    lines = [
        f"# A study of {section.path.name}: {table.n_rows:,} rows. Every key is explained in configs/default.yaml.",
        "#   python -m tuner check FILE      what is in the table, and what a run would take",
        "#   python -m tuner run FILE        search, then report; run it again to go on",
        "#   python -m tuner verdict FILE    whether class weights help on this table, beyond noise",
        "",
        "study:",
        f"  name: {_quoted(study)}",
        "  n_trials: 100",
        "",
        *_dataset_lines(section, table, dataset, folder),
        "",
        *_cv_lines(table, dataset),
        "",
        *_scoring_lines(dataset),
        "",
        *_search_lines(dataset),
        "",
        *_training_lines(table),
    ]
    return "\n".join(lines) + "\n"


def _dataset_lines(section: TableDataset, table: Opened, dataset: Dataset, folder: Path) -> list[str]:
    path = os.path.relpath(section.path, folder)
    lines = ["dataset:", "  kind: table", _noted(f"path: {_quoted(path)}", "from the folder of this file")]
    counts = ", ".join(
        f"{_quoted(label)} {count:,} rows" for label, count in zip(dataset.classes, dataset.class_counts, strict=True)
    )
    ratio = f"imbalance ratio {dataset.imbalance_ratio:.4g}"
    if dataset.task == "multilabel":
        lines += [_noted("target:", "several labels; rows that have each:")]
        lines += [
            _noted(f"  - {_quoted(name)}", f"{count:,}")
            for name, count in zip(dataset.classes, dataset.class_counts, strict=True)
        ]
    else:
        lines += [_noted(f"target: {_quoted(section.targets[0])}", f"{len(dataset.classes)} classes, {ratio}")]
        lines += [f"  #   {counts}"]
    if dataset.task == "binary":
        why = "as given" if section.positive is not None else "the rarer class"
        lines += [_noted(f"positive: {_quoted(dataset.classes[1])}", why)]
    lines += [_noted(f"drop: [{', '.join(map(_quoted, section.drop))}]", "columns to leave out")]
    if section.separator is not None:
        lines += [_noted(f"separator: {_quoted(section.separator)}", "seen in the header")]
    if section.decimal != ".":
        lines += [_noted(f"decimal: {_quoted(section.decimal)}", "seen in numbers")]
    if section.encoding != ENCODINGS[0]:
        lines += [_noted(f"encoding: {_quoted(section.encoding)}", "the file is not UTF-8")]
    if section.missing != list(MISSING):
        lines += [_noted(f"missing: [{', '.join(map(json.dumps, section.missing))}]", "cells without a value")]
    if section.unlabeled == "drop":
        lines += [_noted("unlabeled: drop", f"{dataset.n_unlabeled:,} rows have no label")]
    lines += _small_class_lines(dataset)
    lines += [
        "  # How each column is read, and why. Where that is wrong, name the column here with numeric, boolean,",
        "  # categorical, date, text or drop, such as {zip_code: categorical}.",
        f"  columns: {{{', '.join(f'{_quoted(name)}: {kind}' for name, kind in section.columns.items())}}}",
    ]
    width = max((len(_quoted(spec.name)) for spec in table.specs), default=0)
    return lines + [f"  #   {_quoted(spec.name):<{min(width, 40)}}  {_kind_words(spec)}" for spec in table.specs]


def _kind_words(spec: ColumnSpec) -> str:
    left_out = ", left out" if spec.kind in LEFT_OUT else ""
    return f"{spec.kind + left_out:<19}  {_one_line(spec.evidence)}"


def _small_class_lines(dataset: Dataset) -> list[str]:
    small = _small_classes(dataset)
    if dataset.task != "multiclass" or not small:
        return []
    named = ", ".join(f"{_quoted(label)} ({count})" for label, count in small)
    return [
        f"  # Too few rows for folds: {named}. `run` refuses until you choose: merge joins such classes into one,",
        "  # drop leaves their rows out; or lower cv.n_splits.",
        "  small_classes: refuse",
    ]


def _small_classes(dataset: Dataset) -> list[tuple[str, int]]:
    counts = zip(dataset.classes, dataset.class_counts, strict=True)
    return [(label, count) for label, count in counts if count < _n_splits(dataset)]


def _n_splits(dataset: Dataset) -> int:
    """Return the default five folds, or as few as a smallest class of three or four rows allows."""
    fewest = min(dataset.class_counts)
    if dataset.task == "multilabel":
        fewest = min(fewest, len(dataset.y) - max(dataset.class_counts))
    return fewest if fewest in (3, 4) else 5


def _cv_lines(table: Opened, dataset: Dataset) -> list[str]:
    n_splits = _n_splits(dataset)
    why = "" if n_splits == 5 else f"the smallest class has {n_splits} rows"
    lines = ["cv:", _noted(f"n_splits: {n_splits}", why), "  n_repeats: 3"]
    dates = [spec.name for spec in table.specs if spec.kind == "date"]
    if dates:
        lines += [_noted(f"# time: {_quoted(dates[0])}", "where the future is predicted; then remove n_repeats")]
    return lines + [_noted("# group: NAME", "a column: rows of one customer, say, stay together")]


def _scoring_lines(dataset: Dataset) -> list[str]:
    if dataset.task == "multiclass":
        other = "f1_macro, roc_auc_ovr, accuracy, ..."
        return ["scoring:", _noted("metric: balanced_accuracy", f"the mean recall of all classes; or {other}")]
    mean = "the mean over the labels; " if dataset.task == "multilabel" else ""
    return ["scoring:", _noted("metric: roc_auc", f"{mean}or average_precision, f1, balanced_accuracy, ...")]


def _search_lines(dataset: Dataset) -> list[str]:
    lines = ["search_space:"]
    if dataset.task == "binary":
        lines += ["  minority_weight: {low: 1.0, high: auto, log: true}   # auto = 10 x the imbalance ratio"]
    else:
        lines += [
            "  # b of the weight of a class = (rows of the largest class / rows of this one) to the power of b.",
            "  weight_exponent: {low: 0.0, high: 1.5}",
        ]
    return [
        *lines,
        "  hidden_size: {low: 4, high: 64, log: true}",
        "  epochs: {low: 10, high: 100}",
        "  # A larger weight is also a larger step, so the rate is searched beside it.",
        "  learning_rate: {low: 0.003, high: 0.3, log: true}",
    ]


def _training_lines(table: Opened) -> list[str]:
    batch_size = _batch_size(table.n_rows)
    why = "" if batch_size == 32 else f"about {0.8 * table.n_rows / batch_size:,.0f} steps in each epoch"
    return ["training:", _noted(f"batch_size: {batch_size}", why)]


def _batch_size(n_rows: int) -> int:
    steps = 0.8 * n_rows / 32 / MAX_STEPS
    return 32 << max(0, math.ceil(math.log2(max(steps, 1.0))))


def _noted(setting: str, note: str) -> str:
    """Return a line of a section, its comment behind it in one column with the others."""
    return f"  {setting:<28}  # {note}" if note else f"  {setting}"


def _quoted(text: str) -> str:
    """Return text as YAML reads it back, in double quotes unless it is plain."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) and text.lower() not in WORDS_OF_YAML:
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _one_line(text: str) -> str:
    return " ".join(text.split())
