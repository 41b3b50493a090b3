"""A map as a layer of colour that lies over the image as it was before it was made a square."""

from typing import Final

import numpy as np
import numpy.typing as npt

from xray.data.decode.image import ResizeRule
from xray.explain.maps import Explanation

POSITIVE: Final = (255, 128, 0)
NEGATIVE: Final = (0, 145, 255)
"""Orange speaks for the positive class, blue for the negative: told apart with every kind of colour vision, and found
in no image."""
OPACITY: Final = 0.7
"""Of the layer where its scale ends, so that the image is seen through it everywhere."""

Layer = npt.NDArray[np.uint8]


def heat_layer(explanation: Explanation, original_shape: tuple[int, int], rule: ResizeRule) -> Layer:
    """Colour a map and lay it where the network looked.

    Args:
        explanation: The map.
        original_shape: Height and width of the image before it was resized, or of any smaller picture of it.
        rule: How the image became the square that the network saw.

    Returns:
        RGBA of shape (height, width, 4), uint8, not premultiplied: opacity in proportion to the absolute value,
        transparent at 0 and where the network saw nothing.
    """
    return colours(lay_over(explanation.values, original_shape, rule) / np.float32(explanation.limit))


def colours(values: npt.NDArray[np.floating]) -> Layer:
    """Colour values from -1 to 1; those beyond count as the ends.

    Args:
        values: Any shape.

    Returns:
        RGBA, the shape of `values` with an axis of 4 behind.
    """
    layer = np.empty((*values.shape, 4), np.uint8)
    layer[..., :3] = np.where(values[..., None] > 0, POSITIVE, NEGATIVE)
    layer[..., 3] = np.rint(np.minimum(np.abs(values), 1) * np.float32(255 * OPACITY))
    return layer


def over_grey(image: npt.NDArray[np.uint8], layer: Layer) -> npt.NDArray[np.uint8]:
    """An image with a layer upon it.

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
    """Spread a map over the image as it was, by bilinear interpolation between the centres of its cells.

    The inverse of `xray.data.decode.image.resize_image`, to half a pixel of the square.

    Args:
        values: Shape (rows, columns), over the square that the network saw.
        original_shape: Height and width of the image.
        rule: How it became a square.

    Returns:
        Shape (height, width), float32: 0 where the image was cut off.
    """
    height, width = original_shape
    rows, columns = (
        _weights(cells, *_seen(side, other, rule), side)
        for cells, side, other in zip(values.shape, (height, width), (width, height), strict=True)
    )
    spread: npt.NDArray[np.float32] = rows @ values.astype(np.float32) @ columns.T
    return spread


def _seen(side: int, other: int, rule: ResizeRule) -> tuple[float, float]:
    """Where in the square a side of the image begins and ends: 0 and 1 are the borders of the square."""
    if rule == "stretch":
        return 0.0, 1.0
    share = side / (max(side, other) if rule == "pad" else min(side, other))
    return (1 - share) / 2, (1 + share) / 2


def _weights(cells: int, first: float, last: float, pixels: int) -> npt.NDArray[np.float32]:
    """What each cell of one axis of the map adds to each pixel, shape (pixels, cells).

    Rows add up to 1, and to 0 for pixels outside the square.
    """
    place = first + (np.arange(pixels) + 0.5) / pixels * (last - first)
    position = np.clip(place * cells - 0.5, 0, cells - 1)
    weights: npt.NDArray[np.float32] = np.maximum(0, 1 - np.abs(position[:, None] - np.arange(cells))).astype(
        np.float32
    )
    weights[(place < 0) | (place > 1)] = 0
    return weights
