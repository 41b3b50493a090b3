"""Group DICOM images by the patient in their tags, if the file name does not give one.

The ID in the tags never leaves this module: a patient is named by the path of the first image.
"""

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from xray.data.decode.dicom.read import PatientKey, read_patient
from xray.data.decode.pillow import PILLOW_SUFFIXES
from xray.utils.progress import with_progress
from xray.utils.threads import map_in_threads


def is_dicom_name(name: str) -> bool:
    """Return whether an image is DICOM by its name: no other format is listed with any other suffix, or none."""
    return os.path.splitext(name)[1].lower() not in PILLOW_SUFFIXES  # noqa: PTH122 - there may be many


def patients_by_tag(root: Path, names: Iterable[str]) -> dict[str, str]:
    """Group images whose tags have the same Patient ID and Issuer of Patient ID.

    Args:
        root: The folder of the data set.
        names: Paths below it of the DICOM images whose file names contain no patient: those of train, val and test
            together, since a patient must have the same name in all of them.

    Returns:
        For each image whose tags name a patient, the first path of that patient's images in sorted order. Other images
        are missing.

    Raises:
        UserError: pydicom is not installed.
    """
    ordered = sorted(set(names))
    keys = map_in_threads(_patient_of, [os.path.join(root, name) for name in ordered])  # noqa: PTH118 - likewise
    first: dict[PatientKey, str] = {}
    patients: dict[str, str] = {}
    for name, key in zip(ordered, with_progress(keys, "Reading patients of DICOM images", len(ordered)), strict=True):
        if key is not None:
            patients[name] = first.setdefault(key, name)
    return patients


def _patient_of(path: str) -> PatientKey | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - there may be many
    except OSError:
        return None
    return _patient_of_file(path, status.st_size, status.st_mtime_ns)


@cache
def _patient_of_file(path: str, size: int, modified: int) -> PatientKey | None:  # noqa: ARG001 - detect a changed file
    """Cached in memory only, since a run indexes its folders several times."""
    return read_patient(path)
