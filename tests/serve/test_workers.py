"""Uploads are decoded in processes that may be killed without harm to the service."""

import asyncio
import io
import os
import signal

import numpy as np
import pytest

from tests.serve.fakes import encode, grey
from xray.data.decode.image import load_image
from xray.serve import workers
from xray.serve.errors import BadFileError
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
def test_a_file_that_cannot_be_used_raises(pool, data, status, code):
    with pytest.raises(BadFileError) as raised:
        decode(pool, data)
    assert (raised.value.status, raised.value.code) == (status, code)


def test_a_worker_killed_while_idle_is_replaced(pool):
    (killed,) = pool.process_ids()
    os.kill(killed, signal.SIGKILL)
    # Reaped by nobody else: waiting for it makes sure that it is dead.
    pool._workers[0].process.join(10)
    assert decode(pool, grey(0)).image.shape == (32, 32)
    assert pool.process_ids() != [killed]


def test_a_worker_that_cannot_be_replaced_at_once_is_replaced_later(monkeypatch):
    pool = WorkerPool(1)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(workers, "_Worker", lambda: (_ for _ in ()).throw(OSError("no process")))
            os.kill(pool.process_ids()[0], signal.SIGKILL)
            with pytest.raises(OSError, match="no process"):
                decode(pool, grey(0))
        assert decode(pool, grey(0)).image.shape == (32, 32)
    finally:
        pool.close()


def test_more_memory_than_the_limit_fails_one_file(pool):
    # 400 megapixels in colour take more than the limit; the bytes of the file are few.
    data = encode(np.zeros((20_000, 20_000, 3), np.uint8))
    with pytest.raises(BadFileError) as raised:
        decode(pool, data, max_pixels=500_000_000)
    assert raised.value.code == "too_costly"
    assert decode(pool, grey(0)).image.shape == (32, 32)


def hang(connection):
    connection.send(True)
    connection.recv()
    signal.pause()


def test_a_worker_that_hangs_is_killed(monkeypatch):
    monkeypatch.setattr(workers, "SECONDS", 0.1)
    monkeypatch.setattr(workers, "_work", hang)
    pool = WorkerPool(1)
    try:
        with pytest.raises(BadFileError) as raised:
            decode(pool, grey(0))
        assert raised.value.code == "too_costly"
    finally:
        pool.close()


def test_closing_ends_the_workers():
    pool = WorkerPool(2)
    processes = [worker.process for worker in pool._workers]
    pool.close()
    assert not any(process.is_alive() for process in processes)
