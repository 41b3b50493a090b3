"""JPEG lossless (ITU-T T.81, process 14), grey, as X-ray detectors store their images.

Written here because the decoders at hand end the process on damaged bytes: this one is NumPy and Python, and can but
raise. Everything that does not depend on what came before is worked out for all places at once; what remains is a
loop of one addition for each pixel.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Pixels = npt.NDArray[np.uint16]

SOI, EOI, SOF3, DHT, SOS, DRI = 0xD8, 0xD9, 0xC3, 0xC4, 0xDA, 0xDD
MOST_BESIDE: Final = 2**20
"""Bytes after the coded pixels: their end, and what a file may have been filled up with."""
BLOCK: Final = 2**17
"""Bytes looked at in one go, which bounds the memory: each takes some 50 times its size."""


class JpegError(ValueError):
    """A stream that breaks the rules; the message holds nothing of it."""


@dataclass(frozen=True)
class Frame:
    """What the markers of a stream say of it."""

    precision: int
    height: int
    width: int
    predictor: int
    shift: int
    """Point transform: low bits that were left out."""
    interval: int
    """Pixels between restarts, 0 for none."""
    lengths: npt.NDArray[np.uint8]
    """For each 16 bits that begin with a code its length; 0 where there is no such code."""
    sizes: npt.NDArray[np.uint8]
    """And how many bits the difference after it has."""
    begin: int
    """Where the coded pixels begin."""


def decode_lossless(stream: bytes, height: int, width: int) -> Pixels:
    """Decode a stream of one component.

    Args:
        stream: From its first marker on.
        height: Expected, and rejected where the stream says otherwise: its own word could demand any memory.
        width: Likewise.

    Returns:
        Shape (height, width), dtype uint16.

    Raises:
        JpegError: It is damaged, not lossless, or of another size.
    """
    frame = _read_markers(stream)
    if (frame.height, frame.width) != (height, width):
        raise JpegError("another size than told")
    interval = frame.interval or height * width
    if interval % width:
        raise JpegError("restarts within a row")
    # A code and its difference have 16 bits each, and each byte may have another one stuffed after it.
    if len(stream) - frame.begin > 8 * height * width + MOST_BESIDE:
        raise JpegError("more data than pixels")
    if sum(stream.count(bytes((0xFF, 0xD0 + i)), frame.begin) for i in range(8)) > height:
        raise JpegError("more restarts than rows")
    pixels = np.empty((height, width), dtype=np.uint16)
    segments = _segments(stream, frame.begin)
    starts = range(0, height, interval // width)
    if len(segments) < len(starts):
        raise JpegError("too few restarts")
    for start, segment in zip(starts, segments, strict=False):
        rows = pixels[start : start + interval // width]
        _read_differences(segment, frame, rows.reshape(-1))
        _undo(rows, frame)
    pixels <<= frame.shift
    return pixels


def _read_markers(stream: bytes) -> Frame:
    if stream[:2] != bytes([0xFF, SOI]):
        raise JpegError("no JPEG")
    place, interval = 2, 0
    size: tuple[int, int, int] | None = None
    tables: dict[int, tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]] = {}
    while place + 4 <= len(stream):
        if stream[place] != 0xFF:
            raise JpegError("no marker")
        marker, length = stream[place + 1], int.from_bytes(stream[place + 2 : place + 4], "big")
        if marker == 0xFF:
            place += 1
            continue
        body = stream[place + 4 : place + 2 + length]
        if length < 2 or len(body) != length - 2:
            raise JpegError("cut off")
        place += 2 + length
        if marker == SOF3:
            if len(body) != 9 or body[5] != 1 or not 2 <= body[0] <= 16:
                raise JpegError("not grey")
            size = body[0], int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
        elif 0xC0 <= marker <= 0xCF and marker not in {DHT, 0xC8, 0xCC}:
            raise JpegError("not lossless")
        elif marker == DHT:
            tables |= _huffman_tables(body)
        elif marker == DRI:
            interval = int.from_bytes(body[:2], "big")
        elif marker == SOS:
            if size is None or len(body) != 6 or body[0] != 1 or body[2] >> 4 not in tables or not 1 <= body[3] <= 7:
                raise JpegError("no scan")
            if body[5] & 15 >= size[0]:
                raise JpegError("a point transform of all bits")
            lengths, sizes = tables[body[2] >> 4]
            return Frame(*size, body[3], body[5] & 15, interval, lengths, sizes, place)
    raise JpegError("cut off")


def _huffman_tables(body: bytes) -> dict[int, tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]]:
    """By number the tables of one segment (T.81, annex C), each spread over all 16 bits that a code can begin."""
    tables = {}
    place = 0
    while place + 17 <= len(body):
        number, counts = body[place], body[place + 1 : place + 17]
        symbols = body[place + 17 : place + 17 + sum(counts)]
        place += 17 + sum(counts)
        lengths, sizes = np.zeros(2**16, dtype=np.uint8), np.zeros(2**16, dtype=np.uint8)
        begin = used = 0
        for length, count in enumerate(counts, start=1):
            for symbol in symbols[used : used + count]:
                end = begin + (1 << (16 - length))
                if end > 2**16 or symbol > 16:
                    raise JpegError("no Huffman table")
                lengths[begin:end], sizes[begin:end] = length, symbol
                begin = end
            used += count
        if number < 4:
            tables[number] = lengths, sizes
    return tables


def _segments(stream: bytes, begin: int) -> list[npt.NDArray[np.uint8]]:
    """The coded bytes between restarts, without the stuffed bytes that tell ones from a marker."""
    data = np.frombuffer(stream, dtype=np.uint8)[begin:]
    after = np.flatnonzero(data[:-1] == 0xFF) + 1
    markers = after[(data[after] != 0) & (data[after] != 0xFF)]
    restarts = (data[markers] >= 0xD0) & (data[markers] <= 0xD7)
    ends = np.flatnonzero(~restarts)
    if not len(ends):
        raise JpegError("cut off")
    stop = int(markers[ends[0]]) - 1
    keep = np.ones(len(data), dtype=bool)
    keep[after[data[after] == 0]] = False
    bounds = [0, *(int(place) + 1 for place in markers[: ends[0]]), stop + 2]
    return [data[first : last - 2][keep[first : last - 2]] for first, last in pairwise(bounds)]


def _read_differences(segment: npt.NDArray[np.uint8], frame: Frame, differences: Pixels) -> None:
    """Fill in the first differences of a segment modulo 2^16, in the order of the pixels."""
    # Ones at the end, as an encoder fills up its last byte.
    data = np.concatenate([segment, np.full(5, 0xFF, np.uint8)])
    done, place, end = 0, 0, 8 * len(segment)
    while done < len(differences):
        if place >= end:
            raise JpegError("cut off")
        first = place // 8
        words = _words(data, np.arange(first, min(first + BLOCK, len(data) - 2)))
        # For each bit what follows it, and how far it is to the next code; 255 where no code begins, rejected below.
        windows = ((words[:, None] >> np.arange(8, 0, -1, dtype=np.uint32)) & 0xFFFF).ravel()
        lengths, sizes = frame.lengths[windows], frame.sizes[windows]
        steps = np.where(lengths > 0, lengths + np.where(sizes == 16, 0, sizes), 255).astype(np.uint8).tobytes()
        here, bits = place - 8 * first, len(steps)
        found: list[int] = []
        add = found.append
        left = len(differences) - done
        while here < bits and left:
            add(here)
            here += steps[here]
            left -= 1
        places = np.array(found)
        if not (lengths[places] > 0).all():
            raise JpegError("no such code")
        differences[done : done + len(places)] = _values(data, 8 * first + places + lengths[places], sizes[places])
        done += len(places)
        place = 8 * first + here
    if place > end:
        raise JpegError("cut off")


def _words(data: npt.NDArray[np.uint8], first: Ints) -> npt.NDArray[np.integer]:
    """Three bytes at each of these places as one number."""
    one, two, three = (data[first + i].astype(np.uint32) for i in range(3))
    return (one << 16) | (two << 8) | three


def _values(data: npt.NDArray[np.uint8], places: Ints, sizes: npt.NDArray[np.uint8]) -> Pixels:
    """Differences of so many bits at these places, modulo 2^16; the lower half of each size is negative (table H.2)."""
    words = _words(data, np.minimum(places // 8, len(data) - 3))
    size = sizes.astype(np.int64)
    raw = ((words.astype(np.int64) >> (8 - places % 8)) & 0xFFFF) >> (16 - size)
    half = np.where(size > 0, 1 << np.maximum(size - 1, 0), 0)
    values = np.where(raw >= half, raw, raw - (1 << size) + 1)
    return np.where(size == 16, 32768, values).astype(np.uint16)


def _undo(pixels: Pixels, frame: Frame) -> None:
    """Make pixels of their differences to what was predicted, in place and modulo 2^16 (T.81, H.1.2.1)."""
    pixels[:1, :1] += np.uint16(1 << (frame.precision - frame.shift - 1))
    _add_up(pixels[:1], axis=1)
    _add_up(pixels[:, :1], axis=0)
    if frame.predictor == 1:
        _add_up(pixels[1:], axis=1)
    elif frame.predictor == 2:
        _add_up(pixels[:, 1:], axis=0)
    else:
        for above, row in pairwise(pixels):
            signed = row.astype(np.int64)
            _undo_row(signed, above.astype(np.int64), frame.predictor)
            row[:] = signed.astype(np.uint16)


def _add_up(pixels: Pixels, axis: int) -> None:
    np.add.accumulate(pixels, axis=axis, dtype=np.uint16, out=pixels)


def _undo_row(row: Ints, above: Ints, predictor: int) -> None:
    """The same for one row in place, whose first pixel is one already, below a row of pixels."""
    over, before = above[1:], above[:-1]
    if predictor == 3:
        row[1:] += before
    elif predictor in {4, 5}:
        row[1:] += over - before if predictor == 4 else (over - before) >> 1
        row[:] = np.cumsum(row)
    else:
        left = int(row[0]) & 0xFFFF
        found = []
        for difference, b, c in zip(row[1:].tolist(), over.tolist(), before.tolist(), strict=True):
            left = (difference + (b + ((left - c) >> 1) if predictor == 6 else (left + b) >> 1)) & 0xFFFF
            found.append(left)
        row[1:] = found
