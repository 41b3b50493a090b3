"""The caches of a folder: what is there, and how to be rid of it."""

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
    for database in sorted(folder.glob(f"*/{DATABASE}")):
        with reading(database) as connection:
            (films,) = connection.execute("SELECT COUNT(*) FROM films").fetchone()
        files = [path for path in _files_of(folder) if path.parent == database.parent]
        summaries.append(CacheSummary(database.parent.name, films, sum(path.stat().st_size for path in files)))
    return summaries


def remove_caches(folder: Path) -> int:
    """Remove all caches of a folder, and nothing that is not theirs; waits for a process that writes.

    Runs that have their films mapped keep them: the system frees the disk when they end.

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
    # With the journals that SQLite leaves behind a crash.
    for pattern in (f"{DIGESTS}*", f"*/{DATABASE}*", f"*/{PIXELS}"):
        yield from folder.glob(pattern)
