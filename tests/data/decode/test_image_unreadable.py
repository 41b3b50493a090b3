"""Files that cannot be read or are too large raise one kind of error, with a reason."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.data.dicoms import stored_dicom
from tests.data.small_images import COLOURS, WAVE, stored

from xray.data.decode.errors import TooManyPixelsError, UnreadableImageError
from xray.data.decode.image import read_image


def png_of(width, height, data=b"\0"):
    def chunk(kind, body):
        return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


BAD_FILES = {
    "empty": b"",
    "text": b"this is no image, although its name says so",
    "half a JPEG": stored(Image.fromarray(WAVE), "JPEG").getvalue()[:-400],
    "head of a JPEG": stored(Image.fromarray(WAVE), "JPEG").getvalue()[:300],
    "half a PNG": stored(Image.fromarray(WAVE)).getvalue()[:-400],
    "PNG with damaged data": stored(Image.fromarray(WAVE)).getvalue().replace(b"IDAT", b"IDAX"),
    "decompression bomb": png_of(30_000, 30_000),
    "PNG without height": png_of(8, 0),
}


@pytest.mark.parametrize("what", BAD_FILES)
def test_bad_files_are_unreadable_images(what, tmp_path):
    path = tmp_path / "image.png"
    path.write_bytes(BAD_FILES[what])
    with pytest.raises(UnreadableImageError) as info:
        read_image(path)
    assert str(info.value)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (stored(Image.fromarray(WAVE), "PPM").getvalue(), "not JPEG, PNG, TIFF, BMP, WebP, GIF or DICOM"),
    ],
    ids=["empty", "PPM"],
)
def test_files_of_no_known_format_are_named_as_such(data, reason):
    with pytest.raises(UnreadableImageError, match=reason):
        read_image(io.BytesIO(data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "DICOM"])
def test_more_pixels_than_allowed_are_rejected_by_the_header(kind):
    file = stored_dicom(WAVE) if kind == "DICOM" else stored(Image.fromarray(WAVE), kind)
    assert read_image(file, max_pixels=WAVE.size).shape == WAVE.shape
    # Cut off behind the header: it is not decoded first.
    cut = io.BytesIO(file.getvalue()[:900] if kind == "DICOM" else file.getvalue()[:330])
    with pytest.raises(TooManyPixelsError, match=f"64 x 48 pixels exceed the limit of {WAVE.size - 1}"):
        read_image(cut, max_pixels=WAVE.size - 1)


@pytest.mark.parametrize("side", [9_600, 11_000, 20_000])
def test_large_images_are_read_or_rejected_without_a_warning(side):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UnreadableImageError) as info:
            read_image(io.BytesIO(png_of(side, side)))  # without pixels
    assert isinstance(info.value, TooManyPixelsError) is (side > 10_000)


@pytest.mark.parametrize("name", ["absent.png", "folder.png", "text.png"])
def test_the_reason_does_not_repeat_the_path(name, tmp_path):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(UnreadableImageError) as info:
        read_image(tmp_path / name)
    assert str(tmp_path) not in str(info.value)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@settings(max_examples=150)
@given(
    kind=st.sampled_from(["JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF"]),
    changes=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=5),
)
def test_changed_bytes_give_an_image_or_an_unreadable_image(kind, changes):
    exif = Image.Exif()
    exif[274] = 6
    options = {"exif": exif} if kind in {"JPEG", "PNG", "TIFF", "WEBP"} else {}
    data = bytearray(stored(Image.fromarray(COLOURS), kind, **options).getvalue())
    for place, value in changes:
        data[place % len(data)] = value
    try:
        image = read_image(io.BytesIO(bytes(data)))
    except UnreadableImageError:
        return
    assert image.dtype == np.uint8
    assert image.ndim == 2
