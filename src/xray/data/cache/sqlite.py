"""Small SQLite databases of the cache: whole after any crash, and shared by several processes."""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

PATIENCE = 60.0
"""Seconds to wait for another process that writes."""


class CacheUnavailableError(Exception):
    """The cache cannot be used, for a reason outside the program; everything goes on without it."""


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection | None]:
    """Look into a database as it is at one moment, also on a read-only disk; None where nothing was ever written.

    Raises:
        CacheUnavailableError: It cannot be read.
    """
    if not path.exists():
        yield None
        return
    # Written to where that is possible: what a killed writer left half done is undone by whoever comes next.
    address = f"{path.absolute().as_uri()}?mode=rw"
    with unavailable_if_it_fails(path), closing(sqlite3.connect(address, PATIENCE, uri=True)) as connection:
        connection.execute("BEGIN")
        yield connection if generation(connection) else None


@contextmanager
def writing(path: Path, schema: str) -> Iterator[sqlite3.Connection]:
    """Open a database, made where there is none; what is written counts as a whole at the end, or not at all.

    Raises:
        CacheUnavailableError: It cannot be written.
    """
    with unavailable_if_it_fails(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, PATIENCE)) as connection, connection:
            connection.execute("BEGIN IMMEDIATE")
            if not generation(connection):
                connection.execute(schema)
                renew_generation(connection)
            yield connection


def generation(connection: sqlite3.Connection) -> int:
    """A number that no other database has had, and 0 where nothing was ever written."""
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    return int(number)


def renew_generation(connection: sqlite3.Connection) -> None:
    """Begin anew, under another number."""
    connection.execute(f"PRAGMA user_version = {1 + secrets.randbelow(2**31 - 1)}")


@contextmanager
def unavailable_if_it_fails(path: Path) -> Iterator[None]:
    """Give what a disk or SQLite complains of one name.

    Raises:
        CacheUnavailableError: With the path and the complaint.
    """
    try:
        yield
    except OSError as error:
        raise CacheUnavailableError(f"{error.filename or path}: {error.strerror or error}") from error
    except sqlite3.Error as error:
        raise CacheUnavailableError(f"{path}: {error}") from error
