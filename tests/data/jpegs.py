"""A plain encoder of lossless JPEG, pixel by pixel as ITU-T T.81 says it."""

import numpy as np

FLAT = [0, 0, 0, 0, 17] + [0] * 11
"""Numbers of Huffman codes by length: all of five bits."""
STEEP = [0] + [1] * 14 + [3]
"""From two bits to sixteen."""


def encode_lossless(pixels, precision=16, predictor=1, shift=0, counts=FLAT, rows_per_restart=0):
    height, width = pixels.shape
    codes = _codes(counts)
    head = b"\xff\xd8"
    head += _segment(0xC4, bytes([0, *counts, *range(17)]))
    head += _segment(0xC3, bytes([precision, *height.to_bytes(2), *width.to_bytes(2), 1, 1, 0x11, 0]))
    if rows_per_restart:
        head += _segment(0xDD, (rows_per_restart * width).to_bytes(2))
    head += _segment(0xDA, bytes([1, 1, 0, predictor, 0, shift]))
    body = b""
    step = rows_per_restart or height
    for number, start in enumerate(range(0, height, step)):
        if number:
            body += bytes([0xFF, 0xD0 + (number - 1) % 8])
        body += _scan(pixels[start : start + step] >> shift, precision - shift, predictor, codes)
    return head + body + b"\xff\xd9"


def _segment(marker, body):
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2) + body


def _codes(counts):
    codes, code, symbol = {}, 0, 0
    for length, count in enumerate(counts, start=1):
        for _ in range(count):
            codes[symbol] = f"{code:0{length}b}"
            code, symbol = code + 1, symbol + 1
        code *= 2
    return codes


def _scan(pixels, precision, predictor, codes):
    grid = pixels.astype(int).tolist()
    bits = []
    for y, row in enumerate(grid):
        for x, value in enumerate(row):
            difference = (value - _predicted(grid, y, x, predictor, precision) + 32768) % 65536 - 32768
            size = 16 if difference == -32768 else abs(difference).bit_length()
            bits.append(codes[size])
            if 0 < size < 16:
                bits.append(f"{difference if difference > 0 else difference + 2**size - 1:0{size}b}")
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    return np.packbits(np.array(list(text), dtype=np.uint8)).tobytes().replace(b"\xff", b"\xff\0")


def _predicted(grid, y, x, predictor, precision):
    if y == 0:
        return grid[0][x - 1] if x else 2 ** (precision - 1)
    above = grid[y - 1][x]
    if x == 0:
        return above
    left, corner = grid[y][x - 1], grid[y - 1][x - 1]
    return {
        1: left,
        2: above,
        3: corner,
        4: left + above - corner,
        5: left + ((above - corner) >> 1),
        6: above + ((left - corner) >> 1),
        7: (left + above) >> 1,
    }[predictor]
