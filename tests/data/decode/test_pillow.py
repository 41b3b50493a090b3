"""Each format that Pillow reads gives the pixels of the lossless PNG, or a reason why it is not read."""

import io
import struct

import numpy as np
import pytest
from PIL import Image
from tests.data.small_images import WAVE, stored

from xray.data.decode.errors import SeveralImagesError, TooManyPixelsError, UnreadableImageError
from xray.data.decode.image import read_image

DEEP = WAVE.astype(np.uint16) * 16
MODES = {
    "grey": Image.fromarray(WAVE),
    "colour": Image.fromarray(np.stack([WAVE, WAVE.T[:48, :48].repeat(2, 1)[:, :64], 255 - WAVE], axis=2)),
    "bits": Image.fromarray(WAVE > 128),
    "12 bits": Image.fromarray(DEEP),
}
LOSSLESS = {
    "TIFF": ("TIFF", {}),
    "TIFF, LZW": ("TIFF", {"compression": "tiff_lzw"}),
    "TIFF, deflate": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    "TIFF, PackBits": ("TIFF", {"compression": "packbits"}),
    "BigTIFF": ("TIFF", {"big_tiff": True}),
    "BMP": ("BMP", {}),
    "WebP": ("WEBP", {"lossless": True}),
    "GIF": ("GIF", {}),
}
CASES = [(name, mode) for name in LOSSLESS for mode in MODES if "TIFF" in name or mode == "grey"]
CASES += [("BMP", "colour"), ("BMP", "bits"), ("WebP", "colour"), ("GIF", "bits")]


@pytest.mark.parametrize(("name", "mode"), CASES)
def test_lossless_formats_have_the_pixels_of_the_png(name, mode):
    kind, options = LOSSLESS[name]
    expected = read_image(stored(MODES[mode]))
    np.testing.assert_array_equal(read_image(stored(MODES[mode], kind, **options)), expected)


@pytest.mark.parametrize(("kind", "options"), [("TIFF", {"compression": "jpeg"}), ("WEBP", {})])
def test_lossy_formats_are_close(kind, options):
    image = read_image(stored(MODES["grey"], kind, quality=95, **options))
    np.testing.assert_allclose(image.astype(float), WAVE, atol=6)


def test_tiff_in_the_other_byte_order():
    big_endian = Image.frombytes("I;16B", (64, 48), DEEP.astype(">u2").tobytes())
    file = stored(big_endian, "TIFF")
    assert file.getvalue().startswith(b"MM")
    np.testing.assert_array_equal(read_image(file), read_image(stored(MODES["12 bits"])))


@pytest.mark.parametrize("values", [DEEP.astype(np.int16), DEEP.astype(np.int32), DEEP.astype(np.float32)])
def test_other_types_of_tiff_are_scaled_like_a_16_bit_png(values):
    expected = read_image(stored(MODES["12 bits"]))
    np.testing.assert_array_equal(read_image(stored(Image.fromarray(values), "TIFF")), expected)


def test_floating_point_pixels_from_0_to_1():
    np.testing.assert_array_equal(read_image(stored(Image.fromarray((WAVE / 255).astype(np.float32)), "TIFF")), WAVE)


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_pixels_that_are_no_numbers_are_unreadable(odd):
    values = WAVE.astype(np.float32)
    values[3, 4] = odd
    with pytest.raises(UnreadableImageError, match="finite"):
        read_image(stored(Image.fromarray(values), "TIFF"))


@pytest.mark.parametrize("mode", ["grey", "12 bits"])
def test_tiff_with_white_as_0_is_inverted(mode):
    white_is_zero = {262: 0}
    plain, inverted = (read_image(stored(MODES[mode], "TIFF", tiffinfo=info)) for info in ({}, white_is_zero))
    # Pillow inverts 8-bit greys while it writes them.
    np.testing.assert_array_equal(inverted, plain if mode == "grey" else 255 - plain)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("kind", "options"), [("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("WEBP", {})])
def test_the_orientation_is_applied(kind, options, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    options = options | ({"lossless": True} if kind == "WEBP" else {})
    expected = read_image(stored(MODES["grey"], exif=exif))
    np.testing.assert_array_equal(read_image(stored(MODES["grey"], kind, exif=exif, **options)), expected)


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "WEBP", "PNG"])
def test_files_of_several_images_are_unreadable(kind):
    several = stored(MODES["grey"], kind, save_all=True, append_images=[Image.fromarray(255 - WAVE)])
    with pytest.raises(SeveralImagesError, match="several pages or frames"):
        read_image(several)


def test_the_preview_in_a_jpeg_of_a_camera_does_not_count():
    file = stored(MODES["grey"], "MPO", save_all=True, append_images=[Image.fromarray(255 - WAVE)])
    np.testing.assert_array_equal(read_image(file), read_image(stored(MODES["grey"], "JPEG")))


def tiff(width, height, *tags):
    """A TIFF without pixels."""
    fields = [(256, width), (257, height), (258, 8), (259, 8), (262, 1), (273, 8), (277, 1), (278, 1), (279, 1), *tags]
    entries = b"".join(struct.pack("<HHLL", tag, 4, 1, value) for tag, value in sorted(fields))
    return b"II*\0" + struct.pack("<LH", 8, len(fields)) + entries + bytes(4)


def webp(width, height):
    """A WebP whose canvas is larger than the frame on it."""

    def chunk(kind, body):
        return kind + struct.pack("<L", len(body)) + body + bytes(len(body) % 2)

    frame = stored(Image.new("L", (8, 8)), "WEBP").getvalue()[12:]
    canvas = bytes([2, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    place = bytes(6) + bytes([7, 0, 0, 7, 0, 0]) + bytes(4)
    body = b"WEBP" + chunk(b"VP8X", canvas) + chunk(b"ANIM", bytes(6)) + chunk(b"ANMF", place + frame)
    return b"RIFF" + struct.pack("<L", len(body)) + body


def changed(kind, place, new):
    data = bytearray(stored(MODES["grey"], kind).getvalue())
    data[place : place + len(new)] = new
    return bytes(data)


BOMBS = {
    "TIFF": tiff(60_000, 60_000),
    "tile of a TIFF": tiff(64, 48, (322, 60_000), (323, 60_000)),
    "WebP": webp(16_383, 16_383),
    "GIF": changed("GIF", 6, struct.pack("<HH", 60_000, 60_000)),
    "BMP": changed("BMP", 18, struct.pack("<ll", 60_000, 60_000)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_too_many_pixels_are_rejected_by_the_header(name):
    with pytest.raises(TooManyPixelsError, match="exceed the limit"):
        read_image(io.BytesIO(BOMBS[name]))


@pytest.mark.parametrize("kind", ["TIFF", "BMP", "WEBP", "GIF"])
def test_cut_files_are_unreadable(kind):
    data = stored(MODES["grey"], kind).getvalue()
    for length in (13, 40, len(data) // 2):
        with pytest.raises(UnreadableImageError):
            read_image(io.BytesIO(data[:length]))


@pytest.mark.parametrize("data", [b"RIFF\0\0\0\0WAVEfmt ", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"])
def test_other_formats_are_named_as_such(data):
    # Pillow would give the second to Ghostscript, a program.
    with pytest.raises(UnreadableImageError, match="not JPEG, PNG, TIFF, BMP, WebP, GIF or DICOM"):
        read_image(io.BytesIO(data))
