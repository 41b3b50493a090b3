"""The measurements and findings of a folder of drawn images."""

from pathlib import Path

from xray.audit.checks import run_checks
from xray.audit.finding import Finding
from xray.audit.folder import read_folder
from xray.audit.scan import SIZE, FolderScan, scan_folder
from xray.data.cache.reader import ImageReader
from xray.data.index.patients import KERMANY_PATTERN

CLASSES = ("NORMAL", "PNEUMONIA")


def scan_of(root: Path) -> FolderScan:
    """Measure a folder, without a cache."""
    reader = ImageReader(None, SIZE, "stretch")
    return scan_folder(read_folder(root, CLASSES, KERMANY_PATTERN, reader.hash_files), reader)


def findings_of(root: Path) -> dict[str, Finding]:
    """Return the findings of a folder by their codes."""
    return {finding.code: finding for finding in run_checks(scan_of(root))[1]}


def files_of(finding: Finding) -> list[str]:
    """Return all files of a finding, in order."""
    return [file for case in finding.cases for file in case.files]
