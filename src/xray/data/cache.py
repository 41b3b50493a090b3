"""Films decoded once, and read from the disk ever after."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import compress
from pathlib import Path
from typing import BinaryIO

import filelock
import numpy as np
import numpy.typing as npt

from xray.data.database import reading, unavailable_if_it_fails, writing
from xray.data.decode import decode_each
from xray.data.digest import DIGESTS, FileDigests, is_content
from xray.data.film import ResizeRule, decoder_version
from xray.files import StrPath

SCHEMA = "CREATE TABLE IF NOT EXISTS films (digest TEXT PRIMARY KEY, row INTEGER NOT NULL) WITHOUT ROWID"
PIXELS = "films.u8"
DATABASE = "films.sqlite"
COMMIT_BYTES = 2**26
"""Pixels after which the films decoded so far are put on record: a kill costs no more than these."""

Films = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int64]


class FilmCache:
    """Decoded films of one size, found by the hash of the file that they came from.

    Two files make it up: `films.u8`, one film of size x size grey bytes after the other, and `films.sqlite`, which says
    at which row the film of a digest lies. Rows are only ever added. Pixels reach the disk before the database names
    them, so that what it names is whole, whenever the writer was killed. Writers go one after the other by a lock which
    the system takes from a process that ends; readers need none.

    Args:
        folder: The folder of all caches.
        size: Side of the films in pixels.
        rule: How a film becomes a square.
    """

    def __init__(self, folder: Path, size: int, rule: ResizeRule) -> None:
        self.digests = FileDigests(folder / DIGESTS)
        self._size, self._rule = size, rule
        self._folder = folder
        # What decides over the pixels besides the file is the folder's name: another decoder, another cache.
        store = folder / f"{rule}-{size}-{decoder_version()}"
        self._pixels, self._database = store / PIXELS, store / DATABASE

    def fetch(self, paths: Sequence[StrPath], digests: Sequence[str]) -> tuple[Films, Rows, dict[int, str]]:
        """Films of these files; those that are not in the cache are decoded into it first.

        Args:
            paths: Files.
            digests: Their hashes, by `self.digests`.

        Returns:
            All films of the cache, shape (any, size, size), uint8, mapped into memory and read-only; the row in it of
            each file that could be read, in the order of `paths`; and for each position in `paths` that could not be
            read the reason.

        Raises:
            CacheUnavailableError: The disk is full, read-only or fails.
        """
        bad: dict[int, str] = {}
        rows = self._rows(digests)
        if (rows < 0).any():
            with lock_cache(self._folder):
                # Another process may have decoded them while this one waited.
                rows = self._rows(digests)
                bad = self._add(paths, digests, np.flatnonzero(rows < 0).tolist())
                rows = self._rows(digests)
        with unavailable_if_it_fails(self._pixels):
            return self._map(int(rows.max(initial=-1)) + 1), rows[rows >= 0], bad

    def _rows(self, digests: Sequence[str]) -> Rows:
        """Where the film of each digest lies; -1 where it is not in the cache."""
        if not self._database.exists():
            return np.full(len(digests), -1)
        with reading(self._database) as database:
            found = (database.execute("SELECT row FROM films WHERE digest = ?", (d,)).fetchone() for d in digests)
            rows = np.fromiter((row[0] if row else -1 for row in found), np.int64, len(digests))
            if self._pixels.stat().st_size < (rows.max(initial=-1) + 1) * self._size**2:
                raise OSError(f"{self._pixels.name} has been cut off; 'python -m xray cache clean' removes the rest")
        return rows

    def _map(self, count: int) -> Films:
        shape = (count, self._size, self._size)
        # An empty file cannot be mapped.
        return np.asarray(np.memmap(self._pixels, np.uint8, "r", shape=shape)) if count else np.empty(shape, np.uint8)

    def _add(self, paths: Sequence[StrPath], digests: Sequence[str], missing: Sequence[int]) -> dict[int, str]:
        """Decode these files into the cache, each digest once; returns the reasons of those that are bad."""
        first = {digests[i]: i for i in reversed(missing)}
        positions = sorted(first.values())
        reasons: dict[str, str] = {}
        decoded: list[int] = []
        with self._appended(len(positions)) as file:
            films = decode_each([paths[i] for i in positions], self._size, self._rule)
            for i, film in zip(positions, films, strict=True):
                if isinstance(film, str):
                    reasons[digests[i]] = film
                    continue
                file.write(film.tobytes())
                decoded.append(i)
                if len(decoded) * self._size**2 >= COMMIT_BYTES:
                    reasons |= self._commit(file, [paths[i] for i in decoded], [digests[i] for i in decoded])
                    decoded.clear()
            reasons |= self._commit(file, [paths[i] for i in decoded], [digests[i] for i in decoded])
        return {int(i): reasons[digests[i]] for i in missing if digests[i] in reasons}

    def _commit(self, file: BinaryIO, paths: Sequence[StrPath], digests: Sequence[str]) -> dict[str, str]:
        """Put films on record that were just written; returns the digests that no longer are those of their files."""
        file.flush()
        os.fsync(file.fileno())
        first_row = file.tell() // self._size**2 - len(paths)
        same = [now == digest and is_content(now) for now, digest in zip(self.digests(paths), digests, strict=True)]
        rows = range(first_row, first_row + len(paths))
        with writing(self._database, SCHEMA) as database:
            database.executemany("INSERT INTO films VALUES (?, ?)", compress(zip(digests, rows, strict=True), same))
        return {digest: "changed while it was read" for digest, kept in zip(digests, same, strict=True) if not kept}

    @contextmanager
    def _appended(self, most: int) -> Iterator[BinaryIO]:
        """Open the file of pixels behind the last film on record, with room for so many more."""
        end = self._bytes_on_record()
        with unavailable_if_it_fails(self._pixels):
            try:
                with self._pixels.open("ab") as file:
                    file.truncate(end)  # what an interrupted writer left behind
                    # A disk that is too small is met before the work, not in it.
                    if most and hasattr(os, "posix_fallocate"):
                        os.posix_fallocate(file.fileno(), end, most * self._size**2)
                with self._pixels.open("r+b") as file:
                    file.seek(end)
                    yield file
            finally:
                os.truncate(self._pixels, self._bytes_on_record())

    def _bytes_on_record(self) -> int:
        with writing(self._database, SCHEMA) as database:
            (count,) = database.execute("SELECT COALESCE(MAX(row) + 1, 0) FROM films").fetchone()
            return int(count) * self._size**2


@contextmanager
def lock_cache(folder: Path) -> Iterator[None]:
    """Keep other processes from writing into, or removing, the caches of a folder; waits for one that does.

    Raises:
        CacheUnavailableError: The folder cannot be written to.
    """
    with unavailable_if_it_fails(folder):
        folder.mkdir(parents=True, exist_ok=True)
        # A lock of the system's, which goes with the process; a file that merely exists would outlive a kill.
        lock = filelock.FileLock(folder / "lock", fallback_to_soft=False)
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            print(f"Waiting for another process that decodes films into {folder}.", file=sys.stderr, flush=True)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()
