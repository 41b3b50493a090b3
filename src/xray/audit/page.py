"""Write an audit as one self-contained HTML page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from xray.audit.finding import SEVERITIES, Case, Finding
from xray.audit.shortcuts import TITLES
from xray.audit.text import conclusion
from xray.audit.thumbnails import colour_thumbnail
from xray.utils.files import write_whole
from xray.utils.text import printable

GENERATOR: Final = "xray audit"
"""Meta tag of the page, by which an earlier audit is recognised."""

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
        record: See `xray.audit.record.examine`.
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
    thumbnails = _Thumbnails(Path(record["root"]))
    text = environment.get_template("page.html.j2").render(
        record=record,
        conclusion=conclusion(record),
        generator=GENERATOR,
        severities=SEVERITIES,
        titles=TITLES,
        findings=[{"finding": finding, "cases": thumbnails.of(finding)} for finding in findings],
        max_cases=MAX_CASES,
        max_files=MAX_FILES,
    )
    with write_whole(path) as file:
        file.write(text)


class _Thumbnails:
    """Distributes a limited number of thumbnails to findings, most severe first."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._left = MAX_THUMBNAILS

    def of(self, finding: Finding) -> list[dict[str, Any]]:
        """Return the first cases of a finding, each with its files and their thumbnails, if any."""
        quota = min(THUMBNAILS_PER_FINDING, self._left)
        cases = []
        for case in finding.cases[:MAX_CASES]:
            files = [(file, self._thumbnail(file) if k < quota else None) for k, file in enumerate(_listed(case))]
            taken = sum(thumbnail is not None for _, thumbnail in files)
            quota, self._left = quota - taken, self._left - taken
            cases.append({"case": case, "files": files})
        return cases

    def _thumbnail(self, file: str) -> str | None:
        path = self._root / file
        return colour_thumbnail(path) if path.is_file() else None


def _listed(case: Case) -> tuple[str, ...]:
    return case.files[:MAX_FILES]


def _number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"
