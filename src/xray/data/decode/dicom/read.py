"""Read DICOM files as grey images.

No value that identifies the patient gets into an image, an error, a warning or a log line, see `tags.py`.
"""

from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import IO, Final, NamedTuple

from xray.data.arrays import GreyImage
from xray.data.decode.dicom.greyscale import to_grey
from xray.data.decode.dicom.pixels import PIXEL_TAGS, PIXELS_DAMAGED, decode_stored_values
from xray.data.decode.dicom.tags import (
    HEAD_BYTES,
    TAGS_DAMAGED,
    WANTED,
    first_value,
    is_dicom,
    read_tags,
    tag_integer,
    values_hidden,
)
from xray.data.decode.dicom.validate import check_dataset
from xray.data.decode.errors import MAX_PIXELS, UnreadableImageError
from xray.utils.files import StrPath

DICOM_SUFFIXES = frozenset({".dcm", ".dicom"})
"""File endings, in lower case, of DICOM images in data folders."""

PATIENT_TAGS: Final = ("PatientID", "IssuerOfPatientID")
NO_PATIENT: Final = frozenset(
    {
        *("ANON", "ANONYM", "ANONYMIZED", "ANONYMISED", "ANONYMOUS", "DEIDENTIFIED", "DE-IDENTIFIED", "N/A", "NA"),
        *("NONE", "NULL", "PATIENT", "REDACTED", "REMOVED", "UNKNOWN", "X", "XX", "XXX", "XXXX", "0"),
    }
)
"""Patient IDs that mean no patient: images of many patients share them."""


@dataclass(frozen=True, slots=True)
class PatientKey:
    """Identifies a patient for comparisons in memory; its representation hides the values."""

    identity: str = field(repr=False)
    issuer: str = field(repr=False)


class PixelFormat(NamedTuple):
    """Size and type of the pixels of a DICOM image."""

    width: int
    height: int
    bits_allocated: int
    """Bits of each sample."""
    samples_per_pixel: int


def read_dicom(file: IO[bytes], max_pixels: int = MAX_PIXELS) -> GreyImage:
    """Decode a DICOM file to the grey image that its tags describe.

    Args:
        file: An open binary file, at any position.
        max_pixels: An image with more is rejected before it is decoded.

    Returns:
        Shape (height, width), dtype uint8, 0 black to 255 white.

    Raises:
        UnreadableImageError: It is damaged, or not a single grey frontal chest radiograph, see
            `xray.data.decode.dicom.validate`; `TooManyPixelsError` if it has too many pixels.
        UserError: pydicom or imagecodecs is not installed.
    """
    with values_hidden(TAGS_DAMAGED):
        dataset = read_tags(file, WANTED)
        check_dataset(dataset, max_pixels)
    with values_hidden(PIXELS_DAMAGED):
        return to_grey(decode_stored_values(read_tags(file, PIXEL_TAGS)), dataset)


def read_pixel_format(file: IO[bytes]) -> PixelFormat:
    """Read the size and type of the pixels in an open DICOM file, of whatever kind.

    Raises:
        UnreadableImageError: Its tags cannot be read, or it has no image.
        UserError: pydicom is not installed.
    """
    with values_hidden(TAGS_DAMAGED):
        dataset = read_tags(file, ("Columns", "Rows", "BitsAllocated", "SamplesPerPixel"))
        width, height = tag_integer(dataset, "Columns"), tag_integer(dataset, "Rows")
        if not width or not height:
            raise UnreadableImageError("it has no pixels: its Rows or Columns are missing or 0")
        bits, samples = tag_integer(dataset, "BitsAllocated"), tag_integer(dataset, "SamplesPerPixel", 1)
        return PixelFormat(width, height, bits, samples)


def read_patient(path: StrPath) -> PatientKey | None:
    """Read the patient of a DICOM file; None if it is not DICOM, cannot be read, or names no patient.

    Raises:
        UserError: pydicom is not installed.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - there may be many
            if not is_dicom(file.read(HEAD_BYTES)):
                return None
            with values_hidden(TAGS_DAMAGED):
                dataset = read_tags(file, PATIENT_TAGS)
                identity, issuer = (str(first_value(dataset, tag) or "").strip(" \0") for tag in PATIENT_TAGS)
    except (OSError, UnreadableImageError):
        return None
    return None if not identity or identity.upper() in NO_PATIENT else PatientKey(identity, issuer)


def decoder_versions() -> str:
    """Return the versions that the pixels of a DICOM image depend on; may be part of a file name."""
    names = []
    for package in ("pydicom", "imagecodecs"):
        try:
            names.append(f"{package}{version(package)}")
        except PackageNotFoundError:
            names.append(f"no-{package}")
    return "-".join(names)
