"""What is checked of a model before training."""

import pytest
import torch
from torch import nn

from xray.models.base import ImageClassifier
from xray.models.cnn import CNNClassifier
from xray.models.transfer import TransferClassifier
from xray.models.trial import check_compiler, try_model
from xray.utils.errors import UserError


class Returning(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.output = output

    def forward(self, images):
        return self.output(images * self.weight)


def test_changes_neither_model_nor_random_numbers():
    model = CNNClassifier((8, 8))
    model.network.stem.eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    state = torch.get_rng_state()
    try_model(model, 32)
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("shape", [(2, 1), (2,)])
def test_accepts_one_logit_for_each_image(shape):
    try_model(ImageClassifier(Returning(lambda images: images[:, 0, 0, 0].reshape(shape))), 8)


@pytest.mark.parametrize(
    ("output", "returned"),
    [
        (lambda images: images[:, 0, 0, :2], r"shape \(2, 2\)"),
        (lambda images: images.mean(), r"shape \(\)"),
        (lambda images: images, r"shape \(2, 1, 8, 8\)"),
        (lambda images: (images[:, 0, 0, 0], images), "a tuple"),
    ],
)
def test_rejects_other_outputs(output, returned):
    with pytest.raises(UserError, match=f"Returning returns {returned}.*one logit") as caught:
        try_model(ImageClassifier(Returning(output)), 8)
    assert "\n" not in str(caught.value)


def test_rejects_an_image_size_that_the_network_cannot_take():
    linear = nn.Sequential(nn.Flatten(), nn.Linear(64, 1))
    try_model(ImageClassifier(linear), 8)
    with pytest.raises(UserError, match=r"\(2, 1, 9, 9\).*--data.image_size") as caught:
        try_model(ImageClassifier(linear), 9)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="224"):  # the size that this transformer was made for
        try_model(TransferClassifier("deit_tiny_patch16_224", pretrained=False), 64)


def test_gives_networks_for_colours_equal_channels():
    seen = []
    network = Returning(lambda images: seen.append(images) or images[:, 0, 0, 0])
    try_model(ImageClassifier(network, in_channels=3), 8)
    assert seen[0].shape == (2, 3, 8, 8)
    assert torch.equal(seen[0][:, 0], seen[0][:, 2])


def test_rejects_compile_without_a_compiler(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(UserError, match=r"C\+\+ compiler.*--model.compile false"):
        check_compiler(CNNClassifier(widths=(8, 8), compile=True))
    check_compiler(CNNClassifier(widths=(8, 8)))
    compiler = tmp_path / "mine"
    compiler.write_text("#!/bin/sh")
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", "mine")
    check_compiler(CNNClassifier(widths=(8, 8), compile=True))
    monkeypatch.setenv("CXX", "another")
    with pytest.raises(UserError, match="there is no another"):
        check_compiler(CNNClassifier(widths=(8, 8), compile=True))


def test_rejects_a_network_without_parameters():
    with pytest.raises(UserError, match="Flatten has no parameters"):
        try_model(ImageClassifier(nn.Flatten()), 1)


def test_network_for_colours_is_told_how_to_take_grey():
    network = nn.Sequential(nn.Conv2d(3, 1, 8), nn.Flatten())
    with pytest.raises(UserError, match=r"use --model.in_channels 3"):
        try_model(ImageClassifier(network), 8)
    try_model(ImageClassifier(network, in_channels=3), 8)
