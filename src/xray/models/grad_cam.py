"""Grad-CAM for a torch model, also during training."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from captum.attr import LayerGradCam
from torch import nn

from xray.models.base import ImageClassifier

BATCH = 32
"""Images per forward pass."""


def grad_cam(model: ImageClassifier, layer: nn.Module, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Compute Grad-CAM maps at a layer; `xray.predictor.base.Predictor.grad_cam` describes the method.

    Mode and gradients of the model and the random state of the process are unchanged afterwards. Works with frozen
    weights and inside `torch.no_grad()`.

    Args:
        model: The model, on any device.
        layer: Outputs the feature map, see `xray.models.feature_map.find_feature_map`.
        images: Shape (images, size, size), uint8.

    Returns:
        Shape (images, height, width), float64, in units of the logit.
    """
    maps: list[npt.NDArray[np.float64]] = []
    # Hooks on layers do not run in a compiled network.
    with (
        eval_mode(model),
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.compiler.set_stance("force_eager"),
    ):
        method = LayerGradCam(model, layer)
        for batch in torch.split(torch.tensor(images).unsqueeze(1), BATCH):
            # Gradients of the inputs, so that there is a graph even if all weights are frozen.
            inputs = (batch.to(model.device).float() / 255).requires_grad_()
            maps.append(method.attribute(inputs)[:, 0].detach().cpu().double().numpy())
    return np.concatenate(maps)


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Put a model in evaluation mode during the `with` block, then restore the mode of each module."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            # Not train(), which some modules override and which also changes all submodules.
            module.training = training
