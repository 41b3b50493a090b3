"""Films from the cache, or without it where it cannot be used."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xray.data.cache import FetchedFilms, FilmCache
from xray.data.database import CacheUnavailableError
from xray.data.decode import decode_films
from xray.data.digest import FileDigests
from xray.data.film import ResizeRule
from xray.files import StrPath


class FilmReader:
    """Hashes files and decodes films: once, where there is a cache, and into memory at each start where there is none.

    A cache that fails is told of in a warning, and left.

    Args:
        cache_dir: The folder of all caches; None to do without.
        size: Side of the films in pixels.
        rule: How a film becomes a square.
    """

    def __init__(self, cache_dir: Path | None, size: int, rule: ResizeRule) -> None:
        self._size, self._rule = size, rule
        self._cache = FilmCache(cache_dir, size, rule) if cache_dir is not None else None
        self._digests = self._cache.digests if self._cache is not None else FileDigests()

    def digests(self, paths: Sequence[StrPath]) -> list[str]:
        """The hash of each file, see `xray.data.digest.FileDigests`."""
        return self._digests(paths)

    def fetch(self, paths: Sequence[StrPath], digests: Sequence[str]) -> FetchedFilms:
        """The films of these files, see `xray.data.cache.FilmCache.fetch`; the pixels are the same without a cache."""
        if self._cache is not None:
            try:
                return self._cache.fetch(paths, digests)
            except CacheUnavailableError as error:
                self._leave_cache(error)
        films, bad = decode_films(paths, self._size, self._rule)
        return FetchedFilms(films, np.arange(len(films)), bad)

    def _leave_cache(self, error: CacheUnavailableError) -> None:
        self._cache = None
        warnings.warn(
            f"The cache cannot be used, so films are decoded into memory ({error}). Mend that, begin anew after "
            "'python -m xray cache clean', name another folder by --data.cache_dir DIR, or do without by "
            "--data.cache false.",
            stacklevel=3,
        )
