"""The audit as plain values: what audit.json holds, and what terminal and page are set from."""

from collections import Counter
from typing import Any, Final

from xray import NOTICE, __version__
from xray.audit.copies import check_copies
from xray.audit.evidence import Evidence
from xray.audit.finding import SEVERITIES, Finding, by_severity
from xray.audit.integrity import check_files
from xray.audit.measures import measure_shortcuts
from xray.audit.outliers import check_intensities
from xray.audit.patients import check_patients
from xray.audit.shortcuts import check_shortcuts
from xray.audit.tables import counts

KIND: Final = "xray-audit"
"""First value of audit.json: by it an earlier audit is known from a foreign file."""


def examine(evidence: Evidence) -> tuple[dict[str, Any], list[Finding]]:
    """Run every check.

    Returns:
        The record, fit for JSON, and the findings, gravest first.
    """
    shortcuts = measure_shortcuts(evidence)
    findings = by_severity(
        [
            *evidence.folder.findings,
            *check_files(evidence),
            *check_patients(evidence),
            *check_copies(evidence),
            *check_shortcuts(evidence, shortcuts),
            *check_intensities(evidence),
        ]
    )
    tally = Counter(finding.severity for finding in findings)
    record = {
        "kind": KIND,
        "version": __version__,
        "notice": NOTICE,
        "root": str(evidence.folder.root),
        "class_names": list(evidence.folder.class_names),
        "films": len(evidence.folder.films),
        "readable": len(evidence.rows),
        "severities": {severity: tally[severity] for severity in SEVERITIES},
        "counts": counts(evidence.folder),
        "shortcuts": shortcuts,
        "findings": [finding.as_dict() for finding in findings],
    }
    return record, findings
