"""SQLite databases of the cache: crash-safe and shared by several processes."""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

TIMEOUT = 60.0
"""Seconds to wait for another process that is writing."""


class CacheUnavailableError(Exception):
    """The cache cannot be used because of the disk or a damaged file; the program works without it."""


@contextmanager
def open_for_reading(path: Path) -> Iterator[sqlite3.Connection | None]:
    """Open a consistent snapshot of a database, also on a read-only disk; None if nothing was ever written to it.

    Raises:
        CacheUnavailableError: It cannot be read.
    """
    if not path.exists():
        yield None
        return
    # Writable where possible, so that SQLite can roll back what a killed writer left behind.
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with cache_errors(path), closing(sqlite3.connect(uri, TIMEOUT, uri=True)) as connection:
        connection.execute("BEGIN")
        yield connection if generation(connection) else None


@contextmanager
def open_for_writing(path: Path, schema: str) -> Iterator[sqlite3.Connection]:
    """Open a database in one transaction, and create it if needed.

    Raises:
        CacheUnavailableError: It cannot be written.
    """
    with cache_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, TIMEOUT)) as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            if not generation(connection):
                connection.execute(schema)
                renew_generation(connection)
            yield connection


def generation(connection: sqlite3.Connection) -> int:
    """Return the random number that identifies a database's current content; 0 if nothing was ever written."""
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    return int(number)


def renew_generation(connection: sqlite3.Connection) -> None:
    """Give a database a new generation number."""
    connection.execute(f"PRAGMA user_version = {1 + secrets.randbelow(2**31 - 1)}")


@contextmanager
def cache_errors(path: Path) -> Iterator[None]:
    """Turn errors of the file system and of SQLite into `CacheUnavailableError`.

    Raises:
        CacheUnavailableError: With the path and the reason.
    """
    try:
        yield
    except OSError as error:
        raise CacheUnavailableError(f"{error.filename or path}: {error.strerror or error}") from error
    except sqlite3.Error as error:
        raise CacheUnavailableError(f"{path}: {error}") from error
