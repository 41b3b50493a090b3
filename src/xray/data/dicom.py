"""DICOM: from a file as detectors, archives and public data sets have it to the grey film that a viewer shows.

No value that tells who the patient is gets into a film, an error, a warning or a log line, see `dicom_header`.
"""

from dataclasses import dataclass, field
from typing import IO, NamedTuple, cast

from xray.data.dicom_grey import to_grey
from xray.data.dicom_header import HEAD, is_dicom, quietly, read_header, read_tags
from xray.data.dicom_pixels import read_stored
from xray.data.dicom_refusal import refuse
from xray.data.dicom_words import NO_PATIENT
from xray.data.unreadable import MOST_PIXELS, GreyFilm, UnreadableFilmError
from xray.files import StrPath

DICOM_SUFFIXES = frozenset({".dcm", ".dicom"})
"""File endings, in lower case, of DICOM films in data folders."""


class DicomSize(NamedTuple):
    """What a DICOM file tells before it is decoded."""

    width: int
    height: int
    bits: int
    """Allocated for each sample."""
    samples: int


@dataclass(frozen=True, slots=True)
class PatientKey:
    """Tells patients apart; for comparisons in memory alone, and hence printed without what it holds."""

    identity: str = field(repr=False)
    issuer: str = field(repr=False)


def read_dicom(source: StrPath | IO[bytes], most_pixels: int = MOST_PIXELS) -> GreyFilm:
    """Decode a DICOM file to the grey film that its tags describe.

    Args:
        source: A path, or an open binary file.
        most_pixels: A film with more is refused before it is decoded.

    Returns:
        Shape (height, width), dtype uint8, 0 black to 255 white.

    Raises:
        UnreadableFilmError: It is damaged, or no single grey frontal projection of a chest (see
            `xray.data.dicom_refusal`); `TooManyPixelsError` where it has too many pixels.
        OSError: The file cannot be opened.
    """
    if not hasattr(source, "read"):
        with open(source, "rb") as opened:  # noqa: PTH123 - any kind of path
            return read_dicom(opened, most_pixels)
    file = cast("IO[bytes]", source)
    header = read_header(file)
    refuse(header, most_pixels)
    return to_grey(read_stored(file, header), header)


def read_size(file: IO[bytes]) -> DicomSize:
    """Read the size of an open DICOM file's picture, of whatever kind.

    Raises:
        UnreadableFilmError: Its tags cannot be read, or tell no picture.
    """
    header = read_header(file)
    if not header.rows or not header.columns:
        raise UnreadableFilmError("it has no pixels: its Rows or Columns are missing or 0")
    return DicomSize(header.columns, header.rows, header.bits_allocated, header.samples)


def read_patient(path: StrPath) -> PatientKey | None:
    """Tell whose film a DICOM file is; None where it is no DICOM, cannot be read, or names no patient."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - there may be many
            if not is_dicom(file.read(HEAD)):
                return None
            tags = read_tags(file, ("PatientID", "IssuerOfPatientID"))
            found = quietly(
                lambda: [str(tags.get(tag) or "").strip(" \0") for tag in ("PatientID", "IssuerOfPatientID")], ""
            )
    except (OSError, UnreadableFilmError):
        return None
    return None if not found[0] or found[0].upper() in NO_PATIENT else PatientKey(*found)
