"""Batch images of several requests into one pass through the network."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

import numpy as np

from xray.data.arrays import GreyImage, Images

Result = TypeVar("Result")


class Batcher(Generic[Result]):
    """Batches the images that arrive while the network is busy; for one event loop.

    There is no waiting time: an image is computed at once if the network is idle, and batches grow under load, up to
    `max_size`. A single request is never delayed, and there is nothing to tune.

    Args:
        work: From images of shape (images, size, size) to one result each; runs in its own thread.
        max_size: Images in a batch.
        observe: Called with the size of each batch.
    """

    def __init__(
        self, work: Callable[[Images], Sequence[Result]], max_size: int, observe: Callable[[int], None] = lambda _: None
    ) -> None:
        self._work = work
        self._max_size = max_size
        self._observe = observe
        self._waiting: deque[tuple[GreyImage, asyncio.Future[Result]]] = deque()
        self._running: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "network")

    @property
    def waiting(self) -> int:
        """Number of images that are in no batch yet."""
        return len(self._waiting)

    async def submit(self, image: GreyImage) -> Result:
        """Return the result for one image; errors of `work` are raised here. Cancelled images are left out."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((image, future))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await future

    def close(self) -> None:
        """End the thread after the current batch."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self) -> None:
        try:
            while batch := self._next():
                self._observe(len(batch))
                images = np.stack([image for image, _ in batch])
                try:
                    results = await asyncio.get_running_loop().run_in_executor(self._thread, self._work, images)
                except Exception as error:  # noqa: BLE001 - raised where the images were submitted
                    for _, future in batch:
                        if not future.done():
                            future.set_exception(error)
                else:
                    for (_, future), result in zip(batch, results, strict=True):
                        if not future.done():
                            future.set_result(result)
        finally:
            self._running = None

    def _next(self) -> list[tuple[GreyImage, asyncio.Future[Result]]]:
        batch: list[tuple[GreyImage, asyncio.Future[Result]]] = []
        while self._waiting and len(batch) < self._max_size:
            image, future = self._waiting.popleft()
            if not future.done():
                batch.append((image, future))
        return batch
