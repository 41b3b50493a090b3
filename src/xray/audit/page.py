"""The audit as one page of HTML that needs nothing beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from xray.audit.finding import SEVERITIES, Case, Finding
from xray.audit.shortcuts import TITLES
from xray.audit.text import prediction
from xray.audit.thumbnails import colour_thumbnail
from xray.utils.files import write_whole
from xray.utils.text import printable

GENERATOR: Final = "xray audit"
"""Stands in the head of the page: by it an earlier page is known from a foreign file."""

MOST_CASES: Final = 100
"""Cases listed for each finding; audit.json has all."""
MOST_FILES: Final = 12
"""Files listed for each case."""
PICTURES_PER_FINDING: Final = 12
MOST_PICTURES: Final = 90
"""At some 5 KB each the page stays below 1 MB."""


def write_page(path: Path, record: Mapping[str, Any], findings: Sequence[Finding]) -> None:
    """Write the page.

    Args:
        path: Where to.
        record: See `xray.audit.record.examine`.
        findings: Gravest first.

    Raises:
        UserError: It cannot be written.
    """
    environment = Environment(
        loader=PackageLoader("xray.audit", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"printable": printable, "figure": _figure}
    shown = _Pictures(Path(record["root"]))
    text = environment.get_template("page.html.j2").render(
        record=record,
        prediction=prediction(record),
        generator=GENERATOR,
        severities=SEVERITIES,
        titles=TITLES,
        findings=[{"finding": finding, "cases": shown.of(finding)} for finding in findings],
        most_cases=MOST_CASES,
        most_files=MOST_FILES,
    )
    with write_whole(path) as file:
        file.write(text)


class _Pictures:
    """Hands out thumbnails to findings in order of gravity, as long as there are any left."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._left = MOST_PICTURES

    def of(self, finding: Finding) -> list[dict[str, Any]]:
        """The first cases of a finding, each with its files and their thumbnails, if any."""
        here = min(PICTURES_PER_FINDING, self._left)
        cases = []
        for case in finding.cases[:MOST_CASES]:
            files = [(file, self._picture(file) if k < here else None) for k, file in enumerate(_listed(case))]
            taken = sum(picture is not None for _, picture in files)
            here, self._left = here - taken, self._left - taken
            cases.append({"case": case, "files": files})
        return cases

    def _picture(self, file: str) -> str | None:
        path = self._root / file
        return colour_thumbnail(path) if path.is_file() else None


def _listed(case: Case) -> tuple[str, ...]:
    return case.files[:MOST_FILES]


def _figure(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"
