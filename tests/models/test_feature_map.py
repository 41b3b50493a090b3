"""Finding the last feature map, and whether the logit is a sum over it."""

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam

from xray.models.base import ImageClassifier
from xray.models.cnn import CNNClassifier
from xray.models.feature_map import FeatureMap, capture_outputs, find_feature_map, logit_map
from xray.models.grad_cam import grad_cam
from xray.models.transfer import TransferClassifier


def model(kind):
    torch.manual_seed(0)
    made = CNNClassifier([8, 16]) if kind == "cnn" else TransferClassifier(kind, pretrained=False)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            # As after training, instead of the initial values.
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
    return made.eval()


@pytest.mark.parametrize("kind", ["cnn", "test_resnet", "test_efficientnet"])
def test_logit_map_sums_to_the_logit_and_equals_grad_cam(kind):
    net = model(kind)
    feature_map = find_feature_map(net, 64)
    assert feature_map is not None
    assert feature_map.is_exact
    images = torch.rand(3, 1, 64, 64)
    with torch.no_grad(), capture_outputs(feature_map.layer) as maps:
        logits = net(images)
        logit_maps = logit_map(maps[0], feature_map.head)
    torch.testing.assert_close(logit_maps.sum((1, 2)) + feature_map.head.bias, logits)
    grad_cam = LayerGradCam(net, feature_map.layer).attribute(images)[:, 0]
    torch.testing.assert_close(logit_maps, grad_cam.detach())


def test_norm_before_the_head_gives_a_map_but_no_exact_sum():
    feature_map = find_feature_map(model("test_convnext"), 64)
    assert feature_map is not None
    assert not feature_map.is_exact


def test_transformer_has_no_map():
    assert find_feature_map(TransferClassifier("test_vit", pretrained=False).eval(), 160) is None


def test_map_of_one_cell_is_not_used():
    # A stem and two stages halve the side three times.
    assert find_feature_map(model("cnn"), 16) is not None
    assert find_feature_map(CNNClassifier([8, 12, 16, 24]).eval(), 16) is None


def test_find_feature_map_does_not_change_the_model():
    net = model("cnn")
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    state = torch.get_rng_state()
    find_feature_map(net, 32)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    assert not any(module._forward_hooks for module in net.modules())


class Own(torch.nn.Module):
    """A network whose head has two layers, and which uses one pooling module twice."""

    def __init__(self, head=None):
        super().__init__()
        self.conv1, self.conv2 = torch.nn.Conv2d(1, 4, 3), torch.nn.Conv2d(4, 8, 3)
        self.pool = torch.nn.MaxPool2d(2)
        self.head = head or torch.nn.Sequential(torch.nn.Linear(8, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))

    def forward(self, images):
        features = self.pool(self.conv2(self.pool(self.conv1(images)).relu()))
        return self.head(features.mean((2, 3))).squeeze(1)


def test_any_network_of_convolutions_has_a_map():
    net = ImageClassifier(Own()).eval()
    feature_map = find_feature_map(net, 32)
    assert feature_map == FeatureMap(net.network.pool, None, is_exact=False)
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32), dtype=np.uint8)
    maps = grad_cam(net, feature_map.layer, images)
    assert maps.shape == (2, 6, 6)
    assert np.abs(maps).max() > 0


def test_a_layer_used_twice_gives_the_sum_of_its_last_output():
    net = ImageClassifier(Own(torch.nn.Linear(8, 1))).eval()
    feature_map = find_feature_map(net, 32)
    assert feature_map.is_exact
    images = torch.rand(2, 1, 32, 32)
    with torch.no_grad(), capture_outputs(feature_map.layer) as maps:
        logits = net(images)
    torch.testing.assert_close(logit_map(maps[-1], feature_map.head).sum((1, 2)) + feature_map.head.bias, logits)


def test_network_without_convolutions_has_no_map():
    layers = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, 4), torch.nn.Linear(4, 1))
    assert find_feature_map(ImageClassifier(layers).eval(), 16) is None
