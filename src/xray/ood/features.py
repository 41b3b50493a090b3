"""What images have in common: small pictures, where outlines run in them, and the directions in which they vary."""

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from xray.data.arrays import Images, Values

OUTLINE_SIDE: Final = 32
"""Side of the small picture whose outlines are told; finer ones are lost in blur and grain."""
CELLS: Final = 4
DIRECTIONS: Final = 8
FLAT: Final = 0.25
"""Added to the mean strength of outlines, in grey levels per small pixel: a picture without any is not divided by 0."""


def shrink(images: Images, side: int) -> npt.NDArray[np.float32]:
    """Small square pictures by the mean over areas, which need not be whole pixels.

    Args:
        images: Shape (images, size, size), dtype uint8.
        side: Side of the small pictures; may be larger than `size`.

    Returns:
        Shape (images, side, side), in grey levels.
    """
    areas = _areas(side, images.shape[-1])
    small: npt.NDArray[np.float32] = areas @ images.astype(np.float32) @ areas.T
    return small


def outlines(images: Images) -> Values:
    """How strong outlines are by place and direction, relative to the picture's mean.

    Histograms of oriented gradients (Dalal and Triggs, Histograms of Oriented Gradients for Human Detection, CVPR 2005)
    on pictures of 32x32, in 4x4 cells and 8 directions over the full turn, so that bright on dark is told from dark on
    bright. A gradient counts in each direction with its component along it, if that is positive. Exposure and contrast
    change little, since each picture is divided by its own mean.

    Args:
        images: Shape (images, size, size), dtype uint8.

    Returns:
        Shape (images, 128), from 0 up; the mean of each image is 1, or less where outlines are faint.
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
    shares: Values = (strength / (mean + FLAT)).reshape(len(images), DIRECTIONS * CELLS**2)
    return shares


def principal_components(features: Values, most: int) -> tuple[Values, Values, Values]:
    """Mean, directions and variances of a principal component analysis.

    Args:
        features: Shape (images, features), at least two images.
        most: Components wanted.

    Returns:
        Mean of shape (features,); components in rows, the one of the largest variance first, of shape
        (at most `most`, features); variances along all components, shape (features,), falling.
    """
    mean = features.mean(axis=0)
    deviations = features - mean
    variances, directions = np.linalg.eigh(deviations.T @ deviations / (len(features) - 1))
    return mean, directions[:, ::-1][:, :most].T, np.maximum(variances[::-1], 0)


@cache
def _areas(side: int, size: int) -> npt.NDArray[np.float32]:
    """Weights of `size` pixels in the means of `side` equal parts of their length, shape (side, size)."""
    edges, pixels = np.arange(side + 1) * size / side, np.arange(size)
    shared = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights: npt.NDArray[np.float32] = (np.maximum(shared, 0) * side / size).astype(np.float32)
    return weights
