"""Turn a map into a colour layer over the image in its own aspect ratio."""

from typing import Final

import numpy as np
import numpy.typing as npt

from xray.data.decode.image import ResizeRule
from xray.explain.maps import Explanation

POSITIVE: Final = (255, 128, 0)
NEGATIVE: Final = (0, 145, 255)
"""Orange supports the positive class, blue the negative: safe for the colour-blind, and unlike any grey image."""
OPACITY: Final = 0.7
"""Maximum opacity of the layer, so that the image stays visible through it."""

Layer = npt.NDArray[np.uint8]


def heat_layer(explanation: Explanation, original_shape: tuple[int, int], rule: ResizeRule) -> Layer:
    """Colour a map and place it over the part of the image that the network saw.

    Args:
        explanation: The map.
        original_shape: Height and width of the image before it was resized, or of a smaller copy with its aspect ratio.
        rule: How the image was resized to the square that the network saw.

    Returns:
        RGBA of shape (height, width, 4), uint8, not premultiplied: opacity is proportional to the absolute value, and
        0 where the network did not see the image.
    """
    return colours(lay_over(explanation.values, original_shape, rule) / np.float32(explanation.limit))


def colours(values: npt.NDArray[np.floating]) -> Layer:
    """Return RGBA colours for values from -1 to 1; values beyond are clipped.

    Args:
        values: Any shape.

    Returns:
        uint8, shape (*values.shape, 4).
    """
    layer = np.empty((*values.shape, 4), np.uint8)
    layer[..., :3] = np.where(values[..., None] > 0, POSITIVE, NEGATIVE)
    layer[..., 3] = np.rint(np.minimum(np.abs(values), 1) * np.float32(255 * OPACITY))
    return layer


def over_grey(image: npt.NDArray[np.uint8], layer: Layer) -> npt.NDArray[np.uint8]:
    """Blend a layer over a grey image.

    Args:
        image: Grey image, shape (height, width).
        layer: RGBA, shape (height, width, 4).

    Returns:
        RGB, shape (height, width, 3), uint8.
    """
    opacity = layer[..., 3:] / np.float32(255)
    mixed: npt.NDArray[np.uint8] = np.rint(image[..., None] * (1 - opacity) + layer[..., :3] * opacity).astype(np.uint8)
    return mixed


def lay_over(
    values: npt.NDArray[np.float64], original_shape: tuple[int, int], rule: ResizeRule
) -> npt.NDArray[np.float32]:
    """Resample a map to the original image shape, bilinearly between the centres of its cells.

    Inverse of `xray.data.decode.image.resize_image`, to within half a pixel of the square.

    Args:
        values: Shape (rows, columns), over the square that the network saw.
        original_shape: Height and width of the image.
        rule: How it was resized to a square.

    Returns:
        Shape (height, width), float32: 0 where the image was cut off.
    """
    height, width = original_shape
    rows, columns = (
        _weights(cells, *_visible_range(side, other, rule), side)
        for cells, side, other in zip(values.shape, (height, width), (width, height), strict=True)
    )
    spread: npt.NDArray[np.float32] = rows @ values.astype(np.float32) @ columns.T
    return spread


def _visible_range(side: int, other: int, rule: ResizeRule) -> tuple[float, float]:
    """Return where a side of the image starts and ends, in coordinates of the square (0 and 1 are its edges)."""
    if rule == "stretch":
        return 0.0, 1.0
    share = side / (max(side, other) if rule == "pad" else min(side, other))
    return (1 - share) / 2, (1 + share) / 2


def _weights(cells: int, first: float, last: float, pixels: int) -> npt.NDArray[np.float32]:
    """Return the interpolation weight of each cell for each pixel along one axis, shape (pixels, cells).

    Rows sum to 1, or to 0 for pixels outside the square.
    """
    coordinate = first + (np.arange(pixels) + 0.5) / pixels * (last - first)
    position = np.clip(coordinate * cells - 0.5, 0, cells - 1)
    weights: npt.NDArray[np.float32] = np.maximum(0, 1 - np.abs(position[:, None] - np.arange(cells))).astype(
        np.float32
    )
    weights[(coordinate < 0) | (coordinate > 1)] = 0
    return weights
