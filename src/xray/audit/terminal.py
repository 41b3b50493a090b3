"""Print an audit in the terminal, with the first files of each finding."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from xray import NOTICE
from xray.audit.finding import Finding
from xray.utils.text import count, printable

STYLES: Final = {"blocking": "bold red", "warning": "yellow", "note": "cyan"}
MAX_CASES: Final = 4
MAX_FILES: Final = 3


def print_audit(record: Mapping[str, Any], findings: Sequence[Finding]) -> None:
    """Print counts and findings.

    Args:
        record: See `xray.audit.checks.run_checks`.
        findings: Most severe first.
    """
    console = Console(soft_wrap=True, highlight=False)
    console.print(_counts(record), "", sep="\n")
    for finding in findings:
        style = STYLES[finding.severity]
        console.print(f"[{style}]{finding.severity}[/{style}] {_safe(finding.title)} [dim]({finding.code})[/dim]")
        for case in finding.cases[:MAX_CASES]:
            files = ", ".join(case.files[:MAX_FILES])
            more = f" and {len(case.files) - MAX_FILES} more" if len(case.files) > MAX_FILES else ""
            detail = f": {case.detail}" if case.detail else ""
            console.print(f"    {_safe(files)}{more}{_safe(detail)}")
        if len(finding.cases) > MAX_CASES:
            console.print(f"    and {len(finding.cases) - MAX_CASES:,} more")
        if finding.severity != "note":
            console.print(f"    [dim]{_safe(finding.fix)}[/dim]")
    console.print("", conclusion(record), NOTICE, sep="\n")


def conclusion(record: Mapping[str, Any]) -> str:
    """Return the conclusion of the audit in a sentence."""
    severities = record["severities"]
    rest = f"{count(severities['warning'], 'warning')}, {count(severities['note'], 'note')}."
    if severities["blocking"]:
        problems = count(severities["blocking"], "blocking problem")
        return f"{problems}: results on these images would be invalid. {rest}"
    return f"No blocking problem. {rest}"


def _counts(record: Mapping[str, Any]) -> Table:
    table = Table(title=_safe(record["root"]), title_justify="left", title_style="bold")
    for column in ("Folder", "Class", "Images", "Patients", "Patients (min)", "Max per patient"):
        table.add_column(column, justify="left" if column in {"Folder", "Class"} else "right")
    for row in record["counts"]:
        numbers = [f"{row[key]:,}" for key in ("images", "patients", "groups", "max_per_patient")]
        table.add_row(row["split"] or ".", _safe(row["class"]), *numbers)
    return table


def _safe(text: str) -> str:
    return escape(printable(text))
