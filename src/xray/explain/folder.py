"""The output folder of explanations: file names, table, and when it may be replaced."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from xray.utils.errors import UserError
from xray.utils.files import check_new_folder, why_not_writable, write_whole
from xray.utils.text import printable, shortened

TABLE: Final = "explanations.csv"
COLUMNS: Final = ("picture", "path", "logit", "probability", "threshold", "decision")
MAX_STEM: Final = 60
"""Characters of the image name kept in the PNG name; at four bytes each, within the 255 bytes of a file name."""


def check_out(out: Path) -> None:
    """Check that the output folder is new, empty or holds only earlier explanations.

    Raises:
        UserError: It holds other files, or cannot be written.
    """
    if out.is_symlink():
        raise UserError(f"--out {out} is a symbolic link and cannot be replaced: give the folder itself.")
    if out.is_dir() and any(out.iterdir()):
        if not holds_earlier(out):
            raise UserError(
                f"--out {out} holds files other than earlier explanations and is not overwritten: choose a new folder."
            )
        if out.is_mount() or out.absolute() == Path.cwd():
            raise UserError(f"--out {out} is in use as a mount point or working folder: choose a folder inside it.")
        if reason := why_not_writable(out / TABLE) or why_not_writable(out):
            raise UserError(f"--out {out} cannot be replaced ({reason}): choose another folder.")
    else:
        check_new_folder(out)


def holds_earlier(out: Path) -> bool:
    """Return whether a folder holds nothing or only earlier explanations, so that it may be replaced."""
    return _earlier(out) == {entry.name for entry in out.iterdir()}


def write_table(path: Path, rows: Iterable[Sequence[str | float]]) -> None:
    """Write the table of explanations.

    Args:
        path: The file.
        rows: Values of `COLUMNS`; numbers keep every digit.
    """
    with write_whole(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([value if isinstance(value, str) else repr(float(value)) for value in row] for row in rows)


def picture_names(paths: Sequence[Path]) -> list[str]:
    """Return a unique PNG name for each image.

    `a.jpeg` gets `a.png`, the next image of that name `a-2.png`. Case is ignored, as some file systems ignore it.
    """
    taken: set[str] = set()
    names = []
    for path in paths:
        stem = shortened(printable(path.stem).replace("\\", "_"), MAX_STEM)
        name, number = f"{stem}.png", 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}.png"
        taken.add(name.casefold())
        names.append(name)
    return names


def _earlier(out: Path) -> set[str]:
    """Return the names of earlier explanations in a folder: the table, and the PNGs that it lists and that exist."""
    try:
        with (out / TABLE).open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            header, *rows = csv.reader(file)
    except (OSError, ValueError, csv.Error):
        return set()
    if tuple(header) != COLUMNS:
        return set()
    listed = {row[0] for row in rows if row and Path(row[0]).name == row[0]}
    return {TABLE} | {name for name in listed if name.endswith(".png") and (out / name).is_file()}
