"""Progress bar for long work."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track

Item = TypeVar("Item")

MIN_LOGGED = 500
"""Work on fewer items gets no line in a log."""


def with_progress(items: Iterable[Item], description: str, total: int) -> Iterator[Item]:
    """Yield `total` items, with a progress bar on a terminal or one line in a log, on standard error.

    The description says what is being done, such as "Decoding images".
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        if total >= MIN_LOGGED:
            print(f"{description}: {total:,}", file=sys.stderr, flush=True)
        yield from items
    elif total:
        yield from track(items, description, total, transient=True, console=console)
