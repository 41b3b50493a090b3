"""The audit as plain values: what audit.json holds, and what terminal and page are set from."""

from collections import Counter
from typing import Any, Final

from xray import NOTICE, __version__
from xray.audit.copies import check_copies
from xray.audit.finding import SEVERITIES, Finding, by_severity
from xray.audit.folder_data import ScoredSet
from xray.audit.integrity import check_files
from xray.audit.measures import measure_shortcuts
from xray.audit.outliers import check_intensities
from xray.audit.patients import check_patients
from xray.audit.shortcuts import check_shortcuts
from xray.audit.tables import counts

KIND: Final = "xray-audit"
"""First value of audit.json: by it an earlier audit is known from a foreign file."""


def examine(scored_set: ScoredSet) -> tuple[dict[str, Any], list[Finding]]:
    """Run every check.

    Returns:
        The record, fit for JSON, and the findings, gravest first.
    """
    shortcuts = measure_shortcuts(scored_set)
    findings = by_severity(
        [
            *scored_set.folder.findings,
            *check_files(scored_set),
            *check_patients(scored_set),
            *check_copies(scored_set),
            *check_shortcuts(scored_set, shortcuts),
            *check_intensities(scored_set),
        ]
    )
    tally = Counter(finding.severity for finding in findings)
    record = {
        "kind": KIND,
        "version": __version__,
        "notice": NOTICE,
        "root": str(scored_set.folder.root),
        "class_names": list(scored_set.folder.class_names),
        "images": len(scored_set.folder.images),
        "readable": len(scored_set.rows),
        "severities": {severity: tally[severity] for severity in SEVERITIES},
        "counts": counts(scored_set.folder),
        "shortcuts": shortcuts,
        "findings": [finding.as_dict() for finding in findings],
    }
    return record, findings
