"""The command `cache`: show or delete the decoded images."""

from pathlib import Path
from typing import Literal


def cache(action: Literal["list", "clean"], cache_dir: Path = Path("data/.cache")) -> None:
    """Show the disk space of decoded images, or free it; the next run decodes them again.

    Args:
        action: list shows the caches, clean deletes them.
        cache_dir: The folder in data.cache_dir of the runs.

    Raises:
        UserError: The cache cannot be read or removed.
    """
    from xray.data.cache.admin import list_caches, remove_caches
    from xray.data.cache.sqlite import CacheUnavailableError
    from xray.utils.errors import UserError

    if not cache_dir.exists():
        print(f"No cache in {cache_dir}")
        return
    try:
        if action == "clean":
            print(f"Freed {remove_caches(cache_dir) / 1e6:,.1f} MB in {cache_dir}")
            return
        for entry in list_caches(cache_dir):
            print(f"{entry.images:>9,} images {entry.bytes / 1e6:>10,.1f} MB  {entry.name}")
    except CacheUnavailableError as error:
        fix = "delete this one by hand" if action == "clean" else "free this one with 'python -m xray cache clean'"
        raise UserError(f"{error}: give another folder with --cache_dir DIR, or {fix}.") from error
