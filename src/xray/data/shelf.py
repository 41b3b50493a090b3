"""Upkeep of the caches: what lies in their folder, and how to be rid of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xray.data.cache import DATABASE, PIXELS, lock_cache
from xray.data.database import reading, unavailable_if_it_fails
from xray.data.digest import DIGESTS


@dataclass(frozen=True)
class CacheSummary:
    """One cache of decoded films."""

    name: str
    """Resize rule, size and decoder."""
    films: int
    bytes: int


def list_caches(folder: Path) -> list[CacheSummary]:
    """What lies in a folder of caches, by name.

    Raises:
        CacheUnavailableError: A database cannot be read.
    """
    summaries = []
    with unavailable_if_it_fails(folder):
        for path in sorted(folder.glob(f"*/{DATABASE}")):
            films = 0
            with reading(path) as database:
                if database is not None:
                    (films,) = database.execute("SELECT COUNT(*) FROM films").fetchone()
            size = sum(file.stat().st_size for file in _files_of(folder) if file.parent == path.parent)
            summaries.append(CacheSummary(path.parent.name, films, size))
    return summaries


def remove_caches(folder: Path) -> int:
    """Remove all caches of a folder, and nothing that is not theirs; waits for a process that writes.

    Runs that have their films mapped keep them, on a local disk: the system frees it when they end.

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
