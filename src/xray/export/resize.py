"""`xray.data.decode.image.resize_image` as a torch graph, with the same bytes as result.

Pillow resizes along rows, then along columns, each time rounding to bytes, with a triangle filter of 22-bit integer
weights. Here both steps are matrix products in double precision, which are exact for these numbers. They are slower
than Pillow: about ten milliseconds for a full-size image.
"""

import torch
from torch import Tensor, nn

from xray.data.decode.image import ResizeRule

BITS = 22
"""Fractional bits of Pillow's weights."""


class ResizeImages(nn.Module):
    """Resize images of any size to squares, byte for byte as `resize_image` does.

    Args:
        size: Side of the squares in pixels.
        rule: See `xray.data.decode.image.resize_image`.
    """

    def __init__(self, size: int, rule: ResizeRule) -> None:
        super().__init__()
        self.size = size
        self.rule = rule

    def forward(self, images: Tensor) -> Tensor:
        """Resize images of shape (batch, 1, height, width), uint8, to (batch, 1, size, size), uint8."""
        height, width = (torch.scalar_tensor(side, dtype=torch.float64) for side in images.shape[-2:])
        across, down = self._extents(width, height)
        rows = _rounded(images.to(torch.float64) @ self._weights(images.shape[-1], *across).T)
        return _rounded(self._weights(images.shape[-2], *down) @ rows).to(torch.uint8)

    def _extents(self, width: Tensor, height: Tensor) -> tuple[tuple[Tensor, Tensor, Tensor], ...]:
        """Return for each direction: first pixel used, number of pixels used, number of pixels in the square."""
        zero, size = torch.zeros_like(width), torch.full_like(width, self.size)
        if self.rule == "stretch":
            return (zero, width, size), (zero, height, size)
        if self.rule == "crop":
            side = torch.minimum(width, height)
            return ((width - side) / 2, side, size), ((height - side) / 2, side, size)
        longest = torch.maximum(width, height)
        return (
            (zero, width, (width / longest * size).round().clamp(min=1.0)),
            (zero, height, (height / longest * size).round().clamp(min=1.0)),
        )

    def _weights(self, length: int, start: Tensor, extent: Tensor, pixels: Tensor) -> Tensor:
        """Weights of Pillow's triangle filter, shape (size, length), times 2^22; rows in the border are 0.

        Args:
            length: Number of pixels of the image in this direction.
            start: First pixel used.
            extent: Number of pixels used.
            pixels: Number of pixels that they cover in the square, centred.
        """
        border = ((self.size - pixels) * 0.5).round()
        position = torch.arange(self.size, dtype=torch.float64) - border
        scale = extent / pixels
        centre = start + (position + 0.5) * scale
        distance = torch.arange(length, dtype=torch.float64) + 0.5 - centre.unsqueeze(1)
        weights = (1 - (distance / scale.clamp(min=1.0)).abs()).clamp(min=0.0)
        inside = ((position >= 0) & (position < pixels)).unsqueeze(1)
        total = weights.sum(1, keepdim=True)
        weights = torch.where(inside, weights / torch.where(total > 0, total, torch.ones_like(total)), 0.0)
        return torch.floor(weights * 2**BITS + 0.5)


def _rounded(sums: Tensor) -> Tensor:
    return torch.floor((sums + 2 ** (BITS - 1)) / 2**BITS).clamp(0.0, 255.0)
