"""Grad-CAM of a model in torch, in the middle of its training too."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from captum.attr import LayerGradCam
from torch import nn

from xray.models.base import ImageClassifier

BATCH = 32
"""Images through the network at a time."""


def grad_cam(model: ImageClassifier, layer: nn.Module, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Grad-CAM at a layer, as `xray.predictor.base.Predictor.grad_cam` describes it, of a model that may be training.

    The model is left as it was: mode, gradients, and the random state of the process. Frozen weights make no
    difference, nor does being called where no gradients are kept.

    Args:
        model: The model, on any device.
        layer: Gives the map of features, see `xray.models.activation.find_activation`.
        images: Shape (images, size, size).

    Returns:
        Shape (images, height, width), float64, in units of the logit.
    """
    found: list[npt.NDArray[np.float64]] = []
    # A compiled network would not tell what goes on in its layers.
    with (
        evaluating(model),
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.compiler.set_stance("force_eager"),
    ):
        method = LayerGradCam(model, layer)
        for batch in torch.split(torch.tensor(images).unsqueeze(1), BATCH):
            # Asks for gradients of the images, so that there is a graph where all weights are frozen.
            shown = (batch.to(model.device).float() / 255).requires_grad_()
            found.append(method.attribute(shown)[:, 0].detach().cpu().double().numpy())
    return np.concatenate(found)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model in evaluation mode inside; each of its modules has its own mode again afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            # Not train(), which some modules reject and which reaches down to all below.
            module.training = training
