"""Responses of each path of the service."""

import io
import json
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.serve.client import assert_error, client_of, send
from tests.serve.fakes import FakePredictor, encode, grey, png_of_size, stripes, usual_images
from xray.data.decode.image import load_image
from xray.serve.app import make_app
from xray.serve.logs import JsonFormatter

TOKEN = "correct-horse-battery"


def test_predicts_as_the_model(client: TestClient) -> None:
    rng = np.random.default_rng(0)
    images = [encode(rng.integers(0, 256, (60, 80), np.uint8), kind) for kind in ("PNG", "JPEG", "PNG")]
    body = send(client, *images).json()
    predictor = FakePredictor()
    seen = np.stack([load_image(io.BytesIO(image), 32, "stretch") for image in images])
    assert [result["logit"] for result in body["results"]] == pytest.approx(predictor.logits(seen).tolist())
    assert [result["index"] for result in body["results"]] == [0, 1, 2]
    assert body["model"]["version"] == "0123456789ab"
    assert "not a medical device" in body["notice"]


def test_decides_from_the_threshold_upwards(client: TestClient) -> None:
    results = send(client, grey(255), grey(0)).json()["results"]
    assert [result["decision"] for result in results] == ["PNEUMONIA", "NORMAL"]
    for result in results:
        assert result["probability"] == pytest.approx(1 / (1 + np.exp(-result["logit"] / 2.0)))
        assert result["threshold"] == 0.4


@pytest.mark.parametrize("kind", ["TIFF", "BMP", "GIF"])
def test_other_formats_are_predicted_like_the_png(client: TestClient, kind: str) -> None:
    png, other = send(client, grey(90), grey(90, kind=kind)).json()["results"]
    assert other["outcome"] == "predicted"
    assert other["logit"] == png["logit"]


def test_rejects_other_images_without_a_probability() -> None:
    images, known = usual_images()
    with client_of(FakePredictor(ood=known)) as client:
        chest, other = send(client, encode(images[0]), encode(stripes())).json()["results"]
        assert client.get("/model").json()["rejects"] is True
    assert chest["outcome"] == "predicted"
    assert other["outcome"] == "rejected"
    assert other["reason"]
    assert other["probability"] is other["decision"] is other["logit"] is None


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 422, "empty"),
        (b"%PDF-1.7...", 415, "unsupported_kind"),
        (b"<html>", 415, "unsupported_kind"),
        (grey(9)[:60], 422, "unreadable"),
        (grey(9, kind="JPEG")[:30], 422, "unreadable"),
        (b"\0" * 128 + b"DICM" + b"\0" * 40, 422, "unreadable"),
    ],
)
def test_names_each_file_that_is_not_an_image(client: TestClient, data: bytes, status: int, code: str) -> None:
    error = assert_error(send(client, grey(0), data, name="x.jpeg"), status, code)
    (bad,) = error["files"]
    assert (bad["index"], bad["file"], bad["code"]) == (1, "x.jpeg", code)
    assert bad["reason"]


def test_rejects_a_bomb_by_its_header(client: TestClient) -> None:
    assert_error(send(client, png_of_size(10_000, 10_000)), 413, "too_many_pixels")


def test_the_token_guards_all_but_page_health_ready_and_docs() -> None:
    with client_of(token=TOKEN) as client:
        for path in ("/", "/page/page.js", "/health", "/ready", "/docs", "/openapi.json"):
            assert client.get(path).status_code == 200
        for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
            for path in ("/model", "/metrics"):
                assert_error(client.get(path, headers=header), 401, "unauthorized")
            for path, field in (("/predict", "files"), ("/explain", "file")):
                answer = client.post(path, files={field: grey(0)}, headers=header)
                assert_error(answer, 401, "unauthorized")
                assert answer.headers["www-authenticate"] == "Bearer"
        right = {"Authorization": f"Bearer {TOKEN}"}
        assert client.post("/predict", files={"files": grey(0)}, headers=right).status_code == 200
        assert client.get("/metrics", headers=right).status_code == 200


def test_is_ready_only_while_it_runs() -> None:
    app = make_app(FakePredictor())
    assert_error(TestClient(app).get("/ready"), 503, "not_ready")
    with TestClient(app) as client:
        assert client.get("/ready").json() == {"status": "ready", "model_version": "0123456789ab"}
    assert TestClient(app).get("/health").status_code == 200
    assert_error(TestClient(app).get("/ready"), 503, "not_ready")


def test_every_answer_has_its_headers(client: TestClient) -> None:
    for answer in (client.get("/health"), client.get("/nothing"), send(client, b"")):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/", "/"),
        ("/page/page.js", "/page"),
        ("/page/scale.png", "/page/scale.png"),
        ("/model", "/model"),
        ("/docs", "/docs"),
        ("/docs/static/swagger-ui.css", "/docs/static"),
        ("/openapi.json", "/openapi.json"),
    ],
)
def test_logs_name_the_route(client: TestClient, path: str, route: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "xray.serve"):
        assert client.get(path).status_code == 200
    (record,) = [record.fields for record in caplog.records if record.name == "xray.serve"]  # type: ignore[attr-defined]
    assert record["route"] == route


@pytest.mark.parametrize("path", ["/", "/page/page.css", "/health", "/ready", "/docs", "/openapi.json"])
def test_head_is_answered_as_get_without_the_body(client: TestClient, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


def test_logs_identify_no_patient_and_no_caller(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "xray.serve"):
        send(client, grey(0), name="Jane_Doe.png")
        client.get("/patients/Jane_Doe?name=Jane_Doe", headers={"X-Request-ID": "Jane_Doe"})
    lines = [json.dumps(record.fields) for record in caplog.records if record.name == "xray.serve"]  # type: ignore[attr-defined]
    assert len(lines) == 2
    assert "Jane" not in "".join(lines)
    first, second = map(json.loads, lines)
    assert (first["route"], first["status"], first["files"], first["predicted"]) == ("/predict", 200, 1, 1)
    assert (second["route"], second["status"], second["code"]) == ("unknown", 404, "not_found")


def test_metrics_count_requests_images_and_rejections() -> None:
    with client_of() as client:
        send(client, grey(0), grey(1))
        send(client, b"")
        lines = client.get("/metrics").text.splitlines()
    assert 'xray_requests_total{method="POST",route="/predict",status="200"} 1.0' in lines
    assert 'xray_images_total{outcome="predicted"} 2.0' in lines
    assert 'xray_errors_total{code="empty"} 1.0' in lines
    assert any(line.startswith('xray_model{name="FakeClassifier"') and "0123456789ab" in line for line in lines)
    assert "xray_uploads_in_progress 0.0" in lines
    assert not [line for line in lines if "_created" in line]


def test_a_fault_of_the_service_has_the_usual_shape(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakePredictor):
        def logits(self, images: Any) -> Any:
            if len(self.batches) == 2:  # those of the trial
                raise RuntimeError("secret of Jane")
            return super().logits(images)

    with client_of(Broken()) as client:
        assert_error(send(client, grey(0)), 500, "internal_error")
        assert client.get("/health").status_code == 200
    (fault,) = [record for record in caplog.records if record.exc_info]
    line = json.loads(JsonFormatter().format(fault))
    assert re.match(r"RuntimeError .*test_app\.py:\d+$", line["error"])
    assert "Jane" not in json.dumps(line)


def test_concurrent_requests_get_their_own_predictions() -> None:
    predictor = FakePredictor()
    with client_of(predictor) as client, ThreadPoolExecutor(16) as pool:
        values = [17 * n % 256 for n in range(60)]
        answers = list(pool.map(lambda value: send(client, grey(value)).json()["results"][0]["logit"], values))
    assert answers == pytest.approx([value / 32 - 4 for value in values])


STARTS = [grey(5, kind=kind) for kind in ("PNG", "JPEG", "TIFF", "BMP", "GIF")]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"\0" * 128 + b"DICM", *STARTS]),
    st.binary(max_size=200),
    st.integers(0, 400),
    st.text(max_size=20),
)
def test_any_bytes_get_a_response(client: TestClient, head: bytes, tail: bytes, cut: int, name: str) -> None:
    answer = send(client, head[:cut] + tail, name=name or "x")
    if answer.status_code != 200:
        assert 400 <= answer.status_code < 500
        assert answer.json()["error"]["message"]
