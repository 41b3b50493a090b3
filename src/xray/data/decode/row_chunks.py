"""Split an image into chunks of rows: converting a whole image at once takes several times its memory."""

from collections.abc import Iterator
from typing import Final

CHUNK_PIXELS: Final = 2**20


def row_chunks(height: int, width: int) -> Iterator[slice]:
    """Yield slices of rows from top to bottom, each of about `CHUNK_PIXELS` pixels or one row."""
    rows = max(1, CHUNK_PIXELS // max(1, width))
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))
