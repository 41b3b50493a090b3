"""Run all checks and collect the content of audit.json."""

from collections import Counter
from typing import Any, Final

from xray import NOTICE, __version__
from xray.audit.copies import check_copies
from xray.audit.finding import SEVERITIES, Finding, by_severity
from xray.audit.integrity import check_files
from xray.audit.measures import measure_shortcuts
from xray.audit.outliers import check_intensities
from xray.audit.patients import check_patients
from xray.audit.scan import FolderScan
from xray.audit.shortcuts import check_shortcuts
from xray.audit.tables import counts

KIND: Final = "xray-audit"
"""First value of audit.json, which identifies the file as an audit."""


def examine(scan: FolderScan) -> tuple[dict[str, Any], list[Finding]]:
    """Run every check.

    Returns:
        The record as plain values for JSON, and the findings, most severe first.
    """
    shortcuts = measure_shortcuts(scan)
    findings = by_severity(
        [
            *scan.folder.findings,
            *check_files(scan),
            *check_patients(scan),
            *check_copies(scan),
            *check_shortcuts(scan, shortcuts),
            *check_intensities(scan),
        ]
    )
    numbers = Counter(finding.severity for finding in findings)
    record = {
        "kind": KIND,
        "version": __version__,
        "notice": NOTICE,
        "root": str(scan.folder.root),
        "class_names": list(scan.folder.class_names),
        "images": len(scan.folder.images),
        "readable": len(scan.rows),
        "severities": {severity: numbers[severity] for severity in SEVERITIES},
        "counts": counts(scan.folder),
        "shortcuts": shortcuts,
        "findings": [finding.as_dict() for finding in findings],
    }
    return record, findings
