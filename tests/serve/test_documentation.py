"""What the service says of itself, in its own description and in `docs/serving.md`, and what it does."""

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.serve.asking import assert_error, client_of, send
from tests.serve.fakes import grey
from xray.serve.errors import CODES, MEANINGS

DOCS = (Path(__file__).parents[2] / "docs" / "serving.md").read_text("utf-8")
FOR_IMAGES = ("/predict", "/explain")
PATHS = ("/", "/page/page.js", *FOR_IMAGES, "/model", "/metrics", "/health", "/ready", "/docs", "/openapi.json")


def test_documentation_needs_no_other_address(client: TestClient) -> None:
    page = client.get("/docs")
    assert "http" not in page.text
    assert "script" not in page.text
    for word in ("/predict", "/explain", "Explained", "caveat"):
        assert word in page.text
    body = client.get("/openapi.json").json()["paths"]["/predict"]["post"]["requestBody"]
    assert body["content"]["multipart/form-data"]["schema"]["required"] == ["files"]


def test_code_in_descriptions_is_shown_as_code(client: TestClient) -> None:
    page = client.get("/docs").text
    assert "in the field <code>files</code>." in page
    assert "`" not in page


def test_each_status_stands_in_the_docs(client: TestClient) -> None:
    table = re.findall(r"^\| (\d{3}) \|", DOCS, re.MULTILINE)
    assert table == sorted(map(str, CODES))
    assert CODES.keys() == MEANINGS.keys()
    described = {
        int(status)
        for path in client.get("/openapi.json").json()["paths"].values()
        for operation in path.values()
        for status in operation["responses"]
    }
    with client_of(token="correct-horse-battery") as guarded:
        answers = guarded.get("/openapi.json").json()["paths"]["/model"]["get"]["responses"]
    # Of what is no path, or no method of one, a description of paths and methods has no place to tell.
    assert described | set(map(int, answers)) == CODES.keys() - {404, 405} | {200}


def test_each_series_stands_in_the_docs(client: TestClient) -> None:
    send(client, grey(0))
    send(client, b"")
    table = [line.partition(" |")[0] for line in DOCS.splitlines() if line.startswith("| `")]
    listed = {name for cell in table for name in re.findall(r"`([a-z_]+)[`{]", cell)}
    series = set(re.findall(r"^# TYPE (\w+)", client.get("/metrics").text, re.MULTILINE))
    assert len(series) > 20
    since = {name for name in series if name.endswith("_created")}
    assert since
    assert series - since <= listed
    assert "| `..._created`" in DOCS
    assert all({name.removesuffix("_created"), name.replace("_created", "_total")} & listed for name in since)


@pytest.mark.parametrize("path", PATHS)
def test_allow_names_the_methods_that_a_path_takes(client: TestClient, path: str) -> None:
    allowed = {"POST"} if path in FOR_IMAGES else {"GET", "HEAD"}
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"):
        answer = client.request(method, path)
        if method in allowed:
            assert answer.status_code == (415 if method == "POST" else 200)
        else:
            assert answer.status_code == 405
            assert set(answer.headers["allow"].split(", ")) == allowed


def test_unknown_paths_and_methods(client: TestClient) -> None:
    assert_error(client.get("/nothing"), 404, "not_found")
    assert_error(client.get("/predict"), 405, "method_not_allowed")


def test_head_is_not_described(client: TestClient) -> None:
    operations = client.get("/openapi.json").json()["paths"].values()
    assert {verb for path in operations for verb in path} == {"get", "post"}
