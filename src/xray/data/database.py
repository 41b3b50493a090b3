"""Small SQLite databases of the cache: whole after any crash, and safe for several processes at once."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

PATIENCE = 60.0
"""Seconds to wait for another process that writes."""


class CacheUnavailableError(Exception):
    """The cache cannot be used, for a reason outside the program; everything goes on without it."""


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database that exists, also on a read-only disk.

    Raises:
        CacheUnavailableError: It cannot be read.
    """
    # Written to where that is possible: what a killed writer left half done is undone by whoever comes next.
    address = f"{path.absolute().as_uri()}?mode=rw"
    with unavailable_if_it_fails(path), closing(sqlite3.connect(address, PATIENCE, uri=True)) as connection:
        yield connection


@contextmanager
def writing(path: Path, schema: str) -> Iterator[sqlite3.Connection]:
    """Open a database, made where there is none; what is written counts as a whole at the end, or not at all.

    Raises:
        CacheUnavailableError: It cannot be written.
    """
    with unavailable_if_it_fails(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, PATIENCE)) as connection, connection:
            connection.execute(schema)
            yield connection


@contextmanager
def unavailable_if_it_fails(path: Path) -> Iterator[None]:
    """Give what a disk or SQLite complains of one name.

    Raises:
        CacheUnavailableError: With the path and the complaint.
    """
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise CacheUnavailableError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
