"""Errors of files that cannot be decoded."""

from typing import Final

from PIL import UnidentifiedImageError

MAX_PIXELS: Final = 100_000_000
"""Maximum number of pixels of an image; the largest detectors have about 20 million, stitched spine images 40
million."""


class UnreadableImageError(ValueError):
    """A file that cannot be decoded; the message gives the reason without the path."""


class EmptyFileError(UnreadableImageError):
    """A file without a byte."""


class UnknownFormatError(UnreadableImageError):
    """A file that starts as none of the formats that are decoded."""


class SeveralImagesError(UnreadableImageError):
    """A file with several pages or frames, of which none is known to be the radiograph."""


class TooManyPixelsError(UnreadableImageError):
    """An image that is too large to be decoded."""


def check_pixels(width: int, height: int, max_pixels: int) -> None:
    """Check the size that an image's header gives, before it is decoded.

    Raises:
        TooManyPixelsError: It has more pixels than `max_pixels`.
    """
    if width * height > max_pixels:
        raise TooManyPixelsError(f"{width} x {height} pixels exceed the limit of {max_pixels}")


def reason_of(error: Exception) -> str:
    """Return why a file cannot be read, without its path."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, UnidentifiedImageError):
        return "not an image that can be decoded"
    if str(error).startswith("decoder error"):
        return "its pixels are damaged or cut off"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
