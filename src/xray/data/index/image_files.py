"""List the images that a user names one by one or by their folders."""

import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from xray.data.decode.pillow import READABLE_FORMATS
from xray.data.index.walk import FoundImages, describe_left_out, walk_images
from xray.utils.errors import UserError
from xray.utils.text import printable


def find_images(paths: Sequence[Path]) -> list[Path]:
    """List the given image files and the images in the given folders, each once, in the order given.

    Files that are passed over in the folders, and folders without an image, are named in a note on standard error.

    Raises:
        UserError: A path does not exist, or there is no image at all.
    """
    images: dict[str, Path] = {}
    left_out: Counter[str] = Counter()
    empty = []
    for path in paths:
        if not path.exists():
            raise UserError(f"{path} does not exist: give image files, or folders of {READABLE_FORMATS}.")
        if not path.is_file() and not path.is_dir():
            raise UserError(f"{path} is neither a file nor a folder: give image files, or their folders.")
        found = walk_images(path) if path.is_dir() else FoundImages([], Counter())
        left_out += found.left_out
        if path.is_dir() and not found.names:
            empty.append(path)
        for image in [path / name for name in found.names] if path.is_dir() else [path]:
            images.setdefault(os.path.abspath(image), image)  # noqa: PTH100 - without resolving links
    others = f"left out {describe_left_out(left_out)}" if left_out else ""
    if not images:
        where = ", ".join(map(str, paths)) or "no path"
        raise UserError(
            f"No {READABLE_FORMATS} in {where}{others and f' ({others})'}: give image files or their folders."
        )
    for path in empty:
        print(f"Note: There is no image in {printable(str(path))}.", file=sys.stderr)
    if others:
        print(f"Note: L{others[1:]}.", file=sys.stderr)
    return list(images.values())
