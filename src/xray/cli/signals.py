"""SIGTERM as an exception, so that a command that is stopped cleans up."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(BaseException):
    """The process was stopped by SIGTERM. Not an `Exception`, so that no handler of errors catches it."""


@contextmanager
def ending_on_sigterm() -> Iterator[None]:
    """Raise `Terminated` in the main thread on SIGTERM; restore the previous handler afterwards.

    In `trainer.fit`, which `lightning_handles_sigterm` excludes, Lightning ends a run after its current batch.
    """
    if threading.current_thread() is not threading.main_thread():  # only there Python allows handlers
        yield
        return
    previous = signal.signal(signal.SIGTERM, _raise)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextmanager
def lightning_handles_sigterm() -> Iterator[None]:
    """Let Lightning handle SIGTERM: beside a handler of ours, it would be interrupted while it writes a checkpoint."""
    previous = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _raise(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one would interrupt the cleaning up
    raise Terminated
