"""Findings of an audit, which are written as text, JSON and a page."""

from dataclasses import dataclass
from typing import Final, Literal

Severity = Literal["blocking", "warning", "note"]

SEVERITIES: Final[tuple[Severity, ...]] = ("blocking", "warning", "note")
"""Most severe first. Blocking findings make results wrong; warnings make them doubtful."""


@dataclass(frozen=True)
class Case:
    """One instance of a finding."""

    files: tuple[str, ...]
    """Paths relative to the audited folder, with forward slashes."""
    detail: str = ""
    """Details on these files, such as their correlation."""


@dataclass(frozen=True)
class Finding:
    """One problem or note."""

    code: str
    """Identifies the kind of finding, for programs."""
    severity: Severity
    title: str
    """One sentence, with numbers."""
    why: str
    """Why it matters."""
    fix: str
    """What to do about it."""
    cases: tuple[Case, ...] = ()
