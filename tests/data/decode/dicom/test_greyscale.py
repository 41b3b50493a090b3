"""DICOM images are shown with the greys that the standard prescribes."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, Sequence, dcmread, uid
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from tests.data.dicoms import BYTES, TWELVE, stored_dicom

from xray.data.decode.image import read_image

RNG = np.random.default_rng(11)


def shown(white):
    return np.rint(255 * np.clip(white, 0, 1))


# The formulas of PS3.3 C.11.2.1.2 and C.11.2.1.3, from black (0) to white (1).


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
@pytest.mark.parametrize(("centre", "width"), [(1000, 301), (-50.5, 700.25), (2000, 1), (9000, 10)])
def test_the_window_is_that_of_the_standard(function, centre, width):
    file = stored_dicom(TWELVE, bits=12, WindowCenter=centre, WindowWidth=width, VOILUTFunction=function)
    expected = np.vectorize(WINDOWS[function])(TWELVE.astype(float), centre, width)
    np.testing.assert_array_equal(read_image(file), shown(expected))


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (2.5, -1024), (-1, 4095)])
def test_pydicom_shows_the_same_greys(bits, signed, slope, intercept):
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    pixels = RNG.integers(low, high + 1, (7, 9)).astype(np.int16 if signed else np.uint16)
    centre, width = slope * (low + high) / 2 + intercept + 20, abs(slope) * (high - low) * 0.8
    tags = {"RescaleSlope": slope, "RescaleIntercept": intercept, "WindowCenter": centre, "WindowWidth": width}
    file = stored_dicom(pixels, bits=bits, **tags)
    dataset = dcmread(file)
    values = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset)
    black, white = sorted(slope * end + intercept for end in (low, high))
    if slope < 0:
        # pydicom scales such windows from white to black.
        values = black + white - values
    np.testing.assert_allclose(read_image(file), 255 * (values - black) / (white - black), atol=0.501)


def test_without_a_function_the_window_is_linear_and_the_first_of_several_counts():
    several = stored_dicom(TWELVE, bits=12, WindowCenter=[1000, 3000], WindowWidth=[301, 9])
    alone = stored_dicom(TWELVE, bits=12, WindowCenter=1000, WindowWidth=301, VOILUTFunction="LINEAR")
    np.testing.assert_array_equal(read_image(several), read_image(alone))


@pytest.mark.parametrize("tags", [{"WindowWidth": 0}, {"WindowWidth": -5}, {"WindowWidth": 0.5}, {"WindowWidth": None}])
def test_an_invalid_window_is_ignored(tags):
    plain = read_image(stored_dicom(TWELVE, bits=12))
    np.testing.assert_array_equal(read_image(stored_dicom(TWELVE, bits=12, WindowCenter=5, **tags)), plain)


def test_a_slope_of_zero_counts_as_one():
    tags = {"bits": 12, "WindowCenter": 1500, "WindowWidth": 1000, "RescaleIntercept": -100}
    plain = read_image(stored_dicom(TWELVE, **tags))
    np.testing.assert_array_equal(read_image(stored_dicom(TWELVE, RescaleSlope=0, **tags)), plain)


def test_monochrome1_is_inverted_once_after_the_window():
    options = {"bits": 12, "WindowCenter": 1500, "WindowWidth": 1000}
    upright = read_image(stored_dicom(TWELVE, **options))
    options["PhotometricInterpretation"] = "MONOCHROME1"
    inverted = read_image(stored_dicom(TWELVE, **options))
    np.testing.assert_allclose(inverted.astype(int), 255 - upright.astype(int), atol=1)  # halves round to even
    for shape in ("INVERSE", "IDENTITY"):
        np.testing.assert_array_equal(read_image(stored_dicom(TWELVE, PresentationLUTShape=shape, **options)), inverted)


def table(first, bits, entries, kind="US", signed=False):
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if signed else "US", [len(entries) % 2**16, first, bits])
    item.add_new("LUTData", kind, entries if kind == "US" else np.array(entries, "<u2").tobytes())
    return Sequence([item])


@pytest.mark.parametrize("kind", ["US", "OW"])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_a_voi_table_is_looked_up_and_goes_before_a_window(kind, bits):
    entries = [int((2**bits - 1) * (i / 999) ** 0.5) for i in range(1000)]
    lut = table(1000, bits, entries, kind)
    file = stored_dicom(TWELVE, bits=12, VOILUTSequence=lut, WindowCenter=7, WindowWidth=2)
    expected = np.array(entries)[np.clip(TWELVE.astype(int) - 1000, 0, 999)] / (2**bits - 1)
    np.testing.assert_array_equal(read_image(file), shown(expected))


def test_two_entries_of_eight_bits_may_share_a_word():
    lut = table(0, 8, list(range(256)), "OW")
    lut[0].LUTData = bytes(255 - i for i in range(256))
    np.testing.assert_array_equal(read_image(stored_dicom(BYTES, VOILUTSequence=lut)), 255 - BYTES)


def test_a_voi_table_takes_inputs_beyond_16_bits():
    pixels = np.array([[0, 30000, 65535]], np.uint16)
    file = stored_dicom(pixels, RescaleSlope=2, RescaleIntercept=0, VOILUTSequence=table(0, 16, list(range(65536))))
    np.testing.assert_array_equal(read_image(file), shown(np.array([[0, 60000 / 65535, 1]])))


@pytest.mark.parametrize("bits", [12, 16])
def test_a_modality_table_is_looked_up_before_the_window(bits):
    entries = [int(x**2 // 4096) for x in range(4096)]
    lut = table(0, bits, entries)
    file = stored_dicom(TWELVE, bits=12, ModalityLUTSequence=lut, WindowCenter=2000, WindowWidth=1500)
    expected = np.vectorize(linear)(np.array(entries, float)[TWELVE], 2000, 1500)
    np.testing.assert_array_equal(read_image(file), shown(expected))


def test_tables_may_begin_below_zero():
    pixels = TWELVE.astype(np.int16) - 2048
    entries = list(range(0, 4096, 2))
    file = stored_dicom(pixels, bits=12, VOILUTSequence=table(-500, 12, entries, signed=True))
    expected = np.array(entries)[np.clip(pixels + 500, 0, len(entries) - 1)] / 4095
    np.testing.assert_array_equal(read_image(file), shown(expected))


@pytest.mark.parametrize(("slope", "intercept", "first"), [(-1, 0, -4095), (-1, 65535, 61440), (1, -4095, -4095)])
@pytest.mark.parametrize("syntax", [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian])
def test_the_first_input_of_a_table_has_a_sign_where_the_rescale_goes_below_zero(slope, intercept, first, syntax):
    lut = table(first, 12, list(range(4096)), signed=first < 0)
    tags = {"RescaleSlope": slope, "RescaleIntercept": intercept, "VOILUTSequence": lut}
    file = stored_dicom(TWELVE, bits=12, syntax=syntax, **tags)
    expected = np.clip(TWELVE.astype(int) * slope + intercept - first, 0, 4095) / 4095
    np.testing.assert_array_equal(read_image(file), shown(expected))


def test_an_invalid_table_is_ignored():
    lut = table(0, 12, [1, 2, 3])
    options = {"bits": 12, "WindowCenter": 2000, "WindowWidth": 1000}
    plain = read_image(stored_dicom(TWELVE, **options))
    for descriptor in ([4000, 0, 12], [3, 0, 40]):
        lut[0].LUTDescriptor = descriptor
        np.testing.assert_array_equal(read_image(stored_dicom(TWELVE, VOILUTSequence=lut, **options)), plain)
    np.testing.assert_array_equal(read_image(stored_dicom(TWELVE, VOILUTSequence=Sequence([]), **options)), plain)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_does_not_count(photometric):
    pixels = RNG.integers(1000, 2000, (40, 40), dtype=np.uint16)
    pixels[:12] = 4095
    image = read_image(stored_dicom(pixels, bits=12, PixelPaddingValue=4095, PhotometricInterpretation=photometric))
    assert not image[:12].any()
    assert image[12:].std() > 50


def test_a_range_of_padding_is_black():
    pixels = np.tile(np.arange(0, 4096, 16, dtype=np.uint16), (4, 1))
    tags = {"PixelPaddingValue": 3000, "PixelPaddingRangeLimit": 4000, "WindowCenter": 2048, "WindowWidth": 4096}
    image = read_image(stored_dicom(pixels, bits=12, **tags))
    np.testing.assert_array_equal(image == 0, (pixels < 8) | ((pixels >= 3000) & (pixels <= 4000)))


def test_negative_padding_is_black():
    pixels = RNG.integers(0, 1000, (20, 20)).astype(np.int16)
    pixels[:5] = -2000
    assert not read_image(stored_dicom(pixels, bits=12, PixelPaddingValue=-2000))[:5].any()


@pytest.mark.parametrize("border", [0, 65535])
def test_without_a_window_a_border_at_the_end_of_the_range_does_not_flatten_the_image(border):
    inside = np.clip(RNG.normal(2000, 300, (200, 200)), 900, 3100).astype(np.uint16)
    framed = np.pad(inside, 60, constant_values=border)
    image = read_image(stored_dicom(framed))[60:-60, 60:-60]
    assert (image.min(), image.max()) == (0, 255)
    assert np.corrcoef(image.ravel(), inside.ravel())[0, 1] > 0.995
    assert 30 < image.std() < 80


@pytest.mark.parametrize("intercept", [None, -1024])
def test_bytes_that_are_neither_windowed_nor_scaled_are_greys_already(intercept):
    np.testing.assert_array_equal(read_image(stored_dicom(BYTES, RescaleIntercept=intercept)), BYTES)


@pytest.mark.parametrize("value", [0, 77, 4095])
def test_an_image_of_one_value_is_flat(value):
    assert np.ptp(read_image(stored_dicom(np.full((5, 6), value, np.uint16), bits=12))) == 0


@given(seed=st.integers(0, 999), bits=st.integers(8, 16), signed=st.booleans(), falling=st.sampled_from([0, 1, 2]))
def test_without_a_window_the_order_of_the_greys_is_that_of_the_values(seed, bits, signed, falling):
    rng = np.random.default_rng(seed)
    low = -(2 ** (bits - 1)) if signed else 0
    pixels = rng.integers(low, low + 2**bits, (1, 40)).astype(np.int16 if signed else np.uint16)
    tags = ({}, {"PhotometricInterpretation": "MONOCHROME1"}, {"RescaleSlope": -1, "RescaleIntercept": 0})[falling]
    image = read_image(io.BytesIO(stored_dicom(pixels, bits=bits, **tags).getvalue()))
    steps = np.diff(image[0, np.argsort(pixels[0])].astype(int))
    assert (steps <= 0).all() if falling else (steps >= 0).all()
    assert steps.any()
