"""List and remove image caches."""

from dataclasses import dataclass
from pathlib import Path

from xray.data.cache.hashing import DIGESTS
from xray.data.cache.sqlite import cache_errors, open_for_reading
from xray.data.cache.store import DATABASE, PIXELS, lock_cache


@dataclass(frozen=True)
class CacheSummary:
    """Size of one cache of decoded images."""

    name: str
    """Resize rule, size and decoder version."""
    images: int
    bytes: int


def list_caches(folder: Path) -> list[CacheSummary]:
    """List the caches in a folder, sorted by name.

    Raises:
        CacheUnavailableError: A database cannot be read.
    """
    summaries = []
    with cache_errors(folder):
        for path in sorted(folder.glob(f"*/{DATABASE}")):
            images = 0
            with open_for_reading(path) as database:
                if database is not None:
                    (images,) = database.execute("SELECT COUNT(*) FROM images").fetchone()
            size = sum(file.stat().st_size for file in _cache_files(folder) if file.parent == path.parent)
            summaries.append(CacheSummary(path.parent.name, images, size))
    return summaries


def remove_caches(folder: Path) -> int:
    """Remove all caches in a folder and leave other files alone; waits for a process that is writing.

    On a local disk, running processes keep the images that they have mapped; the space is freed when they end.

    Returns:
        Number of bytes freed.

    Raises:
        CacheUnavailableError: A file cannot be removed.
    """
    if not _cache_files(folder):
        return 0
    freed = 0
    with cache_errors(folder), lock_cache(folder):
        for path in _cache_files(folder):
            freed += path.stat().st_size
            path.unlink()
            if path.parent != folder and not any(path.parent.iterdir()):
                path.parent.rmdir()
    return freed


def _cache_files(folder: Path) -> list[Path]:
    # A database comes before the journal of a killed writer: without its journal it would read as valid.
    databases = (DIGESTS, f"{DIGESTS}-journal", f"*/{DATABASE}", f"*/{DATABASE}-journal")
    return [path for pattern in (*databases, f"*/{PIXELS}-{'[0-9a-f]' * 8}.u8") for path in folder.glob(pattern)]
