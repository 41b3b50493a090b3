"""The files of the page as they are sent; no browser needed."""

import re

from starlette.testclient import TestClient

from tests.serve.fakes import FakePredictor
from xray.serve.app import make_app
from xray.serve.pages import read_assets


def test_files_of_the_page_are_asked_about_each_time_and_sent_once() -> None:
    with TestClient(make_app(FakePredictor())) as client:
        for path, kind in (
            ("/", "text/html; charset=utf-8"),
            ("/page/page.js", "text/javascript; charset=utf-8"),
            ("/page/page.css", "text/css; charset=utf-8"),
            ("/page/icon.svg", "image/svg+xml"),
            ("/page/scale.png", "image/png"),
        ):
            first = client.get(path)
            assert (first.status_code, first.headers["content-type"]) == (200, kind)
            assert first.headers["cache-control"] == "no-cache"
            assert "script-src 'self'" in first.headers["content-security-policy"]
            again = client.get(path, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
            assert (again.status_code, again.content) == (304, b"")
            assert client.get(path, headers={"If-None-Match": '"other"'}).content == first.content
            assert client.head(path).headers["etag"] == first.headers["etag"]
        assert client.get("/page/none.js").status_code == 404
        assert client.get("/page/index.html").status_code == 404
        assert client.get("/page/..%2fapp.py").status_code == 404
        assert "/page/{name}" not in client.get("/openapi.json").text


def test_the_page_names_no_address_and_writes_nothing_inline() -> None:
    for name, asset in read_assets().items():
        text = asset.content.decode()
        assert not re.search(r"(?<!xmlns=\")https?://|//cdn|@import", text), name
        assert not re.search(r"<style|<script>|\sstyle=|\son[a-z]+=|localStorage|sessionStorage|indexedDB", text), name
