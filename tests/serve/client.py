"""Requests to an application without a network between."""

from typing import Any

from starlette.testclient import TestClient

from tests.serve.fakes import FakePredictor
from xray.serve.app import make_app
from xray.serve.errors import ERRORS
from xray.serve.settings import Settings


def client_of(predictor: FakePredictor | None = None, **limits: Any) -> TestClient:
    return TestClient(make_app(predictor or FakePredictor(), Settings(**limits)))


def send(
    client: TestClient, *files: bytes, name: str = "image.png", path: str = "/predict", field: str = "files"
) -> Any:
    return client.post(path, files=[(field, (name, data)) for data in files])


def assert_error(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert body.keys() == {"error", "model_version", "request_id"}
    assert body["error"].keys() == {"code", "message", "files"}
    assert body["error"]["code"] == code
    assert code in ERRORS[status], "it is in the documentation"
    assert body["model_version"] == answer.headers["x-model-version"] == "0123456789ab"
    assert body["request_id"] == answer.headers["x-request-id"]
    return body["error"]
