"""Which DICOM files hold no frontal projection of a chest, as far as their tags tell.

A tag's value is quoted only where it is a word of the standard's own, see `xray.data.decode.dicom.codes`.
"""

import re
from typing import Final

from xray.data.decode.dicom.codes import (
    BODY_PARTS,
    CHEST,
    COLOURS,
    FOR_PROCESSING,
    IMAGE_CLASSES,
    MODALITIES,
    NOT_FRONTAL,
    NOT_FRONTAL_CODES,
    PROJECTIONS,
    UNTOLD,
)
from xray.data.decode.dicom.header import DicomHeader
from xray.data.decode.errors import UnreadableImageError, check_pixels

MOST_VALUE: Final = 1e12
"""Of a rescale or window: far beyond those of images, far below where sums lose the stored values."""


def reject(header: DicomHeader, most_pixels: int) -> None:
    """Reject a file that by its tags holds no single grey frontal projection of a chest. What they leave open is read.

    Raises:
        UnreadableImageError: With the tag, and its value where that is a word of the standard.
    """
    reason = _wrong_kind(header) or _wrong_view(header) or _wrong_pixels(header) or _wrong_values(header)
    if reason:
        raise UnreadableImageError(reason)
    check_pixels(header.columns, header.rows, most_pixels)


def _wrong_kind(header: DicomHeader) -> str | None:
    if header.modality not in PROJECTIONS:
        told = header.modality if header.modality in MODALITIES else "none of the standard's"
        return f"its Modality is {told}, not that of a projection radiograph (CR, DX, DR, RG, XR)"
    if header.sop_class not in IMAGE_CLASSES:
        return f"its SOP Class is {_name_of(header.sop_class)}, not that of a projection radiograph"
    if header.intent == "FOR PROCESSING" or (header.sop_class == FOR_PROCESSING and not header.intent):
        return "its Presentation Intent Type is FOR PROCESSING: raw values of a detector, not yet an image to be seen"
    return None


def _wrong_view(header: DicomHeader) -> str | None:
    part = header.body_part
    if part not in UNTOLD:
        words = set(re.findall(r"[A-Z]+", part))
        if not words & CHEST or words & BODY_PARTS:
            told = f"is {part}, not the chest" if part in BODY_PARTS else "is a body part other than the chest"
            return f"its Body Part Examined {told}"
    view = re.sub("[^A-Z]", "", header.view)
    if view in NOT_FRONTAL:
        return f"its View Position is {view}, {NOT_FRONTAL[view]}: only frontal views (PA, AP) are read"
    if NOT_FRONTAL_CODES.intersection(header.view_codes):
        return "its View Code is that of a lateral or oblique view: only frontal views (PA, AP) are read"
    # Rows that run from front to back of the patient belong to a view from the side (PS3.3 C.7.6.1.1.1).
    rows_to = header.orientation[0] if header.orientation else ""
    if rows_to in {"A", "P"} and view not in {"AP", "PA"}:
        return f"its Patient Orientation is that of a lateral view (rows run to {rows_to}): only frontal views are read"
    return None


def _wrong_pixels(header: DicomHeader) -> str | None:
    if not header.rows or not header.columns:
        return "it has no pixels: its Rows or Columns are missing or 0"
    if header.frames > 1:
        return f"it has {header.frames} frames: an image has one"
    if header.samples != 1 or header.photometric not in {"MONOCHROME1", "MONOCHROME2"}:
        told = header.photometric if header.photometric in COLOURS else "none of the standard's"
        told = f"{header.samples} Samples per Pixel" if header.photometric.startswith("MONOCHROME") else told
        return f"its Photometric Interpretation is {told}, not grey (MONOCHROME1, MONOCHROME2)"
    if header.bits_allocated not in {8, 16} or not 8 <= header.bits_stored <= header.bits_allocated:
        return (
            f"its pixels have {header.bits_stored} bits in {header.bits_allocated}: "
            "8 to 16 Bits Stored in 8 or 16 Bits Allocated are read"
        )
    if header.high_bit != header.bits_stored - 1:
        return f"its High Bit is {header.high_bit} at {header.bits_stored} Bits Stored: it must be one less"
    return None


def _wrong_values(header: DicomHeader) -> str | None:
    told = header.slope, header.intercept, *(header.window or ())
    if max(abs(value) for value in told) > MOST_VALUE:
        return "its Rescale Slope, Rescale Intercept or window is beyond the values of any image"
    return None


def _name_of(uid: str) -> str:
    from pydicom._uid_dict import UID_dictionary

    return UID_dictionary[uid][0] if uid in UID_dictionary else "none of the standard's"
