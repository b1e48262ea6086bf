"""What a benchmark found, and under which circumstances: JSON for programs, Markdown for people.

Every benchmark keeps its latest result in `results/<name>.json`, with its table beside it in `results/<name>.md`;
`docs/benchmarks.md` is all of these tables on one page, with their pictures in `docs/benchmarks/`, those of simulated
tables in `docs/verdict/`.
`python benchmarks/recording.py` writes Markdown and pictures again.
"""

from __future__ import annotations

import json
import os
import platform
import re
import resource
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pictures import Line, Panel, draw

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"

VERDICT = ("verdict_no_signal", "verdict_errors", "verdict_coverage", "verdict_probabilities")
"""The benchmarks of simulated tables, whose pictures the page about the verdict shows, too."""

ORDER = (
    "training",
    "vmap",
    "ceiling",
    "default_run",
    "racing",
    "metrics",
    "bias_correction",
    "commands",
    "growth",
    "credit",
    "million",
    "tables",
    "classes",
    "text",
    "adult",
    "load",
    "verdict_tables",
    *VERDICT,
)
"""The benchmarks as they follow each other on the page."""

LIBRARIES = ("tuner", "tensorflow", "keras", "numpy", "scikit-learn", "optuna", "sqlalchemy")

INTRODUCTION = """\
# Benchmarks

`make bench` takes all of these figures anew and writes this page from `benchmarks/results/`; nothing here is edited by
hand. Seconds belong to one machine at one moment. Under each table stands the share of the cores' time that other
programs took meanwhile: where it is not near zero, seconds are too long. What is compared was therefore timed in turns,
in one run. Medians are followed by the lowest and the highest.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One benchmark's finding.

    Attributes:
        name: file name without its ending.
        title: headline.
        method: what was timed and how, for a reader who doubts it.
        columns: header of the table.
        rows: cells as they are shown.
        figures: the raw numbers behind the table; whatever JSON can hold.
        panels: of the picture below the table, side by side; without any there is none.
    """

    name: str
    title: str
    method: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    figures: Mapping[str, object]
    panels: tuple[Panel, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Where and when something was measured.

    `others` is the share of the cores' time, 0 to 1, that other programs took meanwhile; `commit` is None outside a
    clone, and `changed` says whether the package or its configs differed from it.
    """

    measured_at: str
    cpu: str
    cores: int
    memory_bytes: int
    others: float
    commit: str | None
    changed: bool
    versions: Mapping[str, str]


def circumstances() -> Callable[[], Circumstances]:
    """Begin to watch, on Linux; return what tells the circumstances so far, the commit being that of the beginning."""
    taken = _circumstances()
    total, elsewhere = _core_seconds()

    def so_far() -> Circumstances:
        total_now, elsewhere_now = _core_seconds()
        share = (elsewhere_now - elsewhere) / max(total_now - total, 1e-9)
        return replace(taken, others=round(min(max(share, 0.0), 1.0), 3))

    return so_far


def _circumstances() -> Circumstances:
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    commit = _git("rev-parse", "--short=12", "HEAD")
    return Circumstances(
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        cpu=model[1] if model else platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        others=0.0,
        commit=commit,
        changed=bool(_git("status", "--porcelain", "--", "tuner", "configs")),
        versions={"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
    )


def record(measurement: Measurement, taken: Circumstances, *, results: Path = RESULTS, page: Path = PAGE) -> str:
    """Write one result and the page of all results; return the result as Markdown."""
    results.mkdir(parents=True, exist_ok=True)
    result = {**asdict(measurement), "circumstances": asdict(taken)}
    (results / f"{measurement.name}.json").write_text(json.dumps(result, indent=2) + "\n")
    write_pages(results, page)
    return markdown(result)


def write_pages(results: Path = RESULTS, page: Path = PAGE) -> None:
    """Write the Markdown of every result, and all of it on one page with its pictures in a folder beside it."""
    sections = []
    for path in sorted(results.glob("*.json"), key=lambda path: ORDER.index(path.stem)):
        result = json.loads(path.read_text())
        path.with_suffix(".md").write_text(markdown(result))
        folder = page.with_name("verdict") if path.stem in VERDICT else page.with_suffix("")
        if panels := _panels(result):
            folder.mkdir(exist_ok=True)
            (folder / f"{path.stem}.svg").write_bytes(draw(panels))
        sections.append(markdown(result, pictures=f"./{folder.name}"))
    page.write_text("\n".join([INTRODUCTION, *sections]))


def markdown(result: Mapping[str, Any], *, pictures: str | None = None) -> str:
    """Return one result, as read from its JSON, as a section: headline, method, table, picture, circumstances.

    Args:
        result: from `results/<name>.json`.
        pictures: the folder of the pictures as a link names it; None leaves them out.
    """
    taken, columns = Circumstances(**result["circumstances"]), result["columns"]
    rows = (columns, ("---", *["--:"] * (len(columns) - 1)), *result["rows"])
    parts = [f"## {result['title']}", result["method"], "\n".join(f"| {' | '.join(cells)} |" for cells in rows)]
    if pictures and _panels(result):
        parts.append(f"![{result['title']}]({pictures}/{result['name']}.svg)")
    return "\n\n".join([*parts, _words(taken)]) + "\n"


def _panels(result: Mapping[str, Any]) -> list[Panel]:
    panels = result.get("panels", ())
    return [Panel(**{**panel, "lines": [Line(**line) for line in panel["lines"]]}) for panel in panels]


def seconds_text(seconds: float) -> str:
    """Return seconds with three digits, never as a power of ten."""
    return f"{seconds:,.0f}" if seconds >= 100 else f"{seconds:.3g}"


def range_text(values: Sequence[float]) -> str:
    """Return the lowest and the highest value."""
    return f"{seconds_text(min(values))} - {seconds_text(max(values))}"


def _words(taken: Circumstances) -> str:
    commit = f"commit {taken.commit}" if taken.commit else "no commit"
    changes = " with changes" if taken.changed else ""
    versions = ", ".join(f"{name} {number}" for name, number in taken.versions.items())
    return (
        f"{taken.measured_at[:10]}, {commit}{changes}. {taken.cpu}, {taken.cores} cores, "
        f"{taken.memory_bytes / 2**30:.0f} GiB; other programs took {taken.others:.0%} of the cores.\n{versions}."
    )


def _core_seconds() -> tuple[float, float]:
    """Return the seconds of all cores since the machine started, and those that went to others.

    Others are all programs but this one and its children that ended, and other guests of the same host.
    """
    names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    ticks = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    seconds = {name: n / os.sysconf("SC_CLK_TCK") for name, n in zip(names, ticks, strict=True)}
    total = sum(seconds.values())
    own = sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )
    return total, total - seconds["idle"] - seconds["iowait"] - own


def _git(*arguments: str) -> str | None:
    answer = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else None


if __name__ == "__main__":
    write_pages()
