"""What is no image of a chest is rejected by its tags, in words that tell nothing of the patient."""

import io
import traceback

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, Sequence, uid
from pydicom.encaps import generate_frames
from tests.data.dicoms import (
    BYTES,
    TWELVE,
    dicom,
    jpeg,
    rejection,
    stored_dicom,
    traces,
)
from tests.data.jpegs import encode_lossless

from xray.data.decode.image import TooManyPixelsError, UnreadableImageError, read_image

REJECTED = {
    "Modality is CT": {"Modality": "CT"},
    "Modality is none of the standard's": {"Modality": "QUAGMIRE"},
    "SOP Class is CT Image Storage": {"SOPClassUID": uid.CTImageStorage},
    "SOP Class is none of the standard's": {"SOPClassUID": "1.2.826.0.1.3680043.8.498.777123"},
    "FOR PROCESSING": {"PresentationIntentType": "FOR PROCESSING"},
    "Body Part Examined is HAND": {"BodyPartExamined": "HAND"},
    "Body Part Examined is a body part other than the chest": {"BodyPartExamined": "QUAGMIRE"},
    "Body Part Examined is a body part other": {"BodyPartExamined": "CHEST ABDOMEN"},
    "View Position is LL, a lateral view": {"ViewPosition": "LL"},
    "View Position is LATERAL": {"ViewPosition": "lateral"},
    "an oblique view": {"ViewPosition": "RAO"},
    "lies on one side": {"ViewPosition": "LLD"},
    "Patient Orientation is that of a lateral view": {"ViewPosition": "", "PatientOrientation": ["A", "F"]},
    "it has 2 frames": {"NumberOfFrames": 2},
    "Photometric Interpretation is RGB": {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3},
    "Photometric Interpretation is none of": {"PhotometricInterpretation": "QUAGMIRE"},
    "3 Samples per Pixel": {"SamplesPerPixel": 3},
    "it has no pixels": {"Rows": 0},
    "11 bits in 32": {"BitsAllocated": 32, "BitsStored": 11},
    "4 bits in 16": {"BitsStored": 4, "HighBit": 3},
    "High Bit is 15": {"HighBit": 15},
    "Rescale Slope, Rescale Intercept or window is beyond": {"RescaleSlope": "1e308", "RescaleIntercept": "0"},
    "Intercept or window is beyond": {"WindowCenter": "-1e13", "WindowWidth": "4096"},
    "damaged or cut off": {"Rows": 4000},
}


@pytest.mark.parametrize("reason", REJECTED)
def test_what_is_no_chest_image_is_rejected_with_the_tag(reason):
    assert reason in rejection(**REJECTED[reason])


@pytest.mark.parametrize("code", ["399173006", "R-10236"])
def test_a_lateral_view_is_rejected_by_its_code(code):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "SCT", "Zebulon"
    assert "View Code" in rejection(ViewPosition="", ViewCodeSequence=Sequence([item]))


@pytest.mark.parametrize(
    "tags",
    [
        *({"Modality": modality} for modality in ("CR", "DR", "RG", "XR", "OT", "", None)),
        *({"SOPClassUID": kind} for kind in (uid.ComputedRadiographyImageStorage, uid.SecondaryCaptureImageStorage)),
        *({"BodyPartExamined": part} for part in ("", None, "THORAX", "Lung", "CHEST PA", "CHEST_PORT", "TORAX")),
        *({"ViewPosition": view} for view in ("", None, "AP", "PA", "ERECT")),
        {"NumberOfFrames": 1},
        {"PatientOrientation": ["L", "F"]},
    ],
    ids=str,
)
def test_what_nothing_speaks_against_is_read(tags):
    assert read_image(stored_dicom(TWELVE, bits=12, **tags)).shape == TWELVE.shape


def test_no_pixels_or_an_unread_syntax_is_a_reason():
    assert "no pixels" in rejection(PixelData=None)
    assert "MPEG" in rejection(TWELVE, syntax=uid.MPEG2MPML, frame=b"1234")
    assert "8 bits only" in rejection(TWELVE, syntax=uid.JPEGExtended12Bit, frame=jpeg(BYTES))


def test_too_many_pixels_are_rejected_by_the_header():
    with pytest.raises(TooManyPixelsError, match="60000 x 50000 pixels"):
        read_image(stored_dicom(TWELVE, bits=12, Rows=50_000, Columns=60_000))
    with pytest.raises(TooManyPixelsError, match="8 x 9 pixels exceed the limit of 71"):
        read_image(stored_dicom(TWELVE, bits=12), most_pixels=71)
    assert read_image(stored_dicom(TWELVE, bits=12), most_pixels=72).size == 72


@pytest.mark.parametrize("syntax", [uid.JPEGBaseline8Bit, uid.JPEG2000Lossless, uid.JPEGLosslessSV1])
def test_a_picture_of_another_size_than_its_tags_is_rejected_undecoded(syntax):
    frame = {
        uid.JPEGBaseline8Bit: jpeg(BYTES),
        uid.JPEG2000Lossless: jpeg(BYTES, "JPEG2000"),
        uid.JPEGLosslessSV1: encode_lossless(BYTES, 8),
    }[syntax]
    assert "damaged" in rejection(BYTES, bits=8, syntax=syntax, frame=frame, Rows=7)


def test_jpeg_ls_without_its_end_is_rejected_at_once():
    dataset = dicom(TWELVE, bits=12, syntax=uid.JPEGLSLossless)
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    assert "damaged" in rejection(TWELVE, bits=12, syntax=uid.JPEGLSLossless, frame=frame.rstrip(b"\0")[:-20])


@given(
    syntax=st.sampled_from([uid.ExplicitVRLittleEndian, uid.RLELossless]),
    changes=st.lists(st.tuples(st.integers(128, 2500), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_changed_bytes_give_an_image_or_a_rejection_without_a_trace(syntax, changes):
    data = bytearray(stored_dicom(TWELVE, bits=12, syntax=syntax).getvalue())
    for place, value in changes:
        data[place % len(data)] = value
    try:
        image = read_image(io.BytesIO(bytes(data)))
    except UnreadableImageError as error:
        text = "".join(traceback.format_exception(error))
        assert not any(trace in text for trace in traces())
        return
    assert image.dtype == np.uint8
