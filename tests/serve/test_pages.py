"""The files of the page as they are sent; no browser needed."""

import re

import pytest
from starlette.testclient import TestClient

from xray import NOTICE
from xray.serve.pages import FOLDER


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/", "text/html"),
        ("/page/page.js", "text/javascript"),
        ("/page/page.css", "text/css"),
        ("/page/icon.svg", "image/svg+xml"),
        ("/page/scale.png", "image/png"),
    ],
)
def test_the_page_and_its_files_are_sent(client: TestClient, path: str, media_type: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(media_type)
    assert "script-src 'self'" in answer.headers["content-security-policy"]


def test_the_page_states_its_limits_without_scripts(client: TestClient) -> None:
    assert NOTICE in client.get("/").text


@pytest.mark.parametrize("path", ["/page/none.js", "/page/..%2fapp.py", "/page/"])
def test_nothing_else_is_sent(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_page_names_no_address_and_writes_nothing_inline() -> None:
    for file in (FOLDER / "page.html", *FOLDER.glob("page/*")):
        text = file.read_text("utf-8")
        assert not re.search(r"(?<!xmlns=\")https?://|//cdn|@import", text), file.name
        assert not re.search(r"<style|<script>|\sstyle=|\son[a-z]+=|localStorage|sessionStorage|indexedDB", text), (
            file.name
        )
