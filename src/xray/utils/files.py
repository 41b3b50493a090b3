"""Write files and folders atomically: a crash or a full disk never leaves an incomplete one."""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from xray.utils.errors import UserError

StrPath = str | os.PathLike[str]
"""A path as string or object. Paths of images are strings: 100,000 Path objects would need more memory than all other
data of the index."""


def user_path(path: StrPath) -> Path:
    """Return a path as a user writes it: a leading `~` is the home folder, also where no shell has replaced it."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser rejects what is no user's name


def link_target(path: Path) -> Path:
    """Return the target of a symbolic link, which need not exist, or the path itself."""
    return Path(os.path.realpath(path)) if os.path.islink(path) else path  # noqa: PTH114 - accepts names of any length


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to, which is renamed to `path` on success; links are followed.

    Raises:
        OSError: The file cannot be written.
    """
    target = link_target(path)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(target)
    finally:
        with suppress(OSError):  # if it was not created, it cannot be removed
            partial.unlink()


@contextmanager
def open_atomic(path: Path) -> Iterator[IO[str]]:
    """Open a text file for atomic writing, see `atomic_path`.

    Raises:
        UserError: The file cannot be written.
    """
    try:
        # File names in the text need not be Unicode: surrogateescape keeps their bytes.
        with (
            atomic_path(path) as partial,
            partial.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
        ):
            yield file
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}): choose another path, or fix this one."
        ) from error


def why_not_writable(path: Path) -> str:
    """Return why a path cannot be created, as a clause; empty if it can.

    Tries to write into the nearest existing parent folder, since mode bits do not show read-only disks.
    """
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
def atomic_folder(directory: Path, may_replace: Callable[[Path], bool] = is_empty) -> Iterator[Path]:
    """Yield a temporary folder to fill, which is renamed to `directory` on success; on failure an earlier one stays.

    Args:
        directory: The folder.
        may_replace: Called at the end with an existing folder of that name; returns whether it may be replaced.

    Raises:
        OSError: The folder cannot be written, or an existing one must not be replaced.
    """
    # A folder inside the temporary one, whose mode 0700 would otherwise become that of the final folder.
    with tempfile.TemporaryDirectory(prefix=f".{directory.name}.", dir=directory.parent) as temporary:
        new, earlier = Path(temporary) / "new", Path(temporary) / "earlier"
        new.mkdir()
        yield new
        if directory.exists():
            if not may_replace(directory):
                raise OSError(errno.ENOTEMPTY, "the folder has been changed by another process", str(directory))
            directory.rename(earlier)
        try:
            new.rename(directory)
        except BaseException:
            if earlier.exists():
                earlier.rename(directory)
            raise
