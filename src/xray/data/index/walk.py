"""Find the image files below a folder, and count what is passed over."""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from xray.data.decode.dicom.tags import HEAD_BYTES, is_dicom
from xray.data.decode.image import IMAGE_SUFFIXES
from xray.utils.errors import UserError
from xray.utils.text import count, printable

CLUTTER: Final = frozenset({"__macosx", "desktop.ini", "thumbs.db"})
"""Files and folders that operating systems add, in lower case; those with a leading dot belong to them too."""
DICOMDIR: Final = "DICOMDIR"
"""File name of the table of contents of a medium with DICOM files, which is DICOM itself."""
MAX_KINDS: Final = 6


class FoundImages(NamedTuple):
    """The images below a folder."""

    names: list[str]
    """Sorted paths below the folder, with forward slashes."""
    left_out: Counter[str]
    """Number of other files by kind, such as `.txt`."""


def walk_images(folder: Path) -> FoundImages:
    """Find all images at any depth below a folder: files with a suffix of images, and DICOM by its bytes.

    Hidden files and folders and other clutter are skipped. Links are followed, each folder once. A broken link is
    listed too, so that no image is lost silently.

    Raises:
        UserError: A folder cannot be read.
    """
    images: list[str] = []
    left_out: Counter[str] = Counter()
    visited: set[tuple[int, int]] = set()
    for current, folders, names in os.walk(folder, onerror=_reject_unreadable_folder, followlinks=True):
        status = os.stat(current)  # noqa: PTH116 - Path objects take ten times as long, here and below
        if (status.st_dev, status.st_ino) in visited:
            folders.clear()
            continue
        visited.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not is_clutter(name))
        relative = Path(current).relative_to(folder).as_posix()
        prefix = "" if relative == "." else f"{relative}/"
        for name in names:
            if is_clutter(name):
                continue
            if reason := _why_left_out(f"{current}/{name}", name):
                left_out[reason] += 1
            else:
                images.append(prefix + name)
    return FoundImages(sorted(images), left_out)


def image_names(folder: Path) -> list[str]:
    """List the images of `walk_images`."""
    return walk_images(folder).names


def is_clutter(name: str) -> bool:
    """Return whether a file or folder is one that operating systems hide or add."""
    return name.startswith(".") or name.lower() in CLUTTER


def has_image_suffix(name: str) -> bool:
    """Return whether a file is an image by its name."""
    return _suffix(name) in IMAGE_SUFFIXES


def count_images_by_name(folder: Path, class_names: Iterable[str] = ()) -> int:
    """Count the images directly in a folder and in its class folders, by names only; 0 if it cannot be read."""
    nothing: tuple[str, list[str], list[str]] = ("", [], [])
    listed = [next(os.walk(folder / part), nothing)[2] for part in (".", *class_names)]
    return sum(has_image_suffix(name) and not is_clutter(name) for names in listed for name in names)


def describe_left_out(left_out: Counter[str]) -> str:
    """Return `3 files: 2 .txt, 1 .mp4`, the most frequent kind first."""
    kinds = sorted(left_out.items(), key=lambda item: (-item[1], item[0]))
    counts = [f"{number:,} {printable(kind)}" for kind, number in kinds[:MAX_KINDS]]
    if others := left_out.total() - sum(number for _, number in kinds[:MAX_KINDS]):
        counts.append(f"{others:,} other")
    return f"{count(left_out.total(), 'file')}: {', '.join(counts)}"


def _why_left_out(path: str, name: str) -> str:
    """Return the kind of a file that is no image; empty for an image."""
    if not os.path.isfile(path) and os.path.exists(path):  # noqa: PTH110, PTH113
        return "pipe, socket or device"
    if name.upper() == DICOMDIR:
        return "DICOMDIR (a table of contents, no image)"
    return "" if has_image_suffix(name) or _is_dicom_file(path) else _suffix(name) or "without a suffix"


def _is_dicom_file(path: str) -> bool:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return is_dicom(file.read(HEAD_BYTES))
    except OSError:
        return False


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122


def _reject_unreadable_folder(error: OSError) -> None:
    # os.walk would skip the folder, and with it any images inside.
    raise UserError(f"{error.filename} cannot be read ({error.strerror}): fix its permissions, or move it elsewhere.")
