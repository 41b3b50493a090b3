"""Images other than frontal chest radiographs are rejected by their tags, without revealing the patient."""

import io
import traceback

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, Sequence, uid
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from tests.data.dicoms import BYTES, TWELVE, dicom, rejection, stored_dicom, traces

from xray.data.decode.errors import UnreadableImageError
from xray.data.decode.image import read_image

REJECTED = {
    "Modality is CT": {"Modality": "CT"},
    "Modality is an unknown value": {"Modality": "QUAGMIRE"},
    "SOP Class is CT Image Storage": {"SOPClassUID": uid.CTImageStorage},
    "SOP Class is unknown": {"SOPClassUID": "1.2.826.0.1.3680043.8.498.777123"},
    "Presentation Intent Type is FOR PROCESSING": {"PresentationIntentType": "FOR PROCESSING"},
    "FOR PROCESSING": {"SOPClassUID": uid.DigitalXRayImageStorageForProcessing},
    "Body Part Examined is HAND": {"BodyPartExamined": "HAND"},
    "Body Part Examined is an unknown value, not the chest": {"BodyPartExamined": "QUAGMIRE"},
    "Body Part Examined is an unknown value": {"BodyPartExamined": "CHEST ABDOMEN"},
    "View Position is LL": {"ViewPosition": "LL"},
    "View Position is LATERAL": {"ViewPosition": "lateral"},
    "View Position is an unknown value": {"ViewPosition": "PA LLD"},
    "View Position is an unknown": {"ViewPosition": "QUAGMIRE"},
    "Patient Orientation has rows that run to A": {"ViewPosition": "", "PatientOrientation": ["A", "F"]},
    "Number of Frames is 2": {"NumberOfFrames": 2},
    "Photometric Interpretation is RGB": {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3},
    "Photometric Interpretation is an unknown value": {"PhotometricInterpretation": "QUAGMIRE"},
    "Samples per Pixel are 3": {"SamplesPerPixel": 3},
    "Rows or Columns": {"Rows": 0},
    "Bits Stored are 11 in 32": {"BitsAllocated": 32, "BitsStored": 11},
    "Bits Stored are 4 in 16": {"BitsStored": 4, "HighBit": 3},
    "High Bit is 15": {"HighBit": 15},
    "RescaleSlope": {"RescaleSlope": "1e308", "RescaleIntercept": "0"},
    "WindowCenter": {"WindowCenter": "-1e13", "WindowWidth": "4096"},
    "damaged or cut off": {"Rows": 4000},
}


@pytest.mark.parametrize("reason", REJECTED)
def test_rejects_other_images_and_names_the_tag(reason):
    assert reason in rejection(**REJECTED[reason])


def view_code(value):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", "Zebulon"
    return Sequence([item])


@pytest.mark.parametrize("value", ["399173006", "R-10236"])
def test_a_lateral_view_is_rejected_by_its_code(value):
    assert "View Code" in rejection(ViewPosition="", ViewCodeSequence=view_code(value))


@pytest.mark.parametrize(
    "tags",
    [
        *({"Modality": modality} for modality in ("CR", "DR", "RG", "XR", "OT", "SC", "", None)),
        *({"SOPClassUID": kind} for kind in (uid.ComputedRadiographyImageStorage, uid.SecondaryCaptureImageStorage)),
        *({"BodyPartExamined": part} for part in ("", None, "THORAX", "Lung", "CHEST PA", "CHEST_PORT", "TORAX")),
        *({"ViewPosition": view} for view in ("", None, "AP", "pa", "P->A", "ERECT", "AP SUPINE")),
        {"NumberOfFrames": 1},
        {"ViewPosition": "", "PatientOrientation": ["L", "F"]},
        {"ViewPosition": "", "ViewCodeSequence": view_code("272479007")},
        # A view position that is frontal decides.
        {"ViewCodeSequence": view_code("99PRIVATE"), "PatientOrientation": ["A", "F"]},
    ],
    ids=str,
)
def test_accepts_possible_frontal_chest_radiographs(tags):
    assert read_image(stored_dicom(TWELVE, bits=12, **tags)).shape == TWELVE.shape


@given(
    syntax=st.sampled_from([uid.ExplicitVRLittleEndian, uid.RLELossless, uid.JPEGLosslessSV1, uid.JPEGLSLossless]),
    changes=st.lists(st.tuples(st.integers(128, 2500), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_changed_bytes_give_an_image_or_a_reason_that_reveals_nothing(syntax, changes):
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


@pytest.mark.parametrize("keyword", ["WindowCenter", "WindowWidth", "RescaleSlope", "PixelPaddingValue"])
def test_a_malformed_number_counts_as_missing(keyword):
    dataset = dicom(BYTES)
    tag = Tag(tag_for_keyword(keyword))
    dataset[tag] = RawDataElement(tag, "DS", 8, b"Quagmire", 0, False, True)
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    np.testing.assert_array_equal(read_image(file), BYTES)
