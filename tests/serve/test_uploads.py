"""Forms: files and fields as callers send them, well and badly."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.serve.asking import assert_error, client_of, send
from tests.serve.fakes import encode, grey

FORM = {"content-type": "multipart/form-data; boundary=b"}


def test_forms_that_are_none(client: TestClient) -> None:
    assert_error(client.post("/predict"), 415, "unsupported_kind")
    assert_error(client.post("/predict", json={}), 415, "unsupported_kind")
    assert_error(client.post("/predict", files={"other": grey(0)}), 422, "wrong_field")
    assert_error(client.post("/predict", data={"a": "b"}, files={}), 415, "unsupported_kind")
    kind = {"content-type": "multipart/form-data; boundary=b"}
    assert_error(client.post("/predict", content=b"nothing", headers=kind), 400, "bad_request")
    assert_error(client.post("/predict", content=b"--b--\r\n", headers=kind), 422, "no_file")
    assert_error(
        client.post("/predict", content=b"", headers={"content-type": "multipart/form-data"}), 400, "bad_request"
    )
    part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--b--\r\n'
    assert_error(client.post("/predict", content=part, headers=kind), 422, "no_file")
    nameless = part.replace(b'name="a"', b"")
    assert_error(client.post("/predict", content=nameless, headers=kind), 400, "bad_request")


def told_of(client: TestClient, disposition: str, path: str = "/predict") -> str:
    part = f"--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\ntext\r\n--b--\r\n"
    answer = client.post(path, content=part.encode(), headers=FORM)
    return str(assert_error(answer, 422, "wrong_field")["message"])


def test_a_text_in_place_of_a_file_is_told_as_what_it_is(client: TestClient) -> None:
    for path, field in (("/predict", "files"), ("/explain", "file")):
        told = told_of(client, f'name="{field}"', path)
        assert f"{field!r} holds a text" in told
        assert "file name" in told
    assert_error(client.post("/predict", files={"files": ("", b"text")}), 422, "wrong_field")
    assert_error(
        client.post("/predict", files=[("files", ("a.png", grey(0))), ("files", (None, "text"))]), 422, "wrong_field"
    )
    # Browsers send an empty name where no file was chosen.
    answer = client.post(
        "/predict",
        content=b'--b\r\nContent-Disposition: form-data; name="files"; filename=""\r\n\r\n\r\n--b--\r\n',
        headers=FORM,
    )
    assert_error(answer, 422, "empty")


def test_a_file_in_another_field_is_told_with_both_names(client: TestClient) -> None:
    assert told_of(client, 'name="image"; filename="a.png"') == (
        "The field 'image' takes no file: files belong in the field 'files'."
    )
    assert "'method' takes no file: files belong in the field 'file'" in told_of(
        client, 'name="method"; filename="a.png"', "/explain"
    )
    for name in ("x" * 2000, "\x1b[31m" * 50, "\u202e\u0000", "'" * 300):
        told = told_of(client, f'name="{name}"; filename="a.png"')
        assert told.isprintable()
        assert len(told) < 120


def test_limits_hold() -> None:
    with client_of(files=2, file_bytes=3000, request_bytes=5000, pixels=2500) as client:
        assert send(client, grey(0), grey(1)).status_code == 200
        assert_error(send(client, grey(0), grey(1), grey(2)), 413, "too_many_files")
        assert_error(send(client, b"a" * 3001), 413, "too_large")
        assert_error(send(client, b"a" * 2900, b"a" * 2900), 413, "too_large")
        error = assert_error(send(client, grey(0, 51, 50)), 413, "too_many_pixels")
        assert "50 x 51" in error["files"][0]["reason"]


def test_uploads_never_touch_the_disk(client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("a temporary file")

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", forbidden)
    monkeypatch.setattr("starlette.formparsers.SpooledTemporaryFile", forbidden)
    noise = np.random.default_rng(0).integers(0, 256, (1500, 1500), np.uint8)
    data = encode(noise)
    assert len(data) > 2_000_000
    assert send(client, data).status_code == 200
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
def test_any_form_is_answered(client: TestClient, body: bytes, kind: str) -> None:
    for content_type in (f"multipart/form-data; {kind}", "multipart/form-data; boundary=b", kind):
        for content in (body, b"--b\r\n" + body, b'--b\r\nContent-Disposition: form-data; name="files"\r\n' + body):
            answer = client.post("/predict", content=content, headers={"content-type": content_type})
            assert 400 <= answer.status_code < 500, answer.text
            assert answer.json()["error"]["message"]
