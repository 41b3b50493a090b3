"""Hashes are those of the bytes, and files are not read again without need."""

import hashlib
import os

import pytest

import xray.data.cache.hashing
from xray.data.cache.hashing import FileDigests, is_content
from xray.data.cache.sqlite import CacheUnavailableError


@pytest.fixture(autouse=True)
def settled(monkeypatch):
    """Files of these tests have just been written, and count all the same."""
    monkeypatch.setattr(xray.data.cache.hashing, "SETTLED", 0)


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
    """Files that were read, in their order."""
    seen = []
    original = xray.data.cache.hashing._digest

    def spy(path):
        seen.append(path)
        return original(path)

    monkeypatch.setattr(xray.data.cache.hashing, "_digest", spy)
    return seen


def expected(paths):
    return [hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest() for path in paths]


def test_digests_are_those_of_the_bytes_with_and_without_a_database(paths, database):
    for digests in (FileDigests(), FileDigests(database), FileDigests(database)):
        assert digests(paths) == expected(paths)
        assert all(map(is_content, digests(paths)))


def test_without_a_database_every_file_is_read_each_time(paths, read):
    digests = FileDigests()
    digests(paths)
    digests(paths)
    assert len(read) == 12


def test_with_a_database_each_file_is_read_once_also_by_later_processes(paths, database, read):
    FileDigests(database)(paths)
    assert FileDigests(database)(paths[::-1]) == expected(paths[::-1])
    assert sorted(read) == paths


@pytest.mark.parametrize("keep_time", [False, True])
def test_a_file_that_changed_is_read_again(paths, database, read, keep_time):
    FileDigests(database)(paths)
    before = paths[2].stat()
    paths[2].write_bytes(b"IMAGE" * 3)
    if keep_time:
        os.utime(paths[2], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert FileDigests(database)(paths) == expected(paths)
    assert read[6:] == [paths[2]]


def test_files_whose_names_are_no_text_are_remembered(tmp_path, database, read):
    path = tmp_path / os.fsdecode(b"image-\xff.png")
    path.write_bytes(b"image")
    for _ in range(2):
        assert FileDigests(database)([path]) == expected([path])
    assert len(read) == 1


@pytest.mark.parametrize("database_used", [False, True])
def test_what_is_no_content_says_so_and_is_never_remembered(tmp_path, database, database_used, read):
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    paths = [tmp_path / name for name in ("empty.png", "folder.png", "absent.png")]
    for _ in range(2):
        digests = FileDigests(database if database_used else None)(paths)
        assert [digest.split()[0] for digest in digests] == ["empty", "unreadable", "unreadable"]
        assert not any(map(is_content, digests))
        assert len(set(digests)) == 3


def test_a_file_that_changes_while_it_is_read_is_not_remembered(paths, database, monkeypatch):
    original = xray.data.cache.hashing._digest

    def change_behind(path):
        digest = original(path)
        path.write_bytes(b"other bytes")
        return digest

    with monkeypatch.context() as patch:
        patch.setattr(xray.data.cache.hashing, "_digest", change_behind)
        FileDigests(database)(paths[:1])
    assert FileDigests(database)(paths) == expected(paths)


def test_a_database_that_cannot_be_written_costs_only_a_warning(paths, tmp_path):
    (tmp_path / "file").touch()
    with pytest.warns(UserWarning, match="read new files again"):
        assert FileDigests(tmp_path / "file" / "digests.sqlite")(paths) == expected(paths)


def test_a_database_that_is_none_costs_only_a_warning(paths, database):
    database.parent.mkdir()
    database.write_bytes(b"no database" * 1000)
    with pytest.warns(UserWarning, match=r"digests\.sqlite.*cache clean"):
        assert FileDigests(database)(paths) == expected(paths)


def test_a_file_that_was_just_written_is_read_again(paths, database, read, monkeypatch):
    monkeypatch.setattr(xray.data.cache.hashing, "SETTLED", 10**11)
    for _ in range(2):
        assert FileDigests(database)(paths) == expected(paths)
    assert len(read) == 12


def test_a_database_that_can_be_read_and_not_written_is_still_of_use(paths, database, read, monkeypatch):
    FileDigests(database)(paths[:4])
    read.clear()

    def reject(*_):
        raise CacheUnavailableError("read-only")

    monkeypatch.setattr(xray.data.cache.hashing, "writing", reject)
    digests = FileDigests(database)
    with pytest.warns(UserWarning, match="new files again"):
        assert digests(paths) == expected(paths)
    assert digests(paths) == expected(paths)
    assert sorted(read) == sorted(paths[4:] * 2)
