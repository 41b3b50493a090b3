"""Limits, headers and errors around every request."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.serve.client import assert_error, client_of, send
from tests.serve.fakes import encode, grey
from xray.serve.errors import ERRORS
from xray.serve.responses import Result

DOCS = Path(__file__).parents[2] / "docs" / "serving.md"


def test_limits_hold_and_name_the_file() -> None:
    with client_of(files=2, file_bytes=3000, request_bytes=7000, pixels=2500) as client:
        assert send(client, grey(0), grey(1)).status_code == 200
        assert_error(send(client, grey(0), grey(1), grey(2)), 413, "too_many_files")
        error = assert_error(send(client, grey(0), b"a" * 3001), 413, "too_large")
        assert [file["index"] for file in error["files"]] == [1]
        assert_error(send(client, b"a" * 8000), 413, "too_large")
        error = assert_error(send(client, grey(0, 51, 50)), 413, "too_many_pixels")
        assert "50 x 51" in error["files"][0]["reason"]
        assert send(client, grey(0)).status_code == 200, "what was rejected is no longer counted"


def test_forms_with_other_content_are_rejected(client: TestClient) -> None:
    form = {"content-type": "multipart/form-data; boundary=b"}
    assert_error(client.post("/predict"), 422, "invalid_form")
    assert_error(client.post("/predict", json={}), 422, "invalid_form")
    error = assert_error(client.post("/predict", files={"other": grey(0)}), 422, "invalid_form")
    assert "'files'" in error["message"]
    assert_error(client.post("/predict", content=b"nothing", headers=form), 400, "bad_request")
    assert_error(client.post("/explain", files={"file": grey(0)}, data={"method": "x"}), 422, "invalid_form")


def test_more_than_starlette_takes_is_too_much_rather_than_malformed(client: TestClient) -> None:
    error = assert_error(client.post("/predict", files=[("files", ("x", b"x"))] * 1001), 413, "too_many_files")
    assert error["message"] == "More than 16 files in one request."
    for fields in ({"a": "x" * 2_000_000}, {"a": ["x"] * 1001}):
        assert_error(client.post("/predict", files={"files": grey(0)}, data=fields), 413, "too_large")


def test_an_upload_beyond_the_queue_gets_503() -> None:
    with client_of(queue=1) as client:
        client.app.state.service.load.uploads = 1  # type: ignore[attr-defined]
        answer = send(client, grey(0))
        assert_error(answer, 503, "overloaded")
        assert answer.headers["retry-after"] == "1"
        assert client.get("/health").status_code == 200


def test_the_token_is_checked_before_an_upload_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    form = {"content-type": "multipart/form-data; boundary=b"}
    with client_of(token="correct-horse-battery") as client, caplog.at_level(logging.INFO, "xray.serve"):
        for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "correct-horse-battery"}):
            assert_error(client.post("/predict", content=b"nothing", headers=form | header), 401, "unauthorized")
    kept = [record.fields["body_bytes"] for record in caplog.records if record.name == "xray.serve"]  # type: ignore[attr-defined]
    assert kept == [0, 0, 0]


def test_uploads_stay_in_memory(client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rolled: list[Any] = []
    monkeypatch.setattr("tempfile.SpooledTemporaryFile.rollover", lambda self: rolled.append(self))
    data = encode(np.random.default_rng(0).integers(0, 256, (1500, 1500), np.uint8))
    assert len(data) > 2_000_000
    assert send(client, data).status_code == 200
    assert rolled == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
def test_any_form_gets_an_answer(client: TestClient, body: bytes, kind: str) -> None:
    for content_type in (f"multipart/form-data; {kind}", "multipart/form-data; boundary=b", kind):
        for content in (body, b"--b\r\n" + body, b'--b\r\nContent-Disposition: form-data; name="files"\r\n' + body):
            answer = client.post("/predict", content=content, headers={"content-type": content_type})
            assert 400 <= answer.status_code < 500, answer.text
            assert answer.json()["error"]["message"]


def test_the_documentation_comes_from_the_service_alone(client: TestClient) -> None:
    page = client.get("/docs")
    assert "unsafe-inline" in page.headers["content-security-policy"]
    assert "http" not in page.text.replace("http://www.w3.org", "")
    assert client.get("/docs/static/swagger-ui-bundle.js").status_code == 200
    api = client.get("/openapi.json").json()
    assert any("files" in schema.get("properties", {}) for schema in api["components"]["schemas"].values())
    for path in ("/predict", "/explain"):
        for status, answer in api["paths"][path]["post"]["responses"].items():
            if status != "200":
                content = answer["content"]["application/json"]
                assert content["example"]["error"]["code"] in ERRORS[int(status)]
                assert content["schema"]["$ref"].endswith("/ErrorBody")
    assert all(answer["tags"] for methods in api["paths"].values() for answer in methods.values())


@pytest.mark.parametrize(
    "rows",
    [
        [f"| `{code}` | {status} | {text} |" for status, codes in ERRORS.items() for code, text in codes.items()],
        [f"| `{name}` | {field.description} |" for name, field in Result.model_fields.items()],
    ],
    ids=["errors", "results"],
)
def test_the_tables_of_the_documentation_are_complete(rows: list[str]) -> None:
    assert "\n".join(["", "| --- |" + " --- |" * (rows[0].count("|") - 2), *rows, "", ""]) in DOCS.read_text()
