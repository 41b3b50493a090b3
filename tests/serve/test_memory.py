"""Free memory goes back, for as long as the service runs and no longer."""

import asyncio
import platform

import pytest

from xray.serve import memory


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has the function")
def test_the_c_library_gives_memory_back():
    trim = memory.trimmer()
    assert trim is not None
    assert trim() in {0, 1}


def test_it_goes_on_until_it_is_cancelled(monkeypatch):
    calls = []
    monkeypatch.setattr(memory, "SECONDS", 0.001)
    monkeypatch.setattr(memory, "trimmer", lambda: lambda: calls.append(1))

    async def run():
        task = asyncio.create_task(memory.give_back_memory())
        while len(calls) < 3:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asyncio.wait_for(run(), 10))
    assert len(calls) >= 3


def test_where_there_is_no_such_function_it_ends_at_once(monkeypatch):
    monkeypatch.setattr(memory, "trimmer", lambda: None)
    asyncio.run(asyncio.wait_for(memory.give_back_memory(), 1))
