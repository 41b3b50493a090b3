"""Where a network's last map of features lies, and whether its logit is a sum over that map."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from xray.models.base import ImageClassifier

EXACT = 1e-4
"""Largest difference between a logit and the sum over a map that it is said to be."""


@dataclass(frozen=True)
class Activation:
    """The last map of features of a network.

    Args:
        layer: Gives the map, shape (batch, channels, height, width).
        head: The linear layer behind the pooled map, a `Linear` or a convolution of 1x1.
        is_sum: Whether the logit is that layer's over the mean of the map: then the map weighted by it adds up to the
            logit less its bias.
    """

    layer: nn.Module
    head: nn.Linear | nn.Conv2d
    is_sum: bool


def find_activation(model: ImageClassifier, size: int) -> Activation | None:
    """Look for the last map of features, by watching noise go through the network.

    Args:
        model: In evaluation mode.
        size: Side of its images.

    Returns:
        None where no convolution's map of more than one cell comes last, as in transformers and for tiny images.
    """
    outputs: list[tuple[nn.Module, Tensor]] = []

    def note(module: nn.Module, _: tuple[Tensor, ...], output: object) -> None:
        if isinstance(output, Tensor):
            outputs.append((module, output))

    hooks = [module.register_forward_hook(note) for module in model.network.modules()]
    noise = torch.rand(2, 1, size, size, generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad():
            logits = model(noise.to(model.device))
            return _last_map(outputs, logits)
    finally:
        for hook in hooks:
            hook.remove()


def _last_map(outputs: Sequence[tuple[nn.Module, Tensor]], logits: Tensor) -> Activation | None:
    heads = [
        module for module, output in outputs if isinstance(module, nn.Linear | nn.Conv2d) and output[0].numel() == 1
    ]
    if not heads:
        return None
    head = heads[-1]
    for module, output in reversed(outputs):
        if output.ndim == 3:
            return None  # tokens of a transformer
        if output.ndim == 4 and output.shape[1] == head.weight.shape[1] and output.shape[2] * output.shape[3] > 1:
            summed = weighted(output, head).sum((1, 2)) + (0 if head.bias is None else head.bias)
            return Activation(module, head, torch.allclose(summed, logits, atol=EXACT, rtol=0))
    return None


def weighted(activation: Tensor, head: nn.Linear | nn.Conv2d) -> Tensor:
    """What each cell of a map adds to the logit where that is the head's over the map's mean.

    Args:
        activation: Shape (batch, channels, height, width).
        head: The linear layer.

    Returns:
        Shape (batch, height, width).
    """
    weights = head.weight.reshape(1, -1, 1, 1)
    return (activation * weights).sum(1) / (activation.shape[2] * activation.shape[3])


@contextmanager
def captured(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Collect what a layer gives while it is run inside."""
    outputs: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    try:
        yield outputs
    finally:
        hook.remove()
