"""Pictures in strips of rows: what converts a whole one at a time takes several times its memory."""

from collections.abc import Iterator
from typing import Final

STRIP: Final = 2**20
"""Pixels of a strip, or one row where that has more."""


def strips(height: int, width: int) -> Iterator[slice]:
    """The rows of a picture, strip after strip from the top."""
    rows = max(1, STRIP // max(1, width))
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))
