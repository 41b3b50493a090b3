"""What a film's file says of itself before it is decoded."""

import os
from collections.abc import Sequence
from typing import Final, NamedTuple

from PIL import Image, UnidentifiedImageError

from xray.data.film import FORMATS
from xray.files import StrPath
from xray.progress import shown
from xray.threads import map_in_threads

GREY_MODES: Final = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
"""Pillow's modes without colour."""


class FilmFacts(NamedTuple):
    """Of one file, from its header."""

    width: int
    """Pixels, as stored: an EXIF orientation is not applied."""
    height: int
    mode: str
    """Pillow's word for the kind of pixels stored, such as L (grey) or RGB."""
    format: str
    """JPEG or PNG, whatever the file is called."""
    bytes: int
    """Size of the file."""

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.width / self.height

    @property
    def in_colour(self) -> bool:
        """Whether the file has room for colour, grey as its picture may be."""
        return self.mode not in GREY_MODES


def read_facts(paths: Sequence[StrPath]) -> list[FilmFacts | str]:
    """Read headers in threads; nothing is decoded, so a file that is cut off may well have facts.

    Args:
        paths: Files of any kind.

    Returns:
        For each path its facts, or the reason why there are none.
    """
    return list(shown(map_in_threads(_read, paths), "Reading headers", len(paths)))


def _read(path: StrPath) -> FilmFacts | str:
    try:
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            size = os.stat(path).st_size  # noqa: PTH116 - Path objects take ten times as long
            return FilmFacts(width, height, image.mode, image.format or "", size)
    except FileNotFoundError:
        return "no such file"
    except UnidentifiedImageError:
        return "not an image that can be decoded"
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
