"""How much may be under way at a time."""

from collections.abc import Iterator
from contextlib import contextmanager

from xray.serve.errors import busy


class Admission:
    """Bounds the requests under way and the memory that they hold; for one event loop.

    Args:
        requests: Requests at a time.
        held_bytes: Bytes of their bodies at a time.
    """

    def __init__(self, requests: int, held_bytes: int) -> None:
        self.requests = requests
        self.free_bytes = held_bytes
        self.under_way = 0

    @contextmanager
    def admit(self) -> Iterator["Hold"]:
        """Let one request in, for as long as the context lasts.

        Raises:
            ApiError: 503, there is no room.
        """
        if self.under_way >= self.requests:
            raise busy(f"{self.requests} requests are under way already; ask again in a moment.")
        self.under_way += 1
        hold = Hold(self)
        try:
            yield hold
        finally:
            self.under_way -= 1
            self.free_bytes += hold.taken


class Hold:
    """Room in memory that one request takes."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self.taken = 0

    def take(self, count: int) -> None:
        """Take so many bytes more.

        Raises:
            ApiError: 503, there is no room.
        """
        if count > self._admission.free_bytes:
            raise busy("The requests under way fill the memory set aside for them; ask again in a moment.")
        self._admission.free_bytes -= count
        self.taken += count
