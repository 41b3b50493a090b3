"""The output folder of explanations: file names, table, and when it may be replaced."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from xray.utils.errors import UserError
from xray.utils.files import check_new_folder, is_empty, open_atomic, why_not_writable
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
    if out.is_dir() and not is_empty(out):
        if not may_replace(out):
            raise UserError(
                f"--out {out} holds files other than earlier explanations and is not overwritten: choose a new folder."
            )
        if reason := why_not_writable(out / TABLE) or why_not_writable(out):
            raise UserError(f"--out {out} cannot be replaced ({reason}): choose another folder.")
    else:
        check_new_folder(out)


def may_replace(out: Path) -> bool:
    """Return whether a folder holds nothing but earlier explanations: the table, and the PNG files that it lists."""
    if is_empty(out):
        return True
    try:
        with (out / TABLE).open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            header, *rows = csv.reader(file)
    except (OSError, ValueError, csv.Error):
        return False
    pictures = {row[0] for row in rows if row and row[0].endswith(".png")}
    return tuple(header) == COLUMNS and {entry.name for entry in out.iterdir()} <= {TABLE, *pictures}


def write_table(path: Path, rows: Iterable[Sequence[str | float]]) -> None:
    """Write the table of explanations.

    Args:
        path: The file.
        rows: Values of `COLUMNS`; numbers keep every digit.
    """
    with open_atomic(path) as file:
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
