"""The command cache."""

from pathlib import Path
from typing import Literal


def cache(action: Literal["list", "clean"], cache_dir: Path = Path("data/.cache")) -> None:
    """Show what the decoded images take on the disk, or free it; the next run decodes anew.

    Args:
        action: What to do.
        cache_dir: The folder that runs name by data.cache_dir.

    Raises:
        UserError: It cannot be read or removed.
    """
    from xray.data.cache.admin import list_caches, remove_caches
    from xray.data.cache.sqlite import CacheUnavailableError
    from xray.utils.errors import UserError

    try:
        if action == "clean":
            print(f"Freed {remove_caches(cache_dir) / 1e6:,.1f} MB in {cache_dir}")
            return
        for found in list_caches(cache_dir):
            print(f"{found.images:>9,} images {found.bytes / 1e6:>10,.1f} MB  {found.name}")
        if not cache_dir.exists():
            print(f"No cache in {cache_dir}")
    except CacheUnavailableError as error:
        mend = "remove this one by hand" if action == "clean" else "free this one with 'python -m xray cache clean'"
        raise UserError(f"{error}: name another folder with --cache_dir DIR, or {mend}.") from error
