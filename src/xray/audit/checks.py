"""Run all checks and collect the content of audit.json."""

from collections import Counter
from dataclasses import asdict
from typing import Any

from xray import NOTICE, __version__
from xray.audit.copies import check_copies
from xray.audit.finding import SEVERITIES, Finding
from xray.audit.folder import ImageFolder
from xray.audit.integrity import check_files
from xray.audit.measures import measure_shortcuts
from xray.audit.outliers import check_intensities
from xray.audit.patients import check_patients
from xray.audit.scan import FolderScan
from xray.audit.shortcuts import check_shortcuts


def run_checks(scan: FolderScan) -> tuple[dict[str, Any], list[Finding]]:
    """Run every check on a scanned folder.

    Returns:
        The record as plain values for JSON, and the findings, most severe first.
    """
    shortcuts = measure_shortcuts(scan)
    findings = [
        *scan.folder.findings,
        *check_files(scan),
        *check_patients(scan),
        *check_copies(scan),
        *check_shortcuts(scan, shortcuts),
        *check_intensities(scan),
    ]
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    numbers = Counter(finding.severity for finding in findings)
    record = {
        "kind": "xray-audit",
        "version": __version__,
        "notice": NOTICE,
        "root": str(scan.folder.source),
        "class_names": list(scan.folder.class_names),
        "images": len(scan.folder.images),
        "readable": len(scan.rows),
        "severities": {severity: numbers[severity] for severity in SEVERITIES},
        "counts": _counts(scan.folder),
        "shortcuts": shortcuts,
        "findings": [asdict(finding) for finding in findings],
    }
    return record, findings


def _counts(folder: ImageFolder) -> list[dict[str, Any]]:
    """Return a row for each split and class.

    A row has the number of images, of patients by name, of groups of patients that may be the same person, and the
    largest number of images of one patient. An image whose name gives no patient counts as its own patient.
    """
    rows = []
    for split in folder.splits:
        for label, class_name in enumerate(folder.class_names):
            images = [image for image in folder.images if image.folder == split and image.label == label]
            patients = Counter(image.patient for image in images)
            rows.append(
                {
                    "split": split,
                    "class": class_name,
                    "images": len(images),
                    "patients": len(patients),
                    "groups": len({image.group for image in images}),
                    "max_per_patient": max(patients.values(), default=0),
                }
            )
    return rows
