"""Whose image is it? Patients from file names."""

import re
from typing import NamedTuple

from xray.utils.errors import UserError

KERMANY_PATTERN = r"(?P<patient>(?P<group>person\d+)_(?:bacteria|virus)|(?:NORMAL2-)?IM-\d+)[-_]"
r"""Names of the public release (Kermany et al., Cell 172, 2018): `person7_virus_12.jpeg`, `NORMAL2-IM-0117-0001.jpeg`.

`IM-0117` and `NORMAL2-IM-0117` are different children. `person7_bacteria` and `person7_virus` probably are too, but the
names cannot prove it: they count as two patients and yet are never split (one group).
"""


class Patient(NamedTuple):
    """Who is on an image, as far as its name tells."""

    patient: str
    """Identity for counting, for intervals and for rejecting a leak."""
    group: str
    """What a split keeps together: the patient, or patients that may be the same person."""


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a patient pattern.

    Args:
        pattern: Regular expression searched in the path below the class folder. Its named group `patient` is the
            patient; an optional named group `group` joins patients that no split may part.

    Raises:
        UserError: It is no regular expression, or has no group named `patient`.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UserError(f"data.patient_pattern {pattern!r} is no regular expression ({error}).") from None
    if "patient" not in compiled.groupindex:
        raise UserError(
            f"data.patient_pattern {pattern!r} has no group named patient: write it as '(?P<patient>...)', "
            r"for example '^(?P<patient>\d+)_'."
        )
    return compiled


def patient_of(name: str, pattern: re.Pattern[str]) -> Patient | None:
    """Find the patient in a file name; None where the name tells none."""
    match = pattern.search(name)
    if match is None or not match["patient"]:
        return None
    group = match.groupdict().get("group")
    return Patient(match["patient"], group or match["patient"])


def series_and_number(group: str) -> tuple[str, int]:
    """Take a group's name apart into its number series and its number, for contiguous blocks of patients.

    >>> series_and_number("NORMAL2-IM-0117")
    ('NORMAL2-IM-', 117)

    The last number of the name counts; names without one make up a single series, all with number 0.
    """
    match = re.search(r"(\d+)\D*$", group)
    return (group[: match.start()], int(match[1])) if match else ("", 0)
