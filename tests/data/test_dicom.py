"""DICOM films become the greys that the standard says, or are refused without a word about the patient."""

import io
import logging
import os
import struct
import subprocess
import sys
import traceback
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom import Dataset, Sequence, uid
from pydicom.dataelem import RawDataElement
from pydicom.encaps import generate_frames
from pydicom.tag import Tag

from tests.data.dicoms import IDENTIFYING, dicom, stored_dicom, traces, write_dicom
from tests.data.jpegs import encode_lossless
from xray.data.dicom import read_dicom, read_patient
from xray.data.film import TooManyPixelsError, UnreadableFilmError, read_film

RNG = np.random.default_rng(11)
TWELVE = RNG.integers(0, 4096, (9, 8), dtype=np.uint16)
BYTES = RNG.integers(0, 256, (8, 6), dtype=np.uint8)


def refusal(*pixels, **options):
    with pytest.raises(UnreadableFilmError) as info:
        read_film(stored_dicom(*(pixels or (TWELVE,)), **({"bits": 12} | options)))
    text = "".join(traceback.format_exception(info.value))
    assert not any(trace in text for trace in traces())
    assert info.value.__cause__ is None
    return str(info.value)


def shown(share):
    return np.rint(255 * np.clip(share, 0, 1))


# The formulas of PS3.3 C.11.2.1.2 and C.11.2.1.3, from the least grey (0) to the most (1).
def linear(x, c, w):
    if x <= c - 0.5 - (w - 1) / 2:
        return 0.0
    if x > c - 0.5 + (w - 1) / 2:
        return 1.0
    return (x - (c - 0.5)) / (w - 1) + 0.5


def linear_exact(x, c, w):
    if x <= c - w / 2:
        return 0.0
    if x > c + w / 2:
        return 1.0
    return (x - c) / w + 0.5


def sigmoid(x, c, w):
    return 1 / (1 + np.exp(min(-4 * (x - c) / w, 700)))


WINDOWS = {"LINEAR": linear, "LINEAR_EXACT": linear_exact, "SIGMOID": sigmoid}


@pytest.mark.parametrize("function", WINDOWS)
@pytest.mark.parametrize(("centre", "width"), [(2048, 4096), (1000, 301), (-50.5, 700.25), (2000, 1), (9000, 10)])
def test_the_window_is_that_of_the_standard(function, centre, width):
    file = stored_dicom(TWELVE, bits=12, WindowCenter=centre, WindowWidth=width, VOILUTFunction=function)
    expected = np.vectorize(WINDOWS[function])(TWELVE.astype(float), centre, width)
    np.testing.assert_array_equal(read_film(file), shown(expected))


def test_without_a_function_the_window_is_linear_and_the_first_of_several_counts():
    windowed = stored_dicom(TWELVE, bits=12, WindowCenter=[1000, 3000], WindowWidth=[301, 9])
    alone = stored_dicom(TWELVE, bits=12, WindowCenter=1000, WindowWidth=301, VOILUTFunction="LINEAR")
    np.testing.assert_array_equal(read_film(windowed), read_film(alone))


@pytest.mark.parametrize(("slope", "intercept"), [(1, -1024), (2.5, 10), (-1, 4095)])
def test_the_window_is_applied_to_what_the_rescale_gives(slope, intercept):
    file = stored_dicom(
        TWELVE, bits=12, RescaleSlope=slope, RescaleIntercept=intercept, WindowCenter=500, WindowWidth=2000
    )
    expected = np.vectorize(linear)(TWELVE.astype(float) * slope + intercept, 500, 2000)
    np.testing.assert_array_equal(read_film(file), shown(expected))


def test_a_slope_of_zero_which_would_leave_one_grey_counts_as_one():
    window = {"bits": 12, "WindowCenter": 1500, "WindowWidth": 1000}
    plain = read_film(stored_dicom(TWELVE, RescaleIntercept=-100, **window))
    np.testing.assert_array_equal(
        read_film(stored_dicom(TWELVE, RescaleSlope=0, RescaleIntercept=-100, **window)), plain
    )


def test_a_negative_slope_turns_dark_and_light_around_without_a_window_too():
    falling = read_film(stored_dicom(TWELVE, bits=12, RescaleSlope=-1, RescaleIntercept=4095))
    steps = np.diff(falling.ravel()[np.argsort(TWELVE.ravel())].astype(int))
    assert (steps <= 0).all()
    assert steps.any()


@pytest.mark.parametrize("bits", range(8, 17))
@pytest.mark.parametrize("signed", [False, True])
def test_all_depths_with_and_without_sign(bits, signed):
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
    pixels = RNG.integers(low, high, (7, 9)).astype(np.int16 if signed else np.uint16)
    file = stored_dicom(pixels, bits=bits, WindowCenter=(low + high) / 2, WindowWidth=(high - low) * 0.8)
    expected = np.vectorize(linear)(pixels.astype(float), (low + high) / 2, (high - low) * 0.8)
    np.testing.assert_array_equal(read_film(file), shown(expected))


def test_monochrome1_is_inverted_after_the_window():
    options = {"bits": 12, "WindowCenter": 1500, "WindowWidth": 1000}
    upright = read_film(stored_dicom(TWELVE, **options))
    inverted = read_film(stored_dicom(TWELVE, PhotometricInterpretation="MONOCHROME1", **options))
    np.testing.assert_allclose(inverted.astype(int), 255 - upright.astype(int), atol=1)  # halves round to even
    # And not once more where another tag says the same.
    shape = {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"}
    np.testing.assert_array_equal(read_film(stored_dicom(TWELVE, **shape, **options)), inverted)


@pytest.mark.parametrize(("photometric", "shape"), [("MONOCHROME2", "INVERSE"), ("MONOCHROME1", "IDENTITY")])
def test_where_the_shape_contradicts_it_the_photometric_interpretation_holds(photometric, shape):
    options = {"bits": 12, "WindowCenter": 1500, "WindowWidth": 1000, "PhotometricInterpretation": photometric}
    plain = read_film(stored_dicom(TWELVE, **options))
    np.testing.assert_array_equal(read_film(stored_dicom(TWELVE, PresentationLUTShape=shape, **options)), plain)


def table(first, bits, entries, kind="US", signed=False):
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if signed else "US", [len(entries), first, bits])
    item.add_new("LUTData", kind, entries if kind == "US" else np.array(entries, "<u2").tobytes())
    return Sequence([item])


@pytest.mark.parametrize("kind", ["US", "OW"])
def test_voi_table_is_looked_up_and_goes_before_a_window(kind):
    entries = [int(4095 * (i / 999) ** 0.5) for i in range(1000)]
    lut = table(1000, 12, entries, kind)
    file = stored_dicom(TWELVE, bits=12, VOILUTSequence=lut, WindowCenter=7, WindowWidth=2)
    expected = [[entries[min(max(int(x) - 1000, 0), 999)] / 4095 for x in row] for row in TWELVE]
    np.testing.assert_array_equal(read_film(file), shown(np.array(expected)))


def test_modality_table_is_looked_up_before_the_window():
    entries = [int(x**2 // 4096) for x in range(4096)]
    file = stored_dicom(TWELVE, bits=12, ModalityLUTSequence=table(0, 16, entries), WindowCenter=2000, WindowWidth=1500)
    expected = np.vectorize(linear)(np.array(entries, float)[TWELVE], 2000, 1500)
    np.testing.assert_array_equal(read_film(file), shown(expected))


def test_tables_may_begin_below_zero():
    pixels = TWELVE.astype(np.int16) - 2048
    entries = list(range(0, 4096, 2))
    file = stored_dicom(pixels, bits=12, VOILUTSequence=table(-500, 12, entries, signed=True))
    expected = np.array(entries)[np.clip(pixels + 500, 0, len(entries) - 1)] / 4095
    np.testing.assert_array_equal(read_film(file), shown(expected))


@pytest.mark.parametrize(("slope", "intercept", "first"), [(-1, 0, -4095), (-1, 65535, 61440), (1, -4095, -4095)])
@pytest.mark.parametrize("syntax", [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian])
def test_the_first_input_of_a_table_has_a_sign_where_the_rescale_goes_below_zero(slope, intercept, first, syntax):
    lut = table(first, 12, list(range(4096)), signed=first < 0)
    tags = {"RescaleSlope": slope, "RescaleIntercept": intercept, "VOILUTSequence": lut}
    file = stored_dicom(TWELVE, bits=12, syntax=syntax, **tags)
    expected = np.clip(TWELVE.astype(int) * slope + intercept - first, 0, 4095) / 4095
    np.testing.assert_array_equal(read_film(file), shown(expected))


def test_a_broken_table_is_passed_over():
    lut = table(0, 12, [1, 2, 3])
    lut[0].LUTDescriptor = [4000, 0, 12]
    options = {"bits": 12, "WindowCenter": 2000, "WindowWidth": 1000}
    np.testing.assert_array_equal(
        read_film(stored_dicom(TWELVE, VOILUTSequence=lut, **options)), read_film(stored_dicom(TWELVE, **options))
    )


def test_pydicom_shows_the_same():
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    dataset = dicom(TWELVE, bits=12, RescaleSlope=2, RescaleIntercept=-100, WindowCenter=3000, WindowWidth=4000)
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    values = apply_voi_lut(apply_modality_lut(TWELVE, dataset), dataset)
    low, high = -100, 2 * 4095 - 100
    np.testing.assert_allclose(read_film(file), 255 * (values - low) / (high - low), atol=0.51)


def test_padding_is_black_in_either_polarity_and_does_not_count():
    pixels = RNG.integers(1000, 2000, (40, 40), dtype=np.uint16)
    bare = read_film(stored_dicom(pixels, bits=12))
    padded = pixels.copy()
    padded[:12] = 4095
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        film = read_film(stored_dicom(padded, bits=12, PixelPaddingValue=4095, PhotometricInterpretation=photometric))
        assert not film[:12].any()
        assert film[12:].std() > 50
    np.testing.assert_allclose(film[12:].astype(int), bare[12:].astype(int), atol=3)


def test_a_range_of_padding_is_black():
    pixels = np.tile(np.arange(0, 4096, 16, dtype=np.uint16), (4, 1))
    film = read_film(
        stored_dicom(
            pixels, bits=12, PixelPaddingValue=3000, PixelPaddingRangeLimit=4000, WindowCenter=2048, WindowWidth=4096
        )
    )
    np.testing.assert_array_equal(film == 0, (pixels < 8) | ((pixels >= 3000) & (pixels <= 4000)))


@pytest.mark.parametrize("border", [0, 65535])
def test_without_a_window_a_border_at_the_end_of_the_range_does_not_flatten_the_film(border):
    inside = np.clip(RNG.normal(2000, 300, (200, 200)), 900, 3100).astype(np.uint16)
    framed = np.pad(inside, 60, constant_values=border)
    film = read_film(stored_dicom(framed))[60:-60, 60:-60]
    # As from the lowest to the highest grey of the inside alone, but for the tails.
    assert film.min() == 0
    assert film.max() == 255
    assert np.corrcoef(film.ravel(), inside.ravel())[0, 1] > 0.995
    assert 30 < film.std() < 80


def test_bytes_without_a_window_are_greys_already():
    np.testing.assert_array_equal(read_film(stored_dicom(BYTES)), BYTES)


@pytest.mark.parametrize("value", [0, 77, 4095])
def test_a_film_of_one_value_is_flat(value):
    assert np.ptp(read_film(stored_dicom(np.full((5, 6), value, np.uint16), bits=12))) == 0


@given(seed=st.integers(0, 999), bits=st.integers(8, 16), signed=st.booleans(), inverted=st.booleans())
def test_without_a_window_more_is_never_darker(seed, bits, signed, inverted):
    rng = np.random.default_rng(seed)
    low = -(2 ** (bits - 1)) if signed else 0
    pixels = rng.integers(low, low + 2**bits, (1, 40)).astype(np.int16 if signed else np.uint16)
    film = read_film(stored_dicom(pixels, bits=bits, PhotometricInterpretation=f"MONOCHROME{2 - inverted}"))
    steps = np.diff(film[0, np.argsort(pixels[0])].astype(int))
    assert (steps <= 0).all() if inverted else (steps >= 0).all()


def test_a_window_that_makes_no_sense_is_passed_over():
    plain = read_film(stored_dicom(TWELVE, bits=12))
    for width in (0, -5):
        np.testing.assert_array_equal(
            read_film(stored_dicom(TWELVE, bits=12, WindowCenter=5, WindowWidth=width)), plain
        )


# Transfer syntaxes.


def jpeg(pixels, kind="JPEG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


SMOOTH = (2000 + 1500 * np.sin(np.arange(40)[:, None] / 7) * np.cos(np.arange(52) / 9)).astype(np.uint16)
WINDOW = {"bits": 12, "WindowCenter": 2048, "WindowWidth": 4096}


@pytest.mark.parametrize(
    "syntax",
    [
        uid.ImplicitVRLittleEndian,
        uid.ExplicitVRLittleEndian,
        uid.ExplicitVRBigEndian,
        uid.RLELossless,
        uid.JPEGLSLossless,
    ],
)
@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
def test_lossless_syntaxes_show_the_same_film(syntax, dtype):
    pixels = SMOOTH.astype(dtype) - (0 if dtype == np.uint16 else 2048)
    window = WINDOW | ({} if dtype == np.uint16 else {"WindowCenter": 0})
    native = np.vectorize(linear)(pixels.astype(float), window["WindowCenter"], 4096)
    if syntax == uid.ImplicitVRLittleEndian:
        dataset = dicom(pixels, **window)
        dataset.file_meta.TransferSyntaxUID = syntax
        file = io.BytesIO()
        dataset.save_as(file, enforce_file_format=True)
    else:
        file = stored_dicom(pixels, syntax=syntax, **window)
    np.testing.assert_array_equal(read_film(file), shown(native))


@pytest.mark.parametrize("syntax", [uid.JPEGLossless, uid.JPEGLosslessSV1])
@pytest.mark.parametrize("precision", [12, 16])
def test_lossless_jpeg_shows_the_same_film(syntax, precision):
    for pixels in (SMOOTH, SMOOTH.astype(np.int16) - 2048):
        frame = encode_lossless(pixels.view(np.uint16) & (2**precision - 1), precision)
        window = WINDOW | {"WindowCenter": 2048 if pixels is SMOOTH else 0}
        native = read_film(stored_dicom(pixels, **window))
        np.testing.assert_array_equal(read_film(stored_dicom(pixels, syntax=syntax, frame=frame, **window)), native)


def test_jpeg_baseline_and_extended_of_eight_bits():
    pixels = (SMOOTH >> 4).astype(np.uint8)
    for syntax in (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit):
        film = read_film(stored_dicom(pixels, syntax=syntax, frame=jpeg(pixels, quality=98)))
        np.testing.assert_allclose(film.astype(int), pixels.astype(int), atol=3)


def test_jpeg_2000():
    pixels = (SMOOTH << 4).astype(np.uint16)
    frame = jpeg(pixels, "JPEG2000", no_jp2=True)
    window = {"WindowCenter": 32768, "WindowWidth": 65536}
    film = read_film(stored_dicom(pixels, syntax=uid.JPEG2000Lossless, frame=frame, **window))
    np.testing.assert_array_equal(film, shown(np.vectorize(linear)(pixels.astype(float), 32768, 65536)))


def test_runs_that_make_a_picture_longer_than_its_pixels_are_read():
    # One literal and one pair after the other: four bytes for three.
    twos = RNG.integers(0, 256, (1800, 2), dtype=np.uint8)
    pixels = twos[:, [0, 1, 1]].reshape(60, 90)
    runs = b"".join(bytes([0, one, 255, pair]) for one, pair in twos.tolist())
    frame = struct.pack("<16I", 1, 64, *[0] * 14) + runs
    assert len(frame) > 1.3 * pixels.size
    film = read_film(stored_dicom(pixels, syntax=uid.RLELossless, frame=frame))
    np.testing.assert_array_equal(film, pixels)


def test_runs_that_hold_more_than_the_pixels_are_refused_before_they_are_laid_out():
    frame = struct.pack("<16I", 1, 64, *[0] * 14) + bytes([129, 7]) * 2**20
    tracemalloc.start()
    try:
        assert "damaged" in refusal(np.zeros((16, 16), np.uint8), bits=8, syntax=uid.RLELossless, frame=frame)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * len(frame)


# Of pydicom's own files those with one grey frame; made to be chest films by their tags.
BUNDLED = {  # with the greatest difference between decoders
    "693_J2KI.dcm": 1,
    "JPEG2000.dcm": 1,
    "MR_small_jp2klossless.dcm": 0,
    "MR_small_jpeg_ls_lossless.dcm": 0,
    "MR_small_RLE.dcm": 0,
    "MR_small_bigendian.dcm": 0,
    "MR_small_implicit.dcm": 0,
    "MR_small.dcm": 0,
    "CT_small.dcm": 0,
    "JPEGLSNearLossless_08.dcm": 0,
    "JPEGLSNearLossless_16.dcm": 0,
}


@pytest.mark.parametrize("name", BUNDLED)
def test_files_of_others_are_decoded_as_pydicom_does(name):
    source = Path(pydicom.data.__file__).parent / "test_files" / name
    dataset = pydicom.dcmread(source)
    pixels = dataset.pixel_array
    dataset.Modality, dataset.BodyPartExamined = "DX", "CHEST"
    dataset.SOPClassUID = uid.DigitalXRayImageStorageForPresentation
    for tag in ("WindowCenter", "WindowWidth", "PixelPaddingValue", "RescaleSlope", "RescaleIntercept"):
        dataset.pop(tag, None)
    low, high = int(pixels.min()), int(pixels.max())
    dataset.WindowCenter, dataset.WindowWidth = (low + high + 1) / 2, high - low + 1
    file = io.BytesIO()
    dataset.save_as(file)
    expected = 255 * (pixels.astype(float) - low) / (high - low)
    np.testing.assert_allclose(read_film(file), expected, atol=0.51 + BUNDLED[name])


@pytest.mark.parametrize("name", ["image_dfl.dcm", "CT_small.dcm", "rtplan.dcm", "badVR.dcm", "SC_rgb_rle_2frame.dcm"])
def test_files_of_others_that_are_no_films_are_refused(name):
    with pytest.raises(UnreadableFilmError):
        read_film(Path(pydicom.data.__file__).parent / "test_files" / name)


def test_real_film_as_twelve_bits_comes_back_to_the_byte(real_films):
    film = read_film(next(iter(sorted((real_films / "test/NORMAL").glob("*.jpeg")))))
    deep = film.astype(np.uint16) * 16
    window = {"WindowCenter": 2040, "WindowWidth": 4080, "VOILUTFunction": "LINEAR_EXACT"}
    inverse = {"PhotometricInterpretation": "MONOCHROME1"}
    np.testing.assert_array_equal(read_film(stored_dicom(deep, bits=12, **window)), film)
    np.testing.assert_array_equal(read_film(stored_dicom(4080 - deep, bits=12, **window, **inverse)), film)


# Refusals.

REFUSED = {
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
    "damaged or cut off": {"Rows": 4000},
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_no_chest_film_is_refused_with_the_tag(reason):
    assert reason in refusal(**REFUSED[reason])


@pytest.mark.parametrize("code", ["399173006", "R-10236"])
def test_a_lateral_view_is_refused_by_its_code(code):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "SCT", "Zebulon"
    assert "View Code" in refusal(ViewPosition="", ViewCodeSequence=Sequence([item]))


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
    assert read_film(stored_dicom(TWELVE, bits=12, **tags)).shape == TWELVE.shape


def test_no_pixels_or_an_unread_syntax_is_a_reason():
    assert "no pixels" in refusal(PixelData=None)
    assert "MPEG" in refusal(TWELVE, syntax=uid.MPEG2MPML, frame=b"1234")
    assert "8 bits only" in refusal(TWELVE, syntax=uid.JPEGExtended12Bit, frame=jpeg(BYTES))


def test_too_many_pixels_are_refused_by_the_header():
    with pytest.raises(TooManyPixelsError, match="60000 x 50000 pixels"):
        read_film(stored_dicom(TWELVE, bits=12, Rows=50_000, Columns=60_000))
    with pytest.raises(TooManyPixelsError, match="8 x 9 pixels exceed the limit of 71"):
        read_film(stored_dicom(TWELVE, bits=12), most_pixels=71)
    assert read_film(stored_dicom(TWELVE, bits=12), most_pixels=72).size == 72


@pytest.mark.parametrize("syntax", [uid.JPEGBaseline8Bit, uid.JPEG2000Lossless, uid.JPEGLosslessSV1])
def test_a_picture_of_another_size_than_its_tags_is_refused_undecoded(syntax):
    frame = {
        uid.JPEGBaseline8Bit: jpeg(BYTES),
        uid.JPEG2000Lossless: jpeg(BYTES, "JPEG2000"),
        uid.JPEGLosslessSV1: encode_lossless(BYTES, 8),
    }[syntax]
    assert "damaged" in refusal(BYTES, bits=8, syntax=syntax, frame=frame, Rows=7)


def test_jpeg_ls_without_its_end_is_refused_at_once():
    dataset = dicom(TWELVE, bits=12, syntax=uid.JPEGLSLossless)
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    assert "damaged" in refusal(TWELVE, bits=12, syntax=uid.JPEGLSLossless, frame=frame.rstrip(b"\0")[:-20])


@given(
    syntax=st.sampled_from([uid.ExplicitVRLittleEndian, uid.RLELossless]),
    changes=st.lists(st.tuples(st.integers(128, 2500), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_changed_bytes_give_a_film_or_a_refusal_without_a_trace(syntax, changes):
    data = bytearray(stored_dicom(TWELVE, bits=12, syntax=syntax).getvalue())
    for place, value in changes:
        data[place % len(data)] = value
    try:
        film = read_film(io.BytesIO(bytes(data)))
    except UnreadableFilmError as error:
        text = "".join(traceback.format_exception(error))
        assert not any(trace in text for trace in traces())
        return
    assert film.dtype == np.uint8


# What is never told.


def test_no_warning_log_line_or_output_tells_of_the_patient(caplog, capfd):
    caplog.set_level(logging.DEBUG)
    dataset = dicom(TWELVE, **WINDOW)
    # Values that break the rules, which pydicom warns of by quoting them.
    for tag, kind in ((0x00100030, "DA"), (0x00080060, "CS"), (0x00281050, "DS"), (0x00080018, "UI")):
        dataset[tag] = RawDataElement(Tag(tag), kind, 24, b"Quagmire^Zebulon*Q/1931 ", 0, False, True)
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    capfd.readouterr()
    caplog.clear()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(UnreadableFilmError) as info:
            read_film(file)
        with pytest.raises(UnreadableFilmError):
            read_film(io.BytesIO(file.getvalue()[:500]))
    assert told == []
    assert caplog.text == ""
    assert capfd.readouterr() == ("", "")
    assert not any(trace in str(info.value) for trace in traces())


def test_a_patient_is_told_apart_and_not_printed(tmp_path):
    one = read_patient(write_dicom(tmp_path / "1.dcm", TWELVE, bits=12))
    same = read_patient(write_dicom(tmp_path / "2.dcm", BYTES, PatientName="Other^Name"))
    assert one == same
    assert not any(trace in f"{one} {one!r}" for trace in traces())
    for i, tags in enumerate(({"PatientID": "MRN7712391"}, {"IssuerOfPatientID": "Elsewhere"})):
        assert read_patient(write_dicom(tmp_path / f"other{i}.dcm", BYTES, **tags)) not in {None, one}


@pytest.mark.parametrize("identity", ["", None, "ANONYMOUS", "anonymized", "0"])
def test_an_identity_that_stands_for_none_names_no_patient(identity, tmp_path):
    assert read_patient(write_dicom(tmp_path / "1.dcm", BYTES, PatientID=identity)) is None


def test_files_that_are_no_dicom_name_no_patient(tmp_path):
    (tmp_path / "text.dcm").write_text("Patient: " + IDENTIFYING["PatientID"])
    (tmp_path / "cut.dcm").write_bytes(stored_dicom(BYTES).getvalue()[:180])
    assert [read_patient(tmp_path / name) for name in ("text.dcm", "cut.dcm", "missing.dcm")] == [None] * 3


def test_path_and_open_file_give_the_same_film(tmp_path):
    path = write_dicom(tmp_path / "film", TWELVE, bits=12)
    np.testing.assert_array_equal(read_dicom(path), read_film(stored_dicom(TWELVE, bits=12)))


def test_pydicom_is_loaded_for_dicom_alone():
    code = "import sys, xray.data.film, xray.data.index, xray.data.facts; sys.exit('pydicom' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env=os.environ, check=False).returncode == 0
