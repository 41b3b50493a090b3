"""`xray.data.decode.image.resize_image` as a graph: the same bytes, by matrices.

Pillow resizes along rows, then along columns, each time rounding to bytes, with the weights of a triangle filter as
integers of 22 bits. Both steps are matrix products here, in double precision, where all of that is exact. They cost
more than Pillow's loops, some ten milliseconds for an image of full size.
"""

import torch
from torch import Tensor, nn

from xray.data.decode.image import ResizeRule

BITS = 22
"""Binary digits of Pillow's weights after the point."""


class ResizeImages(nn.Module):
    """Bytes of any size become squares, to the byte as `resize_image` makes them.

    Args:
        size: Side of the squares.
        rule: See `xray.data.decode.image.resize_image`.
    """

    def __init__(self, size: int, rule: ResizeRule) -> None:
        super().__init__()
        self.size = size
        self.rule = rule

    def forward(self, images: Tensor) -> Tensor:
        """Resize images of shape (batch, 1, height, width), uint8, to (batch, 1, size, size), uint8."""
        height, width = (torch.scalar_tensor(side, dtype=torch.float64) for side in images.shape[-2:])
        # How many images' sides long the square's sides are: 1 and 1, or less where borders are added or cut.
        across, down = self._extents(width, height)
        rows = _rounded(images.to(torch.float64) @ self._weights(images.shape[-1], *across).T)
        return _rounded(self._weights(images.shape[-2], *down) @ rows).to(torch.uint8)

    def _extents(self, width: Tensor, height: Tensor) -> tuple[tuple[Tensor, Tensor, Tensor], ...]:
        """For each direction: where the image is cut, over which length, and on how many pixels that comes to lie."""
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
        """Weights of Pillow's triangle filter, shape (size, length), times 2^22; rows of borders are 0.

        Args:
            length: Pixels of the image along this direction.
            start: First of those that are used.
            extent: How many are used.
            pixels: On how many pixels of the square they come to lie, about its middle.
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
