"""Write files and folders atomically: a crash or a full disk never leaves an incomplete one."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from xray.utils.errors import UserError

StrPath = str | os.PathLike[str]
"""A path as string or object. Images have strings: 100,000 Path objects would need more memory than all other data of
the images."""


def link_target(path: Path) -> Path:
    """Return the target of a symbolic link, which need not exist, or the path itself.

    Raises:
        UserError: The link points to itself.
    """
    if not os.path.islink(path):  # noqa: PTH114 - accepts names of any length
        return path
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise UserError(f"{path} is a link to itself: remove it, or choose another path.")
    return target


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to, which is renamed to `path` on success; links are followed.

    Raises:
        UserError: `path` is a link to itself.
        OSError: The file cannot be written.
    """
    target = link_target(path)
    partial = target.with_name(f".{_shortened_name(target)}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(target)
    finally:
        with suppress(OSError):  # if it was not created, it cannot be removed
            partial.unlink()


@contextmanager
def write_whole(path: Path) -> Iterator[IO[str]]:
    """Open a text file for atomic writing, see `whole`.

    Raises:
        UserError: The file cannot be written.
    """
    try:
        # File names in the text need not be Unicode: surrogateescape keeps their bytes.
        with whole(path) as partial, partial.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
            yield file
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}): choose another path, or fix this one."
        ) from error


def why_not_writable(path: Path) -> str:
    """Return why a path cannot be created, as a clause; empty if it can.

    Tries to write into the nearest existing parent folder, since mode bits do not show read-only disks.
    """
    try:
        os.lstat(path)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return f"invalid name: {error.strerror}"
    folder = next((parent for parent in path.absolute().parents if os.path.lexists(parent)), path)
    try:
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return f"{folder} is not a writable folder: {error.strerror or error}"


def check_new_folder(directory: Path) -> None:
    """Check, before any work is done, that a new folder can be created at the end.

    Raises:
        UserError: The folder is in use, not empty, or not writable.
    """
    try:
        if directory.is_dir() and any(directory.iterdir()):
            raise UserError(f"{directory} is not empty and is never overwritten; choose a new folder")
        if directory.exists() and not directory.is_dir():
            raise UserError(f"{directory} is a file; choose a new folder")
        # The finished folder is renamed to it, which these do not allow.
        if directory.is_mount() or directory.absolute() == Path.cwd():
            raise UserError(f"{directory} is in use as a mount point or working folder; choose a folder inside it")
        directory.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"{directory} cannot be created: {reason}; choose a writable folder") from error
    if reason := why_not_writable(directory):
        raise UserError(f"{directory} cannot be created: {reason}; choose a writable folder")


def is_empty(directory: Path) -> bool:
    """Whether a folder is empty."""
    return not any(directory.iterdir())


@contextmanager
def write_whole_folder(directory: Path, may_replace: Callable[[Path], bool] = is_empty) -> Iterator[Path]:
    """Yield a temporary folder to fill, which is renamed to `directory` on success.

    Either the earlier or the new folder is complete on disk at any time. If the process is killed between two renames,
    or the earlier folder cannot be restored, it is kept next to it as `.NAME.*.earlier`.

    Args:
        directory: The folder.
        may_replace: Called at the end with an existing folder of that name; returns whether it may be replaced.

    Raises:
        OSError: The folder cannot be written, or an existing one must not be replaced.
    """
    # A folder inside the temporary one, whose mode 0700 would otherwise become that of the final folder.
    with tempfile.TemporaryDirectory(prefix=f".{_shortened_name(directory)}.", dir=directory.parent) as temporary:
        new = Path(temporary) / directory.name
        new.mkdir()
        yield new
        if not directory.exists():
            new.rename(directory)
            return
        # Next to the temporary folder, since that is removed with its content in any case.
        earlier = Path(f"{temporary}.earlier")
        try:
            directory.rename(earlier)
            # Checked only now, when nobody can add files under its name any more.
            if not may_replace(earlier):
                raise OSError(errno.ENOTEMPTY, "the folder has been changed by another process", str(directory))
            new.rename(directory)
        finally:
            if directory.exists() and not new.exists():
                _remove(earlier)
            elif earlier.exists():
                _restore(earlier, directory)


def _shortened_name(path: Path) -> str:
    """Return the first 200 bytes of a name, which leaves room for a suffix within the limit of 255."""
    return os.fsdecode(os.fsencode(path.name)[:200])


def _remove(folder: Path) -> None:
    """Remove a folder completely, even if a signal interrupts it."""
    try:
        shutil.rmtree(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _restore(earlier: Path, directory: Path) -> None:
    try:
        earlier.rename(directory)
    except OSError as error:
        reason = f"{error.strerror or error}; the earlier folder is kept as {earlier}"
        raise OSError(error.errno, reason, str(directory)) from error
