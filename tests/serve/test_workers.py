"""Uploads are decoded in processes that may be killed without harm to the service."""

import asyncio
import io
import multiprocessing
import resource
import signal

import numpy as np
import pytest

from tests.serve.fakes import die, encode, grey, png_of_size
from xray.data.decode.image import load_image
from xray.serve import workers
from xray.serve.errors import FileFault
from xray.serve.workers import Job, WorkerPool


@pytest.fixture(scope="module")
def pool():
    pool = WorkerPool(1)
    yield pool
    pool.close()


def decode(pool, data, **changes):
    job = {"data": data, "size": 32, "rule": "stretch", "max_pixels": 100 * 100} | changes
    return asyncio.run(pool.decode(Job(**job)))


def test_an_image_is_decoded_as_in_training(pool):
    data = encode(np.random.default_rng(0).integers(0, 256, (60, 80), np.uint8), "JPEG")
    np.testing.assert_array_equal(decode(pool, data).image, load_image(io.BytesIO(data), 32, "stretch"))
    assert decode(pool, data).preview is None


def test_a_preview_keeps_the_proportions(pool):
    assert decode(pool, grey(9, 40, 80), preview_side=20).preview.shape == (10, 20)


@pytest.mark.parametrize(
    ("data", "status", "code"), [(grey(0, 101, 100), 413, "too_many_pixels"), (grey(0)[:50], 422, "unreadable")]
)
def test_a_file_that_cannot_be_used_has_a_fault(pool, data, status, code):
    fault = decode(pool, data)
    assert isinstance(fault, FileFault)
    assert (fault.status, fault.code) == (status, code)


def test_a_worker_killed_while_idle_is_replaced(pool):
    for process in multiprocessing.active_children():
        process.kill()
        process.join(10)
    assert decode(pool, grey(0)).image.shape == (32, 32)


def test_a_replacement_that_dies_at_its_start_is_replaced_by_the_next_job(pool):
    (process,) = multiprocessing.active_children()
    process.kill()
    process.join(10)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "_work", die)
        for _ in range(2):
            with pytest.raises(EOFError):
                decode(pool, grey(0))
    assert decode(pool, grey(0)).image.shape == (32, 32)


def test_more_memory_than_the_limit_fails_one_file(pool):
    assert decode(pool, png_of_size(45_000, 45_000), max_pixels=3 * 10**9).code == "too_costly"
    assert decode(pool, grey(0)).image.shape == (32, 32)


def work_within_hard_limits(connection):
    resource.setrlimit(resource.RLIMIT_CPU, (3600, 3600))
    resource.setrlimit(resource.RLIMIT_DATA, (10**9, 10**9))
    workers._work(connection)


def test_hard_limits_are_kept(monkeypatch):
    before = set(multiprocessing.active_children())
    monkeypatch.setattr(workers, "_work", work_within_hard_limits)
    pool = WorkerPool(1)
    try:
        (worker,) = set(multiprocessing.active_children()) - before
        assert decode(pool, grey(0)).image.shape == (32, 32)
        soft, hard = resource.prlimit(worker.pid, resource.RLIMIT_CPU)
        assert soft < hard == 3600
        assert resource.prlimit(worker.pid, resource.RLIMIT_DATA) == (10**9, 10**9)
    finally:
        pool.close()


def hang(connection):
    connection.send(True)
    connection.recv()
    signal.pause()


def test_a_worker_that_hangs_is_killed(monkeypatch):
    monkeypatch.setattr(workers, "SECONDS", 0.1)
    monkeypatch.setattr(workers, "_work", hang)
    pool = WorkerPool(1)
    try:
        assert decode(pool, grey(0)).code == "too_costly"
    finally:
        pool.close()


def test_closing_ends_the_workers():
    before = set(multiprocessing.active_children())
    pool = WorkerPool(1)
    (worker,) = set(multiprocessing.active_children()) - before
    pool.close()
    assert not worker.is_alive()
