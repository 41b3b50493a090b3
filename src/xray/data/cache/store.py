"""Images decoded once, and read from the disk ever after."""

import errno
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
from xray.data.cache.sqlite import generation, reading, renew_generation, unavailable_if_it_fails, writing
from xray.data.decode.batch import decode_each
from xray.data.decode.image import ResizeRule, decoder_version
from xray.utils.files import StrPath

SCHEMA = "CREATE TABLE IF NOT EXISTS images (digest TEXT PRIMARY KEY, row INTEGER NOT NULL) WITHOUT ROWID"
PIXELS = "images"
"""Begin of the names of files of pixels."""
DATABASE = "images.sqlite"
COMMIT_BYTES = 2**26
"""Pixels after which the images decoded so far are put on record: a kill costs no more than these."""

Rows = npt.NDArray[np.int64]
"""Positions in an array of images."""


class FetchedImages(NamedTuple):
    """Images of the files that were asked for."""

    images: Images
    """Images of the cache, shape (any, size, size), uint8, mapped into memory and read-only."""
    rows: Rows
    """Where in it the image of each file that could be read lies, in the order of the files."""
    bad: dict[int, str]
    """For the position of each file that could not be read the reason."""


class ImageCache:
    """Decoded images of one size, found by the hash of the file that they came from.

    Two files make it up: `images-N.u8`, whose bytes from i x size x size are the image of row i, and `images.sqlite`,
    which says at which row the image of a digest lies; N is its generation. Rows are only ever added. Pixels reach the
    disk before the database names them, so that what it names is whole, whenever the writer was killed. Writers go one
    after the other by a lock which the system takes from a process that ends; readers need none. Where the pixels are
    lost, another generation begins: a file that some process has mapped never changes or shrinks under it.

    Args:
        folder: The folder of all caches.
        size: Side of the images in pixels.
        rule: How an image becomes a square.
    """

    def __init__(self, folder: Path, size: int, rule: ResizeRule) -> None:
        self.digests = FileDigests(folder / DIGESTS)
        self._size, self._rule = size, rule
        self._folder = folder
        # What decides over the pixels besides the file is the folder's name: another decoder, another cache.
        self._store = folder / f"{rule}-{size}-{decoder_version()}"
        self._database = self._store / DATABASE

    def fetch(self, paths: Sequence[StrPath], digests: Sequence[str]) -> FetchedImages:
        """Images of these files; those that are not in the cache are decoded into it first.

        Args:
            paths: Files.
            digests: Their hashes, by `self.digests`.

        Raises:
            CacheUnavailableError: The disk is full, read-only or fails.
        """
        bad: dict[int, str] = {}
        images, rows = self._known(digests)
        if (rows < 0).any():
            with lock_cache(self._folder):
                # Another process may have decoded them while this one waited.
                _, rows = self._known(digests)
                bad = self._add(paths, digests, np.flatnonzero(rows < 0).tolist())
                images, rows = self._known(digests)
        return FetchedImages(images, rows[rows >= 0], bad)

    def _known(self, digests: Sequence[str]) -> tuple[Images, Rows]:
        """The images on record, and where that of each digest lies; -1 where it is not among them."""
        images, rows = np.empty((0, self._size, self._size), np.uint8), np.full(len(digests), -1)
        with reading(self._database) as database:
            if database is None:
                return images, rows
            count = _count(database)
            try:
                # Opened while the database is held: pixels and rows belong together, whatever is removed after this.
                images = np.memmap(self._pixels(database), np.uint8, "r", shape=(count, self._size, self._size))
            except (FileNotFoundError, ValueError):
                # Lost or cut off, or none as yet; an empty file cannot be mapped.
                return images, rows
            for i, digest in enumerate(digests):
                if is_content(digest):
                    found = database.execute("SELECT row FROM images WHERE digest = ?", (digest,)).fetchone()
                    rows[i] = found[0] if found else -1
        return images, rows

    def _pixels(self, database: Connection) -> Path:
        return self._store / f"{PIXELS}-{generation(database):08x}.u8"

    def _add(self, paths: Sequence[StrPath], digests: Sequence[str], missing: Sequence[int]) -> dict[int, str]:
        """Decode these files into the cache, each digest once; returns the reasons of those that are bad."""
        first = {digests[i]: i for i in reversed(missing)}
        positions = sorted(first.values())
        reasons: dict[str, str] = {}
        decoded: list[int] = []
        with self._appended(len(positions)) as file:
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
        """Put images on record that were just written; returns the digests that no longer are those of their files."""
        file.flush()
        os.fsync(file.fileno())
        first_row = file.tell() // self._size**2 - len(paths)
        same = [now == digest and is_content(now) for now, digest in zip(self.digests(paths), digests, strict=True)]
        rows = range(first_row, first_row + len(paths))
        with writing(self._database, SCHEMA) as database:
            database.executemany("INSERT INTO images VALUES (?, ?)", compress(zip(digests, rows, strict=True), same))
        return {digest: "changed while it was read" for digest, kept in zip(digests, same, strict=True) if not kept}

    @contextmanager
    def _appended(self, most: int) -> Iterator[BinaryIO]:
        """Open the file of pixels behind the last image on record, with room for so many more."""
        pixels, end = self._end_of_record()
        with unavailable_if_it_fails(pixels):
            # In this mode C libraries reject to make room by writing, where the file system cannot do it by itself.
            with pixels.open("ab") as file:
                file.truncate(end)  # what an interrupted writer left behind
                _make_room(file, end, most * self._size**2)
            try:
                with pixels.open("r+b") as file:
                    file.seek(end)
                    yield file
            finally:
                _, end = self._end_of_record()
                os.truncate(pixels, end)

    def _end_of_record(self) -> tuple[Path, int]:
        """The file of pixels, and how many bytes of it are on record; a new file where they are not there."""
        with writing(self._database, SCHEMA) as database:
            pixels, end = self._pixels(database), _count(database) * self._size**2
            there = pixels.stat().st_size if pixels.exists() else 0
            if there >= end:
                return pixels, end
            database.execute("DELETE FROM images")
            renew_generation(database)
            pixels.unlink(missing_ok=True)
            return self._pixels(database), 0


def _count(database: Connection) -> int:
    """Rows on record."""
    (count,) = database.execute("SELECT COALESCE(MAX(row) + 1, 0) FROM images").fetchone()
    return int(count)


def _make_room(file: BinaryIO, start: int, length: int) -> None:
    """Take the room on the disk before the work, so that a disk that is too small is met at once.

    Raises:
        OSError: There is no room; where the file system cannot tell, nothing happens.
    """
    if not length or not hasattr(os, "posix_fallocate"):
        return
    try:
        os.posix_fallocate(file.fileno(), start, length)
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            os.truncate(file.fileno(), start)
            raise


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
            print(f"Waiting for another process that works on the cache {folder}.", file=sys.stderr, flush=True)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()
