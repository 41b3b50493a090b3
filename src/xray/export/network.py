"""The exported module: raw images in; logit, probability and Grad-CAM map out."""

import torch
from torch import Tensor, nn

from xray.data.decode.image import ResizeRule
from xray.export.resize import ResizeImages
from xray.models.base import ImageClassifier, one_logit_each, repeat_grey
from xray.models.feature_map import FeatureMap, capture_outputs, logit_map


class ExportedClassifier(nn.Module):
    """Resizing, normalisation, network and calibration in one graph.

    Args:
        model: The classifier, in evaluation mode on the CPU.
        size: Side of its input in pixels.
        rule: How images are resized to a square.
        feature_map: The feature map whose weighted sum is the logit; None if the network has none.
    """

    mean: Tensor
    std: Tensor
    temperature: Tensor
    offset: Tensor

    def __init__(self, model: ImageClassifier, size: int, rule: ResizeRule, feature_map: FeatureMap | None) -> None:
        super().__init__()
        # In channels-last, which training uses, pooling to one pixel would be exported as a dozen nodes.
        self.network = model.network.to(memory_format=torch.contiguous_format)
        self.register_buffer("mean", model.mean.clone())
        self.register_buffer("std", model.std.clone())
        self.register_buffer("temperature", model.temperature.double())
        self.register_buffer("offset", model.offset.double())
        self.resize = ResizeImages(size, rule)
        self.size = size
        self.in_channels = model.in_channels
        self._feature_map = feature_map

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Map raw images, shape (batch, 1, height, width), uint8, to logits, probabilities and Grad-CAM maps.

        Returns:
            Logits, shape (batch,), float32; calibrated probabilities of the positive class, shape (batch,), float64;
            and maps as in `Predictor.grad_cam`, shape (batch, rows, columns), float32, if the network has them.
        """
        is_square = (images.shape[-1] == self.size) & (images.shape[-2] == self.size)
        # Images of the right size skip the resizing.
        squares = torch.cond(is_square, self._as_is, self.resize, (images,))
        normalised = repeat_grey((squares.float() / 255 - self.mean) / self.std, self.in_channels)
        if self._feature_map is None or self._feature_map.head is None:
            logits = one_logit_each(self.network(normalised)).float()
            return logits, self._probability(logits)
        with capture_outputs(self._feature_map.layer) as maps:
            logits = one_logit_each(self.network(normalised)).float()
        # The last output: a module may be used several times.
        return logits, self._probability(logits), logit_map(maps[-1], self._feature_map.head).float()

    def _probability(self, logits: Tensor) -> Tensor:
        return (logits.double() / self.temperature + self.offset).sigmoid()

    def _as_is(self, images: Tensor) -> Tensor:
        """Return the images unchanged, in a way that fixes their size in the graph."""
        pixels = torch.arange(self.size)
        return images.index_select(-1, pixels).index_select(-2, pixels)
