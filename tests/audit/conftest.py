"""Folders of drawn images, and everything measured of them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from xray.audit.finding import Finding
from xray.audit.folder import read_folder
from xray.audit.record import examine
from xray.audit.scan import SIZE, FolderScan, scan_folder
from xray.data.cache.reader import ImageReader
from xray.data.index.patients import KERMANY_PATTERN

CLASSES = ("NORMAL", "PNEUMONIA")


def scan_of(root: Path) -> FolderScan:
    """Measure a folder, without a cache."""
    reader = ImageReader(None, SIZE, "stretch")
    return scan_folder(read_folder(root, CLASSES, KERMANY_PATTERN, reader.digests), reader)


@pytest.fixture
def found() -> Callable[[Path], dict[str, Finding]]:
    """The findings of a folder by their codes."""
    return lambda root: {finding.code: finding for finding in examine(scan_of(root))[1]}
