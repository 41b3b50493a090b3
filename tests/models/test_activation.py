"""Where a network's last map is found, and when its logit is a sum over it."""

import pytest
import torch
from captum.attr import LayerGradCam

from xray.models.activation import captured, find_activation, weighted
from xray.models.cnn import CNNClassifier
from xray.models.transfer import TransferClassifier


def model(kind):
    torch.manual_seed(0)
    made = CNNClassifier([8, 16]) if kind == "cnn" else TransferClassifier(kind, pretrained=False)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            # As training leaves them, and not as they begin.
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
    return made.eval()


@pytest.mark.parametrize("kind", ["cnn", "test_resnet", "test_efficientnet"])
def test_networks_that_end_in_pooling_and_a_linear_layer_sum_their_map(kind):
    net = model(kind)
    found = find_activation(net, 64)
    assert found is not None
    assert found.is_sum
    images = torch.rand(3, 1, 64, 64)
    with torch.no_grad(), captured(found.layer) as maps:
        logits = net(images)
    torch.testing.assert_close(weighted(maps[0], found.head).sum((1, 2)) + found.head.bias, logits)


@pytest.mark.parametrize("kind", ["cnn", "test_resnet", "test_efficientnet"])
def test_the_weighted_map_is_grad_cam(kind):
    net = model(kind)
    found = find_activation(net, 64)
    images = torch.rand(3, 1, 64, 64)
    with torch.no_grad(), captured(found.layer) as maps:
        net(images)
    oracle = LayerGradCam(net, found.layer).attribute(images)[:, 0]
    torch.testing.assert_close(weighted(maps[0], found.head).detach(), oracle.detach())


def test_a_norm_between_pooling_and_head_is_no_sum_but_has_grad_cam():
    found = find_activation(model("test_convnext"), 64)
    assert found is not None
    assert not found.is_sum


def test_a_transformer_has_no_map():
    assert find_activation(TransferClassifier("test_vit", pretrained=False).eval(), 160) is None


def test_a_map_of_one_cell_tells_nothing():
    # A stem and two stages halve the side three times.
    assert find_activation(model("cnn"), 16) is not None
    assert find_activation(CNNClassifier([8, 12, 16, 24]).eval(), 16) is None


def test_looking_leaves_the_model_as_it_was():
    net = model("cnn")
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    state = torch.get_rng_state()
    find_activation(net, 32)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    assert not any(module._forward_hooks for module in net.modules())
