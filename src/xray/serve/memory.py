"""Memory that is free again goes back to the system."""

import asyncio
import ctypes
from collections.abc import Callable

SECONDS = 2.0
"""From one return to the next; each takes some milliseconds."""


def trimmer() -> Callable[[], object] | None:
    """What gives the C library's free memory back to the system; None where the library has no such function."""
    # glibc keeps what a burst has freed, in an arena of each thread, and hardly ever gives it back by itself: decoding
    # images of all sizes in threads, a service would seem to grow for hours.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return None if trim is None else lambda: trim(0)


async def give_back_memory() -> None:
    """Give free memory back again and again, until cancelled."""
    trim = trimmer()
    while trim is not None:
        await asyncio.sleep(SECONDS)
        # Outside Python's lock, which ctypes releases.
        await asyncio.to_thread(trim)
