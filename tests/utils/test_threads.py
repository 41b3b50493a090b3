"""Work in threads keeps its order and only a small store."""

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xray.utils.hardware import usable_cores
from xray.utils.threads import map_in_threads


@given(items=st.lists(st.integers(), max_size=200))
def test_results_come_in_the_order_of_the_items(items):
    assert list(map_in_threads(lambda item: item * 2, items)) == [item * 2 for item in items]


def test_slow_items_do_not_change_the_order():
    def wait(item):
        time.sleep(0.02 if item % 7 == 0 else 0)
        return item

    assert list(map_in_threads(wait, range(50))) == list(range(50))


def test_work_runs_only_a_little_ahead_of_who_takes_the_results():
    begun = []
    results = map_in_threads(lambda item: begun.append(item), range(10_000))
    for _ in range(100):
        next(results)
    time.sleep(0.05)
    assert len(begun) <= 100 + 16 * usable_cores()
    results.close()


def test_work_stops_when_nobody_takes_any_more():
    begun = []
    results = map_in_threads(lambda item: begun.append(item), range(10_000))
    next(results)
    results.close()
    stopped_at = len(begun)
    time.sleep(0.05)
    assert len(begun) == stopped_at < 1000


def test_an_error_reaches_who_takes_the_result():
    def fail(item):
        if item == 5:
            raise RuntimeError("five")
        return item

    results = map_in_threads(fail, range(10))
    assert [next(results) for _ in range(5)] == list(range(5))
    with pytest.raises(RuntimeError, match="five"):
        next(results)


def test_other_threads_do_the_work():
    names = set(map_in_threads(lambda _: threading.current_thread().name, range(20)))
    assert threading.current_thread().name not in names
