import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from tests.serve.fakes import FakePredictor, encode, grey
from xray.serve.app import make_app
from xray.serve.settings import Settings


def explain(client: TestClient, data: bytes, **fields: str) -> Any:
    return client.post("/explain", files={"file": ("image.png", data)}, data=fields)


def picture(text: str) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))


@pytest.mark.parametrize("method", ["gradcam", "occlusion"])
def test_the_heat_lies_over_the_image(client: TestClient, method: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 90), np.uint8)
    body = explain(client, encode(image), method=method).json()
    predicted = client.post("/predict", files={"files": ("image.png", encode(image))}).json()
    assert body["result"] == predicted["results"][0]
    assert body["heat"]["method"] == method
    assert body["heat"]["unit"] == "logit"
    assert body["heat"]["limit"] > 0
    assert body["heat"]["caveat"]
    assert "PNEUMONIA" in body["heat"]["towards_positive"]
    assert (picture(body["image"]) == image).all()
    assert picture(body["heat"]["layer"]).shape == (body["height"], body["width"], 4) == (60, 90, 4)


def test_large_images_are_shown_smaller_in_their_proportions(client: TestClient) -> None:
    body = explain(client, grey(99, 1000, 3000)).json()
    assert (body["width"], body["height"]) == (1024, 341)
    assert picture(body["heat"]["layer"]).shape == (341, 1024, 4)


def test_methods_are_those_of_the_model() -> None:
    with TestClient(make_app(FakePredictor(has_grad_cam=False))) as client:
        assert explain(client, grey(9)).json()["heat"]["method"] == "occlusion"
        answer = explain(client, grey(9), method="gradcam")
        assert answer.status_code == 422
        assert answer.json()["error"]["code"] == "unknown_method"
        assert client.get("/model").json()["methods"] == ["occlusion"]


def test_a_file_that_cannot_be_used_is_named_as_in_predict(client: TestClient) -> None:
    answer = explain(client, b"%PDF-1.7")
    assert answer.status_code == 415
    assert answer.json()["error"]["files"][0]["code"] == "unsupported_kind"


def test_explanations_beyond_the_limit_are_rejected_and_predictions_go_on() -> None:
    with TestClient(make_app(FakePredictor(), Settings(explanations=1))) as client:
        client.app.state.service.explainer._waiting = 1  # type: ignore[attr-defined]
        answer = explain(client, grey(9))
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert client.post("/predict", files={"files": grey(9)}).status_code == 200
