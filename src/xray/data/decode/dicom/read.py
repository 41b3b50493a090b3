"""DICOM: from a file as detectors, archives and public data sets have it to the grey image that a viewer shows.

No value that tells who the patient is gets into an image, an error, a warning or a log line, see `dicom_header`.
"""

from dataclasses import dataclass, field
from typing import IO, NamedTuple, cast

from xray.data.decode.dicom.codes import NO_PATIENT
from xray.data.decode.dicom.greyscale import to_grey
from xray.data.decode.dicom.header import HEAD, is_dicom, quietly, read_header, read_tags
from xray.data.decode.dicom.pixels import read_stored
from xray.data.decode.dicom.validate import reject
from xray.data.decode.errors import MOST_PIXELS, GreyImage, UnreadableImageError
from xray.utils.files import StrPath

DICOM_SUFFIXES = frozenset({".dcm", ".dicom"})
"""File endings, in lower case, of DICOM images in data folders."""


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


def read_dicom(source: StrPath | IO[bytes], most_pixels: int = MOST_PIXELS) -> GreyImage:
    """Decode a DICOM file to the grey image that its tags describe.

    Args:
        source: A path, or an open binary file.
        most_pixels: An image with more is rejected before it is decoded.

    Returns:
        Shape (height, width), dtype uint8, 0 black to 255 white.

    Raises:
        UnreadableImageError: It is damaged, or no single grey frontal projection of a chest (see
            `xray.data.decode.dicom.validate`); `TooManyPixelsError` where it has too many pixels.
        OSError: The file cannot be opened.
    """
    if not hasattr(source, "read"):
        with open(source, "rb") as opened:  # noqa: PTH123 - any kind of path
            return read_dicom(opened, most_pixels)
    file = cast("IO[bytes]", source)
    header = read_header(file)
    reject(header, most_pixels)
    return to_grey(read_stored(file, header), header)


def read_size(file: IO[bytes]) -> DicomSize:
    """Read the size of an open DICOM file's picture, of whatever kind.

    Raises:
        UnreadableImageError: Its tags cannot be read, or tell no picture.
    """
    header = read_header(file)
    if not header.rows or not header.columns:
        raise UnreadableImageError("it has no pixels: its Rows or Columns are missing or 0")
    return DicomSize(header.columns, header.rows, header.bits_allocated, header.samples)


def read_patient(path: StrPath) -> PatientKey | None:
    """Tell whose image a DICOM file is; None where it is no DICOM, cannot be read, or names no patient."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - there may be many
            if not is_dicom(file.read(HEAD)):
                return None
            tags = read_tags(file, ("PatientID", "IssuerOfPatientID"))
            found = quietly(
                lambda: [str(tags.get(tag) or "").strip(" \0") for tag in ("PatientID", "IssuerOfPatientID")], ""
            )
    except (OSError, UnreadableImageError):
        return None
    return None if not found[0] or found[0].upper() in NO_PATIENT else PatientKey(*found)
