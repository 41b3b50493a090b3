"""Atomic writing of files and folders."""

import errno
from pathlib import Path

import pytest

from xray.utils.errors import UserError
from xray.utils.files import atomic_folder, check_new_folder, open_atomic


def write(path, text="new\n"):
    with open_atomic(path) as file:
        file.write(text)


def rejection(call, *args):
    with pytest.raises(UserError) as caught:
        call(*args)
    assert "\n" not in str(caught.value)
    assert str(args[0]) in str(caught.value)
    return str(caught.value)


def names(folder):
    return [path.name for path in folder.iterdir()]


@pytest.fixture
def earlier(tmp_path):
    (tmp_path / "f.txt").write_text("earlier\n")
    return tmp_path / "f.txt"


def test_writes_text_unchanged_and_creates_folders(tmp_path):
    write(tmp_path / "a" / "b" / "f.txt", "Ä\r\nb\n")
    assert (tmp_path / "a" / "b" / "f.txt").read_bytes() == "Ä\r\nb\n".encode()
    assert names(tmp_path / "a" / "b") == ["f.txt"]


def test_file_is_replaced_only_when_complete(earlier):
    with open_atomic(earlier) as file:
        file.write("new\n")
        file.flush()
        assert earlier.read_text() == "earlier\n"
    assert earlier.read_text() == "new\n"


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_failure_keeps_the_earlier_file(earlier, failure):
    def stop_half_way():
        with open_atomic(earlier) as file:
            file.write("half")
            raise failure

    with pytest.raises(failure):
        stop_half_way()
    assert earlier.read_text() == "earlier\n"
    assert names(earlier.parent) == ["f.txt"]


def test_disk_full_while_writing_keeps_the_earlier_file(earlier):
    def run_full(path):
        with open_atomic(path) as file:
            file.write("half")
            raise OSError(errno.ENOSPC, "No space left on device")

    assert "No space left on device" in rejection(run_full, earlier)
    assert earlier.read_text() == "earlier\n"
    assert names(earlier.parent) == ["f.txt"]


def test_rejects_a_folder_as_file(tmp_path):
    (tmp_path / "f.txt").mkdir()
    rejection(write, tmp_path / "f.txt")
    assert names(tmp_path) == ["f.txt"]


def test_rejects_a_file_as_parent_folder(earlier):
    rejection(write, earlier / "g.txt")
    rejection(write, earlier / "deeper" / "g.txt")


def test_link_stays_and_its_target_is_replaced(earlier, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("f.txt")
    (tmp_path / "dangling").symlink_to("there/g.txt")
    for name in ("link", "dangling"):
        write(tmp_path / name)
        assert (tmp_path / name).is_symlink()
    assert earlier.read_text() == (tmp_path / "there" / "g.txt").read_text() == "new\n"
    assert sorted(names(tmp_path)) == ["dangling", "f.txt", "link", "there"]


def test_accepts_new_and_empty_folders_without_creating_them(tmp_path):
    (tmp_path / "empty").mkdir()
    check_new_folder(tmp_path / "empty")
    check_new_folder(tmp_path / "a" / "new")
    assert not (tmp_path / "a" / "new").exists()
    assert not any((tmp_path / "a").iterdir())


def test_rejects_a_folder_that_is_not_empty(tmp_path):
    (tmp_path / ".hidden").touch()
    assert "not empty" in rejection(check_new_folder, tmp_path)


def test_rejects_a_file_as_folder(earlier):
    assert "is a file" in rejection(check_new_folder, earlier)
    rejection(check_new_folder, earlier / "below")


def test_rejects_mount_points_and_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "in use" in rejection(check_new_folder, tmp_path)
    monkeypatch.chdir("/")
    check_new_folder(tmp_path)
    monkeypatch.setattr(Path, "is_mount", lambda self: self == tmp_path)
    assert "in use" in rejection(check_new_folder, tmp_path)


def test_detects_a_read_only_disk_in_advance(tmp_path, monkeypatch):
    def fail(**kwargs):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", fail)
    assert "Read-only file system" in rejection(check_new_folder, tmp_path / "new")


@pytest.mark.parametrize("exists", [False, True])
def test_folder_appears_only_when_complete(tmp_path, exists):
    final = tmp_path / "final"
    if exists:
        final.mkdir()
    with atomic_folder(final) as folder:
        (folder / "a").write_text("1")
        assert not final.exists() or not any(final.iterdir())
    assert (final / "a").read_text() == "1"
    assert names(tmp_path) == ["final"]


def test_folder_has_the_usual_permissions(tmp_path):
    (tmp_path / "usual").mkdir()
    with atomic_folder(tmp_path / "final"):
        pass
    assert (tmp_path / "final").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_failure_leaves_no_folder(tmp_path):
    def stop_half_way():
        with atomic_folder(tmp_path / "final") as folder:
            (folder / "a").write_text("1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_half_way()
    assert not any(tmp_path.iterdir())


def test_does_not_replace_a_folder_filled_meanwhile(tmp_path):
    final = tmp_path / "final"

    def be_overtaken():
        with atomic_folder(final):
            final.mkdir()
            (final / "theirs").touch()

    with pytest.raises(OSError, match="changed by another process"):
        be_overtaken()
    assert names(final) == ["theirs"]
    assert names(tmp_path) == ["final"]


@pytest.fixture
def kept(tmp_path):
    """A folder that may be replaced."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "earlier").touch()
    return tmp_path / "kept"


def replace_it(folder):
    with atomic_folder(folder, lambda folder: names(folder) == ["earlier"]) as made:
        (made / "new").touch()


def test_replaces_a_folder_if_allowed(kept, tmp_path):
    replace_it(kept)
    assert names(kept) == ["new"]
    assert names(tmp_path) == ["kept"]


@pytest.mark.parametrize("failing", [1, 2])
@pytest.mark.parametrize("failure", [OSError("no"), KeyboardInterrupt()])
def test_failure_at_any_rename_keeps_the_earlier_folder(kept, tmp_path, monkeypatch, failing, failure):
    rename, calls = Path.rename, []

    def fail(self, target):
        calls.append(target)
        if len(calls) == failing:
            raise failure
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(type(failure)):
        replace_it(kept)
    assert names(kept) == ["earlier"]
    assert names(tmp_path) == ["kept"]
