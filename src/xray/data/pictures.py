"""JPEG and PNG files, and pictures within DICOM, opened so that no file costs more than its pixels are worth."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final, cast

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from xray.data.bounds import BoundedFile, EndlessFileError
from xray.data.codestreams import check_scans, ends_with_scan_of_all
from xray.data.unreadable import MOST_PIXELS, check_pixels

FORMATS: Final = ("JPEG", "PNG")
"""All that Pillow decodes of films, whatever a file is called: some of its other formats start outside programs."""
MOST_STEPS: Final = 100_000
"""Short reads by Pillow. A PNG of a hundred megapixels, in chunks as small as usual, takes 75,000."""
MOST_PARTS: Final = 500
"""Segments of a JPEG's header, and chunks of a PNG but for its pixels: each may cost a millisecond. Usual are ten, and
some more for a long colour profile."""
LONGEST_HEADER: Final = 8 * 2**20
"""Bytes before the pixels: Pillow joins those of some kinds again and again."""
LONGEST_EXIF: Final = 2**18
"""Bytes of EXIF data, of which a JPEG's segment has 65,533: each value of a list becomes an object."""

# Pillow's own limit, one for the whole process, warns before it refuses: `open_picture` has a limit of each file.
Image.MAX_IMAGE_PIXELS = None


@contextmanager
def open_picture(
    file: IO[bytes], most_pixels: int = MOST_PIXELS, formats: tuple[str, ...] = FORMATS
) -> Iterator[Image.Image]:
    """Open a picture, of which only the header is read.

    Args:
        file: At any place.
        most_pixels: Of a picture that is not refused.
        formats: Pillow's names of the formats that it may have.

    Raises:
        TooManyPixelsError: It has more pixels, or too long a side.
        EndlessFileError: It has more to be read, or to be decoded, than a picture has.
        OSError: It is no such picture.
    """
    bounded = _Picture(file)
    bounded.seek(0)
    with Image.open(cast("IO[bytes]", bounded), formats=formats) as image:
        bounded.bytes_left = None
        check_pixels(*image.size, most_pixels)
        if len(image.info.get("exif") or b"") > LONGEST_EXIF:
            raise EndlessFileError
        if isinstance(image, JpegImageFile):
            # Pillow left the file behind the header of its first scan.
            is_progressive = "progressive" in image.info
            if is_progressive or not ends_with_scan_of_all(file, image.layers):
                check_scans(file)
        yield image


class _Picture(BoundedFile):
    """Counts the segments and chunks that Pillow looks at, and the bytes of a header."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, MOST_STEPS)
        self.bytes_left: int | None = LONGEST_HEADER
        """None once the header is read."""
        self._parts_left = MOST_PARTS

    def read(self, size: int = -1) -> bytes:
        found = super().read(size)
        # A segment begins with its length in two bytes, a chunk with its length and kind in eight.
        if size == 2 or (size == 8 and not found.endswith(b"IDAT")):
            self._parts_left -= 1
        if self.bytes_left is not None:
            self.bytes_left -= len(found)
        if self._parts_left < 0 or (self.bytes_left is not None and self.bytes_left < 0):
            self.exhausted = True
            raise EndlessFileError
        return found
