"""The tags of a DICOM file that tell its pixels and of what they are, read without a trace of any other.

pydicom quotes values in its warnings, log lines and exceptions, and so would tell who the patient is. Hence only the
tags in `WANTED` are ever looked at, its warnings and log lines are silenced, and whatever it raises is replaced:
outside of the handler, so that it is not even kept as the context of what is raised instead.
"""

import logging
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Final, TypeVar

import numpy as np
import numpy.typing as npt

from xray.data.decode.dicom.limits import check_lengths, read_items, within_bounds
from xray.data.decode.errors import UnreadableImageError
from xray.data.decode.limits import EndlessFileError

if TYPE_CHECKING:
    from pydicom import Dataset

Result = TypeVar("Result")

PREAMBLE: Final = 128
MAGIC: Final = b"DICM"
HEAD: Final = PREAMBLE + len(MAGIC)
"""Bytes at the beginning of a file that tell whether it is DICOM."""

DEFLATED: Final = "1.2.840.10008.1.2.1.99"
SILENT: Final = ("ignore", None, Warning, re.compile(r"pydicom\b|xray\.data\.dicom"), 0)
"""The filter of warnings that come from DICOM, as `warnings` keeps it."""
DAMAGED: Final = "its DICOM tags cannot be read"
# By keyword, in the order of the standard. No tag of the patient, of the study or of free text is among them.
WANTED: Final = (
    *("SOPClassUID", "Modality", "PresentationIntentType", "BodyPartExamined", "ViewPosition"),
    *("PatientOrientation", "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit"),
    *("WindowCenter", "WindowWidth", "RescaleIntercept", "RescaleSlope", "VOILUTFunction"),
    *("ModalityLUTSequence", "VOILUTSequence", "ViewCodeSequence"),
)
PIXELS: Final = ("FloatPixelData", "DoubleFloatPixelData", "PixelData")


@dataclass(frozen=True)
class LookUpTable:
    """A table of a Modality LUT or VOI LUT sequence (PS3.3 C.11.1.1.1).

    Args:
        first: The input of the first entry; whatever is below takes it too.
        bits: Of an entry.
        entries: Shape (any,), uint16.
    """

    first: int
    bits: int
    entries: npt.NDArray[np.uint16]


@dataclass(frozen=True)
class DicomHeader:
    """What a DICOM file says of its image. Words are in upper case, and empty where the tag is missing."""

    syntax: str
    """UID of the transfer syntax."""
    sop_class: str
    modality: str
    intent: str
    """Presentation Intent Type."""
    body_part: str
    view: str
    view_codes: tuple[str, ...]
    """SNOMED codes of the View Code Sequence."""
    orientation: tuple[str, ...]
    """Patient Orientation: where the rows and the columns run to."""
    photometric: str
    samples: int
    frames: int
    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    padding: tuple[int, int] | None
    """First and last stored value that stands for no picture."""
    slope: float
    intercept: float
    window: tuple[float, float] | None
    """Centre and width of the first window."""
    window_function: str
    modality_table: LookUpTable | None
    voi_table: LookUpTable | None


def is_dicom(head: bytes) -> bool:
    """Whether the first `HEAD` bytes of a file are those of DICOM, whatever the file is called."""
    return head[PREAMBLE:HEAD] == MAGIC


def read_header(file: IO[bytes]) -> DicomHeader:
    """Read the tags of an open DICOM file up to its pixels.

    Raises:
        UnreadableImageError: They cannot be read.
    """
    dataset = read_tags(file, WANTED)
    return quietly(lambda: _header(dataset), DAMAGED)


def read_tags(file: IO[bytes], keywords: tuple[str, ...], pixels: bool = False) -> "Dataset":
    """Read some tags of an open DICOM file; all others are passed over.

    Args:
        file: At any place.
        keywords: Names of the tags.
        pixels: Whether to read the pixels too.

    Raises:
        UnreadableImageError: They cannot be read, or are compressed as a whole: that could be a bomb of any size.
    """
    if quietly(lambda: within_bounds(file, _syntax), DAMAGED) == DEFLATED:
        raise UnreadableImageError("its transfer syntax Deflated Explicit VR Little Endian is not read")
    wanted = [*keywords, *(PIXELS if pixels else ())]

    def read(source: BinaryIO) -> "Dataset":
        from pydicom import dcmread

        source.seek(0)
        dataset = dcmread(source, stop_before_pixels=not pixels, specific_tags=list(wanted))
        check_lengths(dataset)
        return dataset

    return quietly(lambda: within_bounds(file, read), DAMAGED)


def quietly(work: Callable[[], Result], reason: str) -> Result:
    """Do some work, and replace any complaint, which may quote a tag's value, by a reason.

    Raises:
        UnreadableImageError: With the reason, and without the complaint as its cause or context.
    """
    _silence()
    try:
        return work()
    except (MemoryError, EndlessFileError):
        raise
    except Exception:  # noqa: BLE001 - pydicom and its plugins raise whatever hostile bytes lead them to
        pass
    raise UnreadableImageError(reason)


def _silence() -> None:
    from pydicom import config

    config.settings.reading_validation_mode = config.IGNORE
    logging.getLogger("pydicom").disabled = True
    # For the whole process: the context managers of `warnings` are not safe in threads. Again where others have put
    # filters before it.
    if warnings.filters[:1] != [SILENT]:
        warnings.filterwarnings("ignore", module=SILENT[3].pattern)


def _syntax(file: BinaryIO) -> str:
    from pydicom.filereader import read_dataset

    file.seek(HEAD)
    meta = read_dataset(file, False, True, stop_when=lambda tag, *_: tag >> 16 != 2)
    check_lengths(meta)
    return str(meta.get("TransferSyntaxUID", ""))


def _header(dataset: "Dataset") -> DicomHeader:
    signed = _integer(dataset, "PixelRepresentation", 0) == 1
    frames = _first(dataset, "NumberOfFrames")
    stored = _integer(dataset, "BitsStored", allocated := _integer(dataset, "BitsAllocated", 0))
    slope, intercept = _number(dataset, "RescaleSlope", 1.0) or 1.0, _number(dataset, "RescaleIntercept", 0.0)
    # Of values without a sign, the least that leaves the rescale.
    least = intercept + min(slope, 0.0) * (2 ** min(stored, 16) - 1)
    return DicomHeader(
        syntax=str(dataset.file_meta.get("TransferSyntaxUID", "")),
        sop_class=str(_first(dataset, "SOPClassUID") or ""),
        modality=_word(dataset, "Modality"),
        intent=_word(dataset, "PresentationIntentType"),
        body_part=_word(dataset, "BodyPartExamined"),
        view=_word(dataset, "ViewPosition"),
        view_codes=tuple(_word(item, "CodeValue") for item in read_items(dataset, "ViewCodeSequence")),
        orientation=tuple(str(value).strip().upper() for value in _values(dataset, "PatientOrientation")),
        photometric=_word(dataset, "PhotometricInterpretation"),
        samples=_integer(dataset, "SamplesPerPixel", 1),
        frames=1 if frames is None else int(frames),
        rows=_integer(dataset, "Rows", 0),
        columns=_integer(dataset, "Columns", 0),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=_integer(dataset, "HighBit", stored - 1),
        signed=signed,
        padding=_padding(dataset, signed),
        slope=slope,
        intercept=intercept,
        window=_window(dataset),
        window_function=_word(dataset, "VOILUTFunction") or "LINEAR",
        modality_table=_table(dataset, "ModalityLUTSequence", signed),
        # Its input is what leaves the rescale, which may be negative.
        voi_table=_table(dataset, "VOILUTSequence", signed or least < 0),
    )


def _values(dataset: "Dataset", keyword: str) -> list[Any]:
    """Of a tag with any number of values; none where it is missing, empty or damaged."""
    from pydicom.multival import MultiValue

    try:
        value = dataset.get(keyword)
    except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError):
        return []
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, MultiValue | list | tuple) else [value]


def _first(dataset: "Dataset", keyword: str) -> Any:  # noqa: ANN401 - whatever the tag holds
    return next(iter(_values(dataset, keyword)), None)


def _word(dataset: "Dataset", keyword: str) -> str:
    value = _first(dataset, keyword)
    return value.strip(" \0").upper() if isinstance(value, str) else ""


def _integer(dataset: "Dataset", keyword: str, otherwise: int) -> int:
    value = _first(dataset, keyword)
    return value if isinstance(value, int) else otherwise


def _number(dataset: "Dataset", keyword: str, otherwise: float) -> float:
    try:
        value = float(_first(dataset, keyword))
    except (ValueError, TypeError):
        return otherwise
    return value if np.isfinite(value) else otherwise


def _window(dataset: "Dataset") -> tuple[float, float] | None:
    centre, width = (_number(dataset, keyword, np.nan) for keyword in ("WindowCenter", "WindowWidth"))
    return (centre, width) if width > 0 and not np.isnan(centre) else None


def _padding(dataset: "Dataset", signed: bool) -> tuple[int, int] | None:
    value = _first(dataset, "PixelPaddingValue")
    if not isinstance(value, int):
        return None
    limit = _integer(dataset, "PixelPaddingRangeLimit", value)
    ends = sorted(_as_signed(end) if signed else end & 0xFFFF for end in (value, limit))
    return ends[0], ends[1]


def _table(dataset: "Dataset", keyword: str, signed: bool) -> LookUpTable | None:
    """The first table of a sequence; None where there is none, or one that breaks the rules."""
    for item in read_items(dataset, keyword)[:1]:
        descriptor, data = _values(item, "LUTDescriptor"), _values(item, "LUTData")
        if len(descriptor) != 3 or not all(isinstance(value, int) for value in descriptor) or not data:
            return None
        # Zero stands for all 2^16 entries; with no more than 16 bits, a negative number is one of 16 bits misread.
        number, first, bits = (descriptor[0] & 0xFFFF) or 2**16, descriptor[1], descriptor[2]
        if isinstance(data[0], bytes):
            # Two entries of 8 bits may share a word.
            kind = np.uint8 if len(data[0]) < 2 * number else np.dtype(np.uint16 if _is_little(dataset) else ">u2")
            entries = np.frombuffer(data[0][: len(data[0]) // np.dtype(kind).itemsize * np.dtype(kind).itemsize], kind)
        else:
            entries = np.array([value & 0xFFFF for value in data])
        if not 8 <= bits <= 16 or len(entries) < number:
            return None
        return LookUpTable(_as_signed(first) if signed else first, bits, entries[:number].astype(np.uint16))
    return None


def _is_little(dataset: "Dataset") -> bool:
    return dataset.original_encoding[1] is not False


def _as_signed(value: int) -> int:
    return (value & 0xFFFF) - (0x10000 if value & 0x8000 else 0)
