"""What an audit says: findings as data, which text, JSON and page only set."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

Severity = Literal["blocking", "warning", "note"]

SEVERITIES: Final[tuple[Severity, ...]] = ("blocking", "warning", "note")
"""Gravest first. Blocking is what makes results wrong; a warning, what makes them doubtful."""


@dataclass(frozen=True)
class Case:
    """One instance of a finding."""

    files: tuple[str, ...]
    """Paths below the folder that was looked at, with forward slashes."""
    detail: str = ""
    """What is so about these files, such as how alike they are."""


@dataclass(frozen=True)
class Finding:
    """One thing found."""

    code: str
    """Names the kind of finding, for programs."""
    severity: Severity
    title: str
    """One sentence, with the numbers."""
    why: str
    """Why it matters."""
    mend: str
    """What to do about it."""
    cases: tuple[Case, ...] = ()

    @property
    def files(self) -> list[str]:
        """All files concerned, each once, in order."""
        return list(dict.fromkeys(file for case in self.cases for file in case.files))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        return asdict(self)


def by_severity(findings: Sequence[Finding]) -> list[Finding]:
    """The gravest first, in the order given among equals."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def count(number: int, singular: str, plural: str = "") -> str:
    """A number and its noun: `1 image`, `1,155 images`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"
