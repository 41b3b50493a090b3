"""File hashes are correct, and unchanged files are not read again."""

import hashlib
import os

import pytest

import xray.data.cache.hashing
from xray.data.cache.hashing import FileDigests, is_content
from xray.data.cache.sqlite import CacheUnavailableError


@pytest.fixture
def paths(tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(6)]
    for i, path in enumerate(paths):
        path.write_bytes(b"image" * (i + 1))
    return paths


@pytest.fixture
def database(tmp_path):
    return tmp_path / "cache" / "digests.sqlite"


@pytest.fixture
def read(monkeypatch):
    """Names of the files that were read, in order."""
    seen = []
    original = hashlib.file_digest

    def spy(file, algorithm):
        seen.append(file.name)
        return original(file, algorithm)

    monkeypatch.setattr(hashlib, "file_digest", spy)
    return seen


def names(paths):
    return [str(path) for path in paths]


def expected(paths):
    return [hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest() for path in paths]


def test_digest_is_the_hash_of_the_whole_file(paths, database):
    paths[0].write_bytes(bytes(1_000_000) + b"a")
    for digests in (FileDigests(), FileDigests(database), FileDigests(database)):
        assert digests(paths) == expected(paths)
        assert all(map(is_content, digests(paths)))


def test_without_a_database_every_file_is_read_each_time(paths, read):
    digests = FileDigests()
    digests(paths)
    digests(paths)
    assert len(read) == 12


def test_with_a_database_each_file_is_read_once(paths, database, read):
    FileDigests(database)(paths)
    assert FileDigests(database)(paths[::-1]) == expected(paths[::-1])
    assert sorted(map(str, read)) == names(paths)


@pytest.mark.parametrize("keep_time", [False, True])
def test_a_changed_file_is_read_again(paths, database, read, keep_time):
    FileDigests(database)(paths)
    before = paths[2].stat()
    paths[2].write_bytes(b"IMAGE" * 3)
    if keep_time:
        os.utime(paths[2], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert FileDigests(database)(paths) == expected(paths)
    assert names(read[6:]) == [str(paths[2])]


@pytest.mark.parametrize("database_used", [False, True])
def test_empty_and_unreadable_files_have_placeholder_digests(tmp_path, database, database_used):
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    paths = [tmp_path / name for name in ("empty.png", "folder.png", "absent.png")]
    for _ in range(2):
        digests = FileDigests(database if database_used else None)(paths)
        assert [digest.split()[0] for digest in digests] == ["empty", "unreadable", "unreadable"]
        assert not any(map(is_content, digests))
        assert len(set(digests)) == 3


def test_the_hash_of_a_file_changed_while_reading_is_not_stored(paths, database, monkeypatch):
    original = hashlib.file_digest

    def change_after_reading(file, algorithm):
        digest = original(file, algorithm)
        paths[0].write_bytes(b"other bytes")
        return digest

    with monkeypatch.context() as patch:
        patch.setattr(hashlib, "file_digest", change_after_reading)
        FileDigests(database)(paths[:1])
    assert FileDigests(database)(paths) == expected(paths)


def test_the_hash_of_a_file_just_written_is_not_stored(paths, database, read, monkeypatch):
    monkeypatch.setattr(xray.data.cache.hashing, "SETTLE_NS", 10**11)
    for _ in range(2):
        assert FileDigests(database)(paths) == expected(paths)
    assert len(read) == 12


def test_a_database_that_cannot_be_created_gives_a_warning(paths, tmp_path):
    (tmp_path / "file").touch()
    with pytest.warns(UserWarning, match="read new files again"):
        assert FileDigests(tmp_path / "file" / "digests.sqlite")(paths) == expected(paths)


def test_a_damaged_database_gives_a_warning(paths, database):
    database.parent.mkdir()
    database.write_bytes(b"not a database" * 1000)
    with pytest.warns(UserWarning, match=r"digests\.sqlite.*cache clean"):
        assert FileDigests(database)(paths) == expected(paths)


def test_a_read_only_database_is_still_used(paths, database, read, monkeypatch):
    FileDigests(database)(paths[:4])
    read.clear()

    def fail(*_):
        raise CacheUnavailableError("read-only")

    monkeypatch.setattr(xray.data.cache.hashing, "open_for_writing", fail)
    digests = FileDigests(database)
    with pytest.warns(UserWarning, match="new files again"):
        assert digests(paths) == expected(paths)
    assert digests(paths) == expected(paths)
    assert sorted(map(str, read)) == sorted(names(paths[4:]) * 2)
