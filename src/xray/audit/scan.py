"""Measure the images of a folder once, for all checks."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from xray.audit.appearance import Appearance, check_appearance
from xray.audit.colour import colourfulness
from xray.audit.folder import ImageFolder
from xray.data.arrays import Images
from xray.data.cache.reader import ImageReader
from xray.data.decode.header import ImageHeader, read_headers
from xray.data.duplicates import NearDuplicate, near_duplicates
from xray.data.index.base import ImageRecord
from xray.data.intensity import grey_statistics
from xray.evaluation.arrays import Labels

SIZE: Final = 128
"""Side of the stretched images; the size that the configs train on, so that a fit finds them in the cache."""

MIN_SIMILARITY: Final = 0.75
"""Minimum correlation of a reported pair; from `xray.data.duplicates.COPY` it is a copy."""


@dataclass(frozen=True)
class FolderScan:
    """The images of a folder and their measurements; arrays have one row per readable image."""

    folder: ImageFolder
    unreadable: dict[int, str]
    """Reasons, by position in `folder.images`."""
    rows: list[int]
    """Position in `folder.images` of each readable image."""
    headers: list[ImageHeader]
    statistics: npt.NDArray[np.float64]
    """See `xray.data.intensity.STATISTICS`."""
    colour: npt.NDArray[np.float64]
    """See `xray.audit.colour`."""
    appearance: Appearance | None
    """None if there are too few images."""
    similar_pairs: list[NearDuplicate]
    """Pairs with at least `MIN_SIMILARITY`, by position in `folder.images`, without identical files."""

    @cached_property
    def images(self) -> list[ImageRecord]:
        """Return the readable images."""
        return [self.folder.images[i] for i in self.rows]

    @cached_property
    def labels(self) -> Labels:
        """Return their labels, 0 or 1, shape (readable,)."""
        return np.array([image.label for image in self.images], dtype=np.int64)

    @cached_property
    def in_test(self) -> npt.NDArray[np.bool_]:
        """Return which of them are in test, shape (readable,)."""
        return np.array([image.folder == "test" for image in self.images], dtype=bool)

    @cached_property
    def in_pool(self) -> npt.NDArray[np.bool_]:
        """Return which of them a fit would use: all outside test, or all if there are no others; shape (readable,)."""
        return self.in_test if self.in_test.all() else ~self.in_test


def scan_folder(folder: ImageFolder, reader: ImageReader) -> FolderScan:
    """Measure every image of a folder.

    Args:
        folder: The images.
        reader: Decodes the images at `SIZE`.
    """
    files = [os.path.join(folder.root, image.path) for image in folder.images]  # noqa: PTH118 - there may be many
    fetched = reader.fetch(files, [image.digest for image in folder.images])
    headers = read_headers(files)
    # If both fail, the decoding error is more specific.
    unreadable = {i: error for i, error in enumerate(headers) if isinstance(error, str)} | fetched.bad
    # `readable`, and the keys of `unreadable` and `cache_row`, are positions in `folder.images`; the values of
    # `cache_row` are rows of `fetched.images`, which lacks files that cannot be decoded.
    decoded = [i for i in range(len(files)) if i not in fetched.bad]
    cache_row = dict(zip(decoded, fetched.rows.tolist(), strict=True))
    readable = [i for i in decoded if i not in unreadable]
    readable_headers = [header for header in (headers[i] for i in readable) if not isinstance(header, str)]
    images = fetched.images[[cache_row[i] for i in readable]]
    return FolderScan(
        folder=folder,
        unreadable=unreadable,
        rows=readable,
        headers=readable_headers,
        statistics=grey_statistics(images),
        colour=colourfulness([files[i] for i in readable], readable_headers),
        appearance=check_appearance(images),
        similar_pairs=_similar_pairs(folder.images, readable, images),
    )


def _similar_pairs(records: Sequence[ImageRecord], rows: Sequence[int], images: Images) -> list[NearDuplicate]:
    """Return similar pairs; of files with the same bytes only the first is compared."""
    first_with: dict[str, int] = {}
    for k, i in enumerate(rows):
        first_with.setdefault(records[i].digest, k)
    kept = list(first_with.values())
    return [
        NearDuplicate(rows[kept[pair.first]], rows[kept[pair.second]], pair.similarity)
        for pair in near_duplicates(images[kept], MIN_SIMILARITY)
    ]
