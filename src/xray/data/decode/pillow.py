"""JPEG and PNG files, and pictures within DICOM, opened so that no file costs more than its pixels are worth."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final, cast

from PIL import ExifTags, Image
from PIL.JpegImagePlugin import JpegImageFile

from xray.data.decode.errors import MOST_PIXELS, check_pixels
from xray.data.decode.jpeg_limits import check_scans, ends_with_scan_of_all
from xray.data.decode.limits import BoundedFile, EndlessFileError

FORMATS: Final = ("JPEG", "PNG")
"""All that Pillow decodes of images, whatever a file is called: some of its other formats start outside programs."""
MOST_STEPS: Final = 300_000
"""Short reads by Pillow. A PNG of a hundred megapixels, in chunks as small as usual, takes 75,000."""
MOST_PARTS: Final = 1000
"""Segments of a JPEG's header, and chunks of a PNG but for its pixels: each may cost half a millisecond. Usual are ten,
and some hundred where there is a long colour profile or XMP data."""
LONGEST_EXIF: Final = 2**18
"""Bytes of EXIF data, of which a JPEG's segment has 65,533: Pillow joins segments again and again, and makes an object
of each value of a list."""
EXIF: Final = b"Exif\0\0"

# Pillow's own limit, one for the whole process, warns before it rejects: `open_picture` has a limit of each file.
Image.MAX_IMAGE_PIXELS = None


@contextmanager
def open_picture(
    file: IO[bytes], most_pixels: int = MOST_PIXELS, formats: tuple[str, ...] = FORMATS
) -> Iterator[Image.Image]:
    """Open a picture, of which only the header is read.

    Args:
        file: At any place.
        most_pixels: Of a picture that is not rejected.
        formats: Pillow's names of the formats that it may have.

    Raises:
        TooManyPixelsError: It has more pixels, or too long a side.
        EndlessFileError: It has more to be read, or to be decoded, than a picture has.
        OSError: It is no such picture.
    """
    bounded = _Picture(file)
    bounded.seek(0)
    with Image.open(cast("IO[bytes]", bounded), formats=formats) as image:
        check_pixels(*image.size, most_pixels)
        if isinstance(image, JpegImageFile):
            # Pillow left the file behind the header of its first scan.
            is_progressive = "progressive" in image.info
            if is_progressive or not ends_with_scan_of_all(file, image.layers):
                check_scans(file)
        yield image


def orientation(image: Image.Image) -> int:
    """How a picture that is loaded is to be turned, by its EXIF data: 1 to 8, 1 where it says nothing.

    Raises:
        EndlessFileError: It has more of such data than a picture has.
    """
    # Looked at now: a PNG may have it behind its pixels.
    if len(image.info.get("exif") or b"") > LONGEST_EXIF:
        raise EndlessFileError
    found: int = image.getexif().get(ExifTags.Base.Orientation, 1)
    return found


class _Picture(BoundedFile):
    """Counts the segments and chunks that Pillow looks at, and the bytes of EXIF data."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, MOST_STEPS)
        self._parts_left = MOST_PARTS
        self._exif_left = LONGEST_EXIF
        self._pixels_left = 0
        """Bytes of the chunk of pixels that is being read."""

    def read(self, size: int = -1) -> bytes:
        found = super().read(size)
        # A segment begins with its length in two bytes, a chunk with its length and kind in eight.
        if self._pixels_left > 0:
            self._pixels_left -= len(found)
        elif size == 8 and found.endswith(b"IDAT"):
            self._pixels_left = int.from_bytes(found[:4], "big")
        elif size in {2, 8}:
            self._parts_left -= 1
        if found.startswith(EXIF):
            self._exif_left -= len(found)
        if self._parts_left < 0 or self._exif_left < 0:
            self.exhausted = True
            raise EndlessFileError
        return found
