"""Grad-CAM during training, and whether maps depend on the model or on the image alone."""

import copy

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from scipy.stats import spearmanr
from tests.explain.conftest import SIZE, network, noise, spotted, trained

from xray.explain.occlusion import occlusion
from xray.models.feature_map import find_feature_map
from xray.models.grad_cam import eval_mode, grad_cam
from xray.scoring.inference import logits_of

KINDS = ["cnn", "test_efficientnet"]


def cam(model, images):
    return grad_cam(model, find_feature_map(model, SIZE).layer, images)


def occluded(model, images):
    return np.stack([occlusion(lambda some: logits_of(model, [some]), image) for image in images])


@pytest.mark.parametrize("kind", KINDS)
def test_the_cells_and_the_bias_of_the_head_add_up_to_the_logit(kind):
    model, images = network(kind), noise(40)
    found = find_feature_map(model, SIZE)
    logits = logits_of(model, [images])
    assert np.ptp(logits) > 0.01
    np.testing.assert_allclose(cam(model, images).sum((1, 2)) + found.head.bias.item(), logits, atol=1e-4)


@pytest.mark.parametrize("kind", [*KINDS, "test_convnext"])
def test_it_is_grad_cam_without_the_rectifier(kind):
    model, images = network(kind), noise()
    layer = find_feature_map(model, SIZE).layer
    oracle = LayerGradCam(model, layer).attribute(torch.from_numpy(images)[:, None].float() / 255)[:, 0]
    np.testing.assert_allclose(cam(model, images), oracle.detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_frozen_weights_and_places_without_gradients_make_no_difference(kind):
    model, images = network(kind), noise()
    expected = cam(model, images)
    model.requires_grad_(False)
    with torch.inference_mode():
        assert (cam(model, images) == expected).all()
    with torch.no_grad():
        assert (cam(model, images) == expected).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_model_is_left_as_it_was(kind):
    model = network(kind).train()
    frozen = next(module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d))
    frozen.eval()
    for number, parameter in enumerate(model.parameters()):
        parameter.grad = torch.full_like(parameter, number)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    drawn = torch.get_rng_state()
    with eval_mode(model):
        layer = find_feature_map(model, SIZE).layer
    grad_cam(model, layer, noise())
    assert torch.equal(torch.get_rng_state(), drawn)
    assert [module.training for module in model.modules()] == modes
    assert len(set(modes)) == 2
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    assert all((p.grad == number).all() and p.requires_grad for number, p in enumerate(model.parameters()))
    assert not any(module._forward_hooks for module in model.modules())


# Adebayo et al., Sanity Checks for Saliency Maps (NeurIPS 2018): a map that stays when the weights go shows the image.
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", [cam, occluded])
def test_randomised_weights_change_the_map(kind, method):
    model = trained(kind)
    images, labels = spotted(8, seed=5)
    assert ((logits_of(model, [images]) > 0) == labels.numpy().astype(bool)).mean() >= 0.75
    randomised = copy.deepcopy(model)
    torch.manual_seed(2)
    for module in randomised.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    before, after = method(model, images), method(randomised, images)
    alike = [spearmanr(one.ravel(), other.ravel()).statistic for one, other in zip(before, after, strict=True)]
    again = [
        spearmanr(one.ravel(), other.ravel()).statistic
        for one, other in zip(before, method(copy.deepcopy(model), images), strict=True)
    ]
    assert abs(np.mean(alike)) < 0.4
    assert np.min(again) == pytest.approx(1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_map_of_a_trained_network_finds_what_it_was_trained_to_see(kind):
    images, _ = spotted(16, seed=6)
    inside = []
    for image, values in zip(images[1::2], occluded(trained(kind), images[1::2]), strict=True):
        square = image.reshape(16, 4, 16, 4).mean((1, 3)) > 135
        inside.append(values[square].mean() > values[~square].mean())
    assert np.mean(inside) >= 0.75
