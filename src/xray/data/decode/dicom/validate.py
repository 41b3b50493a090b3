"""Reject DICOM files that according to their tags show no frontal chest radiograph.

A reason quotes a tag's value only if it is in one of the short lists below: any other may be free text that names a
person.
"""

import re
from typing import TYPE_CHECKING, Final

from xray.data.decode.dicom.tags import tag_integer, tag_number, tag_text, uid_name
from xray.data.decode.errors import UnreadableImageError, check_pixels

if TYPE_CHECKING:
    from pydicom import Dataset


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


MODALITIES: Final = frozenset({"", "CR", "DX", "DR", "RG", "XR", "OT", "SC"})
"""Those of projection radiographs; OT and SC are those of converted and scanned ones."""
OTHER_MODALITIES: Final = frozenset({"CT", "IO", "MG", "MR", "NM", "PT", "PX", "RF", "SEG", "SR", "US", "XA", "XC"})

FOR_PROCESSING: Final = "1.2.840.10008.5.1.4.1.1.1.1.1"
SOP_CLASSES: Final = frozenset(
    {
        "",
        "1.2.840.10008.5.1.4.1.1.1",  # computed radiography
        "1.2.840.10008.5.1.4.1.1.1.1",  # digital X-ray, for presentation
        FOR_PROCESSING,  # digital X-ray, for processing: rejected below with a reason of its own
        "1.2.840.10008.5.1.4.1.1.7",  # secondary capture: scanned or converted, as in most public data sets
        "1.2.840.10008.5.1.4.1.1.7.2",  # the same as grey bytes
        "1.2.840.10008.5.1.4.1.1.7.3",  # the same as grey words
    }
)

CHEST: Final = frozenset({"CHEST", "THORAX", "TORAX", "TORACE", "LUNG", "LUNGS", "LUNGE"})
UNSPECIFIED: Final = frozenset({"", "UNKNOWN", "UNDEFINED", "UNSPECIFIED", "OTHER", "NONE"})
OTHER_BODY_PARTS: Final = _codes(
    "ABDOMEN ANKLE ARM BREAST CLAVICLE CSPINE ELBOW FEMUR FINGER FOOT FOREARM HAND HEAD HIP HUMERUS KNEE LEG LSPINE "
    "NECK PELVIS RIB RIBS SCAPULA SHOULDER SKULL SPINE STERNUM TSPINE WRIST"
)

FRONTAL_VIEWS: Final = frozenset({"AP", "PA", "FRONTAL", "ANTEROPOSTERIOR", "POSTEROANTERIOR"})
VIEW_DETAILS: Final = _codes("AXIAL ERECT LORDOTIC PORTABLE SITTING STANDING SUPINE UPRIGHT UNKNOWN OTHER NONE")
"""Words about the patient's position, which may stand beside a frontal view or alone."""
OTHER_VIEWS: Final = _codes("CC LAO LAT LATERAL LL LLD LLO LPO MLO OBLIQUE RAO RL RLD RLO RPO")
FRONTAL_CODES: Final = frozenset({"399348003", "272479007", "399033003", "R-10206", "R-10214", "R-40888", "R-10202"})
"""View codes of SNOMED CT and of the older SNOMED RT: antero-posterior, postero-anterior, frontal."""

COLOURS: Final = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR"})
GREATEST_VALUE: Final = 1e12
"""Largest accepted rescale or window value: far above real ones, but small enough for float64 to resolve stored
values."""


def check_dataset(dataset: "Dataset", max_pixels: int) -> None:
    """Reject a file that according to its tags holds no single grey frontal chest radiograph.

    A missing tag is no reason for rejection.

    Args:
        dataset: The `WANTED` tags.
        max_pixels: Greatest number of pixels that is accepted.

    Raises:
        UnreadableImageError: With the tag that is the reason; `TooManyPixelsError` if there are too many pixels.
    """
    reason = _wrong_kind(dataset) or _wrong_view(dataset) or _wrong_pixels(dataset) or _wrong_values(dataset)
    if reason:
        raise UnreadableImageError(reason)
    check_pixels(tag_integer(dataset, "Columns"), tag_integer(dataset, "Rows"), max_pixels)


def _wrong_kind(dataset: "Dataset") -> str | None:
    modality, sop_class = tag_text(dataset, "Modality"), tag_text(dataset, "SOPClassUID")
    if modality not in MODALITIES:
        return (
            f"its Modality is {_quoted(modality, OTHER_MODALITIES)}, "
            "not that of a projection radiograph (CR, DX, DR, RG, XR)"
        )
    if sop_class not in SOP_CLASSES:
        return f"its SOP Class is {uid_name(sop_class)}, not that of a projection radiograph"
    intent = tag_text(dataset, "PresentationIntentType")
    if intent == "FOR PROCESSING" or (sop_class == FOR_PROCESSING and not intent):
        return "its Presentation Intent Type is FOR PROCESSING: raw detector values, not meant for viewing"
    return None


def _wrong_view(dataset: "Dataset") -> str | None:
    part = tag_text(dataset, "BodyPartExamined")
    words = _words(part)
    if part not in UNSPECIFIED and (not words & CHEST or words & OTHER_BODY_PARTS):
        return f"its Body Part Examined is {_quoted(part, OTHER_BODY_PARTS)}, not the chest"
    view = tag_text(dataset, "ViewPosition")
    # "P->A" and "A.P." occur too.
    words = _words(view) if re.sub("[^A-Z]", "", view) not in FRONTAL_VIEWS else FRONTAL_VIEWS
    if words - FRONTAL_VIEWS - VIEW_DETAILS:
        return f"its View Position is {_quoted(view, OTHER_VIEWS)}: only frontal views (PA, AP) are accepted"
    if words & FRONTAL_VIEWS:
        return None
    codes = {tag_text(item, "CodeValue") for item in dataset.get("ViewCodeSequence") or ()}
    if codes and not codes & FRONTAL_CODES:
        return "its View Code is not that of a frontal view: only frontal views (PA, AP) are accepted"
    # In a frontal view rows run to the patient's left or right (PS3.3 C.7.6.1.1.1).
    if (rows_to := tag_text(dataset, "PatientOrientation")) in {"A", "P"}:
        return f"its Patient Orientation has rows that run to {rows_to}: only frontal views (PA, AP) are accepted"
    return None


def _wrong_pixels(dataset: "Dataset") -> str | None:
    if not tag_integer(dataset, "Rows") or not tag_integer(dataset, "Columns"):
        return "it has no pixels: its Rows or Columns are missing or 0"
    if (frames := tag_integer(dataset, "NumberOfFrames", 1)) > 1:
        return f"its Number of Frames is {frames}, not 1"
    photometric = tag_text(dataset, "PhotometricInterpretation")
    if photometric not in {"MONOCHROME1", "MONOCHROME2"}:
        value = _quoted(photometric, COLOURS)
        return f"its Photometric Interpretation is {value}, not grey (MONOCHROME1, MONOCHROME2)"
    if (samples := tag_integer(dataset, "SamplesPerPixel", 1)) != 1:
        return f"its Samples per Pixel are {samples}, not 1"
    allocated, stored = tag_integer(dataset, "BitsAllocated"), tag_integer(dataset, "BitsStored")
    if allocated not in {8, 16} or not 8 <= stored <= allocated:
        return f"its Bits Stored are {stored} in {allocated} Bits Allocated; accepted are 8 to 16 in 8 or 16"
    if (high_bit := tag_integer(dataset, "HighBit", stored - 1)) != stored - 1:
        return f"its High Bit is {high_bit} at {stored} Bits Stored: it must be one less"
    return None


def _wrong_values(dataset: "Dataset") -> str | None:
    for keyword in ("RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth"):
        if abs(tag_number(dataset, keyword) or 0) > GREATEST_VALUE:
            return f"its {keyword} is greater than that of any radiograph"
    return None


def _quoted(value: str, known: frozenset[str]) -> str:
    return value if value in known else "an unknown value"


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall("[A-Z]+", text))
