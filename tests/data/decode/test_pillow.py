"""Files that are made of more than their picture cost little, and what is usual beside a picture is no reason."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from pydicom import uid
from tests.data.dicoms import BYTES, jpeg, rejection
from xray.data.decode.image import read_image

from xray.data.decode.limits import EndlessFileError
from xray.data.decode.pillow import LONGEST_EXIF, MOST_PARTS, MOST_STEPS


@pytest.mark.parametrize("kind", [b"tEXt", b"prVt", b"IDAT"])
def test_a_png_of_endless_chunks_is_rejected(kind):
    whole = jpeg(BYTES, "PNG")
    place = whole.index(b"IDAT") - 4
    empty = b"\0\0\0\0" + kind + zlib.crc32(kind).to_bytes(4, "big")
    numbers = (1000, MOST_STEPS) if kind == b"IDAT" else (MOST_PARTS - 10, MOST_PARTS + 10)
    few, many = (io.BytesIO(whole[:place] + number * empty + whole[place:]) for number in numbers)
    assert read_image(few).shape == BYTES.shape
    with pytest.raises(EndlessFileError):
        read_image(many)
    after = io.BytesIO(whole[:-12] + empty * numbers[1] + whole[-12:])
    if kind != b"IDAT":
        with pytest.raises(EndlessFileError):
            read_image(after)


def segment(content):
    return b"\xff\xe1" + (2 + len(content)).to_bytes(2, "big") + content


@pytest.mark.parametrize("size", [100, 60_000], ids=["many", "long"])
def test_exif_in_endless_segments_is_rejected(size):
    """Pillow joins them, each time anew: 31 MB of them would take minutes."""
    whole = jpeg(BYTES)
    number = LONGEST_EXIF // size + 1 if size > 10_000 else MOST_PARTS + 2
    data = whole[:2] + segment(b"Exif\0\0" + b"\0" * size) * number + whole[2:]
    with pytest.raises(EndlessFileError):
        read_image(io.BytesIO(data))
    assert "more parts" in rejection(BYTES, bits=8, syntax=uid.JPEGBaseline8Bit, frame=data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "PNG, behind the pixels"])
def test_exif_of_many_values_is_rejected_before_they_are_made(kind):
    entry = struct.pack("<HHLL", 274, 5, LONGEST_EXIF // 8, 26)
    tiff = b"II*\0\x08\0\0\0\x01\0" + entry + bytes(4) + b"\1\0\0\0" * (LONGEST_EXIF // 4)
    whole = jpeg(BYTES, kind[:4].strip(","))
    if kind.startswith("PNG"):
        place = len(whole) - 12 if "behind" in kind else whole.index(b"IDAT") - 4
        chunk = len(tiff).to_bytes(4, "big") + b"eXIf" + tiff + zlib.crc32(b"eXIf" + tiff).to_bytes(4, "big")
        data = whole[:place] + chunk + whole[place:]
    else:
        parts = [tiff[i : i + 60_000] for i in range(0, len(tiff), 60_000)]
        data = whole[:2] + b"".join(segment(b"Exif\0\0" + part) for part in parts) + whole[2:]
    with pytest.raises(EndlessFileError):
        read_image(io.BytesIO(data))


def test_a_long_colour_profile_is_no_reason():
    profile = bytes(16_000_000)
    np.testing.assert_array_equal(
        read_image(io.BytesIO(jpeg(BYTES, icc_profile=profile))), read_image(io.BytesIO(jpeg(BYTES)))
    )


def test_long_xmp_data_is_no_reason():
    whole, part = jpeg(BYTES), segment(b"http://ns.adobe.com/xmp/extension/\0" + bytes(65_000))
    np.testing.assert_array_equal(
        read_image(io.BytesIO(whole[:2] + part * 300 + whole[2:])), read_image(io.BytesIO(whole))
    )


@pytest.mark.parametrize("size", [2, 8, 256])
def test_small_chunks_of_pixels_are_no_reason(size):
    whole = jpeg(np.tile(BYTES, (30, 30)), "PNG")
    place, end = whole.index(b"IDAT") - 4, len(whole) - 12
    data = whole[place + 8 : end - 4]
    chunks = b"".join(
        len(part).to_bytes(4, "big") + b"IDAT" + part + zlib.crc32(b"IDAT" + part).to_bytes(4, "big")
        for part in (data[i : i + size] for i in range(0, len(data), size))
    )
    np.testing.assert_array_equal(
        read_image(io.BytesIO(whole[:place] + chunks + whole[end:])), read_image(io.BytesIO(whole))
    )


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_the_first_of_several_pictures_in_a_file_is_read_from_path_and_from_memory(mode, options, tmp_path):
    pillow_image = Image.fromarray(np.tile(BYTES, (20, 20))).convert(mode)
    pillow_image.save(
        tmp_path / "image.jpeg", "MPO", save_all=True, append_images=[pillow_image.resize((20, 20))], **options
    )
    image = read_image(tmp_path / "image.jpeg")
    assert image.shape == (pillow_image.height, pillow_image.width)
    np.testing.assert_array_equal(image, read_image(io.BytesIO((tmp_path / "image.jpeg").read_bytes())))


def test_boxes_without_end_around_a_jpeg_2000_are_rejected():
    whole = jpeg(BYTES, "JPEG2000")
    place = whole.index(b"jp2h") - 4
    boxes = b"\0\0\0\x08free" * (MOST_PARTS + 1)
    frame = whole[:place] + boxes + whole[place:]
    assert "more parts" in rejection(BYTES, bits=8, syntax=uid.JPEG2000, frame=frame)
