"""Make the output folder of a comparison."""

from contextlib import suppress
from pathlib import Path

from xray.utils.errors import UserError
from xray.utils.files import check_new_folder

COMPARISONS = Path("logs/comparisons")
"""Not listed among the runs, as a run has a config.yaml."""


def claim_folder(out: Path | None) -> Path:
    """Make the folder of a new comparison; concurrent processes get different default folders.

    Args:
        out: A new or empty folder; by default the next free `comparison_N`.

    Raises:
        UserError: The folder is not empty or cannot be written.
    """
    if out is not None:
        check_new_folder(out)
        _make_folder(out)
        return out
    taken = [folder.name.removeprefix("comparison_") for folder in COMPARISONS.glob("comparison_*")]
    number = max((int(name) for name in taken if name.isdecimal()), default=-1) + 1
    while not _make_folder(COMPARISONS / f"comparison_{number}"):
        number += 1
    return COMPARISONS / f"comparison_{number}"


def release_folder(folder: Path) -> None:
    """Remove a folder if nothing was written to it."""
    with suppress(OSError):
        folder.rmdir()


def _make_folder(folder: Path) -> bool:
    """Make a folder; return False if it exists."""
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        return False
    except OSError as error:
        raise UserError(f"{folder} cannot be created ({error.strerror}): name another folder with --out.") from error
    return True
