"""Folders of drawn films, and everything measured of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from xray.audit.evidence import SIZE, Evidence, gather
from xray.audit.finding import Finding
from xray.audit.folder import read_folder
from xray.audit.record import examine
from xray.data.patients import KERMANY_PATTERN
from xray.data.reader import FilmReader

CLASSES = ("NORMAL", "PNEUMONIA")


def evidence_of(root: Path) -> Evidence:
    """Measure a folder, without a cache."""
    reader = FilmReader(None, SIZE, "squash")
    return gather(read_folder(root, CLASSES, KERMANY_PATTERN, reader.digests), reader)


@pytest.fixture
def found() -> Callable[[Path], dict[str, Finding]]:
    """The findings of a folder by their codes."""
    return lambda root: {finding.code: finding for finding in examine(evidence_of(root))[1]}
