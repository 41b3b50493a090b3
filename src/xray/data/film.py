"""One film: from a file of any kind to grey bytes of the size that a network sees.

Training, testing, predicting and serving all go through `read_film` and `resize_film`, so they cannot disagree.
"""

from collections.abc import Callable, Iterator
from typing import IO, Literal, cast

import numpy as np
import PIL
from PIL import Image, ImageOps, UnidentifiedImageError, features

from xray.data.dicom import DICOM_SUFFIXES, read_dicom
from xray.data.dicom_header import HEAD, is_dicom
from xray.data.pictures import open_picture, orientation
from xray.data.strips import strips
from xray.data.unreadable import MOST_PIXELS
from xray.data.unreadable import GreyFilm as GreyFilm
from xray.data.unreadable import TooManyPixelsError as TooManyPixelsError
from xray.data.unreadable import UnreadableFilmError as UnreadableFilmError
from xray.files import StrPath

FILM_SUFFIXES = frozenset({".jpeg", ".jpg", ".png"}) | DICOM_SUFFIXES
"""File endings, in lower case, that are taken for films."""

REVISION = 3
"""Counts up with every change, here or for DICOM, by which a file becomes other pixels."""

ResizeRule = Literal["squash", "pad", "crop"]


def decoder_version() -> str:
    """What a film's pixels depend on besides its file, size and resize rule; fit for a file's name."""
    from importlib.metadata import version

    jpeg = features.version("libjpeg_turbo") or features.version("jpg")
    return f"r{REVISION}-pillow{PIL.__version__}-jpeg{jpeg}-pydicom{version('pydicom')}"


def load_film(source: StrPath | IO[bytes], size: int, rule: ResizeRule) -> GreyFilm:
    """Read a film as a network sees it: `read_film`, then `resize_film`.

    Raises:
        UnreadableFilmError: See `read_film`.
    """
    return resize_film(read_film(source, size), size, rule)


def read_film(source: StrPath | IO[bytes], least_side: int | None = None, most_pixels: int = MOST_PIXELS) -> GreyFilm:
    """Decode a JPEG or PNG of any mode, or a DICOM film, to grey bytes; the content tells which it is.

    L, RGB, palette and CMYK are converted to luma (ITU-R 601); transparent pixels lie on black, the background of a
    film; 16-bit grey is scaled from its bit depth (see `_grey_from_deep`). The EXIF orientation is applied. For DICOM
    see `xray.data.dicom.read_dicom`.

    Args:
        source: A path, or an open binary file.
        least_side: Allows a large JPEG to be decoded at a half, a quarter or an eighth of its size, as long as no side
            becomes shorter than this. That leaves out most of the work, and resized to `least_side` the mean
            difference from a film decoded in full is below 1/255.
        most_pixels: A picture with more is refused by its header, before it is decoded.

    Returns:
        An array of shape (height, width), dtype uint8, 0 black to 255 white.

    Raises:
        UnreadableFilmError: The file is missing, empty, truncated, no image, or by its DICOM tags no chest film;
            `TooManyPixelsError` where it is too large.
    """
    try:
        if hasattr(source, "read"):
            return _read_open(cast("IO[bytes]", source), least_side, most_pixels)
        with open(source, "rb") as file:  # noqa: PTH123 - any kind of path
            return _read_open(file, least_side, most_pixels)
    except (MemoryError, UnreadableFilmError):
        raise
    except Exception as error:
        raise UnreadableFilmError(_reason(error)) from error


def resize_film(film: GreyFilm, size: int, rule: ResizeRule) -> GreyFilm:
    """Resize to a square with an antialiased triangle filter.

    Args:
        film: Grey film of shape (height, width).
        size: Side of the result in pixels.
        rule: "squash" changes the aspect ratio; "pad" keeps it and adds black borders; "crop" keeps it and cuts the
            longer side about its centre. Squash is the default everywhere: the shape of a film tells the class in the
            public data (normal films are squarer), and borders would show that shape to the network.

    Returns:
        Grey film of shape (size, size).
    """
    height, width = film.shape
    if height == width == size:
        return film
    box, across, down = (0.0, 0.0, width, height), size, size
    if rule == "crop":
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, left + side, top + side)
    elif rule == "pad":
        across, down = (max(1, round(side / max(width, height) * size)) for side in (width, height))
    # One direction after the other: by itself Pillow takes either first, as its version and the film's shape will.
    rows = Image.fromarray(film).resize((across, height), Image.Resampling.BILINEAR, (box[0], 0, box[2], height))
    image = rows.resize((across, down), Image.Resampling.BILINEAR, (0, box[1], across, box[3]))
    if rule == "pad":
        square = Image.new("L", (size, size))
        square.paste(image, (round((size - across) / 2), round((size - down) / 2)))
        image = square
    return np.asarray(image, dtype=np.uint8)


def shrink_film(film: GreyFilm, longer_side: int) -> GreyFilm:
    """The film in its own proportions, with a longer side of so many pixels at most."""
    longer, (height, width) = max(film.shape), film.shape
    if longer <= longer_side:
        return film
    across, down = (max(1, round(side * longer_side / longer)) for side in (width, height))
    return np.asarray(Image.fromarray(film).resize((across, down), Image.Resampling.BILINEAR), dtype=np.uint8)


def _read_open(file: IO[bytes], least_side: int | None, most_pixels: int) -> GreyFilm:
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


def _to_grey(image: Image.Image) -> GreyFilm:
    to_bytes = _grey_from_deep(image) if image.mode.startswith("I") or image.mode == "F" else _grey_from_colours
    grey: GreyFilm = np.empty((image.height, image.width), np.uint8)
    for rows, strip in _strips(image):
        grey[rows] = to_bytes(strip)
    return grey


def _strips(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    for rows in strips(image.height, image.width):
        yield rows, image.crop((0, rows.start, image.width, rows.stop))


def _grey_from_colours(image: Image.Image) -> GreyFilm:
    if "transparency" in image.info or image.mode in {"LA", "RGBA", "PA", "La", "RGBa"}:
        rgba = image.convert("RGBA")
        black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, rgba)
    return np.asarray(image.convert("L"), dtype=np.uint8)


def _grey_from_deep(image: Image.Image) -> Callable[[Image.Image], GreyFilm]:
    """How 16-bit grey becomes bytes.

    Detectors store 10, 12 or 14 bits in files of 16. The file does not say which, so the smallest of the usual depths
    that holds the brightest pixel is taken as full white.
    """
    brightest = max([0.0, *(float(np.asarray(strip).max()) for _, strip in _strips(image))])
    white = next((2.0**bits - 1 for bits in (8, 10, 12, 14, 16) if brightest < 2**bits), brightest)

    def to_bytes(strip: Image.Image) -> GreyFilm:
        values = np.asarray(strip).astype(np.float32)
        grey: GreyFilm = np.clip(np.rint(values * (255.0 / white)), 0, 255).astype(np.uint8)
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
