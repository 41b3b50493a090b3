"""What this process may use of the processor."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def usable_cores(control_groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Number of cores that this process may use, at least 1.

    In a container that is often less than the machine has: cores may be withheld (the process's affinity) or only their
    time (the quota of its control group).

    Args:
        control_groups: Where Linux shows the process's control group, of version 1 or 2.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(control_groups)
    return cores if quota is None else max(1, min(cores, int(quota)))


def map_in_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Apply a function in threads, one for each usable core; results come in the order of the items.

    Unlike `Executor.map` it runs only a little ahead of who takes the results, so memory does not grow with their
    number, and it stops soon when nobody takes any more.
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


def _quota(control_groups: Path) -> float | None:
    """Cores' worth of time that the control group grants; None where it sets no limit."""
    version_1 = control_groups / "cpu"
    try:
        if (control_groups / "cpu.max").exists():
            quota, period = (control_groups / "cpu.max").read_text().split()
        else:
            quota, period = ((version_1 / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
    except (OSError, ValueError):
        return None
    return None if quota == "max" or int(quota) <= 0 else int(quota) / int(period)
