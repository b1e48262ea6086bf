"""One thing worth knowing about a table before training: what it is, how we know, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing worth knowing: what it is about, the evidence, and what to do. A warning may make scores misleading."""

    level: Literal["info", "warning"]
    subject: str
    evidence: str
    advice: str
