"""What every reader of images has in common: a grey image, the error of a file that is none, and the limit of pixels."""

from typing import Final

import numpy as np
import numpy.typing as npt

GreyImage = npt.NDArray[np.uint8]
"""Shape (height, width), 0 black to 255 white."""

MOST_PIXELS: Final = 100_000_000
"""Of one image: the largest detectors have some 20 million, a spine joined from several images 40 million."""

MOST_SIDE: Final = 65_535
"""Pixels of one side, as JPEG and DICOM have it: what takes a row at a time takes little memory by it."""


class UnreadableImageError(ValueError):
    """A file that cannot be decoded to pixels; the message says why, without the path."""


class TooManyPixelsError(UnreadableImageError):
    """A picture that is too large to be decoded."""


def check_pixels(width: int, height: int, most_pixels: int) -> None:
    """Reject a picture by the size that its header tells, before any of it is decoded.

    Raises:
        TooManyPixelsError: It has more pixels than `most_pixels`, or than `MOST_SIDE` along a side.
    """
    if width * height > most_pixels:
        raise TooManyPixelsError(f"{width} x {height} pixels exceed the limit of {most_pixels}")
    if max(width, height) > MOST_SIDE:
        raise TooManyPixelsError(f"{width} x {height} pixels exceed the limit of {MOST_SIDE} along a side")
