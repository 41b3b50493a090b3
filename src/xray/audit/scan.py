"""All that is measured of the images of a folder; the checks only read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from xray.audit.colour import colourfulness
from xray.audit.folder import ImageFolder
from xray.audit.appearance import Appearance, check_appearance
from xray.data.arrays import Images
from xray.data.cache.hashing import is_content
from xray.data.cache.reader import ImageReader
from xray.data.decode.header import ImageHeader, read_headers
from xray.data.duplicates import NearDuplicate, near_duplicates
from xray.data.index.folders import ImageRecord
from xray.data.intensity import grey_statistics
from xray.evaluation.ranking import Labels

SIZE: Final = 128
"""Side of the images that are looked at, stretched: as the configs train on them, so that a fit finds them decoded."""

MIN_SIMILARITY: Final = 0.75
"""Correlation from which two images are told of at all; copies begin at `xray.data.duplicates.COPY`."""


@dataclass(frozen=True)
class FolderScan:
    """Images and what was measured of them. Arrays have a row for each readable image."""

    folder: ImageFolder
    unreadable: dict[int, str]
    """Reasons, by position in `folder.images`."""
    rows: list[int]
    """Position in `folder.images` of each readable image."""
    facts: list[ImageHeader]
    statistics: npt.NDArray[np.float64]
    """See `xray.data.intensity.STATISTICS`."""
    colour: npt.NDArray[np.float64]
    """See `xray.audit.colour`."""
    appearance: Appearance | None
    """None where there are too few images to judge."""
    alike: list[NearDuplicate]
    """Pairs of images from `MIN_SIMILARITY`, by position in `folder.images`, without those of the same bytes."""

    @cached_property
    def images(self) -> list[ImageRecord]:
        """The readable images."""
        return [self.folder.images[i] for i in self.rows]

    @cached_property
    def labels(self) -> Labels:
        """Their classes, 0 or 1, shape (readable,)."""
        return np.array([image.label for image in self.images], dtype=np.int64)

    @cached_property
    def groups(self) -> list[str]:
        """What no split may part."""
        return [image.group for image in self.images]

    @cached_property
    def in_pool(self) -> npt.NDArray[np.bool_]:
        """Which of them a model would be made with, see `ImageFolder.pool`; shape (readable,)."""
        return np.isin(np.array(self.rows, dtype=np.int64), self.folder.pool)


def scan_folder(folder: ImageFolder, reader: ImageReader) -> FolderScan:
    """Measure every image of a folder.

    Args:
        folder: What lies there.
        reader: Decodes images, to `SIZE`.
    """
    files = folder.files
    fetched = reader.fetch(files, [image.digest for image in folder.images])
    headers = read_headers(files)
    # Where both fail, decoding says more.
    unreadable = {i: fact for i, fact in enumerate(headers) if isinstance(fact, str)} | fetched.bad
    decoded = [i for i in range(len(files)) if i not in fetched.bad]
    places = [place for i, place in zip(decoded, fetched.rows.tolist(), strict=True) if i not in unreadable]
    rows = [i for i in decoded if i not in unreadable]
    pictures = fetched.images[places]
    facts = [fact for i, fact in enumerate(headers) if i not in unreadable and not isinstance(fact, str)]
    return FolderScan(
        folder=folder,
        unreadable=unreadable,
        rows=rows,
        facts=facts,
        statistics=grey_statistics(pictures),
        colour=colourfulness([files[i] for i in rows], facts),
        appearance=check_appearance(pictures),
        alike=_alike(folder.images, rows, pictures),
    )


def _alike(images: Sequence[ImageRecord], rows: Sequence[int], pictures: Images) -> list[NearDuplicate]:
    """Pairs that look alike; of files with the same bytes only the first is compared."""
    first = list(
        {images[i].digest: k for k, i in reversed(list(enumerate(rows))) if is_content(images[i].digest)}.values()
    )
    first.sort()
    return [
        NearDuplicate(rows[first[pair.first]], rows[first[pair.second]], pair.similarity)
        for pair in near_duplicates(pictures[first], MIN_SIMILARITY)
    ]
