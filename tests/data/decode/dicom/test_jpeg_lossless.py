"""Lossless JPEG comes back to the bit, and damaged streams raise."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.jpegs import FLAT, STEEP, encode_lossless

from xray.data.decode.dicom.jpeg_lossless import JpegError, decode_lossless

RNG = np.random.default_rng(5)
SMOOTH = (30_000 + 20_000 * np.sin(np.arange(23)[:, None] / 5) * np.cos(np.arange(31) / 6)).astype(np.uint16)


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize("counts", [FLAT, STEEP])
@pytest.mark.parametrize("precision", [8, 12, 16])
def test_pixels_come_back_by_every_predictor(predictor, counts, precision):
    smooth, noise = SMOOTH >> (16 - precision), RNG.integers(0, 2**precision, (9, 14), dtype=np.uint16)
    for pixels in (smooth, noise):
        stream = encode_lossless(pixels, precision, predictor, counts=counts)
        np.testing.assert_array_equal(decode_lossless(stream, *pixels.shape), pixels)


@given(
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    predictor=st.integers(1, 7),
    restart=st.integers(0, 3),
    seed=st.integers(0, 99),
)
def test_any_shape_and_restarts_come_back(height, width, predictor, restart, seed):
    pixels = np.random.default_rng(seed).integers(0, 2**16, (height, width), dtype=np.uint16)
    stream = encode_lossless(pixels, predictor=predictor, rows_per_restart=restart)
    np.testing.assert_array_equal(decode_lossless(stream, height, width), pixels)


def test_extreme_differences_come_back():
    pixels = np.array([[0, 65535, 0, 32768, 0], [32767, 65535, 32767, 0, 65535]], dtype=np.uint16)
    np.testing.assert_array_equal(decode_lossless(encode_lossless(pixels), 2, 5), pixels)


def test_bits_left_out_by_a_point_transform_are_zero():
    stream = encode_lossless(SMOOTH, shift=3)
    np.testing.assert_array_equal(decode_lossless(stream, *SMOOTH.shape), SMOOTH >> 3 << 3)


def test_an_image_longer_than_one_block_comes_back(monkeypatch):
    monkeypatch.setattr("xray.data.decode.dicom.jpeg_lossless.BLOCK", 7)
    for predictor in (1, 7):
        stream = encode_lossless(SMOOTH, predictor=predictor, counts=STEEP)
        np.testing.assert_array_equal(decode_lossless(stream, *SMOOTH.shape), SMOOTH)


GOOD = encode_lossless(SMOOTH)
SCAN = GOOD.index(b"\xff\xda")


@pytest.mark.parametrize(
    "stream",
    {
        "empty": b"",
        "no JPEG": b"\x89PNG" + GOOD,
        "cut in the head": GOOD[:30],
        "cut in the pixels": GOOD[: len(GOOD) // 2],
        "ends too early": GOOD[: len(GOOD) // 2] + b"\xff\xd9",
        "baseline": GOOD.replace(b"\xff\xc3", b"\xff\xc0"),
        "no table": GOOD.replace(b"\xff\xc4", b"\xff\xe4"),
        "no scan": GOOD[:SCAN] + b"\xff\xd9",
        "predictor 0": GOOD[: SCAN + 7] + b"\0" + GOOD[SCAN + 8 :],
        "table with too many codes": GOOD.replace(bytes(FLAT), bytes([17, *FLAT[1:4], 0, *FLAT[5:]])),
    }.items(),
    ids=lambda item: item[0],
)
def test_damaged_streams_raise(stream):
    with pytest.raises(JpegError):
        decode_lossless(stream[1], *SMOOTH.shape)


@pytest.mark.parametrize("part", [b"\xff\xd0", b"\xff\x00"], ids=["restarts", "stuffed bytes"])
def test_more_than_the_pixels_need_is_rejected_before_it_is_laid_out(part):
    stream = GOOD[:-2] + part * 2_000_000 + b"\xff\xd9"
    tracemalloc.start()
    try:
        with pytest.raises(JpegError, match="more"):
            decode_lossless(stream, *SMOOTH.shape)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < len(stream)


def test_what_a_file_is_filled_up_with_is_passed_over():
    np.testing.assert_array_equal(decode_lossless(GOOD + bytes(100_000), *SMOOTH.shape), SMOOTH)


def test_a_stream_of_another_size_than_told_raises_before_any_room_is_made():
    with pytest.raises(JpegError, match="size"):
        decode_lossless(GOOD.replace(SMOOTH.shape[0].to_bytes(2), b"\xff\xf0", 1), *SMOOTH.shape)


@given(changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=6))
def test_changed_bytes_give_pixels_or_an_error(changes):
    stream = bytearray(GOOD)
    for place, value in changes:
        stream[place % len(stream)] = value
    try:
        pixels = decode_lossless(bytes(stream), *SMOOTH.shape)
    except JpegError:
        return
    assert pixels.shape == SMOOTH.shape
