"""Open JPEG and PNG files with Pillow, with a limit on their pixels."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final

from PIL import Image

from xray.data.decode.errors import MAX_PIXELS, check_pixels

FORMATS: Final = ("JPEG", "PNG")
"""Formats that are decoded, whatever a file's name. Some of Pillow's other formats start external programs."""

# Pillow's own limit is one for the whole process, and warns before it rejects: `open_image` has one per call.
Image.MAX_IMAGE_PIXELS = None


@contextmanager
def open_image(file: IO[bytes], max_pixels: int = MAX_PIXELS) -> Iterator[Image.Image]:
    """Open an image by its header, without decoding it.

    Raises:
        TooManyPixelsError: It has more pixels than `max_pixels`.
        OSError: It is neither JPEG nor PNG, or damaged.
    """
    file.seek(0)
    with Image.open(file, formats=FORMATS) as image:
        check_pixels(*image.size, max_pixels)
        yield image
