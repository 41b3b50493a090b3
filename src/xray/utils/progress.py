"""A bar for work that takes its time."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track

Item = TypeVar("Item")

QUICK = 500
"""So few items are done before a line about them is read."""


def shown(items: Iterable[Item], what: str, total: int) -> Iterator[Item]:
    """Pass the items on, with a bar on a terminal, or one line in a log, on standard error.

    Args:
        items: What the work yields.
        what: Says what is being done.
        total: Number of items.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        if total > QUICK:
            print(f"{what}: {total:,}", file=sys.stderr, flush=True)
        yield from items
    elif total:
        yield from track(items, what, total, transient=True, console=console)
