"""What a study was made with, part by part, and what changed since.

Optuna accepts a changed direction, range or parameter set without a word. So everything that decides a score is written
once, as canonical JSON with a sha256 per part, and compared before the first trial is asked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

Spec = Mapping[str, Mapping[str, object]]

DECISIVE = ("space", "objective", "data", "encoding", "training")
"""Parts that decide a score: where one differs, the study is another one."""

NOTED = ("code", "env")
"""Parts that may change a score in its last digits: where one differs, the person is told."""

_ABSENT = "(absent)"


def canonical(value: object) -> str:
    """Return JSON that is equal for equal values: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def seal(spec: Spec) -> dict[str, dict[str, object]]:
    """Return the spec as stored: `{"value": ..., "sha256": ...}` per part."""
    return {
        part: {"sha256": hashlib.sha256(canonical(value).encode()).hexdigest(), "value": dict(value)}
        for part, value in spec.items()
    }


def differences(stored: Mapping[str, Mapping[str, object]], spec: Spec, parts: tuple[str, ...]) -> list[str]:
    """Return one line per field that differs, old -> new.

    Args:
        stored: a sealed spec.
        spec: the spec of now.
        parts: the parts to compare; one that is absent counts as empty.
    """
    lines: list[tuple[str, str, str]] = []
    now = seal(spec)
    for part in parts:
        empty = seal({part: {}})[part]
        old, new = stored.get(part, empty), now.get(part, empty)
        if old["sha256"] == new["sha256"]:
            continue
        was, is_now = (_flat(part, one["value"]) if one["value"] else {} for one in (old, new))
        lines += [
            (name, was.get(name, _ABSENT), is_now.get(name, _ABSENT))
            for name in sorted(was.keys() | is_now.keys())
            if was.get(name) != is_now.get(name)
        ]
    width = max((len(name) for name, _, _ in lines), default=0)
    return [f"  {name:<{width}}  {old} -> {new}" for name, old, new in lines]


def _flat(prefix: str, value: object) -> dict[str, str]:
    """Return every leaf under its dotted name, as JSON."""
    if isinstance(value, Mapping) and value:
        return {name: text for key, inner in value.items() for name, text in _flat(f"{prefix}.{key}", inner).items()}
    return {prefix: canonical(value)}
