"""Images from the cache, or without it where it cannot be used."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xray.data.cache.hashing import FileDigests
from xray.data.cache.sqlite import CacheUnavailableError
from xray.data.cache.store import FetchedImages, ImageCache
from xray.data.decode.batch import decode_images
from xray.data.decode.image import ResizeRule
from xray.utils.files import StrPath


class ImageReader:
    """Hashes files and decodes images: once, where there is a cache, and into memory at each start where there is none.

    A cache that fails is told of in a warning, and left.

    Args:
        cache_dir: The folder of all caches; None to do without.
        size: Side of the images in pixels.
        rule: How an image becomes a square.
    """

    def __init__(self, cache_dir: Path | None, size: int, rule: ResizeRule) -> None:
        self._size, self._rule = size, rule
        self._cache = ImageCache(cache_dir, size, rule) if cache_dir is not None else None
        self._digests = self._cache.digests if self._cache is not None else FileDigests()

    def digests(self, paths: Sequence[StrPath]) -> list[str]:
        """The hash of each file, see `xray.data.cache.hashing.FileDigests`."""
        return self._digests(paths)

    def fetch(self, paths: Sequence[StrPath], digests: Sequence[str]) -> FetchedImages:
        """The images of these files, see `xray.data.cache.store.ImageCache.fetch`; the pixels are the same without a cache."""
        if self._cache is not None:
            try:
                return self._cache.fetch(paths, digests)
            except CacheUnavailableError as error:
                self._leave_cache(error)
        images, bad = decode_images(paths, self._size, self._rule)
        return FetchedImages(images, np.arange(len(images)), bad)

    def _leave_cache(self, error: CacheUnavailableError) -> None:
        self._cache = None
        warnings.warn(
            f"The cache cannot be used, so images are decoded into memory ({error}). Mend that, begin anew after "
            "'python -m xray cache clean', name another folder by --data.cache_dir DIR, or do without by "
            "--data.cache false.",
            stacklevel=3,
        )
