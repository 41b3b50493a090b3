"""Compressed pictures that ask for hours or gigabytes are rejected before they are decoded; all usual ones are read."""

import io
import random

import numpy as np
import pytest
from PIL import Image
from pydicom import uid
from pydicom.encaps import generate_frames
from tests.data.dicoms import BYTES, dicom, jpeg, rejection, stored_dicom
from tests.data.jpegs import encode_lossless

from xray.data.decode.image import UnreadableImageError, read_image
from xray.data.decode.jpeg_limits import (
    MOST_BLOCKS,
    MOST_SCANS,
    MOST_SEGMENTS,
    MOST_TILES,
    check_scans,
    size_of_jpeg,
    size_of_jpeg_2000,
)
from xray.data.decode.limits import EndlessFileError
from xray.data.decode.pillow import MOST_STEPS

COLOURS = np.dstack([BYTES, BYTES.T.reshape(BYTES.shape), 255 - BYTES])
END = b"\xff\xd9"
THUMBNAIL = b"\xff\xe1" + (2 + 2 * MOST_SCANS * 2).to_bytes(2, "big") + b"\xff\xda" * MOST_SCANS * 2


def progressive(passes):
    """A JPEG whose last pass comes so many times."""
    whole = jpeg(BYTES, progressive=True)
    last = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + last * (passes - 1) + END


def one_by_one(passes):
    """A JPEG of three components that are coded one by one, the first of them so many times."""
    whole = jpeg(COLOURS, subsampling=0)
    begin = whole.index(b"\xff\xda")
    first = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + whole[begin + 14 : begin + 40].partition(b"\xff")[0]
    return whole[:begin] + first * passes + END


@pytest.mark.parametrize("make", [progressive, one_by_one])
def test_a_jpeg_that_is_passed_over_without_end_is_rejected(make):
    assert read_image(io.BytesIO(make(5))).shape == BYTES.shape
    # Those before the last one count too.
    assert read_image(io.BytesIO(make(MOST_SCANS - 10))).shape == BYTES.shape
    with pytest.raises(EndlessFileError, match="more parts"):
        read_image(io.BytesIO(make(MOST_SCANS + 1)))


def test_a_jpeg_that_is_passed_over_without_end_is_rejected_in_dicom():
    options = {"syntax": uid.JPEGBaseline8Bit}
    assert read_image(stored_dicom(BYTES, frame=progressive(5), **options)).shape == BYTES.shape
    assert "more parts" in rejection(BYTES, bits=8, frame=progressive(MOST_SCANS + 1), **options)


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
@pytest.mark.parametrize("pixels", [BYTES, COLOURS], ids=["grey", "colour"])
def test_what_only_looks_like_scans_is_none(pixels, options):
    whole = jpeg(pixels, **options)
    place = whole.index(b"\xff\xda")
    video = random.Random(3).randbytes(1000) + b"\xff\xda" * 2 * MOST_SCANS
    dressed = whole[:2] + THUMBNAIL + whole[2:place] + THUMBNAIL + whole[place:] + video
    np.testing.assert_array_equal(read_image(io.BytesIO(dressed)), read_image(io.BytesIO(whole)))


def test_a_scan_header_before_the_first_scan_hides_no_other():
    whole = one_by_one(MOST_SCANS + 1)
    place = whole.index(b"\xff\xda")
    fake = b"\xff\xda\x00\x0c\x03"
    for gap in range(8):
        hiding = b"\xff\xe1" + (2 + len(fake) + gap).to_bytes(2, "big") + fake + b"\0" * gap
        with pytest.raises(EndlessFileError):
            read_image(io.BytesIO(whole[:place] + hiding + whole[place:]))


@pytest.mark.parametrize("part", [b"\xff\xe1\x00\x02", b"\xff", b"\0"], ids=["segments", "filling", "junk"])
def test_a_jpeg_header_without_end_is_rejected(part):
    whole = jpeg(BYTES)
    place = whole.index(b"\xff\xda")
    with pytest.raises(EndlessFileError):
        read_image(io.BytesIO(whole[:place] + part * MOST_STEPS + whole[place:]))
    frame = whole[:place] + part * MOST_SEGMENTS + whole[place:]
    told = "damaged" if part == b"\0" else "more parts"
    assert told in rejection(BYTES, bits=8, syntax=uid.JPEGBaseline8Bit, frame=frame)


@pytest.mark.parametrize("marker", [b"\xff\xc9", b"\xff\xca"])
def test_arithmetic_coding_in_several_scans_is_not_read(marker):
    """libjpeg spends as long on each pass as on a whole picture, be there data or not."""
    whole = one_by_one(3) if marker == b"\xff\xc9" else progressive(3)
    data = whole.replace(b"\xff\xc0" if marker == b"\xff\xc9" else b"\xff\xc2", marker, 1)
    with pytest.raises(UnreadableImageError, match="arithmetic"):
        check_scans(io.BytesIO(data))
    # The same bytes within a segment are none.
    check_scans(io.BytesIO(whole[:2] + b"\xff\xe1\x00\x04" + marker + whole[2:]))


def test_segments_between_scans_count():
    whole = progressive(MOST_SCANS + 1)
    place = whole.index(b"\xff\xda", whole.index(b"\xff\xda") + 2)
    with pytest.raises(EndlessFileError):
        check_scans(io.BytesIO(whole[:place] + b"\xff\xe1\x00\x02" * (MOST_SEGMENTS + 1) + whole[place:]))


def codestream(pixels, **options):
    return jpeg(pixels, "JPEG2000", no_jp2=True, **options)


LARGE = np.zeros((1000, 900), np.uint8)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"codeblock_size": (32, 32)},
        {"codeblock_size": (1024, 4)},
        {"codeblock_size": (16, 16), "precinct_size": (64, 64)},
        {"tile_size": (128, 100)},
        {"num_resolutions": 1},
        {"quality_layers": [40, 20, 5], "irreversible": True},
        {"progression": "CPRL"},
    ],
)
def test_usual_jpeg_2000_is_read(options):
    for stream in (codestream(LARGE, **options), jpeg(LARGE, "JPEG2000", **options)):
        assert size_of_jpeg_2000(stream) == (1000, 900, 1)
        image = read_image(stored_dicom(LARGE, syntax=uid.JPEG2000, frame=stream))
        np.testing.assert_array_equal(image, LARGE)


def enlarged(stream, side=7000, tile=7000):
    """A stream that says it holds so many pixels each way, in such tiles."""
    stream = bytearray(stream)
    place = stream.index(b"\xff\x51")
    for at, value in ((6, side), (10, side), (22, tile), (26, tile)):
        stream[place + at : place + at + 4] = value.to_bytes(4, "big")
    return bytes(stream)


@pytest.mark.parametrize("side", [32, 64])
def test_the_blocks_of_fifty_megapixels_are_read(side):
    stream = codestream(LARGE, codeblock_size=(side, side), precinct_size=(256, 256))
    assert size_of_jpeg_2000(enlarged(stream)) == (7000, 7000, 1)


def with_coding(layers=1, precincts=()):
    """A stream of so many layers, and of a level for each of these precincts, from the coarsest on."""
    stream = bytearray(codestream(LARGE))
    place = stream.index(b"\xff\x52")
    stream[place + 6 : place + 8] = layers.to_bytes(2, "big")
    if precincts:
        stream[place + 2 : place + 4] = (12 + len(precincts)).to_bytes(2, "big")
        stream[place + 4] |= 1
        stream[place + 9] = len(precincts) - 1
        stream[place + 14 : place + 14] = bytes(precincts)
    return bytes(stream)


def with_small_blocks(marker):
    """A stream whose tile says for itself (COD) or for its component (COC) that its blocks are small."""
    small = codestream(LARGE, codeblock_size=(4, 4))
    coding = small[small.index(b"\xff\x52") :][:14]
    if marker == 0x53:
        coding = b"\xff\x53\x00\x09\x00\x00" + coding[9:14]
    stream = bytearray(codestream(LARGE))
    place = stream.index(b"\xff\x93")
    stream[place:place] = coding
    return bytes(stream)


@pytest.mark.parametrize(
    "stream",
    [
        codestream(LARGE, codeblock_size=(4, 4)),
        codestream(LARGE, precinct_size=(4, 4), codeblock_size=(4, 4)),
        codestream(LARGE, precinct_size=(4, 4)),
        with_small_blocks(0x52),
        with_small_blocks(0x53),
        with_coding(layers=65535),
        with_coding(precincts=[0xFF] * 33),
        with_coding(precincts=[0xFF, 0xF1, 0x1F]),
    ],
    ids=["blocks", "both", "precincts", "blocks of a tile", "blocks of a component", "layers", "levels", "places"],
)
def test_jpeg_2000_of_too_many_blocks_is_rejected(stream):
    with pytest.raises(EndlessFileError):
        size_of_jpeg_2000(enlarged(stream))
    options = {"bits": 8, "Rows": 7000, "Columns": 7000, "syntax": uid.JPEG2000}
    assert "more parts" in rejection(LARGE, frame=enlarged(stream), **options)


@pytest.mark.parametrize("tile", [4, 11, 64])
def test_jpeg_2000_has_as_many_tiles_as_are_read_and_no_more(tile):
    most = 90 * tile
    assert 90**2 < MOST_TILES < 91**2
    assert size_of_jpeg_2000(enlarged(codestream(LARGE), most, tile)) == (most, most, 1)
    with pytest.raises(EndlessFileError):
        size_of_jpeg_2000(enlarged(codestream(LARGE), most + 1, tile))


def test_what_stands_before_a_coding_style_does_not_hide_it():
    stream = codestream(LARGE, codeblock_size=(4, 4))
    place = stream.index(b"\xff\x52")
    plain = codestream(LARGE)
    fake = plain[plain.index(b"\xff\x52") :][:14]
    for length in range(1, 15):
        comment = b"\xff\x64" + (4 + length).to_bytes(2, "big") + b"\0\1" + fake[:length]
        with pytest.raises(EndlessFileError):
            size_of_jpeg_2000(enlarged(stream[:place] + comment + stream[place:]))


def test_two_code_streams_are_rejected():
    stream = jpeg(LARGE, "JPEG2000")
    with pytest.raises(ValueError, match="no code stream"):
        size_of_jpeg_2000(codestream(BYTES) + stream)
    assert "damaged" in rejection(BYTES, bits=8, syntax=uid.JPEG2000, frame=codestream(BYTES)[:60] + stream)


def test_the_number_of_blocks_is_that_of_the_standard():
    stream = codestream(LARGE, codeblock_size=(4, 4), num_resolutions=1)
    sides = [side for side in range(1700, 1900, 4) if (side // 4) ** 2 <= MOST_BLOCKS]
    assert len(sides) > 10
    # One block more each way: the last one may be cut off.
    assert size_of_jpeg_2000(enlarged(stream, sides[-2], 7000)) == (sides[-2], sides[-2], 1)
    with pytest.raises(EndlessFileError):
        size_of_jpeg_2000(enlarged(stream, sides[-1] + 4, 7000))


def test_sizes_are_those_that_pillow_and_pydicom_see():
    for pixels in (BYTES, COLOURS):
        for options in ({}, {"progressive": True}):
            with Image.open(io.BytesIO(jpeg(pixels, **options))) as image:
                size = image.height, image.width, len(image.getbands())
            assert size_of_jpeg(jpeg(pixels, **options)) == size
    assert size_of_jpeg(encode_lossless(BYTES, 8)) == (*BYTES.shape, 1)
    compressed = dicom(LARGE, syntax=uid.JPEGLSLossless)
    assert size_of_jpeg(next(generate_frames(compressed.PixelData, number_of_frames=1))) == (*LARGE.shape, 1)


def test_no_picture_has_no_size():
    for read in (size_of_jpeg, size_of_jpeg_2000):
        for data in (b"", b"\xff" * 50, jpeg(BYTES)[:30]):
            with pytest.raises(ValueError, match="no "):
                read(data)
