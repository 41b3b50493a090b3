"""Images of several requests in one pass through the network."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

import numpy as np

from xray.data.decode.image import GreyImage
from xray.predictor.base import Images

Result = TypeVar("Result")


class Batcher(Generic[Result]):
    """Collects the images that arrive while the network is busy; for one event loop.

    There is no waiting time: an image that finds the network idle is computed at once, and batches grow by themselves
    under load, up to `most`. So a single request is never delayed, and there is nothing to tune.

    Args:
        work: From images of shape (images, size, size) to one result each; runs in a thread of its own.
        most: Images in a batch.
        observe: Told the size of each batch.
    """

    def __init__(
        self, work: Callable[[Images], Sequence[Result]], most: int, observe: Callable[[int], None] = lambda _: None
    ) -> None:
        self._work = work
        self._most = most
        self._observe = observe
        self._waiting: deque[tuple[GreyImage, asyncio.Future[Result]]] = deque()
        self._running: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "network")

    @property
    def waiting(self) -> int:
        """Images that no batch has taken yet."""
        return len(self._waiting)

    async def submit(self, image: GreyImage) -> Result:
        """The result for one image; whatever `work` raises is raised here. Cancelled images are left out of batches."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((image, future))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await future

    def close(self) -> None:
        """Let the thread end; a batch under way is finished."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _run(self) -> None:
        try:
            while batch := self._next():
                self._observe(len(batch))
                images = np.stack([image for image, _ in batch])
                try:
                    results = await asyncio.get_running_loop().run_in_executor(self._thread, self._work, images)
                except Exception as error:  # noqa: BLE001 - belongs to those who wait, not to this task
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
        while self._waiting and len(batch) < self._most:
            image, future = self._waiting.popleft()
            if not future.done():
                batch.append((image, future))
        return batch
