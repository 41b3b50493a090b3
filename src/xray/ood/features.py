"""Features of images for OOD detection: small copies, histograms of outlines, and principal components."""

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from xray.data.arrays import Images, ImageValues

OUTLINE_SIDE: Final = 32
"""Side of the small copy whose outlines are measured; finer outlines are lost in blur and noise."""
CELLS: Final = 4
DIRECTIONS: Final = 8
MIN_STRENGTH: Final = 0.25
"""Added to the mean strength of outlines, in grey levels per small pixel, to avoid a division by 0."""


def shrink(images: Images, side: int) -> npt.NDArray[np.float32]:
    """Shrink images by area averaging; areas need not be whole pixels.

    Args:
        images: Shape (images, size, size), dtype uint8.
        side: Side of the small images; may be larger than `size`.

    Returns:
        Shape (images, side, side), in grey levels.
    """
    areas = _areas(side, images.shape[-1])
    small: npt.NDArray[np.float32] = areas @ images.astype(np.float32) @ areas.T
    return small


def gradient_histograms(images: Images) -> ImageValues:
    """Return the strength of outlines by position and direction, relative to the image's mean.

    Histograms of oriented gradients (Dalal and Triggs, Histograms of Oriented Gradients for Human Detection, CVPR 2005)
    on copies of 32x32, in 4x4 cells and 8 directions over the full circle, so that bright on dark differs from dark on
    bright. A gradient counts in each direction with its component along it, if that is positive. Exposure and contrast
    have little effect, since each image is divided by its own mean.

    Args:
        images: Shape (images, size, size), dtype uint8.

    Returns:
        Shape (images, 128), from 0 up; the mean of each image is 1, or less if outlines are faint.
    """
    small = shrink(images, OUTLINE_SIDE)
    down, right = np.zeros_like(small), np.zeros_like(small)
    down[:, 1:-1] = small[:, 2:] - small[:, :-2]
    right[:, :, 1:-1] = small[:, :, 2:] - small[:, :, :-2]
    cells = _areas(CELLS, OUTLINE_SIDE)
    strength = np.empty((len(images), DIRECTIONS, CELLS, CELLS))
    for i, angle in enumerate(2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS):
        along = np.maximum(np.float32(np.cos(angle)) * right + np.float32(np.sin(angle)) * down, 0)
        strength[:, i] = cells @ along @ cells.T
    mean = strength.mean(axis=(1, 2, 3), keepdims=True)
    result: ImageValues = (strength / (mean + MIN_STRENGTH)).reshape(len(images), DIRECTIONS * CELLS**2)
    return result


def principal_components(features: ImageValues, count: int) -> tuple[ImageValues, ImageValues, ImageValues]:
    """Return mean, directions and variances of a principal component analysis.

    Args:
        features: Shape (images, features), at least two images.
        count: Number of components.

    Returns:
        Mean of shape (features,); components in rows, the largest variance first, shape
        (at most `count`, features); variances along all components, shape (features,), in descending order.
    """
    mean = features.mean(axis=0)
    deviations = features - mean
    variances, directions = np.linalg.eigh(deviations.T @ deviations / (len(features) - 1))
    return mean, directions[:, ::-1][:, :count].T, np.maximum(variances[::-1], 0)


@cache
def _areas(side: int, size: int) -> npt.NDArray[np.float32]:
    """Return the weights of `size` pixels in the means of `side` equal parts, shape (side, size)."""
    edges, pixels = np.arange(side + 1) * size / side, np.arange(size)
    shared = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights: npt.NDArray[np.float32] = (np.maximum(shared, 0) * side / size).astype(np.float32)
    return weights
