"""The folder of explanations: what its files are called, and what in it may be replaced."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from xray.utils.errors import UserError
from xray.utils.files import check_new_folder, why_not_writable, write_whole
from xray.utils.text import printable, shortened

TABLE: Final = "explanations.csv"
COLUMNS: Final = ("picture", "path", "logit", "probability", "threshold", "decision")
LONGEST: Final = 60
"""Characters of an image's name in that of its picture: with four bytes each it is still a name that disks take."""


def check_out(out: Path) -> None:
    """Reject, before any work is done, a folder that holds anything but earlier explanations.

    Raises:
        UserError: It does, or it cannot be made.
    """
    if out.is_symlink():
        raise UserError(f"--out {out} is a link, whose place a folder cannot take: name the folder itself.")
    if out.is_dir() and any(out.iterdir()):
        if not holds_earlier(out):
            raise UserError(
                f"--out {out} holds more than earlier explanations, which is left alone: name a new folder."
            )
        if out.is_mount() or out.absolute() == Path.cwd():
            raise UserError(f"--out {out} is in use as a mount point or working folder: name a folder inside it.")
        if reason := why_not_writable(out / TABLE) or why_not_writable(out):
            raise UserError(f"--out {out} cannot be replaced ({reason}): name another folder.")
    else:
        check_new_folder(out)


def holds_earlier(out: Path) -> bool:
    """Whether a folder is empty or holds earlier explanations and nothing else, so that new ones may replace it."""
    return _earlier(out) == {entry.name for entry in out.iterdir()}


def write_table(path: Path, rows: Iterable[Sequence[str | float]]) -> None:
    """Write the table of a folder.

    Args:
        path: The file.
        rows: Values of `COLUMNS`; numbers keep every digit.
    """
    with write_whole(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([value if isinstance(value, str) else repr(float(value)) for value in row] for row in rows)


def picture_names(paths: Sequence[Path]) -> list[str]:
    """A name of its own for the picture of each image, whichever folders they come from.

    Image `a.jpeg` gets `a.png`, the next one of that name `a-2.png`; where disks do not tell `A` from `a`, too.
    """
    taken: set[str] = set()
    names = []
    for path in paths:
        stem = shortened(printable(path.stem).replace("\\", "_"), LONGEST)
        name, number = f"{stem}.png", 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}.png"
        taken.add(name.casefold())
        names.append(name)
    return names


def _earlier(out: Path) -> set[str]:
    """Files of earlier explanations in a folder: the table, and the pictures that it names and that are there."""
    try:
        with (out / TABLE).open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            header, *rows = csv.reader(file)
    except (OSError, ValueError, csv.Error):
        return set()
    if tuple(header) != COLUMNS:
        return set()
    listed = {row[0] for row in rows if row and Path(row[0]).name == row[0]}
    return {TABLE} | {name for name in listed if name.endswith(".png") and (out / name).is_file()}
