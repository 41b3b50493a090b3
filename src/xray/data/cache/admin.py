"""Upkeep of the caches: what lies in their folder, and how to be rid of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xray.data.cache.hashing import DIGESTS
from xray.data.cache.sqlite import reading, unavailable_if_it_fails
from xray.data.cache.store import DATABASE, PIXELS, lock_cache


@dataclass(frozen=True)
class CacheSummary:
    """One cache of decoded images."""

    name: str
    """Resize rule, size and decoder."""
    images: int
    bytes: int


def list_caches(folder: Path) -> list[CacheSummary]:
    """What lies in a folder of caches, by name.

    Raises:
        CacheUnavailableError: A database cannot be read.
    """
    summaries = []
    with unavailable_if_it_fails(folder):
        for path in sorted(folder.glob(f"*/{DATABASE}")):
            images = 0
            with reading(path) as database:
                if database is not None:
                    (images,) = database.execute("SELECT COUNT(*) FROM images").fetchone()
            size = sum(file.stat().st_size for file in _files_of(folder) if file.parent == path.parent)
            summaries.append(CacheSummary(path.parent.name, images, size))
    return summaries


def remove_caches(folder: Path) -> int:
    """Remove all caches of a folder, and nothing that is not theirs; waits for a process that writes.

    Runs that have their images mapped keep them, on a local disk: the system frees it when they end.

    Returns:
        How many bytes that frees.

    Raises:
        CacheUnavailableError: Something cannot be removed.
    """
    if not any(_files_of(folder)):
        return 0
    freed = 0
    with unavailable_if_it_fails(folder), lock_cache(folder):
        for path in list(_files_of(folder)):
            freed += path.stat().st_size
            path.unlink()
            if path.parent != folder and not any(path.parent.iterdir()):
                path.parent.rmdir()
    return freed


def _files_of(folder: Path) -> Iterator[Path]:
    # A database goes before the journal that a crash left behind, without which it would be read as it is.
    for database in (DIGESTS, f"*/{DATABASE}"):
        for suffix in ("", "-journal", "-wal", "-shm"):
            yield from folder.glob(database + suffix)
    yield from folder.glob(f"*/{PIXELS}-{'[0-9a-f]' * 8}.u8")
