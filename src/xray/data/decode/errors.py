"""The type of a decoded image, and errors of files that cannot be decoded."""

from typing import Final

import numpy as np
import numpy.typing as npt

GreyImage = npt.NDArray[np.uint8]
"""Shape (height, width), 0 black to 255 white."""

MAX_PIXELS: Final = 100_000_000
"""The largest detectors have some 20 million pixels, a spine stitched from several images 40 million."""

MAX_SIDE: Final = 65_535
"""Longest side that JPEG and DICOM can express; it bounds the memory of work done row by row."""


class UnreadableImageError(ValueError):
    """A file that cannot be decoded; the message gives the reason without the path."""


class TooManyPixelsError(UnreadableImageError):
    """An image that is too large to be decoded."""


def check_pixels(width: int, height: int, max_pixels: int) -> None:
    """Check the size that an image's header gives, before it is decoded.

    Raises:
        TooManyPixelsError: It has more pixels than `max_pixels`, or a side longer than `MAX_SIDE`.
    """
    if width * height > max_pixels:
        raise TooManyPixelsError(f"{width} x {height} pixels exceed the limit of {max_pixels}")
    if max(width, height) > MAX_SIDE:
        raise TooManyPixelsError(f"{width} x {height} pixels exceed the limit of {MAX_SIDE} along a side")
