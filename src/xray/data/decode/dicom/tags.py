"""Read the wanted tags of a DICOM file without revealing any value that identifies the patient.

pydicom quotes values in its warnings, log lines and exceptions. Hence only wanted tags are read, its warnings and log
lines are silenced, and its exceptions are replaced: whatever works on a dataset runs within `values_hidden`.
"""

import logging
import math
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Final, cast

from xray.data.decode.errors import UnreadableImageError
from xray.utils.errors import UserError, missing_extra

if TYPE_CHECKING:
    from pydicom import Dataset

PREAMBLE: Final = 128
MAGIC: Final = b"DICM"
HEAD_BYTES: Final = PREAMBLE + len(MAGIC)
"""Number of bytes at the start of a file that show whether it is DICOM."""

# In the order of the standard. None of them describes the patient or the study, or is free text.
WANTED: Final = (
    *("SOPClassUID", "Modality", "PresentationIntentType", "BodyPartExamined", "ViewPosition"),
    *("PatientOrientation", "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("WindowCenter", "WindowWidth", "RescaleIntercept", "RescaleSlope", "VOILUTFunction"),
    *("ModalityLUTSequence", "VOILUTSequence", "ViewCodeSequence"),
)
"""Tags that an image's pixels or its rejection depend on."""
TAGS_DAMAGED: Final = "its DICOM tags cannot be read"


def is_dicom(head: bytes) -> bool:
    """Whether the first `HEAD_BYTES` of a file are those of DICOM, whatever the file is called."""
    return head[PREAMBLE:HEAD_BYTES] == MAGIC


@contextmanager
def values_hidden(reason: str) -> Iterator[None]:
    """Replace exceptions of pydicom and the decoders, which may quote a tag's value, by a reason.

    Raises:
        UnreadableImageError: With the reason.
        UserError: pydicom or imagecodecs is not installed.
    """
    try:
        _silence_pydicom()
        yield
    except ModuleNotFoundError:
        raise missing_extra("dicom", "reading DICOM") from None
    except (MemoryError, UnreadableImageError, UserError):
        raise
    except Exception:  # noqa: BLE001 - pydicom and the decoders raise many kinds on damaged bytes
        raise UnreadableImageError(reason) from None


def _silence_pydicom() -> None:
    from pydicom import config

    config.settings.reading_validation_mode = config.IGNORE
    logging.getLogger("pydicom").disabled = True
    # For the whole process, since `warnings.catch_warnings` is not safe in threads. Each time, since others may have
    # put filters before it. pydicom attributes some warnings to its caller.
    warnings.filterwarnings("ignore", module=r"pydicom\b|xray\..*dicom")


def read_tags(file: IO[bytes], keywords: Iterable[str]) -> "Dataset":
    """Read some tags of an open DICOM file, and skip all others. To be called within `values_hidden`.

    Args:
        file: At any position.
        keywords: Names of the tags. The rest of the file is read only if PixelData is among them.
    """
    from pydicom import dcmread

    file.seek(0)
    wanted = list(keywords)
    return dcmread(cast("BinaryIO", file), specific_tags=wanted, stop_before_pixels="PixelData" not in wanted)


def first_value(dataset: "Dataset", keyword: str) -> Any:  # noqa: ANN401 - whatever the tag holds
    """Return a tag's value, the first of several; None if it is missing, empty or malformed."""
    from pydicom.multival import MultiValue

    try:
        value = dataset.get(keyword)
    except (ValueError, TypeError, NotImplementedError):
        return None
    if isinstance(value, MultiValue | list | tuple):
        value = next(iter(value), None)
    return None if value == "" else value


def tag_text(dataset: "Dataset", keyword: str) -> str:
    """Return a tag's text in upper case; empty if there is none."""
    return str(first_value(dataset, keyword) or "").strip(" \0").upper()


def tag_integer(dataset: "Dataset", keyword: str, default: int = 0) -> int:
    """Return a tag's integer, or the default if there is none."""
    value = first_value(dataset, keyword)
    return int(value) if isinstance(value, int) else default


def tag_number(dataset: "Dataset", keyword: str) -> float | None:
    """Return a tag's finite number; None if there is none."""
    value = first_value(dataset, keyword)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def uid_name(uid: str) -> str:
    """Return the DICOM standard's name for a UID; "unknown", without quoting it, if it is not in the standard."""
    from pydicom.uid import UID

    # UIDs outside the standard have no type; they may identify the study.
    return UID(uid).name if UID(uid).type else "unknown"
