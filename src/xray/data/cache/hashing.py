"""The hash of each file's bytes, which need not be read again while the file looks the same."""

import hashlib
import os
import time
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from xray.data.cache.sqlite import CacheUnavailableError, reading, writing
from xray.utils.files import StrPath
from xray.utils.progress import shown
from xray.utils.threads import map_in_threads

DIGESTS = "digests.sqlite"
"""Name of the database in the folder of caches."""

SETTLED = 2 * 10**9
"""Nanoseconds after which a file counts as written: the coarsest usual clock of a file system ticks every 2 s."""

SCHEMA = "CREATE TABLE IF NOT EXISTS files (path BLOB PRIMARY KEY, stamp TEXT, digest TEXT) WITHOUT ROWID"


class Stamp(NamedTuple):
    """What changes when a file does."""

    size: int
    inode: int
    modified: int
    """Nanoseconds of the file system's clock, as `changed`, which programs cannot set."""
    changed: int

    def __str__(self) -> str:
        return " ".join(map(str, self))


UNSEEN = Stamp(-1, -1, -1, -1)
"""Of a file that cannot be looked at."""


class FileDigests:
    """Hashes of files, remembered in a database.

    A remembered hash counts only while the file's size, inode and times of modification and of change, in nanoseconds,
    are the same. A file that has just been written is read again next time: within one tick of the file system's clock
    it could change once more without a trace.

    Args:
        database: The file that remembers; None to read every file at each start.
    """

    def __init__(self, database: Path | None = None) -> None:
        self._database = database
        self._writable = True

    def __call__(self, paths: Sequence[StrPath]) -> list[str]:
        """One digest for each path: BLAKE2b of 16 bytes in hexadecimal.

        A file that is empty or may not be read is no picture and equals no other; its digest says so in words. A
        database that fails costs a warning.
        """
        settled = time.time_ns() - SETTLED
        # As strings, and the rows to come one by one: this is done for a hundred thousand files at a time.
        stamps = [str(_stamp(path)) for path in paths]
        remembered = self._remembered(paths, stamps)
        new = [i for i, digest in enumerate(remembered) if digest is None]
        digests = [digest or "" for digest in remembered]
        hashed = map_in_threads(_digest, [paths[i] for i in new])
        for i, digest in zip(new, shown(hashed, "Reading files", len(new)), strict=True):
            digests[i] = digest

        def lasts(i: int) -> bool:
            now = _stamp(paths[i])
            return is_content(digests[i]) and str(now) == stamps[i] and max(now.modified, now.changed) < settled

        if new:
            self._remember((_key(paths[i]), stamps[i], digests[i]) for i in new if lasts(i))
        return digests

    def _remembered(self, paths: Sequence[StrPath], stamps: Sequence[str]) -> list[str | None]:
        digests: list[str | None] = [None] * len(paths)
        if self._database is None:
            return digests
        query = "SELECT digest FROM files WHERE path = ? AND stamp = ?"
        try:
            with reading(self._database) as database:
                if database is not None:
                    for i, (path, stamp) in enumerate(zip(paths, stamps, strict=True)):
                        found = database.execute(query, (_key(path), stamp)).fetchone()
                        digests[i] = found[0] if found else None
        except CacheUnavailableError as error:
            self._database = None
            warnings.warn(f"All files are read again ({error}); 'python -m xray cache clean' may help.", stacklevel=3)
        return digests

    def _remember(self, rows: Iterable[tuple[bytes, str, str]]) -> None:
        if self._database is None or not self._writable:
            return
        try:
            with writing(self._database, SCHEMA) as database:
                database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", rows)
        except CacheUnavailableError as error:
            self._writable = False
            warnings.warn(f"The next start will read new files again: {error}", stacklevel=3)


def is_content(digest: str) -> bool:
    """Whether a digest is that of bytes that were read."""
    return " " not in digest


def _key(path: StrPath) -> bytes:
    # File names need not be Unicode.
    return os.fsencode(os.path.join(os.getcwd(), path))  # noqa: PTH109, PTH118 - Path objects take ten times as long


def _stamp(path: StrPath) -> Stamp:
    try:
        status = os.stat(path)  # noqa: PTH116 - likewise
    except OSError:
        return UNSEEN
    return Stamp(status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)


def _digest(path: StrPath) -> str:
    path = Path(path)
    try:
        if not path.stat().st_size:
            return f"empty {path.as_posix()}"
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError:
        # Decoding meets it again, and tells it together with all other bad files.
        return f"unreadable {path.as_posix()}"
