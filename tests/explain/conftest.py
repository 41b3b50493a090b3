"""Predictors and networks small enough to be explained many times."""

import functools
from pathlib import Path

import numpy as np
import pytest
import torch

from xray.models.cnn import CNNClassifier
from xray.models.feature_map import find_feature_map
from xray.models.transfer import TransferClassifier
from xray.predictor.manifest import Manifest

SIZE = 64
STEPS = 25


class Linear:
    """A predictor whose logit is a weighted sum of the pixels, and whose map is that sum by quarters of the image."""

    path = Path("linear.onnx")

    def __init__(self, weights, has_grad_cam=True):
        self.weights = weights
        self.asked = []
        self.manifest = Manifest(
            format="onnx",
            model="Linear",
            run=None,
            version="0",
            code=None,
            image_size=len(weights),
            resize="stretch",
            class_names=("NORMAL", "PNEUMONIA"),
            patient_pattern="",
            temperature=1.0,
            threshold=0.5,
            decision=None,
            training=None,
            ood=None,
            has_grad_cam=has_grad_cam,
        )

    def logits(self, images):
        self.asked.append(len(images))
        return (images * self.weights).sum((1, 2)) / 255

    def grad_cam(self, images):
        half = len(self.weights) // 2
        return (images * self.weights / 255).reshape(len(images), 2, half, 2, half).sum((2, 4))


@pytest.fixture
def linear():
    """Return a predictor that looks at the upper left quarter alone; bright pixels there raise its logit."""
    weights = np.zeros((SIZE, SIZE))
    weights[: SIZE // 2, : SIZE // 2] = 0.01
    return Linear(weights)


def network(kind, seed=0):
    """Return a classifier with random weights and random statistics of its batch normalisation."""
    torch.manual_seed(seed)
    made = CNNClassifier([8, 16]) if kind == "cnn" else TransferClassifier(kind, pretrained=False)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
    made.eval()
    with torch.no_grad():
        # Untrained heads give logits of hundredths, where rounding errors would matter.
        find_feature_map(made, SIZE).head.weight.mul_(100)
    return made


def noise(images=3, size=SIZE, seed=0):
    """Return images of smooth noise, shape (images, size, size)."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (images, 8, 8), dtype=np.uint8)
    return np.kron(coarse, np.ones((size // 8, size // 8), np.uint8))


def spotted(images=64, size=SIZE, seed=0):
    """Return images of noise, every second one with a bright square, and their labels as floats."""
    rng = np.random.default_rng(seed)
    pixels = rng.normal(90, 20, (images, size, size))
    labels = np.arange(images) % 2
    for image in pixels[1::2]:
        row, column = rng.integers(0, size - size // 4, 2)
        image[row : row + size // 4, column : column + size // 4] += 90
    return np.clip(pixels, 0, 255).astype(np.uint8), torch.from_numpy(labels).float()


@functools.cache
def trained(kind):
    """Return a network that was trained for some steps to detect the square."""
    images, labels = spotted()
    torch.manual_seed(1)
    model = (
        CNNClassifier([8, 16], 0.0) if kind == "cnn" else TransferClassifier(kind, False, dropout=0.0, drop_path=0.0)
    )
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    model.train()
    for _ in range(STEPS):
        part = torch.randperm(len(images))[:32]
        optimizer.zero_grad()
        logits = model(torch.from_numpy(images)[part, None])
        torch.nn.functional.binary_cross_entropy_with_logits(logits, labels[part]).backward()
        optimizer.step()
    model.zero_grad()
    return model.eval()
