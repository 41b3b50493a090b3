"""What a model is besides its weights, written and read."""

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


def test_what_is_written_is_read():
    for one in (manifest(), manifest(precision="int8", measured={"images": 3}, license="ä", run="a/b")):
        assert Manifest.from_json(one.to_json(), "onnx") == one


def test_it_says_what_it_is_not_for():
    assert "not a medical device" in manifest().notice


def test_probabilities_are_those_of_the_temperature():
    logits = np.array([-800.0, -2.0, 0.0, 1.0, 800.0])
    np.testing.assert_allclose(manifest().probability(logits), expit(logits / 1.7))


@pytest.mark.parametrize("text", ["[]", "{}", "null", "3", '{"format": "onnx"}', "text", ""])
def test_anything_else_is_rejected(text):
    with pytest.raises(ValueError, match=r"manifest|Expecting"):
        Manifest.from_json(text, "onnx")


def test_another_version_s_manifest_is_rejected():
    values = json.loads(manifest().to_json())
    with pytest.raises(ValueError, match="another version"):
        Manifest.from_json(json.dumps(values | {"more": 1}), "onnx")


def test_the_manifest_of_a_file_of_another_format_is_rejected():
    with pytest.raises(ValueError, match="another format"):
        Manifest.from_json(manifest().to_json(), "torch")


def test_a_changed_manifest_is_another_one():
    assert replace(manifest(), threshold=0.5) != manifest()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("image_size", 0),
        ("image_size", "128"),
        ("image_size", 128.5),
        ("temperature", 0),
        ("temperature", -1),
        ("temperature", float("nan")),
        ("threshold", 2),
        ("threshold", None),
        ("threshold", float("nan")),
        ("class_names", ["A"]),
        ("class_names", ["A", "B", "C"]),
        ("class_names", ["A", "B\nC"]),
        ("version", "x\r\nSet-Cookie: a=b"),
        ("version", "日本"),
        ("version", 5),
        ("resize", "foo"),
        ("patient_pattern", "("),
        ("ood", {}),
        ("ood", "parts"),
        ("ood", {"parts": {"outlines": {}, "tone": {}}}),
        ("ood", {"parts": {name: {"mean": "?"} for name in ("outlines", "tone")}}),
        ("has_grad_cam", "yes"),
        ("format", "tflite"),
    ],
)
def test_an_edited_manifest_is_rejected_by_what_is_wrong(name, value):
    values = json.loads(manifest().to_json())
    with pytest.raises(ValueError, match=f"no usable {name}"):
        Manifest.from_json(json.dumps(values | {name: value}), "onnx")
