"""Read images through the cache, or decode them into memory where the cache cannot be used."""

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
    """Hashes files and decodes images: once with a cache, at each start without.

    With None as `cache_dir` there is no cache. If the cache fails, a warning is issued and images are decoded into
    memory.
    """

    def __init__(self, cache_dir: Path | None, size: int, rule: ResizeRule) -> None:
        self._size, self._rule = size, rule
        self._cache = ImageCache(cache_dir, size, rule) if cache_dir is not None else None
        self.hash_files = self._cache.hash_files if self._cache is not None else FileDigests()

    def fetch(self, paths: Sequence[StrPath], digests: Sequence[str]) -> FetchedImages:
        """Return the images of files, with the same pixels with and without a cache; see `ImageCache.fetch`."""
        if self._cache is not None:
            try:
                return self._cache.fetch(paths, digests)
            except CacheUnavailableError as error:
                self._cache = None
                warnings.warn(
                    f"The cache cannot be used, so images are decoded into memory ({error}). Fix the cause, remove the "
                    "cache with 'python -m xray cache clean', choose another folder with --data.cache_dir DIR, or turn "
                    "it off with --data.cache false.",
                    stacklevel=2,
                )
        images, bad = decode_images(paths, self._size, self._rule)
        return FetchedImages(images, np.arange(len(images)), bad)
