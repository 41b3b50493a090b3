"""Find a network's last feature map, and check whether its logit is a sum over that map."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from xray.models.base import ImageClassifier

SUM_TOLERANCE = 1e-4
"""Largest difference between a logit and the sum over a map at which they count as equal."""


@dataclass(frozen=True)
class FeatureMap:
    """The last feature map of a network.

    Args:
        layer: Outputs the map, shape (batch, channels, height, width).
        head: The linear layer after the pooled map, a `Linear` or a 1x1 convolution; None for other heads.
        is_exact: Whether the logit is exactly the head applied to the mean of the map. Then `logit_map` adds up to the
            logit minus the head's bias.
    """

    layer: nn.Module
    head: nn.Linear | nn.Conv2d | None
    is_exact: bool


def find_feature_map(model: ImageClassifier, size: int) -> FeatureMap | None:
    """Find the last feature map by passing noise through the network.

    Args:
        model: A model in evaluation mode.
        size: Image side in pixels.

    Returns:
        None if the network does not end in a convolutional map of more than one cell (transformers, tiny images).
    """
    outputs: list[tuple[nn.Module, Tensor]] = []

    def record(module: nn.Module, _: tuple[Tensor, ...], output: object) -> None:
        if isinstance(output, Tensor):
            outputs.append((module, output))

    hooks = [module.register_forward_hook(record) for module in model.network.modules()]
    noise = torch.rand(2, 1, size, size, generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad():
            logits = model(noise.to(model.device))
            return _last_map(outputs, logits)
    finally:
        for hook in hooks:
            hook.remove()


def _last_map(outputs: Sequence[tuple[nn.Module, Tensor]], logits: Tensor) -> FeatureMap | None:
    tokens = [position for position, (_, output) in enumerate(outputs) if output.ndim == 3]
    maps = [
        (module, output)
        for module, output in outputs[tokens[-1] + 1 if tokens else 0 :]
        if output.ndim == 4 and output.shape[2] * output.shape[3] > 1
    ]
    heads = [
        module for module, output in outputs if isinstance(module, nn.Linear | nn.Conv2d) and output[0].numel() == 1
    ]
    for head in heads[-1:]:
        for module, output in reversed(maps):
            if output.shape[1] == head.weight.shape[1]:
                summed = logit_map(output, head).sum((1, 2)) + (0 if head.bias is None else head.bias)
                is_exact = torch.allclose(summed.float(), logits.float(), atol=SUM_TOLERANCE, rtol=0)
                # An earlier map may have as many channels by chance.
                if is_exact or output is maps[-1][1]:
                    return FeatureMap(module, head, is_exact)
    # With any other head the last map, if it comes from the last convolutions and those end in more than one cell.
    # Some transformers have maps too, with the channels last.
    convolutions = [
        output for module, output in outputs if isinstance(module, nn.Conv2d) and module.kernel_size != (1, 1)
    ]
    channels = [output.shape[1] for module, output in maps if isinstance(module, nn.Conv2d | nn.BatchNorm2d)]
    if channels and maps[-1][1].shape[1] == channels[-1] and convolutions and convolutions[-1][0, 0].numel() > 1:
        return FeatureMap(maps[-1][0], None, is_exact=False)
    return None


def logit_map(feature_map: Tensor, head: nn.Linear | nn.Conv2d) -> Tensor:
    """Return what each cell of a map adds to the logit, if the logit is the head applied to the map's mean.

    Args:
        feature_map: Shape (batch, channels, height, width).
        head: The linear layer after the pooled map.

    Returns:
        Shape (batch, height, width).
    """
    weights = head.weight.reshape(1, -1, 1, 1)
    return (feature_map * weights).sum(1) / (feature_map.shape[2] * feature_map.shape[3])


@contextmanager
def capture_outputs(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Collect the outputs of a layer during the `with` block."""
    outputs: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    try:
        yield outputs
    finally:
        hook.remove()
