"""What compressed pictures say of themselves and ask for, read before a decoder believes it and makes room for it.

A small file can ask for hours or for gigabytes: a JPEG by passing over its picture again and again, a JPEG 2000 by
parting it into millions of tiles and blocks.
"""

import os
import re
from collections.abc import Iterator
from typing import IO, Final

from xray.data.decode.errors import UnreadableImageError
from xray.data.decode.limits import EndlessFileError

MOST_SEGMENTS: Final = 10_000
"""Of a JPEG, without those of its picture; usual are ten, and some hundred where a colour profile is long."""
MOST_SCANS: Final = 100
"""Passes over a JPEG's picture. A progressive one has about ten; each takes some 25 ms at 50 megapixels."""
MOST_BLOCKS: Final = 200_000
"""Code blocks of a JPEG 2000, of some 300 bytes each. Usual are 64 by 64 pixels: 12,000 for 50 megapixels."""
MOST_TILES: Final = 8192
"""Of a JPEG 2000, of some 10 KB each."""
MOST_LEVELS: Final = 13
"""Resolutions of a JPEG 2000: the coarsest of 7,000 pixels a side has one. Usual are six."""
MOST_LAYERS: Final = 100
"""Of a JPEG 2000: all are gone through for each precinct. Usual are up to 20."""

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
FRAMES: Final = {0xF7, *range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Markers of frame headers: JPEG-LS, and all of JPEG but Huffman tables, a reserved one and arithmetic conditioning."""
ARITHMETIC: Final = (0xC9, 0xCA)
"""Frame headers of arithmetic coding, sequential and progressive, as far as libjpeg reads it."""
ALONE: Final = frozenset({0x01, SOI, *range(0xD0, 0xD8)})
"""Markers without a segment."""
MARKER: Final = re.compile(rb"\xff([\x01-\xfe])")
START: Final = bytes((0xFF, SOS))

# ITU-T T.800 annex A.5 and A.6: of the picture, of all components, of one. Headers of tiles have such too, so they are
# looked for everywhere. Captured: whether precincts are listed, which then follow; layers; levels; exponents of blocks.
SIZE: Final = re.compile(rb"\xff\x4f\xff\x51\x00")
CODINGS: Final = (
    re.compile(
        rb"\xff(?=\x52\x00[\x0c-\x2d]([\x00-\x07]).(..)[\x00\x01]([\x00-\x20])([\x00-\x08]{2}).[\x00\x01])", re.DOTALL
    ),
    re.compile(rb"\xff(?=\x53\x00[\x09-\x2b].([\x00\x01])()([\x00-\x20])([\x00-\x08]{2}).[\x00\x01])", re.DOTALL),
)


def size_of_jpeg(frame: bytes) -> tuple[int, int, int]:
    """Rows, columns and components of a JPEG or JPEG-LS stream (ITU-T T.81 annex B, T.87 annex C).

    Raises:
        EndlessFileError: Its header has more segments than any.
        ValueError: Its header is damaged.
    """
    found, place = None, 2
    for _ in range(MOST_SEGMENTS):
        if place + 10 > len(frame) or frame[place] != 0xFF:
            raise ValueError("no frame")
        marker, length = frame[place + 1], int.from_bytes(frame[place + 2 : place + 4], "big")
        if marker == SOS and found:
            return found
        if marker in FRAMES:
            rows, columns = (int.from_bytes(frame[place + at : place + at + 2], "big") for at in (5, 7))
            found = rows, columns, frame[place + 9]
        place += 1 if marker == 0xFF else 2 + length
    raise EndlessFileError


def ends_with_scan_of_all(file: IO[bytes], components: int) -> bool:
    """Whether the header of a scan was read that has all components of a JPEG: libjpeg then looks for no other.

    Args:
        file: At the first byte of a scan; left there.
        components: Of the picture.
    """
    length = 6 + 2 * components
    # Of several pictures in one file Pillow leaves it at the beginning.
    if file.tell() < 2 + length:
        return False
    file.seek(-2 - length, os.SEEK_CUR)
    header = file.read(2 + length)
    return header.startswith(bytes((0xFF, SOS, 0, length, components))) and header.rfind(START) == 0


def check_scans(file: IO[bytes]) -> None:
    """Reject a JPEG with more than `MOST_SCANS` passes over its picture, or as many and `MOST_SEGMENTS` between them.

    Args:
        file: At any place; left at another.

    Raises:
        EndlessFileError: It has more.
        UnreadableImageError: It is coded arithmetically, of which each pass takes several times as long.
    """
    file.seek(0)
    # Nearly all have few. Where thumbnails and what comes after the picture look like many, they are told apart.
    scans = arithmetic = 0
    for chunk in _overlapping(file):
        scans += chunk.count(START)
        arithmetic += sum(chunk.count(bytes((0xFF, marker))) for marker in ARITHMETIC)
    if scans > MOST_SCANS or arithmetic:
        file.seek(0)
        scans = 0
        for number, marker in enumerate(_markers(file.read())):
            scans += marker == SOS
            if scans > MOST_SCANS or number - scans > MOST_SEGMENTS:
                raise EndlessFileError
            if marker in ARITHMETIC:
                raise UnreadableImageError("its coding, arithmetic in several scans, is not read")


def _overlapping(file: IO[bytes]) -> Iterator[bytes]:
    end = b""
    while chunk := file.read(1 << 20):
        yield end + chunk
        end = chunk[-1:]


def _markers(data: bytes) -> Iterator[int]:
    """Markers of a JPEG up to its end, found as libjpeg does: what lies between segments is passed over."""
    place = 0
    while match := MARKER.search(data, place):
        marker = match[1][0]
        if marker == EOI:
            return
        place = match.end()
        if marker not in ALONE:
            yield marker
            place += int.from_bytes(data[place : place + 2], "big")


def size_of_jpeg_2000(frame: bytes) -> tuple[int, int, int]:
    """Rows, columns and components of a JPEG 2000 code stream, bare or in its file format.

    Raises:
        ValueError: There is no code stream, or more than one.
        EndlessFileError: It asks for more tiles, layers or blocks than any image.
    """
    starts = [match.start() for match in SIZE.finditer(frame)]
    if len(starts) != 1 or len(frame) < starts[0] + 42:
        raise ValueError("no code stream")
    begin = starts[0]
    right, bottom, left, top, across, down, first_left, first_top = (
        int.from_bytes(frame[begin + at : begin + at + 4], "big") for at in range(8, 40, 4)
    )
    columns, rows = right - left, bottom - top
    if min(columns, rows, across, down) < 1:
        raise ValueError("no size")
    tiles = -((first_left - right) // across) * -((first_top - bottom) // down)
    if tiles > MOST_TILES:
        raise EndlessFileError
    width, height = min(across, columns), min(down, rows)
    for layers, exponents, precincts in _codings(frame):
        if len(precincts) > MOST_LEVELS or layers > MOST_LAYERS:
            raise EndlessFileError
        work = max(_blocks(width, height, exponents, precincts), _positions(width, height, precincts))
        if tiles * work > MOST_BLOCKS:
            raise EndlessFileError
    return rows, columns, int.from_bytes(frame[begin + 40 : begin + 42], "big")


def _codings(frame: bytes) -> Iterator[tuple[int, bytes, list[tuple[int, int]]]]:
    """For each coding style: layers, exponents of blocks' sides, and of precincts' by level from the coarsest."""
    for pattern in CODINGS:
        for match in pattern.finditer(frame):
            listed, layers, levels, exponents = match.groups()
            number, end = levels[0] + 1, match.end(4) + 2
            precincts = [(byte & 15, byte >> 4) for byte in frame[end : end + number]] if listed[0] & 1 else []
            yield int.from_bytes(layers, "big"), exponents, precincts + [(15, 15)] * (number - len(precincts))


def _blocks(width: int, height: int, exponents: bytes, precincts: list[tuple[int, int]]) -> int:
    """Code blocks of one tile (T.800 annex B.7), no larger than precincts, which are halved in all bands but one."""
    total = 0
    for level, precinct in enumerate(precincts):
        shrink, bands = len(precincts) - 1 - max(level - 1, 0), 3 if level else 1
        sides = (
            2 ** max(0, min(block + 2, most - (level > 0))) for block, most in zip(exponents, precinct, strict=True)
        )
        across, down = ((side >> shrink) // block + 1 for side, block in zip((width, height), sides, strict=True))
        total += bands * across * down
    return total


def _positions(width: int, height: int, precincts: list[tuple[int, int]]) -> int:
    """Places of one tile that a decoder looks at, each at all levels, where packets are in their order (B.12.1.3)."""
    coarsest = len(precincts) - 1
    across, down = (
        1 << min(sides[axis] + coarsest - level for level, sides in enumerate(precincts)) for axis in (0, 1)
    )
    return (width // across + 1) * (height // down + 1)
