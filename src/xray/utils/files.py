"""Writing files and folders so that a crash or a full disk never leaves half of one."""

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
"""A path in either form. For each of many images it is a string: a hundred thousand Path objects would weigh more than
all that is known of the images."""


def link_target(path: Path) -> Path:
    """Where a file of this name is written: what a link leads to, whether it is there yet or not; others as they are.

    Raises:
        UserError: The link leads to itself.
    """
    if not os.path.islink(path):  # noqa: PTH114 - of any name
        return path
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise UserError(f"{path} is a link that leads to itself: remove it, or name another place.")
    return target


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a name to write a file under, which takes the name `path` only when it is complete; links as `link_target`.

    Raises:
        UserError: See `link_target`.
        OSError: It cannot be written.
    """
    target = link_target(path)
    partial = target.with_name(f".{_beginning(target)}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(target)
    finally:
        with suppress(OSError):  # where it could not be made, it cannot be removed
            partial.unlink()


@contextmanager
def write_whole(path: Path) -> Iterator[IO[str]]:
    """Open a text file, see `whole`.

    Raises:
        UserError: It cannot be written.
    """
    try:
        # File names need not be Unicode: odd bytes go through as they are.
        with whole(path) as partial, partial.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
            yield file
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}): name another place, or mend this one."
        ) from error


def why_not_writable(place: Path) -> str:
    """Why nothing can be made under a name, as a clause; empty where something can be.

    It is asked by doing, in the nearest folder above it that there is: mode bits do not tell of read-only disks.
    """
    try:
        os.lstat(place)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return f"there can be no such name: {error.strerror}"
    folder = next((above for above in place.absolute().parents if os.path.lexists(above)), place)
    try:
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return f"{folder} is no folder that you may write to: {error.strerror or error}"


def check_new_folder(directory: Path) -> None:
    """Reject, before any work is done, a folder that could not be put in place at the end.

    Raises:
        UserError: It is in use, holds something, or cannot be written.
    """
    try:
        if directory.is_dir() and any(directory.iterdir()):
            raise UserError(f"{directory} is not empty and nothing is overwritten; name a new folder")
        if directory.exists() and not directory.is_dir():
            raise UserError(f"{directory} is a file; name a new folder")
        # The finished folder takes its place, which these forbid.
        if directory.is_mount() or directory.absolute() == Path.cwd():
            raise UserError(f"{directory} is in use as a mount point or working folder; name a folder inside it")
        directory.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"{directory} cannot be made: {reason}; name a folder that you may write to") from error
    if reason := why_not_writable(directory):
        raise UserError(f"{directory} cannot be made: {reason}; name a folder that you may write to")


def is_empty(directory: Path) -> bool:
    """Whether a folder holds nothing."""
    return not any(directory.iterdir())


@contextmanager
def write_whole_folder(directory: Path, may_replace: Callable[[Path], bool] = is_empty) -> Iterator[Path]:
    """Give a folder to fill, which takes the name `directory` only when it is complete.

    At each moment either what was there before or the new folder is whole on the disk; at worst, where the process is
    killed between two names or cannot give the old one back, what was there is kept beside, as `.NAME.*.earlier`.

    Args:
        directory: The folder.
        may_replace: Asked at the end whether what is under its name by then may be removed.

    Raises:
        OSError: It cannot be written, or what is there may not be replaced.
    """
    # A folder inside the temporary one, whose own mode 0700 would otherwise become the final one's.
    with tempfile.TemporaryDirectory(prefix=f".{_beginning(directory)}.", dir=directory.parent) as temporary:
        made = Path(temporary) / directory.name
        made.mkdir()
        yield made
        if not directory.exists():
            made.rename(directory)
            return
        # Beside the temporary folder, which is removed with all that is in it whatever happens.
        earlier = Path(f"{temporary}.earlier")
        try:
            directory.rename(earlier)
            # Asked now that nothing more can come into it under its name.
            if not may_replace(earlier):
                raise OSError(errno.ENOTEMPTY, "something else is in it by now", str(directory))
            made.rename(directory)
        finally:
            if directory.exists() and not made.exists():
                _remove(earlier)
            elif earlier.exists():
                _give_back(earlier, directory)


def _beginning(path: Path) -> str:
    """As much of a name as leaves room for more, of the 255 bytes that a name may have."""
    return os.fsdecode(os.fsencode(path.name)[:200])


def _remove(folder: Path) -> None:
    """Remove a folder whole, even where a signal comes in between."""
    try:
        shutil.rmtree(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _give_back(earlier: Path, directory: Path) -> None:
    try:
        earlier.rename(directory)
    except OSError as error:
        reason = f"{error.strerror or error}; what was there is kept as {earlier}"
        raise OSError(error.errno, reason, str(directory)) from error
