"""Read the patient from an image's file name."""

import re
from typing import NamedTuple

from xray.utils.errors import UserError

KERMANY_PATTERN = r"(?P<patient>(?P<group>person\d+)_(?:bacteria|virus)|(?:NORMAL2-)?IM-\d+)[-_]"
r"""File names of the public release (Kermany et al., Cell 172, 2018), such as `person7_virus_12.jpeg` and
`NORMAL2-IM-0117-0001.jpeg`.

`IM-0117` and `NORMAL2-IM-0117` are different children. `person7_bacteria` and `person7_virus` probably are too, but the
names do not prove it: they count as two patients in one group, which is never split.
"""


class Patient(NamedTuple):
    """The patient of an image, according to its file name."""

    patient: str
    """Identity used for counts, confidence intervals and leakage checks."""
    group: str
    """Unit that a split keeps together: the patient, or several patients that may be the same person."""


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a patient pattern.

    Args:
        pattern: Regular expression searched in the path below the class folder. Its named group `patient` is the
            patient; patients with the same value of an optional named group `group` are never split.

    Raises:
        UserError: It is not a valid regular expression, or has no group named `patient`.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UserError(f"data.patient_pattern {pattern!r} is not a valid regular expression ({error}).") from None
    if "patient" not in compiled.groupindex:
        raise UserError(
            f"data.patient_pattern {pattern!r} has no group named patient: write it as '(?P<patient>...)', "
            r"for example '^(?P<patient>\d+)_'."
        )
    return compiled


def patient_of(name: str, pattern: re.Pattern[str]) -> Patient | None:
    """Return the patient in a file name; None if the pattern does not match."""
    match = pattern.search(name)
    if match is None or not match["patient"]:
        return None
    group = match.groupdict().get("group")
    return Patient(match["patient"], group or match["patient"])


def series_and_number(group: str) -> tuple[str, int]:
    """Split a group's name into number series and number, for contiguous blocks of patients.

    >>> series_and_number("NORMAL2-IM-0117")
    ('NORMAL2-IM-', 117)

    The last number in the name counts; all names without a number are in one series, with number 0.
    """
    match = re.search(r"(\d+)\D*$", group)
    return (group[: match.start()], int(match[1])) if match else ("", 0)
