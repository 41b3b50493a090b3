"""Open image files with Pillow: which formats, by which bytes, with a limit on their pixels."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final

from PIL import ExifTags, Image
from PIL.TiffImagePlugin import TiffImageFile

from xray.data.decode.errors import (
    MAX_PIXELS,
    EmptyFileError,
    SeveralImagesError,
    UnknownFormatError,
    check_pixels,
)

FORMATS: Final = ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF")
"""Formats that are decoded, whatever a file's name. Some of Pillow's other formats start external programs."""
STARTS: Final = (
    *(b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"BM", b"GIF87a", b"GIF89a"),
    *(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),  # TIFF and BigTIFF in both byte orders
)
"""How files of these formats start, except WebP."""
START_BYTES: Final = 12
"""Number of bytes at the start of a file that show its format."""
PILLOW_SUFFIXES: Final = frozenset(
    {".jpeg", ".jpg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".dib", ".webp", ".gif"}
)
"""Suffixes of these formats, in lower case."""
READABLE_FORMATS: Final = "JPEG, PNG, TIFF, BMP, WebP, GIF or DICOM"
"""What is read, for messages."""

# Pillow's own limit is one for the whole process, and warns before it rejects: `open_image` has one per call.
Image.MAX_IMAGE_PIXELS = None


@contextmanager
def open_image(file: IO[bytes], max_pixels: int = MAX_PIXELS) -> Iterator[Image.Image]:
    """Open an image that is not DICOM by its header, without decoding it.

    Raises:
        EmptyFileError: The file is empty.
        UnknownFormatError: It has none of `FORMATS`.
        SeveralImagesError: It has several pages or frames.
        TooManyPixelsError: It has more pixels than `max_pixels`.
        OSError: It is damaged.
    """
    file.seek(0)
    start = file.read(START_BYTES)
    if not start:
        raise EmptyFileError("it is empty")
    if not start.startswith(STARTS) and (start[:4], start[8:]) != (b"RIFF", b"WEBP"):
        raise UnknownFormatError(f"not {READABLE_FORMATS}")
    with Image.open(file, formats=FORMATS) as image:
        check_pixels(*image.size, max_pixels)
        if isinstance(image, TiffImageFile):
            # The decoder takes memory for a whole tile, which may be larger than the image.
            width, height = (image.tag_v2.get(tag, 0) for tag in (ExifTags.Base.TileWidth, ExifTags.Base.TileLength))
            check_pixels(width, height, max_pixels)
        # The further images of a JPEG (format MPO) are previews of its first.
        if image.format != "MPO" and getattr(image, "is_animated", False):
            raise SeveralImagesError("it has several pages or frames: save the radiograph as a file of its own")
        yield image


def is_inverted(image: Image.Image) -> bool:
    """Return whether 0 is white: in some TIFF files, where Pillow puts that right for up to 8 bits only."""
    if not isinstance(image, TiffImageFile) or image.mode not in {"I;16", "F"}:
        return False
    return bool(image.tag_v2.get(ExifTags.Base.PhotometricInterpretation) == 0)
