"""File hashes, stored in a database so that unchanged files are not read again."""

import hashlib
import os
import time
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

from xray.data.cache.sqlite import CacheUnavailableError, open_for_reading, open_for_writing
from xray.utils.files import StrPath
from xray.utils.progress import with_progress
from xray.utils.threads import map_in_threads

DIGESTS = "digests.sqlite"
"""File name of the hash database in the cache folder."""

SETTLE_NS = 2 * 10**9
"""Age in nanoseconds from which a file's hash is stored: common file systems have clock ticks of up to 2 s."""

SCHEMA = "CREATE TABLE IF NOT EXISTS files (path BLOB PRIMARY KEY, stamp TEXT, digest TEXT) WITHOUT ROWID"


class FileDigests:
    """Compute file hashes, and store them in a database.

    A stored hash is used only while the file's size, inode, modification time and change time are the same. The hash of
    a file that has just been written is not stored: within one tick of the file system's clock it could change again
    and keep the same times.

    Args:
        database: Path of the database; None to read every file each time.
    """

    def __init__(self, database: Path | None = None) -> None:
        self._database = database
        self._writable = True

    def __call__(self, paths: Sequence[StrPath]) -> list[str]:
        """Return the digest of each file: BLAKE2b of 16 bytes in hexadecimal.

        An empty or unreadable file has a digest of its own that contains its path (see `is_content`), so that it equals
        no other file. A database error is reported as a warning.
        """
        settled = time.time_ns() - SETTLE_NS
        stamps = [_stamp(path) for path in paths]
        stored = self._load(paths, stamps)
        new = [i for i, digest in enumerate(stored) if digest is None]
        digests = [digest or "" for digest in stored]
        hashed = map_in_threads(_digest, [paths[i] for i in new])
        for i, digest in zip(new, with_progress(hashed, "Reading files", len(new)), strict=True):
            digests[i] = digest

        def is_settled(i: int) -> bool:
            unchanged = is_content(digests[i]) and _stamp(paths[i]) == stamps[i]
            return unchanged and max(map(int, stamps[i].split()[2:])) < settled

        if new:
            # Generated lazily: there may be 100,000 files.
            self._store((_key(paths[i]), stamps[i], digests[i]) for i in new if is_settled(i))
        return digests

    def _load(self, paths: Sequence[StrPath], stamps: Sequence[str]) -> list[str | None]:
        digests: list[str | None] = [None] * len(paths)
        if self._database is None:
            return digests
        query = "SELECT digest FROM files WHERE path = ? AND stamp = ?"
        try:
            with open_for_reading(self._database) as database:
                if database is not None:
                    for i, (path, stamp) in enumerate(zip(paths, stamps, strict=True)):
                        row = database.execute(query, (_key(path), stamp)).fetchone()
                        digests[i] = row[0] if row else None
        except CacheUnavailableError as error:
            self._database = None
            warnings.warn(f"All files are read again ({error}); 'python -m xray cache clean' may help.", stacklevel=3)
        return digests

    def _store(self, rows: Iterable[tuple[bytes, str, str]]) -> None:
        if self._database is None or not self._writable:
            return
        try:
            with open_for_writing(self._database, SCHEMA) as database:
                database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", rows)
        except CacheUnavailableError as error:
            self._writable = False
            warnings.warn(f"The next start will read new files again: {error}", stacklevel=3)


def is_content(digest: str) -> bool:
    """Return whether a digest is a hash of file content, not the placeholder of an empty or unreadable file."""
    return " " not in digest


def _key(path: StrPath) -> bytes:
    # File names need not be valid Unicode.
    return os.fsencode(os.path.join(os.getcwd(), path))  # noqa: PTH109, PTH118 - Path objects take ten times as long


def _stamp(path: StrPath) -> str:
    """Return size, inode, and the times of modification and change in nanoseconds; -1 for a missing file.

    They change whenever the content does: programs can set the first time, but not the second.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - likewise
    except OSError:
        return "-1 -1 -1 -1"
    return f"{status.st_size} {status.st_ino} {status.st_mtime_ns} {status.st_ctime_ns}"


def _digest(path: StrPath) -> str:
    path = Path(path)
    try:
        if not path.stat().st_size:
            return f"empty {path.as_posix()}"
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError:
        # Decoding fails on it too, and reports it together with all other bad files.
        return f"unreadable {path.as_posix()}"
