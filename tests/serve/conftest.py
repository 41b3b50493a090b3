"""The service without a network, in a process of its own, and in a browser."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from tests.serve.client import client_of
from tests.serve.processes import Start, starting

if TYPE_CHECKING:
    from tests.serve.browser import Server, Visit


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with client_of() as client:
        yield client


@pytest.fixture
def start() -> Iterator[Start]:
    with starting() as start:
        yield start


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    # Imported late, here and below: without playwright only the tests of the page are left out.
    from playwright.sync_api import sync_playwright

    from tests.serve.browser import ARGUMENTS, CHROMIUM

    if CHROMIUM is None:
        pytest.skip("there is no chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server() -> Iterator["Server"]:
    from tests.serve.browser import serving

    with serving() as server:
        yield server


@pytest.fixture
def visit(browser: Any) -> Iterator["Visit"]:
    """Return a function that opens a server's page; at the end check that it contacted only the server."""
    from tests.serve.browser import is_inside

    opened: list[tuple[Any, Server, list[str], list[str]]] = []

    def begin(server: "Server", width: int = 1280, height: int = 900, **settings: Any) -> Any:
        page = browser.new_context(viewport={"width": width, "height": height}, **settings).new_page()
        page.set_default_timeout(8000)
        asked: list[str] = []
        faults: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
        opened.append((page, server, asked, faults))
        page.goto(server.url)
        return page

    yield begin
    for page, server, asked, faults in opened:
        page.context.close()
        assert asked
        assert [url for url in asked if not is_inside(url, server)] == []
        assert faults == []
