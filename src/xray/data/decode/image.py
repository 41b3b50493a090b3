"""Decode an image file to grey bytes, and resize it to the square that a network takes.

Training, testing, predicting and serving all use `read_image` and `resize_image`, so they cannot disagree.
"""

from collections.abc import Callable, Iterator
from typing import IO, Literal, cast

import numpy as np
import PIL
from PIL import ExifTags, Image, ImageOps, features

from xray.data.arrays import GreyImage
from xray.data.decode.dicom.read import DICOM_SUFFIXES, decoder_versions, read_dicom
from xray.data.decode.dicom.tags import HEAD_BYTES, is_dicom
from xray.data.decode.errors import MAX_PIXELS, UnreadableImageError, reason_of
from xray.data.decode.pillow import PILLOW_SUFFIXES, is_inverted, open_image
from xray.data.decode.row_chunks import row_chunks
from xray.utils.files import StrPath

IMAGE_SUFFIXES = PILLOW_SUFFIXES | DICOM_SUFFIXES
"""Suffixes of image files, in lower case."""

REVISION = 3
"""Increment with every change to decoding, DICOM included, that changes pixels."""

ResizeRule = Literal["stretch", "pad", "crop"]


def decoder_version() -> str:
    """Return what decoded pixels depend on besides file, size and resize rule; may be part of a file name."""
    jpeg = features.version("libjpeg_turbo") or features.version("jpg")
    return f"r{REVISION}-pillow{PIL.__version__}-jpeg{jpeg}-{decoder_versions()}"


def load_image(source: StrPath | IO[bytes], size: int, rule: ResizeRule) -> GreyImage:
    """Decode and resize an image for a network: `read_image`, then `resize_image`.

    Raises:
        UnreadableImageError: See `read_image`.
    """
    return resize_image(read_image(source, size), size, rule)


def read_image(source: StrPath | IO[bytes], min_side: int | None = None, max_pixels: int = MAX_PIXELS) -> GreyImage:
    """Decode an image file to grey bytes, by its content, whatever its name.

    Formats are those of `xray.data.decode.pillow.FORMATS`, with a single image each, and DICOM, for which see
    `xray.data.decode.dicom.read.read_dicom`. L, RGB, palette and CMYK are converted to luma (ITU-R 601); transparent
    pixels are put on black, the background of an X-ray; 16-bit grey is scaled from its bit depth (see
    `_grey_from_16_bits`). The EXIF orientation is applied.

    Args:
        source: A path, or an open binary file.
        min_side: Allows a large JPEG to be decoded at 1/2, 1/4 or 1/8 of its size, as long as no side becomes shorter
            than this. It saves most of the work; resized to `min_side`, the mean difference from full decoding is below
            1/255.
        max_pixels: An image with more is rejected by its header, before it is decoded.

    Returns:
        An array of shape (height, width), dtype uint8, 0 black to 255 white.

    Raises:
        UnreadableImageError: The file is missing, empty, truncated, not an image, or not a chest X-ray by its DICOM
            tags; `TooManyPixelsError` if it is too large, `SeveralImagesError` if it has several pages or frames.
    """
    try:
        if hasattr(source, "read"):
            return _read_open(cast("IO[bytes]", source), min_side, max_pixels)
        with open(source, "rb") as file:  # noqa: PTH123 - any kind of path
            return _read_open(file, min_side, max_pixels)
    except (MemoryError, UnreadableImageError):
        raise
    except Exception as error:
        raise UnreadableImageError(reason_of(error)) from error


def resize_image(image: GreyImage, size: int, rule: ResizeRule) -> GreyImage:
    """Resize to a square with an antialiased triangle filter.

    Args:
        image: Grey image of shape (height, width).
        size: Side of the result in pixels.
        rule: "stretch" changes the aspect ratio; "pad" keeps it and adds black borders; "crop" keeps it and cuts the
            longer side around its centre. "stretch" is the default everywhere: the shape reveals the class in the
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
    # Rows first, then columns: by default Pillow chooses the order by its version and the image's shape.
    rows = Image.fromarray(image).resize((across, height), Image.Resampling.BILINEAR, (box[0], 0, box[2], height))
    square = rows.resize((across, down), Image.Resampling.BILINEAR, (0, box[1], across, box[3]))
    if rule == "pad":
        padded = Image.new("L", (size, size))
        padded.paste(square, (round((size - across) / 2), round((size - down) / 2)))
        square = padded
    return np.asarray(square, dtype=np.uint8)


def shrink_image(image: GreyImage, longer_side: int) -> GreyImage:
    """Shrink an image, keeping its proportions, to a longer side of at most `longer_side` pixels."""
    longer, (height, width) = max(image.shape), image.shape
    if longer <= longer_side:
        return image
    across, down = (max(1, round(side * longer_side / longer)) for side in (width, height))
    return np.asarray(Image.fromarray(image).resize((across, down), Image.Resampling.BILINEAR), dtype=np.uint8)


def _read_open(file: IO[bytes], min_side: int | None, max_pixels: int) -> GreyImage:
    file.seek(0)
    if is_dicom(file.read(HEAD_BYTES)):
        return read_dicom(file, max_pixels)
    with open_image(file, max_pixels) as image:
        # The luma plane of a JPEG is its grey image: decoding only that is faster than converting RGB.
        image.draft("L", (min_side, min_side) if min_side else None)
        image.load()
        grey = _to_grey(image)
        if image.getexif().get(ExifTags.Base.Orientation, 1) == 1:
            return grey
        # Rotate the grey image, which has a quarter of the bytes.
        upright = Image.fromarray(grey)
        upright.info = image.info
        ImageOps.exif_transpose(upright, in_place=True)
        return np.asarray(upright, dtype=np.uint8)


def _to_grey(image: Image.Image) -> GreyImage:
    to_bytes = _grey_from_16_bits(image) if image.mode.startswith("I") or image.mode == "F" else _grey_from_8_bits
    grey: GreyImage = np.empty((image.height, image.width), np.uint8)
    for rows, chunk in _chunks(image):
        grey[rows] = to_bytes(chunk)
    if is_inverted(image):
        np.subtract(255, grey, out=grey)
    return grey


def _chunks(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    for rows in row_chunks(image.height, image.width):
        yield rows, image.crop((0, rows.start, image.width, rows.stop))


def _grey_from_8_bits(image: Image.Image) -> GreyImage:
    if "transparency" in image.info or image.mode in {"LA", "RGBA", "PA", "La", "RGBa"}:
        rgba = image.convert("RGBA")
        black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, rgba)
    return np.asarray(image.convert("L"), dtype=np.uint8)


def _grey_from_16_bits(image: Image.Image) -> Callable[[Image.Image], GreyImage]:
    """Return the conversion of 16-bit grey to bytes.

    Detectors store 10, 12 or 14 bits in files of 16. The file does not say which: white is the maximum of the smallest
    usual depth that holds the brightest pixel. Floating-point pixels may also be between 0 and 1, which is white.

    Raises:
        UnreadableImageError: A pixel is not a finite number.
    """
    brightest = max([0.0, *(float(np.asarray(chunk).max()) for _, chunk in _chunks(image))])
    white = next((2.0**bits - 1 for bits in (8, 10, 12, 14, 16) if brightest < 2**bits), brightest)
    if image.mode == "F":
        if not all(np.isfinite(np.asarray(chunk)).all() for _, chunk in _chunks(image)):
            raise UnreadableImageError("it has pixels that are not finite numbers")
        white = white if brightest > 1 else 1.0

    def to_bytes(chunk: Image.Image) -> GreyImage:
        values = np.asarray(chunk).astype(np.float32)
        grey: GreyImage = np.clip(np.rint(values * (255.0 / white)), 0, 255).astype(np.uint8)
        return grey

    return to_bytes
