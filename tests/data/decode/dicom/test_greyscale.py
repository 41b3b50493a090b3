"""DICOM images become the greys that the standard says."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, Sequence, uid
from tests.data.dicoms import (
    BYTES,
    TWELVE,
    dicom,
    linear,
    shown,
    stored_dicom,
)

from xray.data.decode.image import read_image

RNG = np.random.default_rng(11)


# The formulas of PS3.3 C.11.2.1.2 and C.11.2.1.3, from the least grey (0) to the most (1).


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
    np.testing.assert_array_equal(read_image(file), shown(expected))


def test_without_a_function_the_window_is_linear_and_the_first_of_several_counts():
    windowed = stored_dicom(TWELVE, bits=12, WindowCenter=[1000, 3000], WindowWidth=[301, 9])
    alone = stored_dicom(TWELVE, bits=12, WindowCenter=1000, WindowWidth=301, VOILUTFunction="LINEAR")
    np.testing.assert_array_equal(read_image(windowed), read_image(alone))


@pytest.mark.parametrize(("slope", "intercept"), [(1, -1024), (2.5, 10), (-1, 4095)])
def test_the_window_is_applied_to_what_the_rescale_gives(slope, intercept):
    file = stored_dicom(
        TWELVE, bits=12, RescaleSlope=slope, RescaleIntercept=intercept, WindowCenter=500, WindowWidth=2000
    )
    expected = np.vectorize(linear)(TWELVE.astype(float) * slope + intercept, 500, 2000)
    np.testing.assert_array_equal(read_image(file), shown(expected))


def test_a_slope_of_zero_which_would_leave_one_grey_counts_as_one():
    window = {"bits": 12, "WindowCenter": 1500, "WindowWidth": 1000}
    plain = read_image(stored_dicom(TWELVE, RescaleIntercept=-100, **window))
    np.testing.assert_array_equal(
        read_image(stored_dicom(TWELVE, RescaleSlope=0, RescaleIntercept=-100, **window)), plain
    )


def test_a_negative_slope_turns_dark_and_light_around_without_a_window_too():
    falling = read_image(stored_dicom(TWELVE, bits=12, RescaleSlope=-1, RescaleIntercept=4095))
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
    np.testing.assert_array_equal(read_image(file), shown(expected))


def test_monochrome1_is_inverted_after_the_window():
    options = {"bits": 12, "WindowCenter": 1500, "WindowWidth": 1000}
    upright = read_image(stored_dicom(TWELVE, **options))
    inverted = read_image(stored_dicom(TWELVE, PhotometricInterpretation="MONOCHROME1", **options))
    np.testing.assert_allclose(inverted.astype(int), 255 - upright.astype(int), atol=1)  # halves round to even
    # And not once more where another tag says the same.
    shape = {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"}
    np.testing.assert_array_equal(read_image(stored_dicom(TWELVE, **shape, **options)), inverted)


@pytest.mark.parametrize(("photometric", "shape"), [("MONOCHROME2", "INVERSE"), ("MONOCHROME1", "IDENTITY")])
def test_where_the_shape_contradicts_it_the_photometric_interpretation_holds(photometric, shape):
    options = {"bits": 12, "WindowCenter": 1500, "WindowWidth": 1000, "PhotometricInterpretation": photometric}
    plain = read_image(stored_dicom(TWELVE, **options))
    np.testing.assert_array_equal(read_image(stored_dicom(TWELVE, PresentationLUTShape=shape, **options)), plain)


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
    np.testing.assert_array_equal(read_image(file), shown(np.array(expected)))


def test_modality_table_is_looked_up_before_the_window():
    entries = [int(x**2 // 4096) for x in range(4096)]
    file = stored_dicom(TWELVE, bits=12, ModalityLUTSequence=table(0, 16, entries), WindowCenter=2000, WindowWidth=1500)
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


def test_a_broken_table_is_passed_over():
    lut = table(0, 12, [1, 2, 3])
    lut[0].LUTDescriptor = [4000, 0, 12]
    options = {"bits": 12, "WindowCenter": 2000, "WindowWidth": 1000}
    np.testing.assert_array_equal(
        read_image(stored_dicom(TWELVE, VOILUTSequence=lut, **options)), read_image(stored_dicom(TWELVE, **options))
    )


def test_pydicom_shows_the_same():
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    dataset = dicom(TWELVE, bits=12, RescaleSlope=2, RescaleIntercept=-100, WindowCenter=3000, WindowWidth=4000)
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    values = apply_voi_lut(apply_modality_lut(TWELVE, dataset), dataset)
    low, high = -100, 2 * 4095 - 100
    np.testing.assert_allclose(read_image(file), 255 * (values - low) / (high - low), atol=0.51)


def test_padding_is_black_in_either_polarity_and_does_not_count():
    pixels = RNG.integers(1000, 2000, (40, 40), dtype=np.uint16)
    bare = read_image(stored_dicom(pixels, bits=12))
    padded = pixels.copy()
    padded[:12] = 4095
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        image = read_image(stored_dicom(padded, bits=12, PixelPaddingValue=4095, PhotometricInterpretation=photometric))
        assert not image[:12].any()
        assert image[12:].std() > 50
    np.testing.assert_allclose(image[12:].astype(int), bare[12:].astype(int), atol=3)


def test_a_range_of_padding_is_black():
    pixels = np.tile(np.arange(0, 4096, 16, dtype=np.uint16), (4, 1))
    image = read_image(
        stored_dicom(
            pixels, bits=12, PixelPaddingValue=3000, PixelPaddingRangeLimit=4000, WindowCenter=2048, WindowWidth=4096
        )
    )
    np.testing.assert_array_equal(image == 0, (pixels < 8) | ((pixels >= 3000) & (pixels <= 4000)))


@pytest.mark.parametrize("border", [0, 65535])
def test_without_a_window_a_border_at_the_end_of_the_range_does_not_flatten_the_image(border):
    inside = np.clip(RNG.normal(2000, 300, (200, 200)), 900, 3100).astype(np.uint16)
    framed = np.pad(inside, 60, constant_values=border)
    image = read_image(stored_dicom(framed))[60:-60, 60:-60]
    # As from the lowest to the highest grey of the inside alone, but for the tails.
    assert image.min() == 0
    assert image.max() == 255
    assert np.corrcoef(image.ravel(), inside.ravel())[0, 1] > 0.995
    assert 30 < image.std() < 80


def test_bytes_without_a_window_are_greys_already():
    np.testing.assert_array_equal(read_image(stored_dicom(BYTES)), BYTES)


@pytest.mark.parametrize("value", [0, 77, 4095])
def test_an_image_of_one_value_is_flat(value):
    assert np.ptp(read_image(stored_dicom(np.full((5, 6), value, np.uint16), bits=12))) == 0


@given(seed=st.integers(0, 999), bits=st.integers(8, 16), signed=st.booleans(), inverted=st.booleans())
def test_without_a_window_more_is_never_darker(seed, bits, signed, inverted):
    rng = np.random.default_rng(seed)
    low = -(2 ** (bits - 1)) if signed else 0
    pixels = rng.integers(low, low + 2**bits, (1, 40)).astype(np.int16 if signed else np.uint16)
    image = read_image(stored_dicom(pixels, bits=bits, PhotometricInterpretation=f"MONOCHROME{2 - inverted}"))
    steps = np.diff(image[0, np.argsort(pixels[0])].astype(int))
    assert (steps <= 0).all() if inverted else (steps >= 0).all()


def test_a_window_that_makes_no_sense_is_passed_over():
    plain = read_image(stored_dicom(TWELVE, bits=12))
    for width in (0, -5):
        np.testing.assert_array_equal(
            read_image(stored_dicom(TWELVE, bits=12, WindowCenter=5, WindowWidth=width)), plain
        )
