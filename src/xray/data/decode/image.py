"""One image: from a file of any kind to grey bytes of the size that a network sees.

Training, testing, predicting and serving all go through `read_image` and `resize_image`, so they cannot disagree.
"""

from collections.abc import Callable, Iterator
from typing import IO, Literal, cast

import numpy as np
import PIL
from PIL import Image, ImageOps, UnidentifiedImageError, features

from xray.data.decode.dicom.header import HEAD, is_dicom
from xray.data.decode.dicom.read import DICOM_SUFFIXES, decoder_versions, read_dicom
from xray.data.decode.errors import MOST_PIXELS
from xray.data.decode.errors import GreyImage as GreyImage
from xray.data.decode.errors import TooManyPixelsError as TooManyPixelsError
from xray.data.decode.errors import UnreadableImageError as UnreadableImageError
from xray.data.decode.pillow import open_picture, orientation
from xray.data.decode.row_chunks import strips
from xray.utils.files import StrPath

IMAGE_SUFFIXES = frozenset({".jpeg", ".jpg", ".png"}) | DICOM_SUFFIXES
"""File endings, in lower case, that are taken for images."""

REVISION = 3
"""Counts up with every change, here or for DICOM, by which a file becomes other pixels."""

ResizeRule = Literal["stretch", "pad", "crop"]


def decoder_version() -> str:
    """What an image's pixels depend on besides its file, size and resize rule; fit for a file's name."""
    jpeg = features.version("libjpeg_turbo") or features.version("jpg")
    return f"r{REVISION}-pillow{PIL.__version__}-jpeg{jpeg}-{decoder_versions()}"


def load_image(source: StrPath | IO[bytes], size: int, rule: ResizeRule) -> GreyImage:
    """Read an image as a network sees it: `read_image`, then `resize_image`.

    Raises:
        UnreadableImageError: See `read_image`.
    """
    return resize_image(read_image(source, size), size, rule)


def read_image(source: StrPath | IO[bytes], least_side: int | None = None, most_pixels: int = MOST_PIXELS) -> GreyImage:
    """Decode a JPEG or PNG of any mode, or a DICOM image, to grey bytes; the content tells which it is.

    L, RGB, palette and CMYK are converted to luma (ITU-R 601); transparent pixels lie on black, the background of a
    image; 16-bit grey is scaled from its bit depth (see `_grey_from_deep`). The EXIF orientation is applied. For DICOM
    see `xray.data.decode.dicom.read.read_dicom`.

    Args:
        source: A path, or an open binary file.
        least_side: Allows a large JPEG to be decoded at a half, a quarter or an eighth of its size, as long as no side
            becomes shorter than this. That leaves out most of the work, and resized to `least_side` the mean
            difference from an image decoded in full is below 1/255.
        most_pixels: A picture with more is rejected by its header, before it is decoded.

    Returns:
        An array of shape (height, width), dtype uint8, 0 black to 255 white.

    Raises:
        UnreadableImageError: The file is missing, empty, truncated, no image, or by its DICOM tags no chest X-ray;
            `TooManyPixelsError` where it is too large.
    """
    try:
        if hasattr(source, "read"):
            return _read_open(cast("IO[bytes]", source), least_side, most_pixels)
        with open(source, "rb") as file:  # noqa: PTH123 - any kind of path
            return _read_open(file, least_side, most_pixels)
    except (MemoryError, UnreadableImageError):
        raise
    except Exception as error:
        raise UnreadableImageError(_reason(error)) from error


def resize_image(image: GreyImage, size: int, rule: ResizeRule) -> GreyImage:
    """Resize to a square with an antialiased triangle filter.

    Args:
        image: Grey image of shape (height, width).
        size: Side of the result in pixels.
        rule: "stretch" changes the aspect ratio; "pad" keeps it and adds black borders; "crop" keeps it and cuts the
            longer side about its centre. Squash is the default everywhere: the shape of an image tells the class in the
            public data (normal images are squarer), and borders would show that shape to the network.

    Returns:
        Grey image of shape (size, size).
    """
    height, width = image.shape
    if height == width == size:
        return image
    box, across, down = (0.0, 0.0, width, height), size, size
    if rule == "crop":
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, left + side, top + side)
    elif rule == "pad":
        across, down = (max(1, round(side / max(width, height) * size)) for side in (width, height))
    # One direction after the other: by itself Pillow takes either first, as its version and the image's shape will.
    rows = Image.fromarray(image).resize((across, height), Image.Resampling.BILINEAR, (box[0], 0, box[2], height))
    square = rows.resize((across, down), Image.Resampling.BILINEAR, (0, box[1], across, box[3]))
    if rule == "pad":
        padded = Image.new("L", (size, size))
        padded.paste(square, (round((size - across) / 2), round((size - down) / 2)))
        square = padded
    return np.asarray(square, dtype=np.uint8)


def shrink_image(image: GreyImage, longer_side: int) -> GreyImage:
    """The image in its own proportions, with a longer side of so many pixels at most."""
    longer, (height, width) = max(image.shape), image.shape
    if longer <= longer_side:
        return image
    across, down = (max(1, round(side * longer_side / longer)) for side in (width, height))
    return np.asarray(Image.fromarray(image).resize((across, down), Image.Resampling.BILINEAR), dtype=np.uint8)


def _read_open(file: IO[bytes], least_side: int | None, most_pixels: int) -> GreyImage:
    file.seek(0)
    if is_dicom(file.read(HEAD)):
        return read_dicom(file, most_pixels)
    with open_picture(file, most_pixels) as image:
        # A JPEG's luma plane is its grey picture already: decoding only that is faster than converting RGB.
        image.draft("L", (least_side, least_side) if least_side else None)
        image.load()
        grey = _to_grey(image)
        if orientation(image) == 1:
            return grey
        # Turned once it is grey, and has a fourth of the bytes.
        upright = Image.fromarray(grey)
        upright.info = image.info
        ImageOps.exif_transpose(upright, in_place=True)
        return np.asarray(upright, dtype=np.uint8)


def _to_grey(image: Image.Image) -> GreyImage:
    to_bytes = _grey_from_deep(image) if image.mode.startswith("I") or image.mode == "F" else _grey_from_colours
    grey: GreyImage = np.empty((image.height, image.width), np.uint8)
    for rows, strip in _strips(image):
        grey[rows] = to_bytes(strip)
    return grey


def _strips(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    for rows in strips(image.height, image.width):
        yield rows, image.crop((0, rows.start, image.width, rows.stop))


def _grey_from_colours(image: Image.Image) -> GreyImage:
    if "transparency" in image.info or image.mode in {"LA", "RGBA", "PA", "La", "RGBa"}:
        rgba = image.convert("RGBA")
        black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, rgba)
    return np.asarray(image.convert("L"), dtype=np.uint8)


def _grey_from_deep(image: Image.Image) -> Callable[[Image.Image], GreyImage]:
    """How 16-bit grey becomes bytes.

    Detectors store 10, 12 or 14 bits in files of 16. The file does not say which, so the smallest of the usual depths
    that holds the brightest pixel is taken as full white.
    """
    brightest = max([0.0, *(float(np.asarray(strip).max()) for _, strip in _strips(image))])
    white = next((2.0**bits - 1 for bits in (8, 10, 12, 14, 16) if brightest < 2**bits), brightest)

    def to_bytes(strip: Image.Image) -> GreyImage:
        values = np.asarray(strip).astype(np.float32)
        grey: GreyImage = np.clip(np.rint(values * (255.0 / white)), 0, 255).astype(np.uint8)
        return grey

    return to_bytes


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, UnidentifiedImageError):
        return "not an image that can be decoded"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
