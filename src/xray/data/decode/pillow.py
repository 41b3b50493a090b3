"""Open JPEG and PNG files with Pillow, with a limit on their pixels."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final

from PIL import Image

from xray.data.decode.errors import MAX_PIXELS, EmptyFileError, UnknownFormatError, check_pixels

FORMATS: Final = ("JPEG", "PNG")
"""Formats that are decoded, whatever a file's name. Some of Pillow's other formats start external programs."""
STARTS: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
"""How files of these formats start."""

# Pillow's own limit is one for the whole process, and warns before it rejects: `open_image` has one per call.
Image.MAX_IMAGE_PIXELS = None


@contextmanager
def open_image(file: IO[bytes], max_pixels: int = MAX_PIXELS) -> Iterator[Image.Image]:
    """Open an image that is not DICOM by its header, without decoding it.

    Raises:
        EmptyFileError: The file is empty.
        UnknownFormatError: It is neither JPEG nor PNG.
        TooManyPixelsError: It has more pixels than `max_pixels`.
        OSError: It is damaged.
    """
    file.seek(0)
    start = file.read(max(map(len, STARTS)))
    if not start:
        raise EmptyFileError("it is empty")
    if not start.startswith(STARTS):
        raise UnknownFormatError("neither JPEG, PNG nor DICOM")
    with Image.open(file, formats=FORMATS) as image:
        check_pixels(*image.size, max_pixels)
        yield image
