"""Write an audit as one self-contained HTML page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from xray.audit.finding import Finding
from xray.audit.shortcuts import TITLES
from xray.audit.terminal import conclusion
from xray.audit.thumbnails import colour_thumbnail
from xray.utils.files import open_atomic
from xray.utils.text import printable

MAX_CASES: Final = 100
"""Cases listed for each finding; audit.json has all."""
MAX_FILES: Final = 12
"""Files listed for each case."""
THUMBNAILS_PER_FINDING: Final = 12
MAX_THUMBNAILS: Final = 90
"""At about 5 KB each, the page stays below 1 MB."""


def write_page(path: Path, record: Mapping[str, Any], findings: Sequence[Finding]) -> None:
    """Write the page.

    Args:
        path: File to write.
        record: See `xray.audit.checks.run_checks`.
        findings: Most severe first.

    Raises:
        UserError: The file cannot be written.
    """
    environment = Environment(
        loader=PackageLoader("xray.audit", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"printable": printable, "number": _number}
    text = environment.get_template("page.html.j2").render(
        record=record,
        conclusion=conclusion(record),
        titles=TITLES,
        findings=list(zip(findings, _shown_cases(findings, _folder(Path(record["root"]))), strict=True)),
        max_cases=MAX_CASES,
        max_files=MAX_FILES,
    )
    with open_atomic(path) as file:
        file.write(text)


def _folder(source: Path) -> Path:
    """Return the folder that paths start in: an audited table's own."""
    return source.parent if source.is_file() else source


def _shown_cases(findings: Sequence[Finding], root: Path) -> list[list[dict[str, Any]]]:
    """Return the first cases of each finding, with thumbnails of their first files until the page is full."""
    left = MAX_THUMBNAILS
    shown = []
    for finding in findings:
        quota = min(THUMBNAILS_PER_FINDING, left)
        cases = []
        for case in finding.cases[:MAX_CASES]:
            pictures = {}
            for file in case.files[:MAX_FILES]:
                if quota and (thumbnail := colour_thumbnail(root / file)):
                    pictures[file] = thumbnail
                    quota, left = quota - 1, left - 1
            cases.append({"case": case, "pictures": pictures})
        shown.append(cases)
    return shown


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"
