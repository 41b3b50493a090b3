"""Size, accepted image sizes and gradients of `SimpleCNN`."""

from pathlib import Path

import pytest
import torch
import yaml
from torch.nn import functional as nnf

from xray.models.cnn import CNNClassifier
from xray.models.simple_cnn import SimpleCNN

CONFIG = Path(__file__).parents[2] / "configs" / "cnn.yaml"


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_has_under_a_million_parameters():
    configured = yaml.safe_load(CONFIG.read_text())["model"]["init_args"]["widths"]
    assert parameters(SimpleCNN()) < 1e6
    assert parameters(CNNClassifier()) < 1e6
    assert 0.85e6 < parameters(CNNClassifier(widths=configured)) < 1e6


@pytest.mark.parametrize(("height", "width"), [(64, 64), (97, 97), (16, 32), (33, 66)])
def test_any_image_size_gives_one_logit(height, width):
    assert SimpleCNN().eval()(torch.randn(2, 1, height, width)).shape == (2, 1)


def test_stem_and_stages_halve_the_resolution():
    network = SimpleCNN((8, 8, 8)).eval()
    features = network.stages(network.stem(torch.randn(1, 1, 64, 64)))
    assert features.shape[2:] == (64 // 2**4, 64 // 2**4)


def test_every_parameter_has_a_gradient():
    torch.manual_seed(0)
    network = SimpleCNN()
    logits = network(torch.randn(8, 1, 64, 64)).squeeze(1)
    nnf.binary_cross_entropy_with_logits(logits, torch.tensor([0.0, 1] * 4)).backward()
    unmoved = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]
    assert unmoved == []


def test_predicting_is_deterministic_and_each_image_stands_alone():
    torch.manual_seed(0)
    network = SimpleCNN(dropout=0.5)
    images = torch.randn(6, 1, 64, 64)
    network(images)  # moves the statistics of batch normalisation
    assert not torch.equal(network(images), network(images))
    network.eval()
    together = network(images)
    assert torch.equal(together, network(images))
    one_by_one = torch.cat([network(image[None]) for image in images])
    torch.testing.assert_close(one_by_one, together, rtol=1e-4, atol=1e-5)
