"""One film: from a file of any kind to grey bytes of the size that a network sees.

Training, testing, predicting and (later) serving all go through `read_film` and `resize_film`, so they cannot disagree.
"""

from typing import IO, Literal

import numpy as np
import numpy.typing as npt
import PIL
from PIL import Image, ImageOps, UnidentifiedImageError, features

from xray.files import StrPath

FILM_SUFFIXES = frozenset({".jpeg", ".jpg", ".png"})
"""File endings, in lower case, that are taken for films."""

FORMATS = ("JPEG", "PNG")
"""All that is decoded, whatever a file is called: some of Pillow's other formats start outside programs."""

REVISION = 1
"""Counts up with every change in this module by which a file becomes other pixels."""

ResizeRule = Literal["squash", "pad", "crop"]
GreyFilm = npt.NDArray[np.uint8]


class UnreadableFilmError(ValueError):
    """A file that cannot be decoded to pixels; the message says why, without the path."""


def decoder_version() -> str:
    """What a film's pixels depend on besides its file, size and resize rule; fit for a file's name."""
    return f"r{REVISION}-pillow{PIL.__version__}-jpeg{features.version('libjpeg_turbo') or features.version('jpg')}"


def load_film(source: StrPath | IO[bytes], size: int, rule: ResizeRule) -> GreyFilm:
    """Read a film as a network sees it: `read_film`, then `resize_film`.

    Raises:
        UnreadableFilmError: See `read_film`.
    """
    return resize_film(read_film(source, size), size, rule)


def read_film(source: StrPath | IO[bytes], least_side: int | None = None) -> GreyFilm:
    """Decode a JPEG or PNG of any mode to grey bytes.

    L, RGB, palette and CMYK are converted to luma (ITU-R 601); transparent pixels lie on black, the background of a
    film; 16-bit grey is scaled from its bit depth (see `_grey_from_deep`). The EXIF orientation is applied.

    Args:
        source: A path, or an open binary file.
        least_side: Allows a large JPEG to be decoded at a half, a quarter or an eighth of its size, as long as no side
            becomes shorter than this. That leaves out most of the work, and resized to `least_side` the mean
            difference from a film decoded in full is below 1/255.

    Returns:
        An array of shape (height, width), dtype uint8, 0 black to 255 white.

    Raises:
        UnreadableFilmError: The file is missing, empty, truncated, no image, or too large to be one.
    """
    try:
        with Image.open(source, formats=FORMATS) as image:
            # A JPEG's luma plane is its grey picture already: decoding only that is faster than converting RGB.
            image.draft("L", (least_side, least_side) if least_side else None)
            upright = ImageOps.exif_transpose(image)
            return _to_grey(upright)
    except MemoryError:
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
    if film.shape == (size, size):
        return film
    image = Image.fromarray(film)
    resampling = Image.Resampling.BILINEAR
    if rule == "pad":
        resized = ImageOps.pad(image, (size, size), resampling, color=0)
    elif rule == "crop":
        resized = ImageOps.fit(image, (size, size), resampling)
    else:
        resized = image.resize((size, size), resampling)
    return np.asarray(resized, dtype=np.uint8)


def _to_grey(image: Image.Image) -> GreyFilm:
    if image.mode.startswith("I") or image.mode == "F":
        return _grey_from_deep(np.asarray(image))
    if "transparency" in image.info or image.mode in {"LA", "RGBA", "PA", "La", "RGBa"}:
        rgba = image.convert("RGBA")
        black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, rgba)
    grey: GreyFilm = np.asarray(image.convert("L"), dtype=np.uint8)
    return grey


def _grey_from_deep(pixels: npt.NDArray[np.generic]) -> GreyFilm:
    """Scale 16-bit grey to bytes.

    Detectors store 10, 12 or 14 bits in files of 16. The file does not say which, so the smallest of the usual depths
    that holds the brightest pixel is taken as full white.
    """
    values = pixels.astype(np.float32)
    brightest = float(values.max(initial=0.0))
    white = next((2.0**bits - 1 for bits in (8, 10, 12, 14, 16) if brightest < 2**bits), brightest)
    grey: GreyFilm = np.clip(np.rint(values * (255.0 / white)), 0, 255).astype(np.uint8)
    return grey


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, UnidentifiedImageError):
        return "not an image that can be decoded"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
