"""Mapping in threads: order, bounded look-ahead, errors."""

import threading

import pytest

from xray.utils.hardware import usable_cores
from xray.utils.threads import map_in_threads


@pytest.mark.parametrize("count", [0, 1, 200])
def test_results_have_the_order_of_the_items(count):
    assert list(map_in_threads(lambda item: item * 2, range(count))) == [item * 2 for item in range(count)]


def test_slow_items_do_not_change_the_order():
    second_done = threading.Event()

    def first_waits(item):
        if item == 0 and usable_cores() > 1:
            assert second_done.wait(10)
        if item == 1:
            second_done.set()
        return item

    assert list(map_in_threads(first_waits, range(50))) == list(range(50))


def test_works_only_a_few_items_ahead():
    started = []
    results = map_in_threads(lambda item: started.append(item), range(10_000))
    for _ in range(100):
        next(results)
    results.close()  # waits for the items that have been submitted
    assert len(started) <= 100 + 16 * usable_cores()


def test_stops_when_the_generator_is_closed():
    before = threading.enumerate()
    started = []
    results = map_in_threads(lambda item: started.append(item), range(10_000))
    next(results)
    results.close()
    assert len(started) < 1000
    assert not [thread for thread in threading.enumerate() if thread not in before]


def test_exception_is_raised_with_its_result():
    def fail(item):
        if item == 5:
            raise RuntimeError("five")
        return item

    results = map_in_threads(fail, range(10))
    assert [next(results) for _ in range(5)] == list(range(5))
    with pytest.raises(RuntimeError, match="five"):
        next(results)


def test_runs_in_other_threads():
    names = set(map_in_threads(lambda _: threading.current_thread().name, range(20)))
    assert threading.current_thread().name not in names
