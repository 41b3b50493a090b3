"""SIGTERM as an exception, so that a command that is told to end leaves nothing half done behind."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(BaseException):
    """The process was told to end; no error, hence not caught as one."""


@contextmanager
def ending_on_sigterm() -> Iterator[None]:
    """Raise `Terminated` where SIGTERM finds the main thread; afterwards SIGTERM is what it was before.

    For commands without Lightning, which has its own way.
    """
    if threading.current_thread() is not threading.main_thread():  # where Python takes no handlers
        yield
        return
    previous = signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _raise(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # told once more, it would not clean up
    raise Terminated
