import asyncio
import threading

import numpy as np
import pytest

from xray.data.arrays import Images
from xray.serve.batcher import Batcher


def image(value: int) -> Images:
    return np.full((2, 2), value, np.uint8)


def values(images: Images) -> list[int]:
    return images[:, 0, 0].tolist()


def test_images_that_arrive_while_the_network_is_busy_share_a_batch() -> None:
    sizes: list[int] = []
    free = threading.Event()

    def work(images: Images) -> list[int]:
        free.wait(5)
        return values(images)

    async def run() -> list[int]:
        batcher = Batcher(work, 4, sizes.append)
        first = asyncio.create_task(batcher.submit(image(0)))
        await asyncio.sleep(0.05)
        others = [asyncio.create_task(batcher.submit(image(n))) for n in range(1, 8)]
        await asyncio.sleep(0.05)
        assert batcher.waiting == 7
        free.set()
        results = await asyncio.gather(first, *others)
        assert batcher.waiting == 0
        batcher.close()
        return results

    assert asyncio.run(run()) == list(range(8))
    assert sizes == [1, 4, 3]


def test_cancelled_images_are_left_out_and_the_others_answered() -> None:
    sizes: list[int] = []
    free = threading.Event()

    def work(images: Images) -> list[int]:
        free.wait(5)
        return values(images)

    async def run() -> None:
        batcher = Batcher(work, 4, sizes.append)
        tasks = [asyncio.create_task(batcher.submit(image(0)))]
        await asyncio.sleep(0.05)
        tasks += [asyncio.create_task(batcher.submit(image(n))) for n in (1, 2, 3)]
        await asyncio.sleep(0.05)
        tasks[0].cancel()
        tasks[2].cancel()
        free.set()
        assert [await tasks[1], await tasks[3]] == [1, 3]
        batcher.close()

    asyncio.run(run())
    assert sizes == [1, 2]


def test_a_failing_batch_fails_alone() -> None:
    def work(images: Images) -> list[int]:
        if images.max() == 9:
            raise ValueError("nine")
        return values(images)

    async def run() -> None:
        batcher = Batcher(work, 4)
        with pytest.raises(ValueError, match="nine"):
            await batcher.submit(image(9))
        assert await batcher.submit(image(3)) == 3
        batcher.close()

    asyncio.run(run())
