"""Every request gets an answer in the one shape, also when the service stops before it is ready."""

import asyncio
import json
from typing import Any

import pytest

from xray.serve.watch import Watch


def scope() -> dict[str, Any]:
    return {"type": "http", "method": "POST", "path": "/predict", "headers": [], "query_string": b"", "state": {}}


async def nothing() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def cancelled(begins: bool) -> tuple[list[dict[str, Any]], asyncio.Task[None]]:
    """What is sent by a request that is cancelled while it is worked on."""
    sent: list[dict[str, Any]] = []
    at_work = asyncio.Event()

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        if begins:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        at_work.set()
        await asyncio.sleep(60)

    async def send(message: Any) -> None:
        sent.append(message)

    watch = Watch(app, "0123456789ab", 1000, lambda record: None)
    task = asyncio.create_task(watch(scope(), nothing, send))
    await at_work.wait()
    task.cancel()
    await asyncio.wait([task], timeout=5)
    return sent, task


def test_who_is_not_answered_when_the_service_stops_is_told_to_come_again() -> None:
    sent, _ = asyncio.run(cancelled(begins=False))
    assert sent[0]["status"] == 503
    assert b"retry-after" in dict(sent[0]["headers"])
    told = json.loads(sent[1]["body"])
    assert told["error"]["code"] == "stopped"
    assert told["model_version"] == "0123456789ab"


def test_an_answer_that_has_begun_is_not_begun_again() -> None:
    sent, task = asyncio.run(cancelled(begins=True))
    assert [message["type"] for message in sent] == ["http.response.start"]
    assert task.cancelled()


def test_a_rejection_that_is_held_back_when_the_service_stops_is_given_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("xray.serve.watch.DRAIN_SECONDS", 0.2)
    sent: list[dict[str, Any]] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 413, "headers": []})

    async def endless() -> dict[str, Any]:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"a", "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    async def run() -> None:
        sending = scope() | {"headers": [(b"content-length", b"1000000")]}
        task = asyncio.create_task(Watch(app, "v", 10**6, lambda record: None)(sending, endless, send))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait([task], timeout=5)

    asyncio.run(run())
    assert [message.get("status") for message in sent] == [503, None]


@pytest.mark.parametrize("begins", [False, True])
def test_the_end_is_recorded(begins: bool) -> None:
    ended = []

    async def run() -> None:
        async def app(_scope: Any, _receive: Any, send: Any) -> None:
            if begins:
                await send({"type": "http.response.start", "status": 200, "headers": []})
            await asyncio.sleep(60)

        async def send(message: Any) -> None:
            return None

        task = asyncio.create_task(Watch(app, "v", 1000, ended.append)(scope(), nothing, send))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task], timeout=5)

    asyncio.run(run())
    assert [record.code for record in ended] == ["stopped"]
