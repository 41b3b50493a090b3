"""A model without a network, and files to send to it."""

import io
import json
import zlib
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from xray.data.arrays import Images
from xray.evaluation.arrays import Scores
from xray.predictor.base import Maps
from xray.predictor.manifest import Manifest

SIZE = 32


def make_manifest(**changes: Any) -> Manifest:
    values: dict[str, Any] = {
        "format": "onnx",
        "model": "FakeClassifier",
        "run": "fake/version_0",
        "version": "0123456789ab",
        "code": None,
        "image_size": SIZE,
        "resize": "stretch",
        "class_names": ("NORMAL", "PNEUMONIA"),
        "patient_pattern": "(?P<patient>.+)",
        "temperature": 2.0,
        "threshold": 0.4,
        "decision": {"rule": "youden", "sensitivity": 0.97, "specificity": 0.98, "images": 466, "patients": 352},
        "training": {"folder": "images", "images": 10, "patients": 5, "images_by_class": {"NORMAL": 4, "PNEUMONIA": 6}},
        "ood": None,
        "has_grad_cam": True,
    }
    return Manifest(**values | changes)


class FakePredictor:
    """The brighter an image, the higher its logit."""

    path = Path("fake.onnx")

    def __init__(self, **changes: Any) -> None:
        self.manifest = make_manifest(**changes)
        self.batches: list[int] = []

    def logits(self, images: Images) -> Scores:
        self.batches.append(len(images))
        return images.mean((1, 2), dtype=np.float64) / 32 - 4

    def grad_cam(self, images: Images) -> Maps:
        return images.astype(np.float64).reshape(len(images), 4, SIZE // 4, 4, SIZE // 4).mean((2, 4)) / 512


def die(connection: Connection) -> None:
    """A decoding process that dies at its start."""
    connection.close()


def usual_images() -> tuple[npt.NDArray[np.uint8], dict[str, Any]]:
    """Return similar images, and the OOD detector fitted to them as in a manifest."""
    from xray.ood.detector import fit_ood_detector

    rng = np.random.default_rng(0)
    base = np.linspace(40, 200, 32)[None, :, None] + np.linspace(-30, 30, 32)[None, None]
    images = np.clip(base + rng.normal(0, 6, (300, 32, 32)) + rng.normal(0, 8, (300, 1, 1)), 0, 255).astype(np.uint8)
    known = fit_ood_detector(images[:200], images[200:])
    assert known is not None
    return images, json.loads(json.dumps(known.as_dict()))


def stripes() -> npt.NDArray[np.uint8]:
    """Return an image unlike `usual_images`."""
    pixels = np.zeros((32, 32), np.uint8)
    pixels[::2] = 255
    return pixels


def encode(pixels: np.ndarray[Any, Any], kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    """A grey PNG of a few bytes that claims to have this size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def grey(value: int, height: int = 40, width: int = 50, kind: str = "PNG") -> bytes:
    """An image of one grey."""
    return encode(np.full((height, width), value, np.uint8), kind)
