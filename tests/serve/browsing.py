"""The real application on a port of its own, and Debian's Chromium before it."""

import contextlib
import shutil
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI

from tests.serve.fakes import FakePredictor, grey
from xray.serve.app import make_app
from xray.serve.pages import mount_page
from xray.serve.settings import Settings

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
    """An application that can go away and come back at the same address."""

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
    if not any(getattr(route, "path", None) == "/" for route in app.routes):
        mount_page(app)
    server = Server(app)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def film(value: int, name: str = "film.png") -> Any:
    """A film of one grey, as playwright uploads files."""
    return {"name": name, "mimeType": "image/png", "buffer": grey(value)}


def is_inside(url: str, server: Server) -> bool:
    """Whether an address is the server's, or none at all."""
    parts = urlsplit(url)
    return parts.scheme in {"data", "blob"} or parts.netloc == f"127.0.0.1:{server.port}"
