"""Read size, mode and format from image headers, without decoding."""

import os
from collections.abc import Sequence
from typing import Final, NamedTuple

from xray.data.decode.dicom.read import read_pixel_format
from xray.data.decode.dicom.tags import HEAD_BYTES, is_dicom
from xray.data.decode.errors import MAX_PIXELS, check_pixels, reason_of
from xray.data.decode.pillow import open_image
from xray.utils.errors import UserError
from xray.utils.files import StrPath
from xray.utils.progress import with_progress
from xray.utils.threads import map_in_threads

GREY_MODES: Final = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
"""Modes of Pillow without colour."""


class ImageHeader(NamedTuple):
    """Properties of one image file, from its header."""

    width: int
    """Pixels, as stored: an EXIF orientation is not applied."""
    height: int
    mode: str
    """Mode in Pillow's terms, such as L (grey), I;16 (16-bit grey) or RGB."""
    format: str
    """Such as JPEG, TIFF or DICOM, whatever the file name."""
    bytes: int
    """Size of the file."""

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.width / self.height

    @property
    def in_colour(self) -> bool:
        """Whether the file stores colour channels, which may all be equal."""
        return self.mode not in GREY_MODES


def read_headers(paths: Sequence[StrPath]) -> list[ImageHeader | str]:
    """Return for each path its header, or the reason why it cannot be read.

    Nothing is decoded, so a truncated file may still have a header.
    """
    return list(with_progress(map_in_threads(_read, paths), "Reading headers", len(paths)))


def headers_of(paths: Sequence[str]) -> list[ImageHeader]:
    """Read the headers of image files.

    Raises:
        UserError: A file cannot be read any more.
    """
    headers = []
    for path, header in zip(paths, read_headers(paths), strict=True):
        if isinstance(header, str):
            raise UserError(f"{path} cannot be read any more ({header}): restore it, or train again without it.")
        headers.append(header)
    return headers


def _read(path: StrPath) -> ImageHeader | str:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - Path objects take ten times as long, here and below
            size = os.stat(path).st_size  # noqa: PTH116
            if is_dicom(file.read(HEAD_BYTES)):
                pixels = read_pixel_format(file)
                check_pixels(pixels.width, pixels.height, MAX_PIXELS)
                mode = "RGB" if pixels.samples_per_pixel > 1 else "L" if pixels.bits_allocated <= 8 else "I;16"
                return ImageHeader(pixels.width, pixels.height, mode, "DICOM", size)
            with open_image(file) as image:
                return ImageHeader(*image.size, image.mode, image.format or "", size)
    except (OSError, ValueError) as error:
        return reason_of(error)
