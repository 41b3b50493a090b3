"""Cache of decoded images: each file is decoded once, then read from disk."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import compress
from pathlib import Path
from sqlite3 import Connection
from typing import BinaryIO, NamedTuple

import filelock
import numpy as np
import numpy.typing as npt

from xray.data.arrays import Images
from xray.data.cache.hashing import DIGESTS, FileDigests, is_content
from xray.data.cache.sqlite import cache_errors, generation, open_for_reading, open_for_writing, renew_generation
from xray.data.decode.batch import decode_each
from xray.data.decode.image import ResizeRule, decoder_version
from xray.utils.files import StrPath

SCHEMA = "CREATE TABLE IF NOT EXISTS images (digest TEXT PRIMARY KEY, row INTEGER NOT NULL) WITHOUT ROWID"
PIXELS = "images"
"""Prefix of the names of pixel files."""
DATABASE = "images.sqlite"
COMMIT_BYTES = 2**26
"""Bytes of pixels after which decoded images are committed: a killed process loses at most these."""

Rows = npt.NDArray[np.int64]
"""Positions in an array of images."""


class FetchedImages(NamedTuple):
    """Images of the requested files."""

    images: Images
    """All images of the cache, shape (images, size, size), uint8, read-only and mapped into memory."""
    rows: Rows
    """Row in `images` of each readable file, in the order of the files."""
    bad: dict[int, str]
    """Reason for each unreadable file, by its position."""


class ImageCache:
    """Decoded images of one size, keyed by the hash of the file that they were decoded from.

    A cache consists of two files: `images-N.u8`, an array of images of size x size bytes, and `images.sqlite`, which
    maps each digest to its row; N is the generation of the database. Rows are only ever appended, and pixels are
    synced to disk before the database refers to them, so a killed writer never leaves a wrong image. Writers take turns
    through a lock that the operating system releases when a process ends; readers need no lock. If pixels are lost, a
    new generation starts in a new file: a file that another process has mapped never changes or shrinks.
    """

    def __init__(self, folder: Path, size: int, rule: ResizeRule) -> None:
        self.hash_files = FileDigests(folder / DIGESTS)
        self._size, self._rule = size, rule
        self._folder = folder
        # The folder's name contains everything else that the pixels depend on.
        self._store = folder / f"{rule}-{size}-{decoder_version()}"
        self._database = self._store / DATABASE

    def fetch(self, paths: Sequence[StrPath], digests: Sequence[str]) -> FetchedImages:
        """Return the images of files with the given hashes; those not in the cache are decoded into it first.

        Raises:
            CacheUnavailableError: The disk is full or read-only, or fails.
        """
        bad: dict[int, str] = {}
        images, rows = self._look_up(digests)
        if (rows < 0).any():
            with lock_cache(self._folder):
                # Another process may have decoded them in the meantime.
                _, rows = self._look_up(digests)
                bad = self._add(paths, digests, np.flatnonzero(rows < 0).tolist())
                images, rows = self._look_up(digests)
        return FetchedImages(images, rows[rows >= 0], bad)

    def _look_up(self, digests: Sequence[str]) -> tuple[Images, Rows]:
        """Return the cached images and the row of each digest; -1 for those not cached."""
        images, rows = np.empty((0, self._size, self._size), np.uint8), np.full(len(digests), -1)
        with open_for_reading(self._database) as database:
            if database is None:
                return images, rows
            count = _count(database)
            try:
                # Mapped within the transaction, so that pixels and rows are of the same generation.
                images = np.memmap(self._pixels(database), np.uint8, "r", shape=(count, self._size, self._size))
            except (FileNotFoundError, ValueError):
                # Missing or truncated; an empty file cannot be mapped.
                return images, rows
            for i, digest in enumerate(digests):
                if is_content(digest):
                    row = database.execute("SELECT row FROM images WHERE digest = ?", (digest,)).fetchone()
                    rows[i] = row[0] if row else -1
        return images, rows

    def _pixels(self, database: Connection) -> Path:
        return self._store / f"{PIXELS}-{generation(database):08x}.u8"

    def _add(self, paths: Sequence[StrPath], digests: Sequence[str], missing: Sequence[int]) -> dict[int, str]:
        """Decode files into the cache, each digest once; return the reason for each unreadable one."""
        first = {digests[i]: i for i in reversed(missing)}
        positions = sorted(first.values())
        reasons: dict[str, str] = {}
        decoded: list[int] = []
        with self._open_for_append() as file:
            images = decode_each([paths[i] for i in positions], self._size, self._rule)
            for i, image in zip(positions, images, strict=True):
                if isinstance(image, str):
                    reasons[digests[i]] = image
                    continue
                file.write(image.tobytes())
                decoded.append(i)
                if len(decoded) * self._size**2 >= COMMIT_BYTES:
                    reasons |= self._commit(file, [paths[i] for i in decoded], [digests[i] for i in decoded])
                    decoded.clear()
            reasons |= self._commit(file, [paths[i] for i in decoded], [digests[i] for i in decoded])
        return {int(i): reasons[digests[i]] for i in missing if digests[i] in reasons}

    def _commit(self, file: BinaryIO, paths: Sequence[StrPath], digests: Sequence[str]) -> dict[str, str]:
        """Commit images that were just written, except those whose files have changed; return the reasons for these."""
        file.flush()
        os.fsync(file.fileno())
        first_row = file.tell() // self._size**2 - len(paths)
        same = [now == digest and is_content(now) for now, digest in zip(self.hash_files(paths), digests, strict=True)]
        rows = range(first_row, first_row + len(paths))
        with open_for_writing(self._database, SCHEMA) as database:
            database.executemany("INSERT INTO images VALUES (?, ?)", compress(zip(digests, rows, strict=True), same))
        return {digest: "changed while it was read" for digest, kept in zip(digests, same, strict=True) if not kept}

    @contextmanager
    def _open_for_append(self) -> Iterator[BinaryIO]:
        """Open the pixel file after the last committed image."""
        pixels, end = self._committed_end()
        try:
            with pixels.open("ab") as file:
                file.truncate(end)  # remove what a killed writer left behind
                file.seek(end)
                yield file
        finally:
            # Free what was not committed: the disk may be full.
            os.truncate(pixels, self._committed_end()[1])

    def _committed_end(self) -> tuple[Path, int]:
        """Return the pixel file and its committed length in bytes; start a new generation if pixels are lost."""
        with open_for_writing(self._database, SCHEMA) as database:
            pixels, end = self._pixels(database), _count(database) * self._size**2
            if (pixels.stat().st_size if pixels.exists() else 0) >= end:
                return pixels, end
            database.execute("DELETE FROM images")
            renew_generation(database)
            pixels.unlink(missing_ok=True)
            return self._pixels(database), 0


def _count(database: Connection) -> int:
    """Return the number of committed rows."""
    (count,) = database.execute("SELECT COALESCE(MAX(row) + 1, 0) FROM images").fetchone()
    return int(count)


@contextmanager
def lock_cache(folder: Path) -> Iterator[None]:
    """Lock the caches in a folder against other writers; waits for a process that holds the lock.

    Raises:
        CacheUnavailableError: The folder cannot be written to.
    """
    with cache_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        # The operating system releases this lock when the process ends; a soft lock would outlive a killed process.
        lock = filelock.FileLock(folder / "lock", fallback_to_soft=False)
        try:
            lock.acquire(blocking=False)
        except filelock.Timeout:
            print(f"Waiting for another process that is using the cache {folder}.", file=sys.stderr, flush=True)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()
