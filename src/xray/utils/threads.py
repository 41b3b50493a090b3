"""Map a function in threads, in order and with bounded memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from xray.utils.hardware import usable_cores

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Apply a function in threads, one per usable core; results come in the order of the items.

    Unlike `Executor.map` it works only a few items ahead of the consumer, so memory does not grow with their number,
    and it stops when the generator is closed.
    """
    cores = usable_cores()
    remaining = iter(items)
    with ThreadPoolExecutor(cores) as pool:
        ahead: deque[Future[Result]] = deque(pool.submit(function, item) for item in islice(remaining, 8 * cores))
        try:
            while ahead:
                result = ahead.popleft().result()
                ahead.extend(pool.submit(function, item) for item in islice(remaining, 1))
                yield result
        finally:
            pool.shutdown(cancel_futures=True)
