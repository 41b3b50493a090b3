"""The hash of each file's bytes, which need not be read again while the file looks the same."""

import hashlib
import os
import warnings
from collections.abc import Sequence
from pathlib import Path

from xray.data.database import CacheUnavailableError, reading, writing
from xray.files import StrPath
from xray.processor import map_in_threads
from xray.progress import shown

DIGESTS = "digests.sqlite"
"""Name of the database in the folder of caches."""

SCHEMA = "CREATE TABLE IF NOT EXISTS files (path BLOB PRIMARY KEY, stamp TEXT, digest TEXT) WITHOUT ROWID"


class FileDigests:
    """Hashes of files, remembered in a database.

    A remembered hash counts only while the file's size and its times of modification and of change, in nanoseconds, are
    the same; the latter cannot be set back by hand.

    Args:
        database: The file that remembers; None to read every file at each start.
    """

    def __init__(self, database: Path | None = None) -> None:
        self._database = database

    def __call__(self, paths: Sequence[StrPath]) -> list[str]:
        """One digest for each path: BLAKE2b of 16 bytes in hexadecimal.

        A file that is empty or may not be read is no picture and equals no other; its digest says so in words.

        Raises:
            CacheUnavailableError: The database cannot be read.
        """
        stamps = [_stamp(path) for path in paths]
        digests = self._remembered(paths, stamps)
        new = [i for i, digest in enumerate(digests) if digest is None]
        hashed = map_in_threads(_digest, [paths[i] for i in new])
        for i, digest in zip(new, shown(hashed, "Reading files", len(new)), strict=True):
            digests[i] = digest
        self._remember([(_key(paths[i]), stamps[i], digests[i]) for i in new if stamps[i] == _stamp(paths[i]) != ""])
        return [digest for digest in digests if digest is not None]

    def _remembered(self, paths: Sequence[StrPath], stamps: Sequence[str]) -> list[str | None]:
        if self._database is None or not self._database.exists():
            return [None] * len(paths)
        query = "SELECT digest FROM files WHERE path = ? AND stamp = ?"
        with reading(self._database) as database:
            found = (
                database.execute(query, (_key(path), stamp)).fetchone()
                for path, stamp in zip(paths, stamps, strict=True)
            )
            return [row[0] if row else None for row in found]

    def _remember(self, rows: Sequence[tuple[bytes, str, str | None]]) -> None:
        if self._database is None or not rows:
            return
        try:
            with writing(self._database, SCHEMA) as database:
                database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", rows)
        except CacheUnavailableError as error:
            self._database = None
            warnings.warn(f"The next start will read all files again: {error}", stacklevel=3)


def is_content(digest: str) -> bool:
    """Whether a digest is that of bytes that were read."""
    return " " not in digest


def _key(path: StrPath) -> bytes:
    # File names need not be Unicode.
    return os.fsencode(os.path.join(os.getcwd(), path))  # noqa: PTH109, PTH118 - Path objects take ten times as long


def _stamp(path: StrPath) -> str:
    """What changes when the file does; empty where there is none to look at."""
    try:
        status = os.stat(path)  # noqa: PTH116 - likewise
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


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
