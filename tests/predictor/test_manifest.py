"""Writing, reading and checking manifests."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from xray.predictor.manifest import Manifest


def manifest(**changed):
    return Manifest(
        **{
            "format": "onnx",
            "model": "CNNClassifier",
            "run": None,
            "version": "0123456789ab",
            "code": None,
            "image_size": 32,
            "resize": "pad",
            "class_names": ("NORMAL", "PNEUMONIA"),
            "patient_pattern": r"(?P<patient>\d+)",
            "temperature": 1.7,
            "threshold": 0.4,
            "decision": {"rule": "youden"},
            "training": {"images": 10},
            "ood": None,
            "has_grad_cam": True,
        }
        | changed
    )


def test_json_round_trip():
    for one in (manifest(), manifest(precision="int8", measured={"images": 3}, license="ä", run="a/b")):
        assert Manifest.from_json(one.to_json(), "onnx") == one


def test_has_a_notice():
    assert "not a medical device" in manifest().notice


def test_probability_applies_temperature_and_offset():
    logits = np.array([-800.0, -2.0, 0.0, 1.0, 800.0])
    np.testing.assert_allclose(manifest().probability(logits), expit(logits / 1.7))
    shifted = replace(manifest(), offset=-0.6)
    np.testing.assert_allclose(shifted.probability(logits), expit(logits / 1.7 - 0.6))


def test_reads_a_manifest_without_offset():
    values = json.loads(manifest().to_json())
    del values["offset"]
    assert Manifest.from_json(json.dumps(values), "onnx") == manifest()


@pytest.mark.parametrize("text", ["[]", "{}", "null", '{"format": "onnx"}', "text"])
def test_rejects_other_text(text):
    with pytest.raises(ValueError, match=r"manifest|Expecting"):
        Manifest.from_json(text, "onnx")


def test_rejects_a_manifest_of_another_version():
    values = json.loads(manifest().to_json())
    with pytest.raises(ValueError, match="another version"):
        Manifest.from_json(json.dumps(values | {"more": 1}), "onnx")


def test_rejects_a_manifest_of_another_format():
    with pytest.raises(ValueError, match="another format"):
        Manifest.from_json(manifest().to_json(), "torch")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("image_size", 0),
        ("image_size", 128.5),
        ("temperature", 0),
        ("temperature", float("nan")),
        ("offset", "none"),
        ("threshold", 2),
        ("threshold", None),
        ("class_names", ["A", "B", "C"]),
        ("resize", "foo"),
        ("ood", "parts"),
        ("ood", {"parts": {"outlines": {}, "tone": {}}}),
    ],
)
def test_rejects_invalid_values_by_name(name, value):
    values = json.loads(manifest().to_json())
    with pytest.raises(ValueError, match=f"no valid {name}"):
        Manifest.from_json(json.dumps(values | {name: value}), "onnx")
