"""Each transfer syntax gives the pixels that were put into it, or a rejection."""

import io
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from pydicom import uid
from tests.data.dicoms import (
    WINDOW,
    dicom,
    jpeg,
    linear,
    rejection,
    shown,
    stored_dicom,
)
from tests.data.jpegs import encode_lossless

from xray.data.decode.image import UnreadableImageError, read_image

RNG = np.random.default_rng(11)


SMOOTH = (2000 + 1500 * np.sin(np.arange(40)[:, None] / 7) * np.cos(np.arange(52) / 9)).astype(np.uint16)


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
def test_lossless_syntaxes_show_the_same_image(syntax, dtype):
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
    np.testing.assert_array_equal(read_image(file), shown(native))


@pytest.mark.parametrize("syntax", [uid.JPEGLossless, uid.JPEGLosslessSV1])
@pytest.mark.parametrize("precision", [12, 16])
def test_lossless_jpeg_shows_the_same_image(syntax, precision):
    for pixels in (SMOOTH, SMOOTH.astype(np.int16) - 2048):
        frame = encode_lossless(pixels.view(np.uint16) & (2**precision - 1), precision)
        window = WINDOW | {"WindowCenter": 2048 if pixels is SMOOTH else 0}
        native = read_image(stored_dicom(pixels, **window))
        np.testing.assert_array_equal(read_image(stored_dicom(pixels, syntax=syntax, frame=frame, **window)), native)


def test_jpeg_baseline_and_extended_of_eight_bits():
    pixels = (SMOOTH >> 4).astype(np.uint8)
    for syntax in (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit):
        image = read_image(stored_dicom(pixels, syntax=syntax, frame=jpeg(pixels, quality=98)))
        np.testing.assert_allclose(image.astype(int), pixels.astype(int), atol=3)


def test_jpeg_2000():
    pixels = (SMOOTH << 4).astype(np.uint16)
    frame = jpeg(pixels, "JPEG2000", no_jp2=True)
    window = {"WindowCenter": 32768, "WindowWidth": 65536}
    image = read_image(stored_dicom(pixels, syntax=uid.JPEG2000Lossless, frame=frame, **window))
    np.testing.assert_array_equal(image, shown(np.vectorize(linear)(pixels.astype(float), 32768, 65536)))


def test_runs_that_make_a_picture_longer_than_its_pixels_are_read():
    # One literal and one pair after the other: four bytes for three.
    twos = RNG.integers(0, 256, (1800, 2), dtype=np.uint8)
    pixels = twos[:, [0, 1, 1]].reshape(60, 90)
    runs = b"".join(bytes([0, one, 255, pair]) for one, pair in twos.tolist())
    frame = struct.pack("<16I", 1, 64, *[0] * 14) + runs
    assert len(frame) > 1.3 * pixels.size
    image = read_image(stored_dicom(pixels, syntax=uid.RLELossless, frame=frame))
    np.testing.assert_array_equal(image, pixels)


def test_runs_that_hold_more_than_the_pixels_are_rejected_before_they_are_laid_out():
    frame = struct.pack("<16I", 1, 64, *[0] * 14) + bytes([129, 7]) * 2**20
    tracemalloc.start()
    try:
        assert "damaged" in rejection(np.zeros((16, 16), np.uint8), bits=8, syntax=uid.RLELossless, frame=frame)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * len(frame)


@pytest.mark.parametrize(
    "starts",
    [[64, 64], [66, 64], [64, 10_000_000], []],
    ids=["more than the bytes of a pixel", "falling", "beyond the end", "none"],
)
def test_other_segments_of_runs_than_told_are_rejected(starts):
    frame = struct.pack("<16I", len(starts), *starts, *[0] * (15 - len(starts))) + bytes([129, 7] * 4)
    assert "damaged" in rejection(np.zeros((16, 16), np.uint8), bits=8, syntax=uid.RLELossless, frame=frame)


def test_runs_among_bytes_without_meaning_are_read_as_long_as_these_are_few():
    pixels = np.full((16, 16), 7, np.uint8)
    for idle, is_read in ((100, True), (20_000, False)):
        runs = bytes([128] * idle) + bytes([129, 7, 129, 7])
        frame = struct.pack("<16I", 1, 64, *[0] * 14) + runs
        if is_read:
            np.testing.assert_array_equal(read_image(stored_dicom(pixels, syntax=uid.RLELossless, frame=frame)), pixels)
        else:
            assert "damaged" in rejection(pixels, bits=8, syntax=uid.RLELossless, frame=frame)


# Of pydicom's own files those with one grey frame; made to be chest X-rays by their tags.
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
    np.testing.assert_allclose(read_image(file), expected, atol=0.51 + BUNDLED[name])


@pytest.mark.parametrize("name", ["image_dfl.dcm", "CT_small.dcm", "rtplan.dcm", "badVR.dcm", "SC_rgb_rle_2frame.dcm"])
def test_files_of_others_that_are_no_images_are_rejected(name):
    with pytest.raises(UnreadableImageError):
        read_image(Path(pydicom.data.__file__).parent / "test_files" / name)


def test_real_image_as_twelve_bits_comes_back_to_the_byte(real_images):
    image = read_image(next(iter(sorted((real_images / "test/NORMAL").glob("*.jpeg")))))
    deep = image.astype(np.uint16) * 16
    window = {"WindowCenter": 2040, "WindowWidth": 4080, "VOILUTFunction": "LINEAR_EXACT"}
    inverse = {"PhotometricInterpretation": "MONOCHROME1"}
    np.testing.assert_array_equal(read_image(stored_dicom(deep, bits=12, **window)), image)
    np.testing.assert_array_equal(read_image(stored_dicom(4080 - deep, bits=12, **window, **inverse)), image)
