"""Each transfer syntax is decoded to the encoded pixels, and damaged files are rejected."""

import io
import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pydicom.data
import pytest
from pydicom import uid
from pydicom.encaps import encapsulate, generate_frames
from tests.data.dicoms import BYTES, ENCODERS, SIGNED_ENCODERS, TWELVE, dicom, jpeg, rejection, stored_dicom

from xray.data.decode.errors import UnreadableImageError
from xray.data.decode.image import read_image

LOSSLESS = [
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.RLELossless,
    *ENCODERS,
    *SIGNED_ENCODERS,
]
TEST_FILES = Path(pydicom.data.__file__).parent / "test_files"
SMOOTH = (2000 + 1500 * np.sin(np.arange(40)[:, None] / 7) * np.cos(np.arange(52) / 9)).astype(np.uint16)


def window_of(bits, signed):
    """The window that shows each stored value as its own share of white."""
    low = -(2 ** (bits - 1)) if signed else 0
    tags = {"WindowCenter": low + (2**bits - 1) / 2, "WindowWidth": 2**bits - 1, "VOILUTFunction": "LINEAR_EXACT"}
    return tags, low


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.keyword)
@pytest.mark.parametrize(("dtype", "bits"), [(np.uint16, 12), (np.int16, 12), (np.uint16, 16), (np.int16, 16)])
def test_lossless_syntaxes_give_the_same_image(syntax, dtype, bits):
    tags, low = window_of(bits, dtype == np.int16)
    pixels = (np.concatenate([SMOOTH, TWELVE.reshape(-1, 4).repeat(13, axis=1)]).astype(int) + low).astype(dtype)
    image = read_image(stored_dicom(pixels, bits=bits, syntax=syntax, **tags))
    np.testing.assert_array_equal(image, np.rint(255 * (pixels.astype(float) - low) / (2**bits - 1)))


@pytest.mark.parametrize(
    "syntax", [uid.ExplicitVRLittleEndian, uid.RLELossless, *ENCODERS, *SIGNED_ENCODERS], ids=lambda s: s.keyword
)
def test_lossless_bytes_are_the_image(syntax):
    np.testing.assert_array_equal(read_image(stored_dicom(BYTES, syntax=syntax)), BYTES)


@pytest.mark.parametrize("syntax", [uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit], ids=lambda syntax: syntax.keyword)
def test_lossy_jpeg_of_eight_bits_is_read_as_pillow_reads_it(syntax):
    frame = jpeg((SMOOTH >> 4).astype(np.uint8), quality=80)
    image = read_image(stored_dicom((SMOOTH >> 4).astype(np.uint8), syntax=syntax, frame=frame))
    np.testing.assert_array_equal(image, read_image(io.BytesIO(frame)))


def test_lossy_jpeg_of_twelve_bits():
    frame = imagecodecs.jpeg8_encode(SMOOTH, 95, bitspersample=12)
    tags, _ = window_of(12, signed=False)
    image = read_image(stored_dicom(SMOOTH, bits=12, syntax=uid.JPEGExtended12Bit, frame=frame, **tags))
    np.testing.assert_allclose(image, 255 * (SMOOTH / 4095), atol=1)


# Files of pydicom with one grey frame, and what their pixels are compared with: an uncompressed file, or none where
# pydicom itself decodes them. With the greatest difference between decoders.
BUNDLED = {
    "MR_small_RLE.dcm": ("MR_small.dcm", 0),
    "MR_small_bigendian.dcm": ("MR_small.dcm", 0),
    "MR_small_implicit.dcm": ("MR_small.dcm", 0),
    "MR_small_jp2klossless.dcm": ("MR_small.dcm", 0),
    "MR_small_jpeg_ls_lossless.dcm": ("MR_small.dcm", 0),
    "CT_small.dcm": ("CT_small.dcm", 0),
    "image_dfl.dcm": ("image_dfl.dcm", 0),
    "693_J2KI.dcm": ("693_J2KI.dcm", 1),
    "JPEG2000.dcm": ("JPEG2000.dcm", 1),
    "J2K_pixelrep_mismatch.dcm": ("J2K_pixelrep_mismatch.dcm", 1),
}


def bundled(name, **tags):
    """A file of pydicom, tagged as a chest radiograph."""
    dataset = pydicom.dcmread(TEST_FILES / name)
    dataset.Modality, dataset.BodyPartExamined = "DX", "CHEST"
    dataset.SOPClassUID = uid.DigitalXRayImageStorageForPresentation
    for tag in ("WindowCenter", "WindowWidth", "PixelPaddingValue", "RescaleSlope", "RescaleIntercept"):
        dataset.pop(tag, None)
    for name, value in tags.items():
        setattr(dataset, name, value)
    file = io.BytesIO()
    dataset.save_as(file)
    return file


@pytest.mark.parametrize("name", BUNDLED)
def test_files_of_pydicom_are_decoded_as_pydicom_does(name):
    reference, tolerance = BUNDLED[name]
    pixels = pydicom.dcmread(TEST_FILES / reference).pixel_array.astype(float)
    low, high = pixels.min(), pixels.max()
    file = bundled(name, WindowCenter=(low + high + 1) / 2, WindowWidth=high - low + 1)
    np.testing.assert_allclose(read_image(file), 255 * (pixels - low) / (high - low), atol=0.51 + tolerance)


def test_a_frame_with_padding_after_its_end_is_read():
    # Its last byte is 0xFF.
    assert read_image(bundled("JPGExtended.dcm")).shape == (1024, 256)


def test_a_frame_in_several_fragments_is_joined_whatever_its_offsets_say():
    dataset = dicom(BYTES, syntax=uid.JPEGLosslessSV1)
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    for offset in (0, 77):
        pixels = encapsulate([frame], fragments_per_frame=7, has_bot=True)
        dataset.PixelData = pixels[:8] + struct.pack("<I", offset) + pixels[12:]
        file = io.BytesIO()
        dataset.save_as(file, enforce_file_format=True)
        np.testing.assert_array_equal(read_image(file), BYTES)


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.keyword)
def test_a_file_that_is_cut_off_is_rejected(syntax):
    whole = stored_dicom(TWELVE, bits=12, syntax=syntax).getvalue()
    for share in (0.3, 0.6, 0.9, 0.98):
        with pytest.raises(UnreadableImageError):
            read_image(io.BytesIO(whole[: int(share * len(whole))]))


@pytest.mark.parametrize("syntax", [*ENCODERS, *SIGNED_ENCODERS], ids=lambda syntax: syntax.keyword)
def test_a_frame_that_is_cut_off_is_rejected(syntax):
    frame = next(generate_frames(dicom(TWELVE, bits=12, syntax=syntax).PixelData, number_of_frames=1))
    for length in (2, 20, len(frame) // 2, len(frame) - 10):
        assert "damaged or cut off" in rejection(TWELVE, syntax=syntax, frame=frame[:length])


@pytest.mark.parametrize(
    "syntax", [uid.JPEGBaseline8Bit, uid.JPEG2000Lossless, uid.JPEGLosslessSV1, uid.JPEGLSLossless]
)
@pytest.mark.parametrize("shape", [(7, 6), (8, 6, 3)])
def test_a_frame_of_another_size_than_its_tags_say_is_rejected(syntax, shape):
    encoder = ENCODERS.get(syntax) or SIGNED_ENCODERS.get(syntax) or (lambda pixels, bits: jpeg(pixels))
    frame = encoder(np.ones(shape, np.uint8), 8)
    reason = rejection(BYTES, bits=8, syntax=syntax, frame=frame)
    assert ("damaged" if syntax == uid.JPEGLSLossless else "another size") in reason


def test_jpeg_ls_that_claims_to_be_large_is_rejected_before_it_is_decoded():
    frame = ENCODERS[uid.JPEGLSLossless](SMOOTH, 12)
    start_of_frame = frame.index(b"\xff\xf7")
    wide = frame[: start_of_frame + 7] + b"\x7c\x10" + frame[start_of_frame + 9 :]
    # Decoding would take minutes.
    assert "damaged" in rejection(SMOOTH, syntax=uid.JPEGLSLossless, frame=wide)


def test_rejects_files_without_pixels_and_unsupported_syntaxes():
    assert "no pixels" in rejection(PixelData=None)
    assert "Transfer Syntax is MPEG2" in rejection(syntax=uid.MPEG2MPML, frame=b"1234")
