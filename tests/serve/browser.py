"""The real application on a free port, opened in Debian's Chromium."""

import contextlib
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from fastapi import FastAPI

from tests.serve.fakes import FakePredictor, grey
from xray.serve.app import make_app
from xray.serve.settings import Settings

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
Visit = Callable[..., Any]
SENTENCE = "Probability of PNEUMONIA 0.87, above the threshold 0.40: predicted PNEUMONIA."
"""Prediction of `image(250)` on the page."""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


class Server:
    """An application that can be stopped and started again at the same address."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        config = uvicorn.Config(
            self.app, port=self.port, log_config=None, lifespan="on", timeout_graceful_shutdown=1, ws="none"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the server did not start"
            self._thread.join(0.01)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive()


@contextlib.contextmanager
def serving(token: str | None = None, **changes: Any) -> Iterator[Server]:
    app = make_app(FakePredictor(**changes), Settings(token=token))
    server = Server(app)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def image(value: int, name: str = "image.png") -> Any:
    """Return an image of one grey for an upload by playwright."""
    return {"name": name, "mimeType": "image/png", "buffer": grey(value)}


def is_inside(url: str, server: Server) -> bool:
    """Whether an address is the server's, or none at all."""
    parts = urlsplit(url)
    return parts.scheme in {"data", "blob"} or parts.netloc == f"127.0.0.1:{server.port}"


def upload(page: Any, *images: Any) -> None:
    page.set_input_files("#files", list(images))


def answer_once(page: Any, path: str, **answer: Any) -> None:
    """Answer the next request for a path instead of the service."""
    page.route(f"**/{path}", lambda route: route.fulfill(**answer), times=1)


def item(page: Any, place: int) -> Any:
    return page.locator("#list label").nth(place)


def widths(page: Any) -> tuple[int, int]:
    found = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    return found[0], found[1]
